"""`replace_forms`: an offline network whose nodes that need the end of a recording are replaced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.export.passes import simplify
from edgekit.export.passes.metadata import module_of
from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.replace import means, norms, other_forms
from edgekit.export.stream.replace.forms import Form
from edgekit.export.stream.replace.grow import grow
from edgekit.export.stream.replace.instance import Instance
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import Facts, find_facts, values_of
from edgekit.export.stream.track import StreamingRefused
from edgekit.export.stream.windows import pads_of
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model, ReplacedNode
from edgekit.graph.nodes import array_of, attribute, static_shape

Edit = Callable[[Instance, ir.Node], None]


@dataclass(frozen=True)
class Step:
    """Replacement of one node: its place in the graph, the `edit`, and the row of the report."""

    edit: Edit
    told: ReplacedNode


def replace_forms(
    offline: Offline, forms: Mapping[str, Form]
) -> tuple[Offline, tuple[ReplacedNode, ...]]:
    """Replace the nodes that `forms` name, at every length.

    Args:
        offline: the network.
        forms: by kind, see `forms.chosen`.

    Returns:
        The network with other forms in it, and the replaced nodes.

    Raises:
        UsageError: the network has no node of a named kind.
        ModelError: every node that cannot be replaced, or that cannot read values that became one per frame.
    """
    short, long, samples = two_lengths(offline)
    facts = find_facts(short.graph, long.graph, samples)
    steps = _plan_replacements(short.graph, facts, forms)
    if not steps:
        return offline, ()
    order = {value: n for n, value in enumerate(values_of(short.graph))}
    times = {order[value]: axes for value, axes in facts.axes.items()}
    numbers = _numbers(facts, order, samples)

    def at(length: int) -> Model:
        model = offline.at(length)
        graph_model = model.ir.clone()
        _edit(Instance(graph_model.graph, times, numbers), steps)
        for output in graph_model.graph.outputs:
            output.shape = None
        return replace(model, ir=simplify(graph_model))

    at(samples[0])
    changed = replace(offline, at=cache(at), run=None, run_in_double=None)
    return changed, tuple(step.told for step in steps.values())


def refuse_unused_forms(forms: Mapping[str, Form], found: tuple[ReplacedNode, ...]) -> None:
    """Raise a UsageError for a form that no node of the network uses."""
    kinds = {row.kind for row in found}
    if problems := [
        Problem(
            f"--replace {form}",
            "no such part in the network",
            "a kind that the network has",
            "leave it out",
        )
        for kind, form in forms.items()
        if kind not in kinds
    ]:
        raise UsageError(problems)


def _edit(instance: Instance, steps: Mapping[int, Step]) -> None:
    problems = []
    for number, node in enumerate(list(instance.graph)):
        try:
            if number in steps:
                steps[number].edit(instance, node)
            elif any(value in instance.grown for value in node.inputs if value is not None):
                grow(instance, node)
        except StreamingRefused as error:
            module = module_of(node)
            where = f"{node.op_type} '{node.name}'" + (f" of module '{module}'" if module else "")
            problems.append(Problem(where, error.found, error.allowed, error.step))
            if number not in steps:
                break
    if problems:
        raise ModelError(problems)


def _plan_replacements(graph: ir.Graph, facts: Facts, forms: Mapping[str, Form]) -> dict[int, Step]:
    order = {value: n for n, value in enumerate(values_of(graph))}
    steps = {}
    for number, node in enumerate(graph):
        for kind, edit_of in _EDITS.items():
            form = forms.get(kind)
            edit = None if form is None else edit_of(node, facts, form, order)
            if form is not None and edit is not None:
                name = (str(node.name), module_of(node) or None)
                steps[number] = Step(edit, ReplacedNode(kind, str(form), node.op_type, *name))
                break
    return steps


def _numbers(
    facts: Facts, order: Mapping[ir.Value, int], samples: tuple[int, int]
) -> dict[int, tuple[float, float]]:
    """Scalar constants that follow the length, as a line over samples."""
    found = {}
    for value in facts.changed:
        one, other = array_of(value), array_of(facts.twins[value])
        if one is None or other is None or one.size != 1 or one.dtype.kind != "f":
            continue
        slope = float(other.ravel()[0] - one.ravel()[0]) / (samples[1] - samples[0])
        found[order[value]] = (slope, float(one.ravel()[0]) - slope * samples[0])
    return found


def _stft(node: ir.Node, facts: Facts, form: Form, order: Mapping[ir.Value, int]) -> Edit | None:
    """Rewrite centred frames to frames that end with the newest sample."""
    time = facts.time(node.inputs[0])
    if node.op_type != "Pad" or time is None:
        return None
    before, behind = pads_of(node, time.axis)
    found = other_forms.frames_behind(node, time.axis)
    if before != behind or found is None or found[0] != before + behind:
        return None
    length, step = found

    def edit(instance: Instance, node: ir.Node) -> None:
        other_forms.pad(instance, node, time.axis, length - step, step)

    return edit


def _pad(node: ir.Node, facts: Facts, form: Form, order: Mapping[ir.Value, int]) -> Edit | None:
    time = facts.time(node.inputs[0])
    if node.op_type != "Pad" or time is None or attribute(node, "mode", "constant") == "constant":
        return None
    before, behind = pads_of(node, time.axis)
    held = form.name == "first"
    if (before, behind) == (0, 0) or (held and attribute(node, "mode", "constant") == "edge"):
        return None

    def edit(instance: Instance, node: ir.Node) -> None:
        other_forms.pad(
            instance, node, time.axis, before, behind, mode="edge" if held else "constant"
        )

    return edit


def _reduction_step(
    kind: str,
) -> Callable[[ir.Node, Facts, Form, Mapping[ir.Value, int]], Edit | None]:
    def edit_of(
        node: ir.Node, facts: Facts, form: Form, order: Mapping[ir.Value, int]
    ) -> Edit | None:
        time = facts.time(node.inputs[0]) if node.inputs else None
        row = facts_of(node)
        is_norm = row.multiplies
        if time is None or is_norm or time.axis not in means.reduced_axes(node):
            return None
        if means.is_extreme(node) != (kind == "max"):
            return None
        x = means.variance_of(node)
        variance = None if x is None else order[x]

        def edit(instance: Instance, node: ir.Node) -> None:
            means.mean(instance, node, form, variance)

        return edit

    return edit_of


def _norm(node: ir.Node, facts: Facts, form: Form, order: Mapping[ir.Value, int]) -> Edit | None:
    if node.op_type != "InstanceNormalization":
        return None
    source = norms.group_norm_source(node)
    groups = source is not None
    time = facts.time(source or node.inputs[0])
    if time is None or time.axis < 2:
        return None

    def edit(instance: Instance, node: ir.Node) -> None:
        norms.norm(instance, node, form, groups)

    return edit


def _attention(
    node: ir.Node, facts: Facts, form: Form, order: Mapping[ir.Value, int]
) -> Edit | None:
    axes = facts.axes.get(node.outputs[0], ())
    rank = len(static_shape(node.outputs[0]) or ())
    if node.op_type != "Softmax" or [axis.axis - rank for axis in axes] != [-2, -1]:
        return None
    if int(attribute(node, "axis", -1)) % rank != rank - 1:
        return None

    def edit(instance: Instance, node: ir.Node) -> None:
        other_forms.attention(instance, node, form)

    return edit


_EDITS = {
    "stft": _stft,
    "pad": _pad,
    "mean": _reduction_step("mean"),
    "max": _reduction_step("max"),
    "norm": _norm,
    "attention": _attention,
}
