"""Reading as many bytes as a network's weights have, and nothing else: the floor of what memory allows."""

import ctypes
import tempfile
from pathlib import Path

import numpy as np

from edgekit.runtime.bench.contenders import Arrays, Timed
from edgekit.runtime.runners.c import NATIVE
from edgekit.runtime.runners.toolchain import compile_shared

SOURCE = """\
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <stdint.h>
#include <time.h>
enum { LANES = 128 };
/* Adds up `count` floats, a multiple of LANES, `hops` times over. */
float sweep(const float *x, size_t count, size_t hops, int64_t *nanoseconds);
float sweep(const float *x, size_t count, size_t hops, int64_t *nanoseconds)
{
    float sums[LANES] = {0}, total = 0;
    for (size_t hop = 0; hop < hops; hop++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (size_t i = 0; i < count; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                sums[lane] += x[i + (size_t)lane];
            }
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        nanoseconds[hop] = (int64_t)(b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec);
    }
    for (int lane = 0; lane < LANES; lane++) {
        total += sums[lane];
    }
    return total;
}
"""
LANES = 128


class Sweep:
    """Reads `count_bytes` once per hop and has no outputs."""

    def __init__(self, count_bytes: int) -> None:
        """Compile the loop."""
        self._floats = np.ones(-(-count_bytes // (4 * LANES)) * LANES, np.float32)
        with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
            source, library = Path(folder) / "sweep.c", Path(folder) / "sweep.so"
            source.write_text(SOURCE)
            compile_shared([source], [], library, ("-O3", *NATIVE))
            self._sweep = ctypes.CDLL(str(library)).sweep

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        hops = len(next(iter(inputs.values())))
        nanoseconds = np.zeros(hops, np.int64)
        x = self._floats
        self._sweep(
            ctypes.c_void_p(x.ctypes.data),
            ctypes.c_size_t(x.size),
            ctypes.c_size_t(hops),
            ctypes.c_void_p(nanoseconds.ctypes.data),
        )
        return {}, nanoseconds / 1000
