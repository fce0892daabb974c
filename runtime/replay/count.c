/* A TCG plugin of QEMU: counts executed instructions, in all and per symbol, between replay_begin and replay_end.
 *
 * Its own declarations of the public plugin interface, version 4 (QEMU 9.1 to 10.x): Debian ships no header.
 * At the end it prints "hop <instructions>" per hop, and over all hops "symbol <instructions> <name>" and
 * "class <instructions> <name>": what kind of instruction they are, by their mnemonics. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct {
    void *score;
    size_t offset;
} qemu_plugin_u64;
typedef void (*block_callback)(qemu_plugin_id_t, void *block);
typedef void (*exit_callback)(qemu_plugin_id_t, void *data);
typedef void (*insn_callback)(unsigned int cpu, void *data);
enum { INLINE_ADD_U64 = 0, CALLBACK_NO_REGISTERS = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, block_callback);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_callback, void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(void *insn, insn_callback, int flags, void *data);
extern void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(void *insn, int operation, qemu_plugin_u64, uint64_t);
extern size_t qemu_plugin_tb_n_insns(const void *block);
extern void *qemu_plugin_tb_get_insn(const void *block, size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const void *insn);
extern const char *qemu_plugin_insn_symbol(const void *insn);
extern char *qemu_plugin_insn_disas(const void *insn);
extern void *qemu_plugin_scoreboard_new(size_t);
extern uint64_t qemu_plugin_u64_sum(qemu_plugin_u64);
extern void qemu_plugin_outs(const char *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 4;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

#define MAX_SYMBOLS 4096
#define MAX_NAME 128

/* Kinds of instructions; `AFTER` is a load behind another load or store. What has no name here is a vector's. */
enum { OTHER, LOAD, AFTER, STORE, BRANCH, MULTIPLY, DIVIDE, FLOAT, FUSED, ROOT, VECTOR, MAX_CLASSES };
static const char *const class_names[MAX_CLASSES] = {"other",  "load",  "load_after_load", "store",       "branch", "multiply",
                                                     "divide", "float", "float_fused",     "float_divide", "vector"};
/* The longest prefix of a mnemonic counts; those of Arm, then those of RISC-V. */
static const struct {
    const char *prefix;
    int kind;
} prefixes[] = {
    {"ldr", LOAD},      {"ldm", LOAD},      {"pop", LOAD},      {"vldr", LOAD},      {"vldm", LOAD},     {"vpop", LOAD},
    {"str", STORE},     {"stm", STORE},     {"push", STORE},    {"vstr", STORE},     {"vstm", STORE},    {"vpush", STORE},
    {"b", BRANCH},      {"cb", BRANCH},     {"tb", BRANCH},     {"bic", OTHER},      {"bf", OTHER},      {"mul", MULTIPLY},
    {"mla", MULTIPLY},  {"mls", MULTIPLY},  {"sm", MULTIPLY},   {"um", MULTIPLY},    {"sdiv", DIVIDE},   {"udiv", DIVIDE},
    {"v", FLOAT},       {"vmla", FUSED},    {"vmls", FUSED},    {"vfm", FUSED},      {"vfn", FUSED},     {"vdiv", ROOT},
    {"vsqrt", ROOT},    {"lw", LOAD},       {"lh", LOAD},       {"lb", LOAD},        {"c.lw", LOAD},     {"sw", STORE},
    {"sh", STORE},      {"sb", STORE},      {"c.sw", STORE},    {"shadd", OTHER},    {"sbc", OTHER},     {"j", BRANCH},
    {"c.j", BRANCH},    {"c.b", BRANCH},    {"ret", BRANCH},    {"div", DIVIDE},     {"rem", DIVIDE},    {".", VECTOR},
    {"<", VECTOR},
};

typedef struct {
    char name[MAX_NAME];
    qemu_plugin_u64 executed;
    uint64_t at_begin, counted;
} symbol;

static symbol symbols[MAX_SYMBOLS];
static int symbol_count;
static symbol classes[MAX_CLASSES];
static uint64_t *hops;
static size_t hop_count, hop_capacity;

