"""Offset chains that come to the same are recognised; what does not fit is refused by name."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.fpga import golden
from edgekit.fpga.lower import check, lower
from edgekit.fpga.spec import EngineSpec
from edgekit.graph.model import Model
from edgekit.operators.deform.dilation import SQUARE
from edgekit.quantize.calibrate.clips import Calibration

CHANNELS, SIZE = 4, 6
Step = tuple[str, str | None, Sequence[float]]


def network(
    steps: Sequence[tuple[str, Sequence[float]]],
    square: NDArray[np.float32] | None = None,
    opset: int = 21,
    kernel: int = 3,
    **attributes: object,
) -> bytes:
    """x -> s (a 1x1 convolution) -> `steps` of one operand and numbers -> Mul square -> DeformConv."""
    random = np.random.default_rng(0)
    constants = {
        "sw": random.normal(0, 3, (1, CHANNELS, 1, 1)).astype(np.float32),
        "square": np.reshape(SQUARE if square is None else square, (1, 18, 1, 1)).astype(
            np.float32
        ),
        "w": random.normal(size=(CHANNELS, 1, kernel, kernel)).astype(np.float32),
    }
    nodes, name = [helper.make_node("Conv", ["x", "sw"], ["s"])], "s"
    for i, (kind, numbers) in enumerate(steps):
        operands = [name]
        for j, number in enumerate(numbers):
            constants[f"c{i}{j}"] = np.float32(number)
            operands.append(f"c{i}{j}")
        name = f"t{i}"
        nodes.append(helper.make_node(kind, operands, [name]))
    options = {"pads": [1, 1, 1, 1], "group": CHANNELS, **attributes}
    nodes += [
        helper.make_node("Mul", [name, "square"], ["offset"]),
        helper.make_node("DeformConv", ["x", "w", "offset"], ["y"], **options),
    ]
    shape = [1, CHANNELS, SIZE, SIZE]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model.SerializeToString()


ROUND_UP = (("Add", [0.5]), ("Floor", []))
FORMS = {
    "round_then_clip": (*ROUND_UP, ("Clip", [0, 7]), ("Sub", [1])),
    "clip_then_round": (("Clip", [0, 7]), *ROUND_UP, ("Sub", [1])),
    "max_and_min": (("Max", [0]), ("Min", [7]), *ROUND_UP, ("Add", [-1])),
    "relu": (*ROUND_UP, ("Relu", []), ("Min", [7]), ("Sub", [1])),
    "one_less_from_the_start": (("Sub", [0.5]), ("Floor", []), ("Clip", [-1, 6])),
    "narrow": (*ROUND_UP, ("Clip", [1, 3]), ("Sub", [1])),
    "half_even": (("Clip", [0, 7]), ("Round", []), ("Sub", [1])),
}


def read(data: bytes) -> Model:
    return from_onnx(data, name="net")


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_the_chain(name: str) -> None:
    model = read(network(FORMS[name]))
    assert check(model, EngineSpec()) == []
    x = np.random.default_rng(1).normal(size=(4, 1, CHANNELS, SIZE, SIZE)).astype(np.float32)
    lowered = lower(model, Calibration(({"x": x},), "noise"), EngineSpec(weight_bits=8))
    (deform,) = (layer for layer in lowered.layers if layer.dilation)
    offset = next(layer for layer in lowered.layers if layer.y == deform.dilation)
    assert (offset.y_min, offset.y_max) == ((1, 3) if name == "narrow" else (0, 7))
    stored = lowered.tensors["x"].kind.quantize(x[0, 0]).astype(np.int8)
    d = golden.run(lowered, {"x": stored})[offset.y]
    seen = lowered.tensors["x"].kind.dequantize(stored)
    weights = onnx.numpy_helper.to_array(onnx.load_from_string(network(())).graph.initializer[0])
    s = np.tensordot(weights[0, :, 0, 0], seen, 1)
    expected = np.clip(np.floor(s + 0.5), offset.y_min, offset.y_max)
    assert (d[0] != expected).mean() < 0.1  # 8-bit weights move some ties
    assert bool(lowered.notes) == (name == "half_even")


def chained(*steps: tuple[str, Sequence[float]], **options: object) -> Callable[[], bytes]:
    return lambda: network(steps, **options)  # type: ignore[arg-type]


GOOD = FORMS["round_then_clip"]
REFUSED = {
    "fractional": (chained(("Clip", [0, 7]), ("Sub", [1])), "fractional offsets"),
    "half_step": (chained(*ROUND_UP, ("Clip", [0, 7]), ("Sub", [0.5])), "fractional offsets"),
    "too_far": (chained(*ROUND_UP, ("Clip", [0, 8]), ("Sub", [1])), "d in 0..8"),
    "negative": (chained(*ROUND_UP, ("Clip", [-1, 7]), ("Sub", [1])), "d in -1..7"),
    "unbounded": (chained(*ROUND_UP), "d in -inf..inf"),
    "other_taps": (
        chained(*GOOD, square=np.roll(SQUARE, 1)),
        "18 offsets per pixel that are no multiple of the square of taps",
    ),
    "padding": (chained(*GOOD, pads=[2, 2, 2, 2], dilations=[2, 2]), "dilations [2, 2]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_the_nearest_form(name: str) -> None:
    make, found = REFUSED[name]
    problems = check(read(make()), EngineSpec())
    assert found in [p.found for p in problems]
    assert all(p.where.startswith("DeformConv") for p in problems)
    assert all("SquareDeformConv2d" in p.next_step for p in problems)


def test_a_smaller_bound_of_the_engine_is_kept() -> None:
    (problem,) = check(read(network(GOOD)), EngineSpec(dmax=3))
    assert problem.found == "d in 0..7"
    assert "0..3" in problem.allowed


def test_opset_18_has_no_deformable_convolution() -> None:
    with pytest.raises(UsageError, match="DeformConv"):
        read(network(GOOD, opset=18))
