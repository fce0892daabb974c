"""Operators that constants make simpler keep their results."""

import numpy as np
import pytest
from pass_networks import apply, draw, ops, parse

from edgekit.export.passes import InferShapes
from edgekit.export.passes.canonical_forms.table import Canonical

CASES = {
    "compress": ("Compress <axis = 1> (x, chosen)", {"Gather"}),
    "compress flat": ("Compress (x, chosen)", {"Reshape", "Gather"}),
    "one element": ("GatherND (x, place)", {"Reshape", "Gather"}),
    "computed weights": ("Gemm <alpha = 0.5, transB = 1> (x, x)", {"MatMul", "Transpose", "Mul"}),
    "bias of rows": ("Gemm <beta = 3.0> (x, w, rows)", {"MatMul", "Mul", "Add"}),
    "no bias": ("Gemm <beta = 0.0> (x, w, rows)", {"MatMul"}),
    "plain": ("Gemm <transB = 1> (x, t, b)", {"Gemm"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_constant_operand_gives_the_simple_form(name: str) -> None:
    node, expected = CASES[name]
    weights = {
        "chosen": np.array([False, True, True]),
        "place": np.array([1, -1]),
        "w": draw(3, 4),
        "t": draw(4, 3),
        "b": draw(4),
        "rows": draw(2, 4),
    }
    body = f"s = {node} y = ReduceSum <keepdims = 0> (s)"
    model = parse(f"(float[2,3] x) => (float y) {{ {body} }}", **weights)
    found = set(ops(apply(model, Canonical(), InferShapes(), tolerance=1e-5)))
    assert found - {"ReduceSum"} == expected


@pytest.mark.parametrize(
    ("bounds", "direct"), [((0, 3), False), ((3, 5), True), ((4, 100), True), ((2, 4), False)]
)
def test_a_slice_within_one_part_reads_that_one(bounds: tuple[int, int], direct: bool) -> None:
    """The first part is an input, whose window C keeps in a ring."""
    model = parse(
        """(float[1,3] x) => (float[1,n] y) {
          z = Neg (x)
          both = Concat <axis = 1> (x, z)
          y = Slice (both, start, end, axis)
        }""",
        start=np.array([bounds[0]]),
        end=np.array([bounds[1]]),
        axis=np.array([-1]),
    )
    apply(model, Canonical())
    (piece,) = (node for node in model.graph if node.op_type == "Slice")
    assert piece.inputs[0].name == ("z" if direct else "both")


@pytest.mark.parametrize(
    ("ends", "steps", "left"),
    [([2, 3, 9], [1, 1, 1], [1]), ([1, 4, 9], [1, 2, 1], [0, 1]), ([2, 4, 9], [1, 1, -1], None)],
)
def test_a_slice_names_the_axes_that_it_narrows(
    ends: list[int], steps: list[int], left: list[int] | None
) -> None:
    """A step of -1 turns an axis, and one that takes all is left out elsewhere."""
    starts = [0, 0, 0 if steps[2] > 0 else 4]
    bounds = {"start": starts, "end": ends if steps[2] > 0 else [2, 4, -9], "step": steps}
    arrays = {name: np.array(numbers) for name, numbers in bounds.items()}
    text = "(float[2,4,5] x) => (float[a,b,c] y) { y = Slice (x, start, end, axis, step) }"
    model = parse(text, axis=np.array([0, 1, -1]), **arrays)
    apply(model, Canonical(), InferShapes())
    (piece,) = model.graph
    axes = piece.inputs[3]
    assert axes is not None and axes.const_value is not None
    found = axes.const_value.numpy().tolist()
    assert found == (left if left is not None else [-1])


def test_a_constant_is_split_at_once() -> None:
    text = """(float[2,2] x) => (float[2,2] y) {
      a, b = Split <axis = 1> (w, sizes)
      s = Add (x, a)
      y = Add (s, b)
    }"""
    model = parse(text, w=draw(2, 4), sizes=np.array([2, 2]))
    assert ops(apply(model, Canonical())) == {"Identity": 2, "Add": 2}
