"""The nodes of a PCM front end, put around a network in its own graph."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import ArrayLike

from edgekit.export.frontend_layout import Layout
from edgekit.export.frontend_spec import FrontendSpec
from edgekit.export.functions import FUNCTIONS
from edgekit.export.model import FLOAT_NODE, FRONTEND_DOMAIN, StatePair
from edgekit.export.passes.finite import insert_finite
from edgekit.export.passes.graph import add_initializer, static_shape, unused_name, value_names

PCM_LIMIT = float(2**20)  # of |pcm|: full scale is 1, or 2^15 for unscaled 16-bit samples
POWER_FLOOR = 1e-12
STATES = ("stft_history", "istft_overlap", "stft_waiting", "frame_history", "frame_overlap")
RESERVED = ("pcm", "pcm_out", *STATES, *(f"{state}_next" for state in STATES))


class FrontendBuilder:
    """Adds the nodes, around the network or, where there are two, around and between them.

    Attributes:
        states: the state pairs that the nodes carry.
        spectrum: the transform of the frames of a call (frames, bins, 2), where there is one.
        result_is_frame: whether what is added up are samples, which need no inverse transform.
    """

    def __init__(self, model: ir.Model, form: FrontendSpec, frames: int = 1, late: int = 0) -> None:
        """Take the graph to change, in place.

        Args:
            model: the network's.
            form: the front end.
            frames: how many one call takes.
            late: by how many frames gains come late: the spectra wait for them.
        """
        self.model, self.graph, self.form = model, model.graph, form
        self.frames, self.late = frames, late
        self.states: list[StatePair] = []
        self.spectrum: ir.Value | None = None
        self.result_is_frame = form.kind == "frame"
        self.nodes: list[ir.Node] = []

    def add_analysis(self, source: ir.Value, layout: Layout) -> None:
        """Put ``pcm`` and its analysis in the place of the graph input `source`."""
        graph, form = self.graph, self.form
        self._free_names(source)
        pcm = self._input("pcm", (1, self.frames * form.hop))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        history = self._state(f"{form.prefixes[0]}_history", (1, form.overlap))
        if form.kind == "frame":
            (fed,) = self._node("Concat", [history, pcm], {"frame": (1, form.length)}, axis=1)
            following = self._slice(fed, "kept", 1, form.hop, form.length)
        else:
            self.spectrum, following = self._transformed(pcm, history)
            fed = self._features(self.spectrum)
        self._follow(history, following)
        source.replace_all_uses_with(self._as_input(fed, layout, str(source.name)))
        graph.insert_before(graph[0], self.nodes)
        insert_finite(self.model, pcm, PCM_LIMIT)
        self.nodes = []

    def add_link(self, result: ir.Value, layout: Layout, source: ir.Value, to: Layout) -> None:
        """Feed `source`, a graph input of (length) samples, with the samples of the output `result`."""
        self._free_names(result, source)
        self.graph.outputs.remove(result)
        self.graph.inputs.remove(source)
        frame = self._frame(result, layout)
        source.replace_all_uses_with(self._as_input(frame, to, str(source.name)))
        self.graph.extend(self.nodes)
        self.graph.sort()
        self.nodes, self.result_is_frame = [], True

    def add_synthesis(self, result: ir.Value, layout: Layout) -> None:
        """Put ``pcm_out`` in the place of the graph output `result`."""
        graph, form = self.graph, self.form
        self._free_names(result)
        place = list(graph.outputs).index(result)
        overlap = self._state(f"{form.prefixes[1]}_overlap", (1, form.overlap))
        if self.result_is_frame:
            pcm_out, following = self._added_up(self._frame(result, layout), overlap)
        else:
            pcm_out, following = self._inverse(self._filtered(result, layout), overlap)
        pcm_out.name = "pcm_out"
        graph.outputs[place] = pcm_out
        self._follow(overlap, following)
        graph.extend(self.nodes)

    def _transformed(self, pcm: ir.Value, history: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the spectra (frames, bins, 2) of a call and the next history."""
        form, window = self.form, self._constant("window", self.form.windows()[0])
        spectra = []
        for index, part in enumerate(self._parts(pcm, "pcm", 1)):
            shapes = {self._numbered("spectrum", index): (1, form.bins, 2),
                      self._numbered("kept", index): (1, form.overlap)}  # fmt: skip
            spectrum, history = self._node("STFT", [part, history, window], shapes)
            spectra.append(spectrum)
        return self._whole(spectra, "spectra", (self.frames, form.bins, 2), axis=0), history

    def _inverse(self, spectra: ir.Value, overlap: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the samples (1, frames * hop) of spectra (frames, bins, 2) and the next overlap."""
        form, window = self.form, self._constant("synthesis_window", self.form.windows()[1])
        pieces = []
        for index, part in enumerate(self._parts(spectra, "filtered", 0)):
            shapes = {self._numbered("pcm_out", index): (1, form.hop),
                      self._numbered("left", index): (1, form.overlap)}  # fmt: skip
            piece, overlap = self._node("ISTFT", [part, overlap, window], shapes)
            pieces.append(piece)
        return self._whole(pieces, "pcm_out", (1, self.frames * form.hop), axis=1), overlap

    def _added_up(self, frame: ir.Value, overlap: ir.Value) -> Sequence[ir.Value]:
        """Return the first hop of frame (1, length) times window plus overlap, and the rest."""
        form, window = self.form, self.form.windows()[1]
        if (window != 1).any():
            factors = [frame, self._constant("synthesis_window", window)]
            (frame,) = self._node("Mul", factors, {"windowed": (1, form.length)})
        pads = [overlap, self._constant("pads", [0, 0, 0, form.hop])]
        (before,) = self._node("Pad", pads, {"before": (1, form.length)})
        (total,) = self._node("Add", [before, frame], {"sum": (1, form.length)})
        shapes = {"pcm_out": (1, form.hop), "left": (1, form.overlap)}
        parts = self._constant("parts", [form.hop, form.overlap])
        return self._node("Split", [total, parts], shapes, axis=1)

    def _parts(self, value: ir.Value, name: str, axis: int) -> Sequence[ir.Value]:
        """Split a value into its frames."""
        if self.frames == 1:
            return [value]
        shape = list(static_shape(value) or ())
        shape[axis] //= self.frames
        shapes = {f"{name}_{index}_in": tuple(shape) for index in range(self.frames)}
        return self._node("Split", [value], shapes, axis=axis, num_outputs=self.frames)

    def _whole(
        self, parts: Sequence[ir.Value], name: str, shape: tuple[int, ...], axis: int
    ) -> ir.Value:
        if len(parts) == 1:
            return parts[0]
        return self._node("Concat", parts, {name: shape}, axis=axis)[0]

    def _numbered(self, name: str, index: int) -> str:
        return name if self.frames == 1 else f"{name}_{index}"

    def _features(self, spectrum: ir.Value) -> ir.Value:
        bins, kind = (self.frames, self.form.bins), self.form.kind
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

    def _frame(self, result: ir.Value, layout: Layout) -> ir.Value:
        """Return the samples (1, length) of a network's output."""
        shape = (1, self.form.length)
        if layout.content == "frame":
            return self._reshape(result, "network_frame", shape)
        return self._node("IRFFT", [self._filtered(result, layout)], {"inverse": shape})[0]

    def _filtered(self, result: ir.Value, layout: Layout) -> ir.Value:
        """Return the spectra (frames, bins, 2) that a network's output is, or that its gains leave."""
        spectrum = (self.frames, self.form.bins, 2)
        dims = spectrum if layout.content == "spectrum" else spectrum[:2]
        value = self._reshape(result, "result", layout.ordered(dims))
        back = [layout.order.index(axis) for axis in range(len(dims))]
        value = self._transpose(value, back, "result_in_order")
        if layout.content == "spectrum":
            return value
        gain = self._reshape(value, "gain", (*dims, 1))
        return self._node("Mul", [self._awaited(), gain], {"filtered": spectrum})[0]

    def _awaited(self) -> ir.Value:
        """Return the spectra to which the gains of this call belong."""
        assert self.spectrum is not None
        if not self.late:
            return self.spectrum
        frames, rest = self.frames, (self.form.bins, 2)
        waiting = self._state("stft_waiting", (self.late, *rest))
        shapes = {"all": (self.late + frames, *rest)}
        (every,) = self._node("Concat", [waiting, self.spectrum], shapes, axis=0)
        self._follow(waiting, self._slice(every, "late", 0, frames, frames + self.late))
        return self._slice(every, "awaited", 0, 0, frames)

    def _as_input(self, fed: ir.Value, layout: Layout, name: str) -> ir.Value:
        """Return `fed`, (frames, bins[, 2]) or a frame, as the network's input `name` holds it."""
        if layout.content != "frame":
            fed = self._transpose(fed, list(layout.order), f"{name}_in_order")
        return self._reshape(fed, f"{name}_shaped", layout.shape)

    def _slice(self, value: ir.Value, name: str, axis: int, start: int, end: int) -> ir.Value:
        shape = list(static_shape(value) or ())
        shape[axis] = end - start
        places = {"start": start, "end": end, "axis": axis}
        ends = [self._constant(f"{name}_{key}", [place]) for key, place in places.items()]
        return self._node("Slice", [value, *ends], {name: tuple(shape)})[0]

    def _transpose(self, value: ir.Value, perm: list[int], name: str) -> ir.Value:
        if perm == sorted(perm):
            return value
        shape = static_shape(value) or ()
        shapes = {name: tuple(shape[axis] for axis in perm)}
        return self._node("Transpose", [value], shapes, perm=perm)[0]

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

    def _state(self, name: str, shape: tuple[int, ...]) -> ir.Value:
        """Add a state: its input now, its output by `_follow`."""
        state = self._input(name, shape)
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
        node = ir.node(
            op_type,
            inputs,
            attributes,
            domain=FRONTEND_DOMAIN if op_type in FUNCTIONS else "",
            num_outputs=len(outputs),
            name=f"frontend/{next(iter(outputs))}",
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
