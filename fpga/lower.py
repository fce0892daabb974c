"""Lower a float model and its calibration to the integer `Network` of an engine."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem, merge_alike
from edgekit.fpga.addressing import MOVES, Addresses, NoView, picture_dims
from edgekit.fpga.cpu import CpuOperators, is_picture
from edgekit.fpga.forms import (
    NoLayer,
    Padding,
    addition_as_layer,
    averages,
    head,
    largest,
    linear,
    padding_of,
)
from edgekit.fpga.integers import Ranges, Sums, integer_layer
from edgekit.fpga.layers import merge_channels, pointwise_sums
from edgekit.fpga.network import Network, StoredTensor, View
from edgekit.fpga.phases import with_phases
from edgekit.fpga.plan import Plan, final_functions
from edgekit.fpga.recognise import recognise
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.tail import LIMITS, PER_CHANNEL, Tail, no_tail, tail_of
from edgekit.graph.facts import names
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of
from edgekit.operators.deform.dilation import Chain
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.observers import Observer
from edgekit.targets.c.lower import check_c

SUPPORTED = (
    "Conv of stride 1, 2 or 4 that makes a pixel for each stride; DeformConv as SquareDeformConv2d makes it; Gemm and "
    "MatMul of a pixel's channels with constants; Add and Sub of two pictures; Mul, Add, Sub and Div with a constant "
    "per channel; Relu, Clip, Max and Min with constants; MaxPool 2x2 or 3x3 of stride 2; averages up to 3x3, of 4x4, "
    "8x8 or a whole picture; ConvTranspose and DepthToSpace after all layers; "
    + ", ".join(sorted(MOVES - {"DepthToSpace"}))
)
INTERLEAVED = (
    "pixels of several channels between each other's, with layers after them",
    "transposed convolution and DepthToSpace as the last layer; else nearest upsampling and a convolution",
)
AVERAGES, PRODUCTS = names(lambda row: row.averages), ("Gemm", "MatMul")
MAXIMA = names(lambda row: row.slides and row.moves == "chooses")
HERE = {"Conv", "DeformConv", *MAXIMA, *LIMITS, *AVERAGES, *PRODUCTS} | PER_CHANNEL | MOVES


def lower(
    model: Model, calibration: Calibration, spec: EngineSpec, cpu_fallback: bool = False
) -> Network:
    """Return the network in integers: W8A8 or W4A8 as the engine has it, offsets exact.

    Raises `ModelError` with every node that the engine cannot run, and why; with `cpu_fallback` these are parts for the
    CPU.
    """
    phased = with_phases(model)
    return lower_observed(phased, observe(phased, calibration), spec, cpu_fallback)


def lower_observed(
    model: Model, observers: dict[str, Observer], spec: EngineSpec, cpu_fallback: bool = False
) -> Network:
    """Lower as `lower`, with calibration's observations of every float tensor."""
    plan = plan_layers(model, spec, cpu_fallback)
    ranges = Ranges(observers)
    for step in plan.steps:
        _relate_ranges(ranges, step, spec)
    leaving = [*plan.outputs.values(), *(v for part in plan.cpu for v in part.reads.values())]
    for view in leaving:
        ranges.share(view)
    tensors = {
        name: StoredTensor(name, *shape, ranges.kind(name)) for name, shape in plan.shapes.items()
    }
    layers = tuple(integer_layer(step, tensors, spec.weight_bits) for step in plan.steps)
    return Network(
        tensors, layers, plan.inputs, plan.outputs, spec.weight_bits, tuple(plan.notes), plan.cpu
    )


def _relate_ranges(ranges: Ranges, step: Sums, spec: EngineSpec) -> None:
    """Apply a layer's demand on the integers that it reads: its own type, or one scale for all channels."""
    if step.keeps_type:
        ranges.same(step.x_view, step.y)
    elif step.one_scale or step.path == "depthwise" or step.kernel > 1 or spec.weight_bits < 8:
        ranges.share(step.x_view)


def check(model: Model, spec: EngineSpec, cpu_fallback: bool = False) -> list[Problem]:
    """Return every node that the engine cannot run, and why; with `cpu_fallback` those the CPU cannot run either."""
    try:
        plan = plan_layers(with_phases(model), spec, cpu_fallback)
    except ModelError as error:
        return list(error.problems)
    return [problem for part in plan.cpu for problem in check_c(part.model)]


