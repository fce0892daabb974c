"""The C program that `c_check` runs a build in: generated from the build's header alone, so that any build has one.

    program hops N      noise, then inputs of random bits; prints a digest of all outputs
    program damage N    the same, with bytes of the state changed between hops
    program threads N   eight instances in eight threads, whose digests must be equal
    program seccomp N   after init only read, write and exit are allowed: any other call of the system ends the process

With ``-DFUZZER`` it is the target of libFuzzer instead: the input's bytes are those of inputs, or of the state.
"""

import re
from dataclasses import dataclass

STRUCT = re.compile(r"typedef struct \{([^}]*)\} (\w+);")
FIELD = re.compile(r"(const )?(\w+) \*(\w+); /\*((?: ?\[\d+\])+)")


@dataclass(frozen=True)
class Field:
    """A pointer in a struct of a build: C type, name, and how many elements it points to."""

    kind: str
    name: str
    count: int


def structs(header: str) -> dict[str, list[Field]]:
    """Return the fields of the structs of a build's header by the last word of their names."""
    found = {}
    for body, name in STRUCT.findall(header):
        fields = []
        for _, kind, field, dims in FIELD.findall(body):
            count = 1
            for size in re.findall(r"\d+", dims):
                count *= int(size)
            fields.append(Field(kind, field, count))
        if len(fields) != body.count(";"):
            raise ValueError(f"{name}: a field that is no pointer with a shape")
        found[name.rpartition("_")[2]] = fields
    return found


PROGRAM = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/seccomp.h>
#include <unistd.h>
#include "@name@.h"

typedef struct {
    unsigned char *state;
    void *scratch;
    @name@ *net;
    uint64_t random, digest;
    int hops, damaged, failed;
@members@
} instance;

