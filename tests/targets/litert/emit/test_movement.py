"""Movement: by name alone where memory stays, by SLICE and PAD, else by a GATHER of element numbers."""

import numpy as np
import pytest
from litert_files import builtins, refused, run
from one_node import network

from edgekit.base.arrays import Array
from edgekit.targets.litert.emit.movement import _renamed_order
from edgekit.targets.litert.orders import UNIT

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

X = np.arange(12, dtype=np.float32).reshape(2, 6)


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("node", "constants", "builtin", "exact"),
    [
        ("Slice (x, a, b, c)", {"a": ints(1), "b": ints(4), "c": ints(1)}, "SLICE", X[:, 1:4]),
        (
            "Slice (x, a, b, c, d)",
            {"a": ints(0), "b": ints(6), "c": ints(1), "d": ints(2)},
            "STRIDED_SLICE",
            X[:, ::2],
        ),
        ("Pad (x, p)", {"p": ints(0, 1, 0, 2)}, "PAD", np.pad(X, ((0, 0), (1, 2)))),
        (
            "Pad (x, p, v)",
            {"p": ints(0, 1, 0, -2), "v": np.array(3, np.float32)},
            "PADV2",
            np.pad(X[:, :-2], ((0, 0), (1, 0)), constant_values=3),
        ),
        ("Gather <axis = 1> (x, a)", {"a": ints(5, 0, 2)}, "GATHER", X[:, [5, 0, 2]]),
        ("Expand (x, s)", {"s": ints(3, 2, 6)}, "BROADCAST_TO", np.broadcast_to(X, (3, 2, 6))),
    ],
)
def test_elements_are_where_numpy_has_them(
    node: str, constants: dict[str, Array], builtin: str, exact: Array
) -> None:
    shape = ",".join(map(str, exact.shape))
    model = network("float[2,6] x", f"float[{shape}] y", f"y = {node}", **constants)
    assert builtin in builtins(model)
    np.testing.assert_array_equal(run(model, {"x": X})["y"], exact)


def test_indices_that_are_computed_are_refused() -> None:
    model = network(
        "float[2,6] x, int64[2,3] k", "float[2,3] y", "y = GatherElements <axis = 1> (x, k)"
    )
    assert refused(model) == ["computed indices"]


def test_an_order_keeps_its_name_where_only_axes_of_extent_1_change() -> None:
    assert _renamed_order((0, 2, 1), (2, 3, 4), (2, 3, 1, 4)) is None  # no room for the new axis
    assert _renamed_order((0, UNIT, 2, 1), (2, 3, 4), (2, 3, 1, 4)) == (0, 2, 3, 1)
    assert _renamed_order((0, 1), (2, 6), (6, 2)) is None
