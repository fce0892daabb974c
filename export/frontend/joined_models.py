"""Puts two networks in one model, not yet connected."""

import hashlib
from dataclasses import dataclass

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import Model, Source, StatePair
from edgekit.graph.nodes import unused_name, value_names

PREFIX = "then/"  # of names of the second network that the first one has, too


@dataclass(frozen=True)
class Second:
    """The names of the second network's first stream input and output, in the joined model."""

    input: str
    output: str


def put_beside(first: Model, second: Model) -> tuple[Model, Second]:
    """Return one model that holds both networks, and the start and end of the second one.

    Inputs, outputs, states, notes and delays are those of both; all other facts are the first one's. The digest of the
    source is that of both digests.

    Raises:
        UsageError: one of them is quantized, and the other one differently or not at all.
    """
    _check_recipes(first.quantization.recipe, second.quantization.recipe)
    joined, added = first.ir.clone(), second.ir.clone()
    interface = [*added.graph.inputs, *added.graph.outputs]
    before = [str(value.name) for value in interface]
    _make_names_differ(joined.graph, added.graph)
    renamed = dict(zip(before, (str(value.name) for value in interface), strict=True))
    _move(joined, added)
    states = [StatePair(renamed[pair.input], renamed[pair.output]) for pair in second.states]
    digests = first.source.sha256 + second.source.sha256
    controls = [*first.controls, *(renamed[name] for name in second.controls)]
    delays = [model.stream.delay_samples or 0 for model in (first, second)]
    model = Model(joined).describe(
        source=Source(first.source.name, hashlib.sha256(digests.encode()).hexdigest()),
        states=[*first.states, *states],
        constants=[*first.constants, *(renamed[name] for name in second.constants)],
        **({"controls": controls} if controls else {}),
        notes=[*first.notes, *second.notes],
        stream={**vars(first.stream), "delay_samples": sum(delays)},
    )
    ends = (str(values[0].name) for values in (second.stream_inputs, second.stream_outputs))
    return model, Second(*(renamed[name] for name in ends))


def _check_recipes(first: str, second: str) -> None:
    if first != second:
        found, allowed = f"{first} and {second}", "two networks quantized in the same way"
        raise UsageError(Problem("--then", found, allowed, "start from the float networks"))


def _make_names_differ(kept: ir.Graph, changed: ir.Graph) -> None:
    taken, own = value_names(kept), value_names(changed)
    values = [*changed.inputs, *changed.initializers.values()]
    values += [output for node in changed for output in node.outputs]
    for value in values:
        if value.name in taken:
            value.name = unused_name(taken | own, f"{PREFIX}{value.name}")
            own.add(value.name)
    nodes = {str(node.name) for node in kept}
    for node in changed:
        if node.name in nodes:
            node.name = unused_name(nodes, f"{PREFIX}{node.name}")
        nodes.add(str(node.name))


def _move(model: ir.Model, added: ir.Model) -> None:
    graph, other = model.graph, added.graph
    nodes, inputs, outputs = list(other), list(other.inputs), list(other.outputs)
    constants = list(other.initializers.values())
    other.outputs.clear()
    other.remove(nodes)
    other.inputs.clear()
    other.initializers.clear()
    for constant in constants:
        graph.register_initializer(constant)
    graph.inputs.extend(inputs)
    graph.outputs.extend(outputs)
    graph.extend(nodes)
    model.functions.update(added.functions)
    for domain, version in added.opset_imports.items():
        model.opset_imports.setdefault(domain, version)
