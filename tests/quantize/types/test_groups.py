"""Tensors that hold the same values share a type."""

import numpy as np
from builds import int8_model

from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import stored_type


def test_caches_are_stored_as_integers_and_start_at_the_zero_point() -> None:
    oracle = Oracle(int8_model("tcn"))
    for name in ("c0", "c1", "c2", "tail"):
        kind = stored_type(next(v for v in oracle.graph.inputs if v.name == name))
        assert kind is not None
        assert kind.dtype == "int8"
        assert np.all(oracle.states[name] == kind.zero_point)
