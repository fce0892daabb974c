"""A hand-written C build of a leaky sum, for tests of what runs builds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.runtime.build_folder.manifest import Manifest, Tensor, with_port
from edgekit.runtime.runners.toolchain import HOW_TO_GET, compilers

HOP = 4
NO_COMPILER = not compilers()
needs_cc = pytest.mark.skipif(NO_COMPILER, reason=f"needs a C compiler: {HOW_TO_GET}")

# y[i] = x[i] + y[i - 1] / 2, delayed by one sample; the state is the last sum.
SOURCE = """
#include <stddef.h>
#include <stdint.h>
typedef struct { float sum; } leaky;
typedef struct { const float *pcm; } leaky_inputs;
typedef struct { float *pcm_out; } leaky_outputs;
void leaky_reset(leaky *self) { self->sum = 0; }
leaky *leaky_init(void *state, size_t size) {
    if (size < sizeof(leaky) || ((uintptr_t)state & 63u) != 0) return NULL;
    leaky_reset((leaky *)state);
    return (leaky *)state;
}
int leaky_process(leaky *self, void *scratch, const leaky_inputs *in, leaky_outputs *out) {
    float *copy = scratch;
    for (int i = 0; i < 4; i++) copy[i] = in->pcm[i];
    for (int i = 0; i < 4; i++) {
        out->pcm_out[i] = self->sum;
        self->sum = copy[i] + 0.5f * self->sum;
    }
    return copy[0] > 1e30f ? 7 : 0;
}
int leaky_process_s16(leaky *self, void *scratch, const int16_t *pcm, int16_t *out) {
    (void)self; (void)scratch;
    for (int i = 0; i < 4; i++) out[i] = (int16_t)(pcm[i] / 2);
    return 0;
}
"""


def manifest(**changes: Any) -> Manifest:
    """The manifest of the tiny build."""
    facts: dict[str, Any] = {
        "target": "c99",
        "source": {"name": "leaky", "sha256": "0" * 64},
        "inputs": (Tensor("pcm", (1, HOP), "float32", "stream"),),
        "outputs": (Tensor("pcm_out", (1, HOP), "float32", "stream"),),
        "stream": {
            "hop_samples": HOP, "sample_rate_hz": 16000, "delay_samples": 1,
            "latency_samples": HOP + 1, "latency_ms": 0.3125, "minimum_hop_samples": None,
            "end_state": None,
        },
        "memory": {
            "weights_bytes": 0, "state_bytes": 4, "scratch_bytes": 16,
            "scratch_lower_bound_bytes": 16, "code_bytes": None,
        },
        "macs_per_hop": 4, "macs_int8": 0, "macs_int16": 0, "macs_float": 4,
        "quantization": {
            "recipe": "float32", "calibrated_on": None,
            "tensors_int8": 0, "tensors_int16": 0, "tensors_float": 2,
        },
    }  # fmt: skip
    facts |= changes
    stream = facts["stream"]
    for side, delay in (("inputs", None), ("outputs", stream["delay_samples"])):
        facts[side] = tuple(with_port(t, t.axes, stream, delay) for t in facts[side])
    return Manifest(**facts)


def write(directory: Path, source: str = SOURCE, **changes: Any) -> Path:
    """Write the tiny build as a folder."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "leaky.c").write_text(source)
    (directory / "manifest.json").write_text(manifest(**changes).to_json())
    return directory


def edit(directory: Path, key: str, value: Any) -> None:
    """Change one fact of a written manifest; `key` is dotted, integers are list indexes."""
    path = directory / "manifest.json"
    facts = json.loads(path.read_text())
    *parents, last = (int(part) if part.isdigit() else part for part in key.split("."))
    table = facts
    for part in parents:
        table = table[part]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    path.write_text(json.dumps(facts))


def expected(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the tiny build gives for a run of samples from a fresh start."""
    out = np.zeros_like(pcm)
    total = np.float32(0)
    for index, sample in enumerate(pcm):
        out[index] = total
        total = sample + np.float32(0.5) * total
    return out
