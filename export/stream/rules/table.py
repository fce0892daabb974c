"""``RULES``: the rule of every operator that may see time, from the rows at the end of each family's file."""

import onnx_ir as ir

from edgekit.export.loops.node import is_loop
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules import (
    conv,
    cumulative_extremes,
    elementwise,
    filtered_noise,
    linear,
    loops,
    movement,
    oscillators,
    overlap,
    partitioned_fir,
    recurrent,
    resize,
    selection,
    selective,
    ssm,
)
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.model import LOOP

FAMILIES = (
    elementwise,
    selection,
    linear,
    conv,
    overlap,
    movement,
    resize,
    recurrent,
    cumulative_extremes,
    ssm,
    selective,
    loops,
    oscillators,
    filtered_noise,
    partitioned_fir,
)
RULES: dict[tuple[str, str], StreamingRule] = {
    (rule.domain, rule.name): rule for family in FAMILIES for rule in family.RULES
}


def _refuse(writer: Rewriter, node: ir.Node) -> None:
    step = "use other operators, or give the network in streaming form"
    raise StreamingRefused("no streaming rule", "operators with a rule", step)


NO_RULE = StreamingRule("", _refuse)


def rule_of(node: ir.Node) -> StreamingRule:
    """Return the rule of a node, of the standard or of EdgeKit's domain; without one, a rule that refuses it."""
    name = LOOP if is_loop(node) else node.op_type
    return RULES.get((node.domain, name), NO_RULE)
