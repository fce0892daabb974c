"""Hours of sound through the generated C of the bundled denoiser: memory, drift, denormals, bursts, silence, steps.

    python bench soak [--hours 24] [--recipes float32 w8a8] [--targets host c99]

One C program per build takes the bundled noisy sentence, again and again, at levels that change ten times a minute. At
the end a fresh instance starts beside the old one on the same sound: what they differ by after thirty seconds is drift.
Then: hops of denormal numbers, and silence behind sound, timed in turn with normal ones, and in how many hops of sound
that fades through all levels to nothing an operation met or made a denormal number; hops of NaN, infinity and
1e30; steps of level by 120 dB; each followed by thirty seconds of sound beside a fresh instance. Prints a line per
build; exits with 1 beyond a limit.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from robustness.c_check import NETWORKS, written

from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS
from edgekit.runtime.runners.toolchain import FLAGS, NATIVE, find_compiler

DRIFT_DB, MORE_DB, DENORMAL_PERCENT, GROWTH_KB = -60.0, 6.0, 3.0, 256

PROGRAM = r"""
#define _GNU_SOURCE
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "@name@.h"
enum { HOP = @hop@, RECOVERY = 16000 / HOP * 30 };
typedef struct { unsigned char *state; void *scratch; @name@ *net; float x[HOP], y[HOP]; } instance;
static instance old, fresh;
static uint64_t seed = 88172645463325252u;
static float clip[1 << 20];
static size_t length, place;
static float uniform(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (float)(int32_t)(seed >> 16) * (1.0f / 2147483648.0f);
}
static void start(instance *of)
{
    if (of->state == NULL) {
        if (posix_memalign((void **)&of->state, @upper@_ALIGN, @upper@_STATE_BYTES) != 0) abort();
        if (posix_memalign(&of->scratch, @upper@_ALIGN, @upper@_SCRATCH_BYTES) != 0) abort();
    }
    of->net = @name@_init(of->state, @upper@_STATE_BYTES);
}
static void hop(instance *of)
{
    const @name@_inputs in = {of->x};
    @name@_outputs out = {of->y};
    if (@name@_process(of->net, of->scratch, &in, &out) != 0) abort();
}
static void sound(instance *of, float level)
{
    for (int i = 0; i < HOP; i++) of->x[i] = level * clip[place], place = (place + 1) % length;
}
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
static long kilobytes(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
}
/* The difference of the two over some hops of the same sound, in dB of the fresh one's. */
static double difference(int hops, int counted)
{
    double error = 0, power = 0;
    for (int h = 0; h < hops; h++) {
        sound(&old, 1.0f);
        memcpy(fresh.x, old.x, sizeof old.x);
        hop(&old), hop(&fresh);
        for (int i = 0; h >= hops - counted && i < HOP; i++) {
            const double d = (double)old.y[i] - fresh.y[i];
            error += d * d, power += (double)fresh.y[i] * fresh.y[i];
        }
    }
    return 10 * log10((error + 1e-30) / (power + 1e-30));
}
static double recovered(void)
{
    start(&fresh);
    const double found = difference(RECOVERY, RECOVERY / 10);
    return @name@_check(old.net) == 0 && isfinite(found) ? found : 999;
}
static const float levels[] = {1, 1e-38f, 0};
/* The least time of some hops of each level; in turn, so that what else the machine does meets all alike. */
static void timed(double best[3])
{
    for (int round = 0; round < 1800; round++) {
        double *const least = &best[round % 3];
        for (int h = 0; h < 20; h++) sound(&old, levels[round % 3]), hop(&old);
        double spent = 0;
        for (int h = 0; h < 20; h++) {
            sound(&old, levels[round % 3]);
            const double begun = now();
            hop(&old);
            spent += now() - begun;
        }
        *least = spent < *least ? spent : *least;
    }
}
#ifdef __FE_DENORM
enum { DENORMAL = FE_UNDERFLOW | __FE_DENORM };
#else
enum { DENORMAL = FE_UNDERFLOW };
#endif
/* Hops that meet or make a denormal number, while sound fades by 2 dB a hop, and in the silence behind. */
static int denormal_hops(void)
{
    int count = 0;
    float level = 1.0f;
    for (int h = 0; h < 3000; h++) {
        sound(&old, level), level *= 0.8f;
        feclearexcept(FE_ALL_EXCEPT | DENORMAL);
        hop(&old);
        count += fetestexcept(DENORMAL) != 0;
    }
    return count;
}
static double worst(double a, double b) { return a > b ? a : b; }
int main(int argc, char **argv)
{
    const long hops = argc > 1 ? atol(argv[1]) : 0;
    FILE *const file = fopen("clip.raw", "rb");
    length = fread(clip, sizeof *clip, 1 << 20, file);
    fclose(file);
    start(&old), start(&fresh);
    for (int h = 0; h < 2000; h++) sound(&old, 1.0f), hop(&old);
    const double usual = recovered();
    const long before = kilobytes();
    const double begun = now();
    float level = 1.0f;
    for (long h = 0; h < hops; h++) {
        if (h % (6 * 16000 / HOP) == 0) level = powf(10.0f, -1.5f + 1.5f * uniform());
        sound(&old, level);
        hop(&old);
    }
    const double us = hops ? 1e6 * (now() - begun) / hops : 0;
    const double drift = recovered();
    const long growth = kilobytes() - before;
    double best[3] = {1e9, 1e9, 1e9};
    timed(best);
    const int denormals = denormal_hops();
    const double behind_denormals = recovered();
    static const float strange[] = {NAN, INFINITY, -INFINITY, 1e30f, -3e38f};
    for (int h = 0; h < 50; h++) {
        for (int i = 0; i < HOP; i++) old.x[i] = strange[(h + i) % 5];
        hop(&old);
    }
    const double behind_burst = recovered();
    for (int h = 0; h < RECOVERY; h++) memset(old.x, 0, sizeof old.x), hop(&old);
    const double behind_silence = recovered();
    for (int h = 0; h < RECOVERY; h++) sound(&old, h / 40 % 2 ? 1.0f : 1e-6f), hop(&old);
    const double behind_steps = recovered();
    const double costs[2] = {100 * (best[1] / best[0] - 1), 100 * (best[2] / best[0] - 1)};
    printf("%.3f %ld %.1f %.1f %.1f %.1f %d %.1f\n", us, growth, usual, drift, costs[0], costs[1], denormals,
           worst(worst(behind_denormals, behind_burst), worst(behind_silence, behind_steps)));
    return 0;
}
"""


@dataclass(frozen=True)
class Soaked:
    """What a program found: time per hop, growth of memory, costs of strange input, differences from a fresh instance.

    Two instances that began at other times round otherwise: `usual_db` is by how much in the first minutes, and the
    limit of `drift_db`, after all hours, and of `worst_recovery_db` is `MORE_DB` more, or `DRIFT_DB`.
    """

    us_per_hop: float
    growth_kb: int
    usual_db: float
    drift_db: float
    denormal_percent: float
    silence_percent: float
    denormal_hops: int
    worst_recovery_db: float

    def faults(self) -> list[str]:
        """The limits that are passed."""
        limits = {
            "growth_kb": GROWTH_KB,
            "drift_db": max(self.usual_db + MORE_DB, DRIFT_DB),
            "denormal_percent": DENORMAL_PERCENT,
            "silence_percent": DENORMAL_PERCENT,
            "denormal_hops": 0,
            "worst_recovery_db": max(self.usual_db + MORE_DB, DRIFT_DB),
        }
        values = {name: getattr(self, name) for name in limits}
        return [f"{n} {v}, at most {limits[n]}" for n, v in values.items() if not v <= limits[n]]


def soak(recipe: str, target: str, hours: float, folder: Path) -> Soaked:
    """Build and run the denoiser."""
    made = written(NETWORKS["denoise"](recipe), target, folder, 0, 0)
    header = (folder / f"{made.name}.h").read_text()
    hop = int(header.split("_HOP ")[1].split()[0].rstrip("u"))
    text = PROGRAM.replace("@name@", made.name).replace("@upper@", made.name.upper())
    (folder / "soak.c").write_text(text.replace("@hop@", str(hop)))
    read_wav(CLIPS / "noisy.wav").samples.astype(np.float32).tofile(folder / "clip.raw")
    options = [*FLAGS, *(NATIVE if target == "host" else ()), "-I."]
    options = [option for option in options if not option.startswith("-std")]
    command = [*find_compiler().command, *options, "soak.c", *made.sources, "-o", "soak", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    hops = int(hours * 3600 * 16000 / hop)
    done = subprocess.run(
        ["./soak", str(hops)], cwd=folder, check=True, capture_output=True, text=True
    )
    return Soaked(
        *(
            (int if f.type is int else float)(word)
            for f, word in zip(fields(Soaked), done.stdout.split(), strict=True)
        )
    )


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--recipes", nargs="+", default=["float32", "w8a8"])
    parser.add_argument("--targets", nargs="+", default=["host", "c99"])
    given = parser.parse_args()
    failed = 0
    for target in given.targets:
        for recipe in given.recipes:
            with tempfile.TemporaryDirectory() as scratch:
                found = soak(recipe, target, given.hours, Path(scratch) / "build")
            faults = found.faults()
            failed += len(faults)
            print(
                f"{target} {recipe}, {given.hours:g} h: {found}; {'; '.join(faults) or 'ok'}",
                flush=True,
            )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
