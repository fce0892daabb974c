"""From a float model and its calibration to the integer `Network` of an engine."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.fpga.addressing import MOVES, Addresses, NoView
from edgekit.fpga.cpu import Kept, is_picture
from edgekit.fpga.integers import Ranges, Sums, integer_layer
from edgekit.fpga.layers import auto_pad, merged, pointwise_sums, shape_problems
from edgekit.fpga.network import CpuPart, Network, Stored, View
from edgekit.fpga.recognise import recognise
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.tail import LIMITS, PER_CHANNEL, Tail, tail_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.deform.dilation import Chain
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.observers import Observer
from edgekit.targets.c.lower import check_c

SUPPORTED = (
    "Conv (any odd square kernel without groups, or a depthwise 3x3), stride 1, 2 or 4, same padding; DeformConv as "
    "SquareDeformConv2d makes it; Mul, Add, Sub and Div with a constant per channel; Relu, Clip, Max and Min with "
    "constants; MaxPool 2x2 or 3x3 of stride 2; " + ", ".join(sorted(MOVES))
)
HERE = {"Conv", "DeformConv", "MaxPool", *LIMITS} | PER_CHANNEL | MOVES


def lower(
    model: Model, calibration: Calibration, spec: EngineSpec, cpu_fallback: bool = False
) -> Network:
    """Return the network in integers: W8A8 or W4A8 as the engine has it, offsets exact.

    Raises `ModelError` with every node that the engine cannot run, and why; with `cpu_fallback` these are parts for the
    CPU.
    """
    return lower_observed(model, observe(model, calibration), spec, cpu_fallback)


def lower_observed(
    model: Model, observers: dict[str, Observer], spec: EngineSpec, cpu_fallback: bool = False
) -> Network:
    """As `lower`, with what calibration saw of every float tensor."""
    plan = plan_layers(model, spec, cpu_fallback)
    ranges = Ranges(observers)
    for step in plan.steps:
        if step.keeps_type:
            ranges.same(step.x_view, step.y)
        elif step.path == "depthwise" or step.kernel > 1 or spec.weight_bits < 8:
            ranges.share(step.x_view)
    leaving = [*plan.outputs.values(), *(v for part in plan.cpu for v in part.reads.values())]
    for view in leaving:
        ranges.share(view)
    tensors = {name: Stored(name, *shape, ranges.kind(name)) for name, shape in plan.shapes.items()}
    layers = tuple(integer_layer(step, tensors, spec.weight_bits) for step in plan.steps)
    return Network(
        tensors, layers, plan.inputs, plan.outputs, spec.weight_bits, tuple(plan.notes), plan.cpu
    )


def check(model: Model, spec: EngineSpec, cpu_fallback: bool = False) -> list[Problem]:
    """Every node that the engine cannot run, and why; with `cpu_fallback` what the CPU cannot run either."""
    try:
        plan = plan_layers(model, spec, cpu_fallback)
    except ModelError as error:
        return list(error.problems)
    return [problem for part in plan.cpu for problem in check_c(part.model)]


@dataclass
class Plan:
    """The layers of a float model: what they read, their float sums, and the stored tensors."""

    steps: list[Sums] = field(default_factory=list)
    shapes: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, View] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cpu: tuple[CpuPart, ...] = ()


def plan_layers(model: Model, spec: EngineSpec, cpu_fallback: bool = False) -> Plan:
    """Return the layers; raises `ModelError` with all problems."""
    return _Planner(model, spec, cpu_fallback).run()


class _Planner:
    """Walks the graph once."""

    def __init__(self, model: Model, spec: EngineSpec, cpu_fallback: bool) -> None:
        self.model, self.graph, self.spec = model, model.ir.graph, spec
        self.cpu, self.fallback = Kept(model), cpu_fallback
        self.final = set(_final_functions(self.graph))
        self.plan, self.addresses = Plan(), Addresses()
        found = recognise(self.graph, spec.dmax)
        self.chains, self.problems = found.chains, list(found.problems)
        if self.fallback:
            self.cpu.problems, self.problems = self.problems, self.cpu.problems
        self.in_chain = {node for chain in found.chains.values() for node in chain.nodes}
        self.only_offsets = {
            chain.source
            for chain in found.chains.values()
            if all(user.node in self.in_chain for user in chain.source.uses())
        }
        self.untold = found.untold
        self.folded: set[ir.Node] = set()
        self.refused: set[ir.Value | None] = (
            set()
        )  # values of no known picture: their nodes are told of
        self.dilations: dict[ir.Value, str] = {}

    def run(self) -> Plan:
        if self.model.states:
            self._refuse("the network", "carries states", "pictures, one by one")
        for value in self.graph.inputs:
            if len(dims(value)) != 4 or dims(value)[0] != 1:
                self._refuse(
                    f"input {value.name!r}", f"shape {dims(value)}", "(1, channels, height, width)"
                )
                continue
            self.plan.inputs[str(value.name)] = self._store(value)
        for node in self.graph:
            self._node(node)
        if not self.problems:
            for value in self.graph.outputs:
                self._output(value)
        if not self.problems:
            self._keep()
        if self.problems:
            raise ModelError(self.problems)
        return self.plan

    def _output(self, value: ir.Value) -> None:
        producer = value.producer()
        if self.cpu.makes(value):
            return
        if self.fallback and self._made_here(value) is None and producer is not None:
            self.cpu.take(producer)
            return
        view = self._view(value, f"output {value.name!r}")
        if view is not None:
            self.plan.outputs[str(value.name)] = self._out_of_the_input(view)

    def _out_of_the_input(self, view: View) -> View:
        """A view of what layers made: what of it is the input is copied by a layer."""
        copies = {
            name: f"{name}.copy" for name in self.plan.inputs.values() if name in view.tensors
        }
        for name, copy in copies.items():
            if copy in self.plan.shapes:
                continue
            channels, height, width = self.plan.shapes[copy] = self.plan.shapes[name]
            whole = View((name,) * channels, tuple(range(channels)), height, width)
            tail = Tail(self.graph.inputs[0], np.ones(channels), np.zeros(channels))
            step = pointwise_sums(copy, whole, copy, tail)
            step.keeps_type = True
            self.plan.steps.append(step)
        names = tuple(copies.get(name, name) for name in view.tensors)
        return View(names, view.channels, view.height, view.width, view.upsample)

    def _keep(self) -> None:
        """Cut out the parts of the CPU, and say what they are."""
        self.plan.cpu = self.cpu.finish(len(self.plan.steps), self._made_here)
        for problem in self.cpu.problems:
            self.plan.notes.append(f"on the CPU: {problem.where}: {problem.found}")
        if not self.plan.steps:
            step = "export it for --target host"
            self.problems.append(
                Problem("the network", "no layer that the engine has", SUPPORTED, step)
            )

    def _made_here(self, value: ir.Value) -> View | None:
        """What a value is of the engine's results; None where it is more than channels of these, repeated."""
        if str(value.name) not in self.addresses.numbers:
            return None
        try:
            view = self.addresses.view(value)
        except NoView:
            return None
        own = {step.y for step in self.plan.steps}
        return view if own.issuperset(view.tensors) else None

    def _node(self, node: ir.Node) -> None:
        if node in self.in_chain or node in self.folded:
            return
        if node in self.untold:
            self._leave(node)
            return
        if node.outputs[0] in self.only_offsets:
            return  # the deformable layer that reads it makes its d
        before = len(self.problems)
        if self._behind_a_refusal(node):
            if node.op_type not in HERE:
                self._refuse_node(node)
        elif node.op_type == "Conv" and node.domain == "":
            self._linear(node, None)
        elif node.op_type == "MaxPool" and node.domain == "":
            self._pool(node)
        elif str(node.name) in self.chains:
            self._deform(node, self.chains[str(node.name)])
        elif not self.addresses.move(node) and not self._pointwise(node):
            self._refuse_node(node)
        if len(self.problems) > before or self._behind_a_refusal(node):
            if self._keeps(node):
                self.cpu.problems += self.problems[before:]
                del self.problems[before:]
            self._leave(node)

    def _keeps(self, node: ir.Node) -> bool:
        """Whether the CPU may compute a node."""
        return self.fallback or node in self.final

    def _leave(self, node: ir.Node) -> None:
        """Leave a node to the CPU, or to its refusal; what follows is looked at as well."""
        if self._keeps(node):
            self.cpu.take(node)
        for value in node.outputs:
            if is_picture(value):
                self.addresses.store(value, str(value.name))
            elif not self._keeps(node):
                self.refused.add(value)

    def _behind_a_refusal(self, node: ir.Node) -> bool:
        return any(value in self.refused for value in node.inputs)

    def _deform(self, node: ir.Node, chain: Chain) -> None:
        name = self.dilations.get(chain.source)
        producer = chain.source.producer()
        if name is None:
            if producer is None or producer.op_type != "Conv":
                where = f"DeformConv {node.name!r}"
                self._refuse(where, "offsets that no convolution makes", "s from a convolution")
                return
            name = self._offset_layer(producer, chain)
            if name is None:
                return
            self.dilations[chain.source] = name
        self._linear(node, name)

    def _pool(self, node: ir.Node) -> None:
        kernel, strides = ints(node, "kernel_shape", []), ints(node, "strides", [1, 1])
        half = (kernel[0] - 1) // 2 if kernel else 0
        pads = ints(node, "pads", [0] * 4)
        where = f"MaxPool {node.name!r}"
        fits = kernel in ([2, 2], [3, 3]) and strides == [2, 2] and pads == [half] * 4
        dilated = ints(node, "dilations", [1, 1]) != [1, 1]
        given = auto_pad(node)
        if not fits or dilated or given or len(node.outputs) > 1:
            found = f"kernel {kernel}, strides {strides}, pads {pads}{given}"
            found += ", dilations" * dilated + ", indices" * (len(node.outputs) > 1)
            self._refuse(where, found, "2x2 without padding or 3x3 with 1, stride 2")
            return
        size, made = dims(node.inputs[0])[2:], dims(node.outputs[0])[2:]
        if made != tuple(-(-side // 2) for side in size):
            found = "{}x{} pixels of {}x{}".format(*made, *size)
            allowed = "half of each side, rounded up: ceil_mode of 2x2, none of 3x3"
            self._refuse(where, found, allowed)
            return
        assert node.inputs[0] is not None
        view = self._view(node.inputs[0], where)
        if view is None:
            return
        value = node.outputs[0]
        channels, low, high = view.shape[0], -np.inf, np.inf
        weights, bias = np.zeros((channels, *kernel)), np.zeros(channels)
        step = Sums(str(node.name), "pool", view, str(value.name), weights, bias, low, high, 2)
        step.keeps_type = True
        self.plan.steps.append(step)
        self._store(value)

    def _offset_layer(self, conv: ir.Node, chain: Chain) -> str | None:
        """The convolution that makes s writes d: its requantization is the rounding, its limits the bounds."""
        name = f"{conv.name}.d"
        tail = Tail(chain.source, np.ones(1), np.zeros(1), chain.low, chain.high)
        step = self._sums(conv, name, tail)
        if step is None:
            return None
        step.bias += chain.shift - 0.5
        step.is_dilation = True
        self.plan.steps.append(step)
        self.plan.shapes[name] = (1, *dims(chain.source)[2:])  # type: ignore[assignment]
        if chain.half_even:
            self.plan.notes.append(
                f"{conv.name}: the network rounds offsets half to even, the engine half up"
            )
        return name

    def _linear(self, node: ir.Node, dilation: str | None) -> None:
        tail = tail_of(node.outputs[0], None, self.in_chain)
        step = self._sums(node, str(tail.value.name), tail)
        if step is None:
            return
        self.folded.update(tail.nodes)
        step.dilation = dilation
        self.plan.steps.append(step)
        self._store(tail.value)

    def _pointwise(self, node: ir.Node) -> bool:
        """A layer of its own for what no other takes: a function per channel, or limits; False for anything else."""
        value = next((v for v in node.inputs if v is not None and array_of(v) is None), None)
        if value is None or not is_picture(value):
            return False
        tail = tail_of(value, node, self.in_chain)
        if not tail.nodes:
            return False
        where = f"{node.op_type} {node.name!r}"
        if self.cpu.makes(value):
            self._refuse(where, "it follows on what the CPU computes", SUPPORTED)
            return True
        view = self._view(value, where)
        if view is not None:
            self.folded.update(tail.nodes)
            self.plan.steps.append(pointwise_sums(str(node.name), view, str(tail.value.name), tail))
            self._store(tail.value)
        return True

    def _sums(self, node: ir.Node, y: str, tail: Tail) -> Sums | None:
        """The layer of a convolution; None, with its problems told, where it does not fit."""
        w, where = array_of(node.inputs[1]), f"{node.op_type} {node.name!r}"
        x = node.inputs[0]
        assert x is not None
        bias = optional(node, 2 if node.op_type == "Conv" else 3)
        b = array_of(bias) if bias is not None else None
        if w is None or (bias is not None and b is None):
            self._refuse(where, "computed weights", "constant weights")
            return None
        groups = int(attribute(node, "group", 1))
        depthwise = groups > 1 and groups == len(w) == dims(x)[1]
        found = [*shape_problems(node, w, groups, depthwise)]
        for problem in found:
            self._refuse(where, problem, SUPPORTED)
        view = None if found else self._view(x, where)
        if view is None:
            return None
        weights = w.astype(np.float64) * tail.factor.reshape(-1, *[1] * (w.ndim - 1))
        if not depthwise:
            view, weights = merged(view, weights)
        start = np.zeros(len(w)) if b is None else b.astype(np.float64)
        return Sums(
            name=str(node.name),
            path="depthwise" if depthwise else "dense",
            x_view=view,
            y=y,
            weights=weights[:, 0] if depthwise else weights,
            bias=start * tail.factor + tail.addend,
            low=tail.low,
            high=tail.high,
            stride=ints(node, "strides", [1, 1])[0],
        )

    def _store(self, value: ir.Value) -> str:
        name = str(value.name)
        self.addresses.store(value, name)
        _, channels, height, width = dims(value)
        self.plan.shapes[name] = (channels, height, width)
        return name

    def _view(self, value: ir.Value, where: str) -> View | None:
        try:
            view = self.addresses.view(value)
        except NoView as cause:
            self._refuse(where, cause.found, cause.allowed)
            return None
        for name in dict.fromkeys(view.tensors):
            written = self.cpu.written(name, len(self.plan.steps))
            if written is not None:
                self.plan.shapes[name] = dims(written)[1:]  # type: ignore[assignment]
        return view

    def _refuse_node(self, node: ir.Node) -> None:
        where = f"{node.op_type} {node.name!r}"
        self._refuse(where, "the engine has no such operator", SUPPORTED)

    def _refuse(self, where: str, found: str, allowed: str) -> None:
        step = "change the layer, or keep it on the CPU with --cpu-fallback"
        self.problems.append(Problem(where, found, allowed, step))


def _final_functions(graph: ir.Graph) -> Iterator[ir.Node]:
    """Functions of single elements of which nothing comes but outputs: who reads these can compute them."""
    found: set[ir.Node] = set()
    for node in reversed(graph):
        users = [user for value in node.outputs for user in value.consumers()]
        if node.op_type in POINTWISE and node.domain == "" and found.issuperset(users):
            found.add(node)
            yield node
