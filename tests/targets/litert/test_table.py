"""The table of LiteRT's emitters: operators that C has too, so that a network can move between targets."""

import pytest

from edgekit.targets.c.emit.table import EMITTERS as C_EMITTERS
from edgekit.targets.litert.table import EMITTERS

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_every_operator_is_one_of_the_c_targets() -> None:
    apart = {"QuantizeLinear", "DequantizeLinear"}
    assert {name for domain, name in EMITTERS if not domain} - apart <= {
        name for domain, name in C_EMITTERS if not domain
    }
