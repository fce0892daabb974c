"""`unroll_loops`: the Loops of an ONNX file, written out turn by turn at one length; `roll` finds their step then.

torch writes a loop of a scripted module as a Loop, whose turns append to a sequence or write into a tensor. At a length
of the input the number of turns is known, and so is every place that a turn reads and writes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.base.errors import EdgeKitError
from edgekit.export.loops.constants import constant
from edgekit.export.loops.forms import LoopForms, find_loops
from edgekit.export.loops.loop_condition import starts, turns_of_condition
from edgekit.export.loops.normal_form import fold_integers
from edgekit.export.onnx_file.file_checks import unusable
from edgekit.export.onnx_file.messages import plain
from edgekit.graph.nodes import array_of, attribute, is_read

MOST = 4096  # turns
DEEPEST = 3  # loops inside loops


@dataclass
class LoopFile:
    """A file with Loops at any length: written out, then rolled back into steps.

    Attributes:
        unrolled: returns the file at a number of samples, its Loops written out.
        forms: its loops along time, found at the first length that is asked for.
    """

    unrolled: Callable[[int], bytes]
    forms: list[LoopForms] = field(default_factory=list)

    def content(self, samples: int) -> bytes:
        """Return the file at a number of samples, with a loop along time as one node.

        Raises:
            ModelError: all problems of the file.
        """
        try:
            if not self.forms:
                self.forms.append(find_loops(self.unrolled, samples))
            return self.forms[0].roll_back(self.unrolled(samples))
        except EdgeKitError:
            raise
        except Exception as error:  # a file of unknown origin, and the libraries that read it
            raise unusable(f"cannot be processed: {plain(error)}") from error


def unroll_loops(model: ir.Model) -> None:
    """Write every Loop out whose number of turns is constant and that does not end earlier, in place."""
    for _ in range(DEEPEST):
        if not any(map(_is_loop, model.graph)):
            break
        fold_integers(model)
        names = Counter(str(value.name) for node in model.graph for value in node.outputs)
        for node in list(model.graph):
            turns = _turns(node) if _is_loop(node) else None
            if turns is not None:
                _Turns(model.graph, node, names).write(turns)
    for node in list(model.graph):
        _join_sequence(model.graph, node)
    common.RemoveUnusedNodesPass()(model)
    common.TopologicalSortPass()(model)


def _is_loop(node: ir.Node) -> bool:
    return node.op_type == "Loop" and not node.domain


def _turns(node: ir.Node) -> int | None:
    """Return the number of turns; None where it depends on data."""
    count, body = array_of(node.inputs[0]), node.attributes["body"].as_graph()
    start = _origin(node.inputs[1])
    goes_on = _origin(body.outputs[0])
    if count is None or count.size != 1 or not 0 < int(count.ravel()[0]) <= MOST:
        return None
    if start is not None and not _is_true(start) and not starts(node):
        return None
    most = int(count.ravel()[0])
    if goes_on is body.inputs[1] or _is_true(goes_on):
        return most
    return turns_of_condition(node, most)


def _origin(value: ir.Value | None) -> ir.Value | None:
    """Return what an Identity or a Cast passes on."""
    while value is not None and (node := value.producer()) is not None:
        if node.op_type not in ("Identity", "Cast"):
            break
        value = node.inputs[0]
    return value


def _is_true(value: ir.Value | None) -> bool:
    array = array_of(value)
    if array is None and value is not None and (node := value.producer()) is not None:
        found = node.attributes.get("value") if node.op_type == "Constant" else None
        array = None if found is None else found.as_tensor().numpy()
    return array is not None and array.size == 1 and bool(array.ravel()[0])


@dataclass
class _Turns:
    """Writes the turns of a Loop in front of it.

    Attributes:
        graph: of the Loop.
        node: the Loop.
        names: how often each name of a value is taken.
    """

    graph: ir.Graph
    node: ir.Node
    names: Counter[str]

    def write(self, turns: int) -> None:
        """Write the turns, and put their results in place of the Loop's."""
        body = self.node.attributes["body"].as_graph()
        carried = [value for value in self.node.inputs[2:] if value is not None]
        shared = {value: self._constant(value) for value in body.initializers.values()}
        scanned: list[list[ir.Value]] = [[] for _ in body.outputs[1 + len(carried) :]]
        for turn in range(turns):
            number = constant(self.graph, np.array(turn, np.int64), "turn")
            goes_on = constant(self.graph, np.array(True), "turn")
            given = dict(zip(body.inputs, [number, goes_on, *carried], strict=True)) | shared
            made = self._clone(body, given, turn)
            results = [made.get(value, value) for value in body.outputs[1:]]
            carried, frames = results[: len(carried)], results[len(carried) :]
            for column, frame in zip(scanned, frames, strict=True):
                column.append(self._add("Unsqueeze", [frame, self._zero()]))
        joined = [self._add("Concat", column, axis=0) for column in scanned]
        self._take_over([*carried, *joined])

    def _clone(
        self, body: ir.Graph, given: dict[ir.Value, ir.Value], turn: int
    ) -> dict[ir.Value, ir.Value]:
        made = dict(given)
        for node in body:
            inputs = [None if v is None else made.get(v, v) for v in node.inputs]
            new = ir.Node(
                node.domain,
                node.op_type,
                inputs,
                [_with_values(one, made) for one in node.attributes.values()],
                num_outputs=len(node.outputs),
                name=f"{self.node.name}.{turn}/{node.name}",
            )
            new.metadata_props.update(node.metadata_props)
            self.graph.insert_before(self.node, new)
            for old, output in zip(node.outputs, new.outputs, strict=True):
                output.name, output.type = self._name(f"{old.name}.{turn}"), old.type
                made[old] = output
        return made

    def _constant(self, value: ir.Value) -> ir.Value:
        array = array_of(value)
        assert array is not None
        return constant(self.graph, array, "shared")

    def _zero(self) -> ir.Value:
        return constant(self.graph, np.array([0], np.int64), "axes")

    def _add(self, op_type: str, inputs: Sequence[ir.Value], **attributes: int) -> ir.Value:
        node = ir.node(op_type, inputs, attributes, name=self._name(f"{self.node.name}.scan"))
        self.graph.insert_before(self.node, node)
        node.outputs[0].name = self._name(f"{self.node.name}.frames")
        return node.outputs[0]

    def _name(self, base: str) -> str:
        self.names[base] += 1
        return base if self.names[base] == 1 else self._name(f"{base}_{self.names[base]}")

    def _take_over(self, results: Sequence[ir.Value]) -> None:
        """Put values in place of the Loop's outputs."""
        for old, new in zip(self.node.outputs, results, strict=True):
            if not is_read(old):
                continue
            name = old.name
            if old.is_graph_output():
                new = self._add("Identity", [new])
            new.type = new.type or old.type
            old.replace_all_uses_with(new, replace_graph_outputs=True)
            if new.is_graph_output():
                old.name, new.name = self._name(f"{name}.loop"), name
        self.graph.remove(self.node, safe=True)