static uint32_t next(instance *of)
{
    of->random ^= of->random << 13, of->random ^= of->random >> 7, of->random ^= of->random << 17;
    return (uint32_t)(of->random >> 16);
}
/* Blocks of their exact size, so that a byte beyond is seen. */
static void *block(size_t size)
{
    void *found = NULL;
    if (posix_memalign(&found, @upper@_ALIGN, size ? size : 1) != 0) abort();
    return memset(found, 0, size);
}
static void fill(instance *of, void *to, size_t size, size_t width, int bits)
{
    unsigned char *const bytes = to;
    for (size_t at = 0; at < size; at += width) {
        const uint32_t r = next(of), more = next(of);
        const float f = (float)(int32_t)r * 1e-9f;
        const int64_t small = r % 3;
        const uint64_t wide = (uint64_t)r << 32 | more;
        if (bits) memcpy(bytes + at, &wide, width);
        else if (width == 4) memcpy(bytes + at, &f, 4);
        else memcpy(bytes + at, &small, width);
    }
}
static void add(instance *of, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) of->digest = (of->digest ^ ((const unsigned char *)from)[i]) * 1099511628211u;
}
static void setup(instance *of, uint64_t seed)
{
    of->random = 88172645463325252u + seed;
    of->digest = 14695981039346656037u;
    of->state = block(@upper@_STATE_BYTES);
    of->scratch = block(@upper@_SCRATCH_BYTES);
@blocks@
    of->net = @name@_init(of->state, @upper@_STATE_BYTES);
    if (of->net == NULL) abort();
}
static void begin_session(instance *of)
{
    (void)of;
@session@
}
static int process(instance *of)
{
    const @name@_inputs in = {@ins@};
    @name@_outputs out = {@outs@};
    return @name@_process(of->net, of->scratch, &in, &out);
}
static void inputs(instance *of, int bits)
{
    (void)bits;
@fills@
}
static void outputs(instance *of)
{
@adds@
}
static void damage(instance *of)
{
    for (uint32_t n = 1 + next(of) % 9; n > 0; n--) {
        const size_t at = next(of) % @upper@_STATE_BYTES;
        of->state[at] = (unsigned char)(next(of) % 2 ? of->state[at] ^ (1u << next(of) % 8) : next(of));
    }
}
static void *work(void *given)
{
    instance *const of = given;
    begin_session(of);
    for (int hop = 0; hop < of->hops; hop++) {
        inputs(of, @bits@hop >= of->hops / 2);
        if (of->damaged && hop > 1) damage(of);
        of->failed |= process(of) != 0;
        outputs(of);
    }
@sample@
    return NULL;
}
#ifdef FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static instance of;
    if (of.net == NULL) setup(&of, 0);
    if (size < 2) return 0;
    const int mode = data[0];
    of.random = 1 + data[1];
    @name@_reset(of.net);
    begin_session(&of);
    for (size_t at = 2; at < size && at < 4096;) {
        inputs(&of, 1);
        if (mode & 1) for (size_t i = 0; i < @upper@_STATE_BYTES && at < size; i++) of.state[i] = data[at++];
        if (mode & 2) {
@copies@
        }
        if (process(&of) != 0) abort();
        at++;
    }
    return 0;
}
#else
int main(int argc, char **argv)
{
    static instance of[8];
    if (argc < 3) return 2;
    const int threads = strcmp(argv[1], "threads") == 0 ? 8 : 1;
    for (int i = 0; i < threads; i++) {
        setup(&of[i], 0);
        of[i].hops = atoi(argv[2]);
        of[i].damaged = strcmp(argv[1], "damage") == 0;
    }
    if (threads > 1) {
        pthread_t made[8];
        for (int i = 0; i < 8; i++) if (pthread_create(&made[i], NULL, work, &of[i]) != 0) return 3;
        for (int i = 0; i < 8; i++) pthread_join(made[i], NULL);
        for (int i = 1; i < 8; i++) if (of[i].digest != of[0].digest) return 4;
    } else {
        const int strict = strcmp(argv[1], "seccomp") == 0;
        if (strict && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 5;
        work(&of[0]);
        if (strict) {
            const long written = write(1, "no call\n", 8);
            syscall(SYS_exit, of[0].failed || written != 8 ? 6 : 0);
        }
    }
    if (of[0].failed) return 7;
    if (!of[0].damaged && @name@_check(of[0].net) != 0) return 8;
    printf("%016llx\n", (unsigned long long)of[0].digest);
    return 0;
}
#endif
"""


def program(name: str, header: str) -> str:
    """Return the program for a build whose C name and header these are."""
    parts = structs(header)
    every = [(part, field) for part, fields in parts.items() for field in fields]

    def each(line: str, *which: str) -> str:
        return "\n".join(
            line.format(f=f, at=f"{part}_{f.name}", size=f"{f.count} * sizeof({f.kind})")
            for part, f in every
            if part in which or not which
        )

    def given(part: str) -> str:
        return ", ".join(f"of->{part}_{f.name}" for f in parts.get(part, [])) or "0"

    session = sample = ""
    if "constants" in parts:
        session = each("    fill(of, of->{at}, {size}, sizeof({f.kind}), 0);", "constants") + (
            f"\n    const {name}_constants given = {{{given('constants')}}};"
            f"\n    of->failed |= {name}_session(of->net, of->scratch, &given) != 0;"
        )
    if f"int {name}_sample(" in header:
        result = parts["outputs"][0]
        conditions = ""
        if "conditions" in parts:
            sample = f"    const {name}_conditions conditions = {{{given('conditions')}}};\n"
            conditions = "&conditions, "
        sample += (
            f"    of->failed |= {name}_sample(of->net, of->scratch, 7, {conditions}of->outputs_{result.name}, NULL,"
            " NULL) != 0;\n    outputs(of);"
        )
    texts = {
        "name": name,
        "upper": name.upper(),
        "members": each("    {f.kind} *{at};"),
        "blocks": each("    of->{at} = block({size});"),
        "session": session,
        "sample": sample,
        "ins": given("inputs"),
        "outs": given("outputs"),
        "bits": "" if all(f.kind == "float" for f in parts["inputs"]) else "0 && ",
        "fills": each("    fill(of, of->{at}, {size}, sizeof({f.kind}), bits);", "inputs"),
        "adds": each("    add(of, of->{at}, {size});", "outputs"),
        "copies": each(
            "            for (size_t i = 0; i < {size} && at < size; i++) ((uint8_t *)of.{at})[i] = data[at++];",
            "inputs",
        ),
    }
    made = PROGRAM
    for key, text in texts.items():
        made = made.replace(f"@{key}@", text)
    return made
