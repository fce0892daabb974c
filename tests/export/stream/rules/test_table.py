"""The table of streaming rules."""

import re
from pathlib import Path

import onnx_ir as ir
import pytest

from edgekit.export.own_operators.functions import LAYERS
from edgekit.export.stream.rules.table import FAMILIES, RULES, rule_of
from edgekit.graph.facts import FACTS
from edgekit.graph.model import FRONTEND_DOMAIN

STREAM = Path(__file__).parent.parent
# rows that follow from facts and from tables of functions, whose cases are drawn from these
OTHERS = "Finite", "Loop"  # operators of EdgeKit that mark no layer of a user
DRAWN = {name for name, row in FACTS.items() if row.elementwise or row.mixes}


def test_every_rule_is_of_an_operator_that_is_known() -> None:
    known = {("", name) for name in FACTS} | {
        (FRONTEND_DOMAIN, name) for name in (*LAYERS, *OTHERS)
    }
    assert RULES.keys() <= known


def test_every_marked_layer_has_a_rule() -> None:
    assert {name for domain, name in RULES if domain == FRONTEND_DOMAIN} == {*LAYERS, *OTHERS}


def test_every_rule_of_its_own_has_a_case() -> None:
    """A test of the folder names its operator."""
    text = "".join(path.read_text() for path in STREAM.rglob("test_*.py"))
    words = set(re.findall(r"\w+", text))
    written = {name for domain, name in RULES if domain == "" and name not in DRAWN}
    assert written <= words, sorted(written - words)


def test_a_family_has_one_row_for_an_operator() -> None:
    for family in FAMILIES[1:]:  # the first has rows of facts, for which others may stand
        keys = [(rule.domain, rule.name) for rule in family.RULES]
        assert len(set(keys)) == len(keys), family.__name__


@pytest.mark.parametrize(("domain", "known"), [("", True), ("com.example", False)])
def test_another_domain_has_no_rule(domain: str, known: bool) -> None:
    node = ir.node("Conv", [ir.val("x"), ir.val("w")], domain=domain)
    assert (rule_of(node) is RULES["", "Conv"]) == known