def _with_values(attribute: ir.Attr, made: dict[ir.Value, ir.Value]) -> ir.Attr:
    """Return an attribute; a graph reads the values of its turn."""
    if attribute.type != ir.AttributeType.GRAPH:
        return attribute
    graph = attribute.as_graph().clone(allow_outer_scope_values=True)
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for place, value in enumerate(node.inputs):
            if value in made:
                node.replace_input_with(place, made[value])
    return ir.AttrGraph(attribute.name, graph)


def _join_sequence(graph: ir.Graph, node: ir.Node) -> None:
    """Replace a ConcatFromSequence of values that were appended one by one by a Concat."""
    if node.op_type != "ConcatFromSequence" or node.domain:
        return
    parts = list(_sequence_items(node.inputs[0]))[::-1]
    if not parts or None in parts:
        return
    axis, new = int(attribute(node, "axis", 0)), list[ir.Node]()
    values = [part for part in parts if part is not None]
    if attribute(node, "new_axis", 0):
        new = _with_axis(graph, values, axis, node)
        values = [one.outputs[0] for one in new]
    joined = ir.node("Concat", values, {"axis": axis}, name=node.name)
    joined.outputs[0].type = node.outputs[0].type
    old = node.outputs[0]
    ir.convenience.replace_nodes_and_values(
        graph, node, [node], [*new, joined], [old], joined.outputs
    )


def _with_axis(
    graph: ir.Graph, values: Sequence[ir.Value], axis: int, node: ir.Node
) -> list[ir.Node]:
    """Return nodes that give each value one more axis, for this node."""
    axes, made = constant(graph, np.array([axis], np.int64), "axes"), list[ir.Node]()
    for number, value in enumerate(values):
        made.append(ir.node("Unsqueeze", [value, axes], name=f"{node.name}.{number}"))
        made[-1].outputs[0].name = f"{node.outputs[0].name}.{number}"
    return made


def _is_whole(node: ir.Node) -> bool:
    """Whether the inputs of a node are all that its sequence holds."""
    return node.op_type in ("SequenceConstruct", "SequenceEmpty")


def _sequence_items(value: ir.Value | None) -> Iterator[ir.Value | None]:
    """Yield what was appended to a sequence, the last one first; None where that is not known."""
    while (node := None if value is None else value.producer()) is not None:
        if _is_whole(node):
            yield from reversed(node.inputs)
            return
        if node.op_type != "SequenceInsert" or len(node.inputs) > 2:
            break
        yield node.inputs[1]
        value = node.inputs[0]
    yield None