def plan_layers(model: Model, spec: EngineSpec, cpu_fallback: bool = False) -> Plan:
    """Return the layers; raises `ModelError` with all problems."""
    return _Planner(model, spec, cpu_fallback).run()


class _Planner:
    """Walks the graph once."""

    def __init__(self, model: Model, spec: EngineSpec, cpu_fallback: bool) -> None:
        self.model, self.graph, self.spec = model, model.ir.graph, spec
        self.cpu, self.fallback = CpuOperators(model), cpu_fallback
        self.final = set(final_functions(self.graph))
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
        )  # values of no known picture: their nodes are reported
        self.dilations: dict[ir.Value, str] = {}
        self.padded: dict[ir.Value, Padding] = {}

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
            raise ModelError(merge_alike(self.problems))
        return self.plan

    def _output(self, value: ir.Value) -> None:
        producer = value.producer()
        if self.cpu.makes(value):
            return
        if self.fallback and self._made_here(value) is None and producer is not None:
            self.cpu.take(producer)
            return
        try:
            self.plan.outputs[str(value.name)] = self._out_of_the_input(self._read(value))
        except NoView as cause:
            self._refuse(f"output {value.name!r}", cause.found, cause.allowed)

    def _out_of_the_input(self, view: View) -> View:
        """Return a view of layers' results; a layer copies the parts that come from the input."""
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
        """Cut out the parts of the CPU, and list them."""
        self.plan.cpu = self.cpu.finish(len(self.plan.steps), self._made_here)
        for problem in self.cpu.problems:
            self.plan.notes.append(f"on the CPU: {problem.where}: {problem.found}")
        if not self.plan.steps:
            step = "export it for --target host"
            self.problems.append(
                Problem("the network", "no layer that the engine has", SUPPORTED, step)
            )

    def _made_here(self, value: ir.Value) -> View | None:
        """Return the view of the engine's results that equals a value; None if it is more than repeated channels."""
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
        else:
            self._layers(node)
        if len(self.problems) > before or self._behind_a_refusal(node):
            if self._keeps(node):
                self.cpu.problems += self.problems[before:]
                del self.problems[before:]
            self._leave(node)

    def _layers(self, node: ir.Node) -> None:
        """The layers of a node, or its refusal."""
        kind = node.op_type if node.domain == "" else ""
        try:
            padding = padding_of(node) if kind == "Pad" else None
            if padding is not None:
                self.padded[node.outputs[0]] = padding
            elif kind in LAYERS:
                LAYERS[kind](self, node)
            elif str(node.name) in self.chains:
                self._deform(node, self.chains[str(node.name)])
            elif not (self.addresses.move(node) or self._pointwise(node) or self._added(node)):
                self._refuse_node(node)
        except NoView as cause:
            self._refuse(f"{node.op_type} {node.name!r}", cause.found, cause.allowed)

    def _largest(self, node: ir.Node) -> None:
        self._append([largest(node, self._read(node.inputs[0]))], no_tail(node.outputs[0]))

    def _interleaved(self, node: ir.Node) -> None:
        raise NoLayer(*INTERLEAVED)

    def _read(self, value: ir.Value | None) -> View:
        """Return the view of the stored tensors that equals a value; raises `NoView`."""
        assert value is not None
        if self.cpu.makes(value) and not is_picture(value):
            raise NoLayer(f"{value.name!r}, which the CPU makes", "a picture, or what a layer made")
        view = self.addresses.view(value)
        for name in dict.fromkeys(view.tensors):
            written = self.cpu.written(name, len(self.plan.steps))
            if written is not None:
                self.plan.shapes[name] = dims(written)[1:]  # type: ignore[assignment]
        return view

    def _averages(self, node: ir.Node) -> None:
        view = self._read(node.inputs[0])
        tail = tail_of(node.outputs[0], None, self.in_chain)
        self._append(averages(node, view, str(tail.value.name), tail), tail)

    def _head(self, node: ir.Node) -> None:
        view = self._read(node.inputs[0])
        if len(dims(node.outputs[0])) != 2:
            raise NoLayer(f"a product of shape {dims(node.outputs[0])}", "a row of channels")
        tail = tail_of(node.outputs[0], None, self.in_chain)
        assert node.inputs[0] is not None
        self._append([head(node, node.inputs[0], view, str(tail.value.name), tail)], tail)

    def _added(self, node: ir.Node) -> bool:
        """The sum or difference of two pictures; False for anything else."""
        values = [value for value in node.inputs if value is not None]
        if node.op_type not in ("Add", "Sub") or len({dims(v) for v in values}) != 1:
            return False
        views = [self._read(value) for value in values]
        tail = tail_of(node.outputs[0], None, self.in_chain)
        step = addition_as_layer(node, views, str(tail.value.name), tail)
        step.x_view, step.weights = merge_channels(step.x_view, step.weights)
        self._append([step], tail)
        return True

    def _append(self, steps: list[Sums], tail: Tail) -> None:
        """Append layers in order; the nodes of `tail` are folded into the last."""
        self.folded.update(tail.nodes)
        self.plan.steps += steps
        self.plan.shapes |= {step.y: step.shape for step in steps}
        self._store(tail.value)

    def _keeps(self, node: ir.Node) -> bool:
        """Whether the CPU may compute a node."""
        return self.fallback or node in self.final

    def _leave(self, node: ir.Node) -> None:
        """Leave a node to the CPU, or refuse it; later nodes are examined as well."""
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
                raise NoLayer("offsets that no convolution makes", "s from a convolution")
            name = self.dilations[chain.source] = self._offset_layer(producer, chain)
        self._linear(node, name)

    def _offset_layer(self, conv: ir.Node, chain: Chain) -> str:
        """The convolution that makes s writes d: its requantization is the rounding, its limits the bounds."""
        name = f"{conv.name}.d"
        tail = Tail(chain.source, np.ones(1), np.zeros(1), chain.low, chain.high)
        step = self._sums(conv, name, tail)
        step.bias += chain.shift - 0.5
        step.is_dilation = True
        self.plan.steps.append(step)
        self.plan.shapes[name] = (1, *dims(chain.source)[2:])  # type: ignore[assignment]
        if chain.half_even:
            self.plan.notes.append(
                f"{conv.name}: the network rounds offsets half to even, the engine half up"
            )
        return name

    def _linear(self, node: ir.Node, dilation: str | None = None) -> None:
        tail = tail_of(node.outputs[0], None, self.in_chain)
        step = self._sums(node, str(tail.value.name), tail)
        step.dilation = dilation
        self._append([step], tail)

    def _pointwise(self, node: ir.Node) -> bool:
        """Add a layer for a function per channel or limits that no other layer takes; False for other nodes."""
        value = next((v for v in node.inputs if v is not None and array_of(v) is None), None)
        if value is None or not is_picture(value):
            return False
        tail = tail_of(value, node, self.in_chain)
        if not tail.nodes:
            return False
        if self.cpu.makes(value):
            raise NoLayer("it follows on what the CPU computes", SUPPORTED)
        y = str(tail.value.name)
        self._append([pointwise_sums(str(node.name), self._read(value), y, tail)], tail)
        return True

    def _sums(self, node: ir.Node, y: str, tail: Tail) -> Sums:
        """The layer of a convolution; raises `NoView`."""
        x = node.inputs[0]
        assert x is not None
        return linear(node, self.padded.get(x), y, tail, self._read)

    def _store(self, value: ir.Value) -> str:
        name = str(value.name)
        self.addresses.store(value, name)
        _, channels, height, width = picture_dims(value)
        self.plan.shapes[name] = (channels, height, width)
        return name

    def _refuse_node(self, node: ir.Node) -> None:
        where = f"{node.op_type} {node.name!r}"
        self._refuse(where, "the engine has no such operator", SUPPORTED)

    def _refuse(self, where: str, found: str, allowed: str) -> None:
        step = "change the layer, or keep it on the CPU with --cpu-fallback"
        self.problems.append(Problem(where, found, allowed, step))


LAYERS: dict[str, Callable[[_Planner, ir.Node], None]] = {
    "Conv": _Planner._linear,
    **dict.fromkeys(MAXIMA, _Planner._largest),
    "DepthToSpace": _Planner._interleaved,
    **dict.fromkeys(AVERAGES, _Planner._averages),
    **dict.fromkeys(PRODUCTS, _Planner._head),
}
