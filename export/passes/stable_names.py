"""Stable names: every node has one, all are unique, and none contains a machine's path."""

import re

import onnx_ir as ir

from edgekit.graph.nodes import unused_name, value_names

MACHINE_PATH = re.compile(
    r"(?<![^\s:='\"(])(?:[A-Za-z]:)?[\\/](?:[^\\/\s:]+[\\/])*(?=[^\\/\s:]+\.(?:py|cpp|cc|cu|h)\b)"
    r"|(?:/(?:home|root|Users|tmp)/|[A-Za-z]:\\)(?:[^\\/\s:]+[\\/])*"
)


class NameNodes(ir.passes.InPlacePass):
    """Keep given names except machine paths; name the rest ``<op>_<n>``, in graph order."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rename in place."""
        graph = model.graph
        for node in graph:
            node.name = without_machine_paths(node.name or "")
        taken = {node.name for node in graph if node.name}
        seen: set[str] = set()
        for node in graph:
            if not node.name:
                node.name = unused_name(taken, f"{node.op_type.lower()}_0")
            elif node.name in seen:
                node.name = unused_name(taken, node.name)
            seen.add(node.name)
            taken.add(node.name)
        _clean_values(graph)
        return ir.passes.PassResult(model, modified=True)


def without_machine_paths(name: str) -> str:
    """Drop folders of source files and home folders from a name; other slashes are scopes."""
    return MACHINE_PATH.sub("", name)


def _clean_values(graph: ir.Graph) -> None:
    taken = value_names(graph)
    inner = [value for node in graph for value in node.outputs if not value.is_graph_output()]
    for value in (*graph.initializers.values(), *inner):
        name = value.name or ""
        clean = without_machine_paths(name)
        if clean != name:
            value.name = unused_name(taken, clean or "value")
            taken.add(value.name)
