"""What follows a float layer becomes part of its kernel, with the same bits: a sum, then a cheap function."""

import re
import subprocess
from ctypes import CDLL
from pathlib import Path

import numpy as np
import onnx
from builds import STRICT
from c_kernels import CC, needs_cc
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c

HOPS = 3
SAME = [1, 1, 1, 1]


def network(
    nodes: list[NodeProto], weights: dict[str, tuple[int, ...]], outputs: dict[str, list[int]]
) -> Model:
    random = np.random.default_rng(5)
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 5])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [
            numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return from_onnx(model.SerializeToString(), name="net")


def epilogues(build: Build) -> list[tuple[str, bool]]:
    """What the float layers of a program do with their sums, and whether they add something."""
    program = build.files[f"{build.manifest.c_name}.c"].decode()
    calls = re.findall(r"ek_(?:conv|fc)_f32\(.*?(EK_[A-Z_]+), [^,]+, [^,]+, (\w+),", program)
    return [(act, add != "NULL") for act, add in calls]


def check(model: Model, build: Build, folder: Path) -> dict[str, np.ndarray]:
    """Compare the C with the oracle, with a value that is no number too; returns the outputs."""
    for name, content in build.files.items():
        (folder / name).write_bytes(content)
    sources = [name for name in build.files if name.endswith(".c")]
    command = [str(CC), *STRICT, "-O1", "-fPIC", "-shared", *sources, "-o", "net.so"]
    subprocess.run(command, cwd=folder, check=True)
    x = np.random.default_rng(6).standard_normal((HOPS, 1, 3, 6, 5)).astype(np.float32)
    x[1, 0, 0, 2, 2] = np.nan
    runner = NativeRunner(CDLL(str(folder / "net.so")), build.manifest, Path("net.so"), None)
    found = Stream(build.manifest, runner).run({"x": x})
    for name, expected in Oracle(model).run_hops({"x": x}).items():
        np.testing.assert_array_equal(found[name], expected)
    return found


@needs_cc
def test_a_relu_that_alone_reads_a_layer_is_part_of_it(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], name="alone", pads=SAME),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], name="shared", group=4, pads=SAME),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Mul", ["c1", "r1"], ["product"]),
        helper.make_node("Conv", ["product", "w2"], ["c2"], name="dense"),
        helper.make_node("Relu", ["c2"], ["y"]),
    ]
    weights = {"w0": (4, 3, 3, 3), "w1": (4, 1, 3, 3), "w2": (2, 4, 6, 5), "b0": (4,)}
    model = network(nodes, weights, {"r0": [1, 4, 6, 5], "y": [1, 2, 1, 1]})
    build = lower_c(model, "c99")
    assert epilogues(build) == [("EK_RELU", False), ("EK_NO_ACT", False), ("EK_RELU", False)]
    assert (check(model, build, tmp_path)["r0"][1] == 0).any()


@needs_cc
def test_sums_and_functions_of_all_kinds_are_part_of_layers(tmp_path: Path) -> None:
    constants = [
        helper.make_node("Constant", [], [name], value_float=value)
        for name, value in (("low", -0.5), ("high", 0.75), ("slope", 0.3))
    ]
    nodes = [
        *constants,
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], pads=SAME),
        helper.make_node("Clip", ["c0", "low", "high"], ["a0"]),
        helper.make_node("Conv", ["a0", "w1"], ["c1"], group=4, pads=SAME),
        helper.make_node("HardSwish", ["c1"], ["a1"]),
        helper.make_node("Conv", ["a1", "w3"], ["c2"]),
        helper.make_node("Add", ["a0", "c2"], ["s2"]),
        helper.make_node("LeakyRelu", ["s2"], ["a2"], alpha=0.125),
        helper.make_node("Conv", ["a1", "w4"], ["c3"]),  # the later layer takes the sum
        helper.make_node("Conv", ["a2", "w3"], ["c4"]),
        helper.make_node("Add", ["c3", "c4"], ["s4"]),
        helper.make_node("Clip", ["s4", "", "high"], ["a4"]),
        helper.make_node("Flatten", ["a4"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w2"], ["g0"]),
        helper.make_node("HardSigmoid", ["g0"], ["h0"], alpha=0.25),
        helper.make_node("Gemm", ["h0", "w5"], ["g1"]),
        helper.make_node("PRelu", ["g1", "slope"], ["p1"]),
        helper.make_node("Gemm", ["p1", "w5"], ["g2"]),
        helper.make_node("Add", ["g2", "h0"], ["y"]),
    ]
    weights = {
        "w0": (4, 3, 3, 3),
        "b0": (4,),
        "w1": (4, 1, 3, 3),
        "w2": (120, 7),
        "w3": (4, 4, 1, 1),
        "w4": (4, 4, 1, 1),
        "w5": (7, 7),
    }
    model = network(nodes, weights, {"a4": [1, 4, 6, 5], "y": [1, 7]})
    build = lower_c(model, "c99")
    assert epilogues(build) == [
        ("EK_CLIP", False),
        ("EK_HARD_SWISH", False),
        ("EK_LEAKY_RELU", True),
        ("EK_NO_ACT", False),
        ("EK_CLIP", True),
        ("EK_HARD_SIGMOID", False),
        ("EK_LEAKY_RELU", False),
        ("EK_NO_ACT", True),
    ]
    check(model, build, tmp_path)
