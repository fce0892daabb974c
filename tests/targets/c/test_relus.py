"""A Relu that alone reads a float convolution becomes part of it, with the same bits."""

import re
import subprocess
from ctypes import CDLL
from pathlib import Path

import numpy as np
import onnx
from builds import STRICT
from c_kernels import CC, needs_cc
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.operators.oracle import Oracle
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import lower_c

HOPS = 3


def network() -> bytes:
    """Relus behind a convolution of its own, behind one that is read twice, and behind a matrix product."""
    random = np.random.default_rng(5)
    weights = {"w0": (4, 3, 3, 3), "w1": (4, 1, 3, 3), "w2": (2, 4, 6, 5), "b0": (4,)}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], name="alone", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], name="shared", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Add", ["c1", "r1"], ["sum"]),
        helper.make_node("Conv", ["sum", "w2"], ["c2"], name="dense"),
        helper.make_node("Relu", ["c2"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "relus",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 5])],
        [
            helper.make_tensor_value_info("r0", TensorProto.FLOAT, [1, 4, 6, 5]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 1, 1]),
        ],
        [
            numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return model.SerializeToString()


@needs_cc
def test_a_relu_that_alone_reads_a_convolution_is_part_of_it(tmp_path: Path) -> None:
    model = from_onnx(network(), name="net")
    build = lower_c(model, "c99")
    program = build.files[f"{build.manifest.c_name}.c"].decode()
    assert re.findall(r"ek_conv_f32\([^&]*, (\d), \w+, &", program) == ["1", "0"]
    assert program.count("> 0.0f ? x : 0.0f") == 2
    for name, content in build.files.items():
        (tmp_path / name).write_bytes(content)
    sources = [name for name in build.files if name.endswith(".c")]
    command = [str(CC), *STRICT, "-O1", "-fPIC", "-shared", *sources, "-o", "net.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    x = np.random.default_rng(6).standard_normal((HOPS, 1, 3, 6, 5)).astype(np.float32)
    x[1, 0, 0, 2, 2] = np.nan
    runner = NativeRunner(CDLL(str(tmp_path / "net.so")), build.manifest, Path("net.so"), None)
    found = Stream(build.manifest, runner).run({"x": x})
    assert (found["r0"][1] == 0).any()
    for name, expected in Oracle(model).run_hops({"x": x}).items():
        np.testing.assert_array_equal(found[name], expected)
