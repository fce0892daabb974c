"""The nodes of a PCM front end, put around a network in its own graph."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import ArrayLike

from edgekit.export.frontend_spec import FrontendSpec
from edgekit.export.functions import FUNCTIONS
from edgekit.export.model import FLOAT_NODE, FRONTEND_DOMAIN, StatePair
from edgekit.export.passes.finite import insert_finite
from edgekit.export.passes.graph import add_initializer, static_shape, unused_name, value_names

PCM_LIMIT = float(2**20)  # of |pcm|: full scale is 1, or 2^15 for unscaled 16-bit samples
POWER_FLOOR = 1e-12
RESERVED = ("pcm", "pcm_out", "stft_history", "stft_history_next", "istft_overlap",
            "istft_overlap_next", "frame_history", "frame_history_next", "frame_overlap",
            "frame_overlap_next")  # fmt: skip


def content_of(value: ir.Value, form: FrontendSpec) -> str | None:
    """Return what a value's shape says without its unit axes; None where it says nothing.

    ``frame``: LENGTH samples; ``bins``: a number per bin; ``spectrum``: real and imaginary parts.
    """
    dims = _without_units(value)
    if form.kind == "frame":
        return "frame" if dims == (form.length,) else None
    if form.kind == "complex" and dims in ((form.bins, 2), (2, form.bins)):
        return "spectrum"
    return "bins" if dims == (form.bins,) else None


def _without_units(value: ir.Value) -> tuple[int, ...]:
    return tuple(dim for dim in static_shape(value) or () if dim != 1)


class FrontendBuilder:
    """Adds the nodes, around the network or, where there are two, around and between them.

    Attributes:
        states: the state pairs that the nodes carry.
        spectrum: the transform of the last frame (1, bins, 2), where there is one.
        result_is_frame: whether what is added up are samples, which need no inverse transform.
    """

    def __init__(self, model: ir.Model, form: FrontendSpec) -> None:
        """Take the graph to change, in place."""
        self.model, self.graph, self.form = model, model.graph, form
        self.states: list[StatePair] = []
        self.spectrum: ir.Value | None = None
        self.result_is_frame = form.kind == "frame"
        self.nodes: list[ir.Node] = []

    def add_analysis(self, source: ir.Value) -> None:
        """Put ``pcm`` and its analysis in the place of the graph input `source`."""
        graph, form = self.graph, self.form
        self._free_names(source)
        pcm = self._input("pcm", (1, form.hop))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        history = self._state(f"{form.prefixes[0]}_history")
        if form.kind == "frame":
            (fed,) = self._node("Concat", [history, pcm], {"frame": (1, form.length)}, axis=1)
            ends = (self._constant(name, [at]) for name, at in
                    (("hop", form.hop), ("length", form.length), ("axis", 1)))  # fmt: skip
            (following,) = self._node("Slice", [fed, *ends], {"kept": (1, form.overlap)})
        else:
            window = self._constant("window", form.windows()[0])
            shapes = {"spectrum": (1, form.bins, 2), "kept": (1, form.overlap)}
            self.spectrum, following = self._node("STFT", [pcm, history, window], shapes)
            fed = self._features(self.spectrum)
        self._follow(history, following)
        source.replace_all_uses_with(self._as_input(fed, source))
        graph.insert_before(graph[0], self.nodes)
        insert_finite(self.model, pcm, PCM_LIMIT)
        self.nodes = []

    def add_link(self, result: ir.Value, source: ir.Value) -> None:
        """Feed `source`, a graph input of (length) samples, with the samples of the output `result`."""
        self._free_names(result, source)
        self.graph.outputs.remove(result)
        self.graph.inputs.remove(source)
        frame = self._frame(result)
        source.replace_all_uses_with(self._as_input(frame, source))
        self.graph.extend(self.nodes)
        self.graph.sort()
        self.nodes, self.result_is_frame = [], True

    def add_synthesis(self, result: ir.Value) -> None:
        """Put ``pcm_out`` in the place of the graph output `result`."""
        graph, form = self.graph, self.form
        self._free_names(result)
        place = list(graph.outputs).index(result)
        overlap = self._state(f"{form.prefixes[1]}_overlap")
        window = form.windows()[1]
        shapes = {"pcm_out": (1, form.hop), "left": (1, form.overlap)}
        if self.result_is_frame:
            frame = self._frame(result)
            if (window != 1).any():
                factors = [frame, self._constant("synthesis_window", window)]
                (frame,) = self._node("Mul", factors, {"windowed": (1, form.length)})
            pads = [overlap, self._constant("pads", [0, 0, 0, form.hop])]
            (before,) = self._node("Pad", pads, {"before": (1, form.length)})
            (total,) = self._node("Add", [before, frame], {"sum": (1, form.length)})
            parts = self._constant("parts", [form.hop, form.overlap])
            pcm_out, following = self._node("Split", [total, parts], shapes, axis=1)
        else:
            inputs = [self._filtered(result), overlap, self._constant("synthesis_window", window)]
            pcm_out, following = self._node("ISTFT", inputs, shapes)
        pcm_out.name = "pcm_out"
        graph.outputs[place] = pcm_out
        self._follow(overlap, following)
        graph.extend(self.nodes)

    def _features(self, spectrum: ir.Value) -> ir.Value:
        bins, kind = (1, self.form.bins), self.form.kind
        if kind == "complex":
            return spectrum
        (squares,) = self._node("Mul", [spectrum, spectrum], {"squares": (*bins, 2)})
        axes = self._constant("axes", [2])
        (power,) = self._node("ReduceSum", [squares, axes], {"power": bins}, keepdims=0)
        if kind == "mag":
            return self._node("Sqrt", [power], {"magnitude": bins})[0]
        floor = self._constant("floor", np.float32(POWER_FLOOR))
        unit = self._constant("log10", np.float32(1 / np.log(10)))
        (floored,) = self._node("Max", [power, floor], {"floored": bins})
        (logarithm,) = self._node("Log", [floored], {"log": bins})
        return self._node("Mul", [logarithm, unit], {"log_power": bins})[0]

    def _frame(self, result: ir.Value) -> ir.Value:
        """Return the samples (1, length) of a network's output."""
        if self.result_is_frame:
            return self._reshape(result, f"{result.name}_frame", (1, self.form.length))
        shape = (1, self.form.length)
        return self._node("IRFFT", [self._filtered(result)], {"inverse": shape})[0]

    def _filtered(self, result: ir.Value) -> ir.Value:
        """Return the spectrum (1, bins, 2) that a network's output is, or that its gains leave."""
        bins = self.form.bins
        if content_of(result, self.form) == "bins":
            assert self.spectrum is not None
            gain = self._reshape(result, "gain", (1, bins, 1))
            return self._node("Mul", [self.spectrum, gain], {"filtered": (1, bins, 2)})[0]
        if _without_units(result) == (2, bins):
            rows = self._reshape(result, "rows", (1, 2, bins))
            return self._node("Transpose", [rows], {"filtered": (1, bins, 2)}, perm=[0, 2, 1])[0]
        return self._reshape(result, "filtered", (1, bins, 2))

    def _as_input(self, fed: ir.Value, source: ir.Value) -> ir.Value:
        """Return `fed`, a spectrum or a row, in the shape of the network's input `source`."""
        if _without_units(source) == (2, self.form.bins):
            rows = {"parts": (1, 2, self.form.bins)}
            (fed,) = self._node("Transpose", [fed], rows, perm=[0, 2, 1])
        return self._reshape(fed, f"{source.name}_shaped", static_shape(source) or ())

    def _reshape(self, value: ir.Value, name: str, shape: tuple[int, ...]) -> ir.Value:
        if static_shape(value) == shape:
            return value
        dims = self._constant(f"{name}_dims", shape)
        return self._node("Reshape", [value, dims], {name: shape})[0]

    def _constant(self, name: str, content: ArrayLike) -> ir.Value:
        """Add an initializer: floats as they are, whole numbers as int64."""
        return add_initializer(self.graph, f"frontend/{name}", np.asarray(content))

    def _input(self, name: str, shape: tuple[int, ...]) -> ir.Value:
        return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))

    def _state(self, name: str) -> ir.Value:
        """Add a state (1, overlap): its input now, its output by `_follow`."""
        state = self._input(name, (1, self.form.overlap))
        self.graph.inputs.append(state)
        self.states.append(StatePair(name, f"{name}_next"))
        return state

    def _follow(self, state: ir.Value, following: ir.Value) -> None:
        following.name = f"{state.name}_next"
        self.graph.outputs.append(following)

    def _node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        outputs: Mapping[str, tuple[int, ...]],
        **attributes: int | list[int],
    ) -> Sequence[ir.Value]:
        """Collect a node with outputs of these names and shapes; the first also names the node."""
        own = op_type in FUNCTIONS
        first = op_type.lower() if own else next(iter(outputs))
        node = ir.node(
            op_type,
            inputs,
            attributes,
            domain=FRONTEND_DOMAIN if own else "",
            num_outputs=len(outputs),
            name=f"frontend/{first}",
        )
        node.metadata_props[FLOAT_NODE] = "1"
        for value, (name, shape) in zip(node.outputs, outputs.items(), strict=True):
            value.name = unused_name(value_names(self.graph), f"frontend/{name}")
            value.shape, value.dtype = ir.Shape(shape), ir.DataType.FLOAT
        self.nodes.append(node)
        return node.outputs

    def _free_names(self, *borders: ir.Value) -> None:
        """Rename values inside the network that have one of the front end's names."""
        taken = value_names(self.graph) | set(RESERVED)
        inner = [
            value for node in self.graph for value in node.outputs if not value.is_graph_output()
        ]
        for value in (*borders, *self.graph.initializers.values(), *inner):
            if value.name in RESERVED:
                value.name = unused_name(taken, f"network/{value.name}")
                taken.add(value.name)