static symbol *symbol_of(const char *name)
{
    const char *const known = name ? name : "?";
    for (int i = 0; i < symbol_count; i++) {
        if (strncmp(symbols[i].name, known, MAX_NAME - 1) == 0) {
            return &symbols[i];
        }
    }
    if (symbol_count == MAX_SYMBOLS) {
        qemu_plugin_outs("error: too many symbols\n");
        exit(3);
    }
    strncpy(symbols[symbol_count].name, known, MAX_NAME - 1);
    symbols[symbol_count].executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
    return &symbols[symbol_count++];
}

static int kind_of(const char *text)
{
    size_t longest = 0;
    int kind = OTHER;
    if (text == NULL || text[0] == '\0') {
        return VECTOR;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const size_t length = strlen(prefixes[i].prefix);
        if (length > longest && strncmp(text, prefixes[i].prefix, length) == 0) {
            longest = length;
            kind = prefixes[i].kind;
        }
    }
    return kind;
}

static void begin(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    for (int i = 0; i < symbol_count; i++) {
        symbols[i].at_begin = qemu_plugin_u64_sum(symbols[i].executed);
    }
    for (int i = 0; i < MAX_CLASSES; i++) {
        classes[i].at_begin = qemu_plugin_u64_sum(classes[i].executed);
    }
}

static void end(unsigned int cpu, void *data)
{
    uint64_t total = 0;
    (void)cpu, (void)data;
    for (int i = 0; i < symbol_count; i++) {
        if (strncmp(symbols[i].name, "replay_", 7) != 0) {
            const uint64_t since = qemu_plugin_u64_sum(symbols[i].executed) - symbols[i].at_begin;
            symbols[i].counted += since;
            total += since;
        }
    }
    for (int i = 0; i < MAX_CLASSES; i++) {
        classes[i].counted += qemu_plugin_u64_sum(classes[i].executed) - classes[i].at_begin;
    }
    if (hop_count == hop_capacity) {
        hop_capacity = hop_capacity ? 2 * hop_capacity : 256;
        hops = realloc(hops, hop_capacity * sizeof *hops);
        if (hops == NULL) {
            exit(3);
        }
    }
    hops[hop_count++] = total;
}

static void translated(qemu_plugin_id_t id, void *block)
{
    static uint64_t begin_address, end_address; /* of the first instructions that were seen there */
    const size_t count = qemu_plugin_tb_n_insns(block);
    int before = OTHER;
    (void)id;
    for (size_t i = 0; i < count; i++) {
        void *const insn = qemu_plugin_tb_get_insn(block, i);
        symbol *const where = symbol_of(qemu_plugin_insn_symbol(insn));
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        const bool begins = strcmp(where->name, "replay_begin") == 0;
        const bool ends = strcmp(where->name, "replay_end") == 0;
        if (begins && (begin_address == 0 || begin_address == address)) {
            begin_address = address;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, CALLBACK_NO_REGISTERS, NULL);
        }
        if (ends && (end_address == 0 || end_address == address)) {
            end_address = address;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, end, CALLBACK_NO_REGISTERS, NULL);
        }
        qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, INLINE_ADD_U64, where->executed, 1);
        if (strncmp(where->name, "replay_", 7) != 0) {
            char *const text = qemu_plugin_insn_disas(insn);
            int kind = kind_of(text);
            free(text);
            if (kind == LOAD && (before == LOAD || before == AFTER || before == STORE)) {
                kind = AFTER;
            }
            before = kind;
            qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, INLINE_ADD_U64, classes[kind].executed, 1);
        }
    }
}

static void finished(qemu_plugin_id_t id, void *data)
{
    char line[MAX_NAME + 32];
    (void)id, (void)data;
    for (size_t i = 0; i < hop_count; i++) {
        snprintf(line, sizeof line, "hop %" PRIu64 "\n", hops[i]);
        qemu_plugin_outs(line);
    }
    for (int i = 0; i < symbol_count; i++) {
        if (symbols[i].counted > 0) {
            snprintf(line, sizeof line, "symbol %" PRIu64 " %.*s\n", symbols[i].counted, MAX_NAME, symbols[i].name);
            qemu_plugin_outs(line);
        }
    }
    for (int i = 0; i < MAX_CLASSES; i++) {
        if (classes[i].counted > 0) {
            snprintf(line, sizeof line, "class %" PRIu64 " %s\n", classes[i].counted, class_names[i]);
            qemu_plugin_outs(line);
        }
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    for (int i = 0; i < MAX_CLASSES; i++) {
        classes[i].executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
