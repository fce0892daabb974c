"""EdgeKit's own build of a .tflite, as an engine of `device_engines.py`."""

import tempfile
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from layers.device_engines import NETWORK, TEMPLATES, Case, Program

from edgekit.base.arrays import Array
from edgekit.export.from_tflite import from_tflite
from edgekit.export.tflite_file.file import Tensor
from edgekit.judge.tflite_runtimes import real_values
from edgekit.runtime.build_folder import manifest
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.lower import lower_c

LAYERS = b"""\
#include "engine.h"
#if ENGINE_LAYERS
#define EK_LAYER(number, data) (engine_layer(), (void)(data))
#endif
"""


class EdgeKit:
    """The C of an export, whose inputs and outputs are float32 where the file has integers."""

    name = "EdgeKit"

    def write(self, case: Case, device: Profile) -> Program:
        """See `Engine`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{NETWORK}.tflite"
            path.write_bytes(case.data)
            build = lower_c(from_tflite(path, name=NETWORK), device.name, device)
        made = build.manifest
        files = {name: text for name, text in build.files.items() if "/" not in name}
        files[f"{NETWORK}.c"] = LAYERS + files[f"{NETWORK}.c"]
        takes, gives = made.hop_inputs, made.stream_outputs
        text = (TEMPLATES / "engine_edgekit.c").read_text(encoding="utf-8")
        files["engine_edgekit.c"] = text.format(
            name=NETWORK,
            state=max(1, made.memory["state_bytes"] or 0),
            scratch=max(1, made.memory["scratch_bytes"] or 0),
            arrays="\n".join(
                f"static _Alignas(16) unsigned char {kind}_{i}[{size_of(tensor)}];"
                for kind, tensors in (("input", takes), ("output", gives))
                for i, tensor in enumerate(tensors)
            ),
            inputs=", ".join(f"(void *)input_{i}" for i in range(len(takes))),
            outputs=", ".join(f"(void *)output_{i}" for i in range(len(gives))),
        ).encode()
        calls = real_calls(case, [tensor.name for tensor in takes])
        layers = [f"{layer.operator} {layer.name}" for layer in build.layers]
        return Program(files, calls, [size_of(tensor) for tensor in gives], layers=layers)

    def read(self, case: Case, made: Sequence[bytes]) -> list[Array]:
        """See `Engine`."""
        return values_of_file(case, made)


def real_calls(case: Case, names: Sequence[str]) -> list[list[Array]]:
    """Return the inputs of each call by name, float32 where the file has integers that stand for reals."""
    held = [tensor.name for tensor in case.inputs]
    places = [held.index(name) for name in names]
    return [
        [real_values(case.inputs[place], feed[place]) for place in places] for feed in case.feeds
    ]


def values_of_file(case: Case, made: Sequence[bytes]) -> list[Array]:
    """Return the outputs of a call in the types of the file, from those of an engine in float32."""
    arrays = [
        np.frombuffer(content, np.float32 if held.is_integer else held.dtype)
        for held, content in zip(case.outputs, made, strict=True)
    ]
    return [integer_values(*pair) for pair in zip(case.outputs, arrays, strict=True)]


def size_of(tensor: manifest.Tensor) -> int:
    """Return the bytes of an input or output."""
    return prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def integer_values(held: Tensor, real: Array) -> Array:
    """Return an output in the type and shape of the file: integers of those that stand for reals."""
    if not held.is_integer or held.grid is None:
        return real.reshape(held.shape)
    zero, scale = int(held.grid.zero.ravel()[0]), float(held.grid.scale.ravel()[0])
    levels = np.rint(real.astype(np.float64) / scale) + zero
    return levels.astype(held.dtype).reshape(held.shape)
