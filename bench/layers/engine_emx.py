"""The C that emx-onnx-cgen writes for the ONNX form of a .tflite, as an engine of `device_engines.py`."""

import subprocess
import tempfile
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import onnx
from layers.device_engines import TEMPLATES, Case, Program
from layers.engine_edgekit import real_calls, values_of_file

from edgekit.base.arrays import Array
from edgekit.base.environment import Environment
from edgekit.base.errors import ModelError, Problem, ToolError
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.runtime.devices.profile import Profile

EMX = Environment("emx-onnx-cgen", ("emx-onnx-cgen==1.4.0",))
COMPILE = (
    *("-m", "emx_onnx_cgen", "compile", "--large-weight-threshold", "0"),
    *("--large-temp-threshold", "0"),  # without a heap
)
ONNX, SOURCE = "network.onnx", "engine_emx.c"


class Emx:
    """It computes integer networks in float, between conversions to integers and back, as the ONNX file has them."""

    name = "emx-onnx-cgen"

    def write(self, case: Case, device: Profile) -> Program:
        """See `Engine`; the same C for every device."""
        network = to_onnx(case.content)
        if network.states:
            found = f"states {', '.join(source for source, _ in network.states)}"
            problem = Problem(case.name, found, "a network without states", "leave it out")
            raise ModelError(problem)
        inputs, outputs = network.proto.graph.input, network.proto.graph.output
        sizes = {tensor.name: _bytes_of(tensor) for tensor in (*inputs, *outputs)}
        places = [f"(void *)tensor_{i}" for i in range(len(sizes))]
        text = (TEMPLATES / SOURCE).read_text(encoding="utf-8")
        engine = text.format(
            arrays="\n".join(
                f"static _Alignas(16) unsigned char tensor_{i}[{size}];"
                for i, size in enumerate(sizes.values())
            ),
            inputs=", ".join(places[: len(inputs)]),
            outputs=", ".join(places[len(inputs) :]),
        )
        calls = real_calls(case, [tensor.name for tensor in inputs])
        made = [sizes[tensor.name] for tensor in outputs]
        files = {SOURCE: _source_of(network.proto) + engine.encode()}
        return Program(files, calls, made, options=("-w",), link=("-lm",))

    def read(self, case: Case, made: Sequence[bytes]) -> list[Array]:
        """See `Engine`."""
        return values_of_file(case, made)


def _bytes_of(tensor: onnx.ValueInfoProto) -> int:
    held = tensor.type.tensor_type
    shape = [dimension.dim_value for dimension in held.shape.dim]
    return prod(shape) * np.dtype(onnx.helper.tensor_dtype_to_np_dtype(held.elem_type)).itemsize


def _source_of(proto: onnx.ModelProto) -> bytes:
    """Return the C of a network.

    Raises:
        ToolError: the package has no environment, or refuses the network.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ONNX).write_bytes(proto.SerializeToString())
        command = [str(EMX.python()), *COMPILE, ONNX, SOURCE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolError(f"{EMX.name}: {(done.stdout + done.stderr).strip()[-300:]}")
        return (folder / SOURCE).read_bytes()
