"""A slope that is spelled out becomes one PRelu, and what only looks like one stays."""

import numpy as np
import pytest
from pass_networks import apply, draw, ops, parse

from edgekit.export.passes.canonical_forms.table import Canonical

SLOPES = np.array([[0.25], [-0.5], [1.5]], np.float32)
SPELLED_OUT = {
    "above": "c = Greater (x, zero) s = Mul (a, x) y = Where (c, x, s)",
    "not below": "c = GreaterOrEqual (x, zero) s = Mul (x, a) y = Where (c, x, s)",
    "below": "c = Less (x, zero) s = Mul (a, x) y = Where (c, s, x)",
    "not above": "c = LessOrEqual (x, zero) s = Mul (a, x) y = Where (c, s, x)",
    "from the other side": "c = Less (zero, x) s = Mul (a, x) y = Where (c, x, s)",
    "maximum": "s = Mul (x, part) y = Max (s, x)",
}
OTHERS = {
    "other bound": "c = Greater (x, part) s = Mul (a, x) y = Where (c, x, s)",
    "branches exchanged": "c = Greater (x, zero) s = Mul (a, x) y = Where (c, s, x)",
    "other operand": "c = Greater (z, zero) s = Mul (a, x) y = Where (c, x, s)",
    "computed slope": "c = Greater (x, zero) s = Mul (z, x) y = Where (c, x, s)",
    "steep maximum": "s = Mul (x, a) y = Max (s, x)",
    "maximum of others": "s = Mul (z, part) y = Max (s, x)",
}
TEXT = "(float[2,3,4] x, float[2,3,4] z) => (float[2,3,4] y)"


def canonical(body: str) -> set[str]:
    weights = {"a": SLOPES, "zero": np.float32(0), "part": np.float32(0.25)}
    model = parse(f"{TEXT} {{ {body} }}", **{k: np.asarray(v) for k, v in weights.items()})
    return set(ops(apply(model, Canonical())))


@pytest.mark.parametrize("name", SPELLED_OUT)
def test_a_slope_becomes_one_node(name: str) -> None:
    assert "PRelu" in canonical(SPELLED_OUT[name])


@pytest.mark.parametrize("name", OTHERS)
def test_others_stay(name: str) -> None:
    assert "PRelu" not in canonical(OTHERS[name])


def test_a_slope_that_enlarges_its_operand_stays() -> None:
    body = "c = Greater (x, zero) s = Mul (a, x) y = Where (c, x, s)"
    text = f"(float[3,1] x) => (float[3,4] y) {{ {body} }}"
    model = parse(text, a=draw(3, 4), zero=np.zeros((), np.float32))
    assert "PRelu" not in ops(apply(model, Canonical()))
