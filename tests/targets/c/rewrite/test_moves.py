"""Movement that is fused, shared or done in place gives the same bits as the network, hop by hop."""

import ctypes
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from builds import STRICT
from c_kernels import CC, needs_cc
from movement_networks import STATE, Maker

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.model import Model, StatePair
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.rewrite import moves
from edgekit.verbs.targets import TARGETS

SEEDS = range(60)
HOPS = 4


def imported(seed: int) -> tuple[bytes, Model]:
    data = Maker(seed).network()
    return data, from_onnx(data, name=f"net{seed}", states=[("h", "h_next")])


def draw(seed: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).standard_normal((HOPS, *STATE)).astype(np.float32)}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[ctypes.CDLL, Mapping[int, Manifest]]:
    """All networks in one library; every third with tensors too large to follow."""
    folder, manifests, own, kernels = tmp_path_factory.mktemp("moves"), {}, [], set()
    with pytest.MonkeyPatch.context() as patch:
        for seed in SEEDS:
            patch.setattr(moves, "LIMIT", 30 if seed % 3 == 0 else 1 << 20)
            build = lower_c(imported(seed)[1], "c99")
            manifests[seed] = build.manifest
            for name, content in build.files.items():
                (folder / name).write_bytes(content)
                if name.endswith(".c"):
                    kernels.add(name) if name.startswith("ek_") else own.append(name)
    (folder / "all.c").write_text("".join(f'#include "{name}"\n' for name in own))
    # They share one edgekit.h, which each takes for its own, and kernels.
    shared = ["-DEK_ALONE", *(f"-DEK_BUILD_{name.removesuffix('.c')}" for name in own)]
    command = [str(CC), *STRICT, *shared, "-O1", "-fPIC", "-shared", "all.c", *sorted(kernels)]
    done = subprocess.run(
        [*command, "-o", "all.so"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(folder / "all.so")), manifests


@needs_cc
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_keep_every_bit(
    seed: int, library: tuple[ctypes.CDLL, Mapping[int, Manifest]]
) -> None:
    (lib, manifests), (data, model), inputs = library, imported(seed), draw(seed)
    runner = NativeRunner(lib, manifests[seed], Path("all.so"), None)
    found = Stream(manifests[seed], runner).run(inputs)
    oracle = Oracle(model).run_hops(inputs)
    source, h = in_onnxruntime(data), np.zeros(STATE, np.float32)
    for hop in range(HOPS):
        y0, y1, h = source({"x": inputs["x"][hop], "h": h}).values()
        for name, expected in (("y0", y0), ("y1", y1)):
            np.testing.assert_array_equal(oracle[name][hop], expected)
            np.testing.assert_array_equal(found[name][hop], expected)


def parse(text: str) -> Model:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 21]> net {text}')
    onnx.checker.check_model(proto)
    model = ir.from_proto(proto)
    InferShapes()(model)
    for node in model.graph:
        node.name = node.outputs[0].name
    if any(value.name == "h" for value in model.graph.inputs):
        return Model(model).describe(states=[StatePair("h", "n")])
    return Model(model)


def moved(text: str) -> int:
    """Bytes that the generated C moves in a hop."""
    model = parse(text)
    assert not TARGETS["c99"].check(model)
    count = lower_c(model, "c99").manifest.memory["moved_bytes_per_hop"]
    assert count is not None
    return count


CASES = {
    "slices of outer axes are views": (
        """(float[4,6] x) => (float[2,6] y)
        <int64[1] a = {1}, int64[1] b = {3}, int64[1] zero = {0}>
        { s = Slice (x, a, b, zero)  y = Relu (s) }""",
        0,
    ),
    "parts of a split are views": (
        """(float[4,6] x) => (float[2,6] y)
        { a, b = Split <axis = 0, num_outputs = 2> (x)  y = Add (a, b) }""",
        0,
    ),
    "operands of a concat are written in place": (
        """(float[1,6] x) => (float[1,12] y)
        { a = Relu (x)  b = Neg (x)  c = Concat <axis = 1> (a, b)  y = Abs (c) }""",
        0,
    ),
    "movement behind movement is one copy": (
        """(float[4,6] x) => (float[6,2] y)
        <int64[1] a = {1}, int64[1] b = {3}, int64[1] zero = {0}>
        { s = Slice (x, a, b, zero)  t = Transpose <perm = [1, 0]> (s)  y = Relu (t) }""",
        2 * 12 * 4,
    ),
    "padding leaves what was written in its middle": (
        """(float[1,6] x) => (float[1,10] y) <int64[4] pads = {0, 2, 0, 2}>
        { r = Neg (x)  p = Pad <mode = "reflect"> (r, pads)  y = Abs (p) }""",
        2 * 4 * 4,
    ),
    "a window whose end is the next state is carried itself": (
        """(float[1,2,3] x, float[1,2,6] h) => (float[1,2,9] y, float[1,2,6] n)
        <int64[1] a = {3}, int64[1] b = {9}, int64[1] two = {2}>
        { r = Neg (x)  w = Concat <axis = 2> (h, r)  y = Abs (w)  n = Slice (w, a, b, two) }""",
        2 * 18 * 4,
    ),
    "rows of unequal runs are one copy": (
        """(float[2,5] x) => (float[2,3,5] y)
        <int64[2] one = {1, 1}, int64[1] low = {0}, int64[1] high = {5}, int64[1] a = {1},
         int64[3] shape = {2, 1, 5}, int64[1] two = {2}, int64[1] seven = {7},
         int64[4] pads = {0, 1, 0, 1}>
        { p = Pad (x, pads)
          l = Slice (p, low, high, a)  r = Slice (p, two, seven, a)
          u = Reshape (l, shape)  v = Reshape (x, shape)  w = Reshape (r, shape)
          c = Concat <axis = 1> (u, v, w)  y = Neg (c) }""",
        2 * 26 * 4 + 4 * 4,
    ),
    "a state of past frames shifts in place": (
        """(float[1,6] x, float[3,6] h) => (float[1,6] y, float[3,6] n)
        <int64[1] a = {1}, int64[1] b = {3}, int64[1] zero = {0}>
        { y = ReduceMax <keepdims = 1> (h, zero)  s = Slice (h, a, b, zero)
          n = Concat <axis = 0> (s, x) }""",
        2 * 18 * 4,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_copies_that_remain(name: str) -> None:
    text, expected = CASES[name]
    assert moved(text) == expected
