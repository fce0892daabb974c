"""The nodes of a PCM front end, put around a network in its own graph."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.feature_nodes import add_features, bin_numbers, power_of
from edgekit.export.frontend.guard import insert_finite
from edgekit.export.frontend.layout import Layout
from edgekit.export.frontend.micro import MICRO
from edgekit.export.frontend.micro_nodes import append_micro, append_real_features
from edgekit.export.frontend.mlperf import MLPERF
from edgekit.export.frontend.mlperf_nodes import append_emphasis
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.model import StatePair
from edgekit.graph.nodes import static_shape, unused_name, value_names

PCM_LIMIT = float(2**20)  # of |pcm|: full scale is 1, or 2^15 for unscaled 16-bit samples
PCM_FLOOR = 2.0**-40  # of |pcm|, -241 dB: powers of a spectrum of it are no denormal numbers


class FrontendBuilder:
    """Adds the nodes around the network or, with two networks, around and between them.

    Attributes:
        new: the writer of the nodes, with their state pairs.
        spectrum: the transform of the frames of a call (frames, bins, 2), if there is one.
        started: whether the network has started, bool (1,); None if it starts at once.
        result_is_frame: whether overlap-add gets samples, which need no inverse transform.
    """

    def __init__(
        self,
        model: ir.Model,
        form: FrontendSpec,
        frames: int = 1,
        late: int = 0,
        sample_rate: int | None = None,
    ) -> None:
        """Store the graph, which is changed in place.

        Args:
            model: the network's.
            form: the front end.
            frames: number of frames in one call.
            late: delay of the gains in frames: the spectra wait for them.
            sample_rate: Hz, for features.
        """
        self.model, self.graph, self.form = model, model.graph, form
        self.frames, self.late, self.sample_rate = frames, late, sample_rate
        self.new = FrontendWriter(model.graph)
        self.spectrum: ir.Value | None = None
        self.started: ir.Value | None = None
        self.result_is_frame = form.kind == "frame"

    def add_analysis(self, source: ir.Value, layout: Layout) -> None:
        """Replace the graph input `source` by ``pcm`` and its analysis."""
        graph, form = self.graph, self.form
        self.new.free_names(source)
        pcm = self.new.graph_input("pcm", (1, self.frames * form.hop))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        if form.kind == MICRO:
            fed = self._micro_features(pcm, layout, source)
        else:
            fed = pcm if form.overlap == 0 else self._analysed(pcm)
            fed = self._as_input(fed, layout, str(source.name))
        source.replace_all_uses_with(fed)
        graph.insert_before(graph[0], self.new.take())
        if form.kind != MICRO:  # whose operator reads what is no number as 0
            insert_finite(self.model, pcm, PCM_FLOOR, PCM_LIMIT)

    def _micro_features(self, pcm: ir.Value, layout: Layout, source: ir.Value) -> ir.Value:
        """Return the network's input `source` from TFLM's front end."""
        assert self.form.features is not None
        parts = self._parts(pcm, "pcm", 1)
        value = append_micro(self.new, parts, self.form.length, self.form.features)
        shaped = self._as_input(value, layout, str(source.name))
        return append_real_features(self.new, shaped, source)

    def _analysed(self, pcm: ir.Value) -> ir.Value:
        """Return the network's input from the samples of this call and the earlier ones."""
        form = self.form
        if form.kind == MLPERF:
            pcm = append_emphasis(self.new, pcm)
        history = self.new.state(f"{form.prefixes[0]}_history", (1, form.overlap))
        if form.kind == "frame":
            (fed,) = self.new.node("Concat", [history, pcm], {"frame": (1, form.length)}, axis=1)
            following = self.new.slice(fed, "kept", 1, form.hop, form.length)
        else:
            self.spectrum, following = self._transformed(pcm, history)
            fed = self._features(self.spectrum)
        self.new.follow(history, following)
        return fed

    def hold_states(self, states: Sequence[StatePair]) -> None:
        """Keep the network's states at zero while its frames are not full of samples yet."""
        graph, skipped = self.graph, self.form.skipped
        counted = self.new.state("stft_frames", (1,))
        one = self.new.constant("frame", np.ones(1, np.float32))
        enough = self.new.constant("skipped", np.full(1, skipped, np.float32))
        (more,) = self.new.node("Add", [counted, one], {"frames_more": (1,)})
        (following,) = self.new.node("Min", [more, enough], {"frames_counted": (1,)})
        (self.started,) = self.new.node("GreaterOrEqual", [counted, enough], {"started": (1,)})
        self.started.dtype = ir.DataType.BOOL
        self.new.follow(counted, following)
        places = {str(value.name): place for place, value in enumerate(graph.outputs)}
        for number, pair in enumerate(states):
            value, name = graph.outputs[places[pair.output]], pair.output
            held = self._once_started(value, f"held_{number}")
            value.name = unused_name(value_names(graph), f"network/{name}")
            held.name, graph.outputs[places[name]] = name, held
        graph.extend(self.new.take())

    def _once_started(self, value: ir.Value, name: str) -> ir.Value:
        """Return the value, zero before the network has started."""
        if self.started is None:
            return value
        zero, shape = self.new.constant("zero", np.float32(0)), static_shape(value) or ()
        return self.new.node("Where", [self.started, value, zero], {name: shape})[0]

    def add_link(self, result: ir.Value, layout: Layout, source: ir.Value, to: Layout) -> None:
        """Feed `source`, a graph input of (length) samples, with the samples of the output `result`."""
        self.new.free_names(result, source)
        self.graph.outputs.remove(result)
        self.graph.inputs.remove(source)
        frame = self._frame(result, layout)
        source.replace_all_uses_with(self._as_input(frame, to, str(source.name)))
        self.graph.extend(self.new.take())
        self.graph.sort()
        self.result_is_frame = True

    def add_synthesis(self, result: ir.Value, layout: Layout) -> None:
        """Replace the graph output `result` by ``pcm_out``."""
        graph, form = self.graph, self.form
        self.new.free_names(result)
        place = list(graph.outputs).index(result)
        pcm_out = self._frame(result, layout) if form.overlap == 0 else self._sound(result, layout)
        pcm_out.name = "pcm_out"
        graph.outputs[place] = pcm_out
        graph.extend(self.new.take())

    def _sound(self, result: ir.Value, layout: Layout) -> ir.Value:
        """Return the samples of this call, of which earlier calls made a part."""
        form = self.form
        overlap = self.new.state(f"{form.prefixes[1]}_overlap", (1, form.overlap))
        if self.result_is_frame:
            frame = self._once_started(self._frame(result, layout), "heard")
            pcm_out, following = self._added_up(frame, overlap)
        else:
            pcm_out, following = self._inverse(self._filtered(result, layout), overlap)
        self.new.follow(overlap, following)
        return pcm_out

    def _transformed(self, pcm: ir.Value, history: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the spectra (frames, bins, 2) of a call and the next history."""
        form, window = self.form, self.new.constant("window", self.form.windows()[0])
        spectra = []
        for index, part in enumerate(self._parts(pcm, "pcm", 1)):
            shapes = {
                self._numbered("spectrum", index): (1, form.bins, 2),
                self._numbered("kept", index): (1, form.overlap),
            }
            spectrum, history = self.new.node("STFT", [part, history, window], shapes)
            spectra.append(spectrum)
        return self.new.concat(spectra, "spectra", (self.frames, form.bins, 2), axis=0), history

    def _inverse(self, spectra: ir.Value, overlap: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the samples (1, frames * hop) of spectra (frames, bins, 2) and the next overlap."""
        form, window = self.form, self.new.constant("synthesis_window", self.form.windows()[1])
        pieces = []
        for index, part in enumerate(self._parts(spectra, "filtered", 0)):
            shapes = {
                self._numbered("pcm_out", index): (1, form.hop),
                self._numbered("left", index): (1, form.overlap),
            }
            piece, overlap = self.new.node("ISTFT", [part, overlap, window], shapes)
            pieces.append(piece)
        return self.new.concat(pieces, "pcm_out", (1, self.frames * form.hop), axis=1), overlap

    def _added_up(self, frame: ir.Value, overlap: ir.Value) -> Sequence[ir.Value]:
        """Return the first hop of frame (1, length) times window plus overlap, and the rest."""
        form, window = self.form, self.form.windows()[1]
        if (window != 1).any():
            factors = [frame, self.new.constant("synthesis_window", window)]
            (frame,) = self.new.node("Mul", factors, {"windowed": (1, form.length)})
        pads = [overlap, self.new.constant("pads", [0, 0, 0, form.hop])]
        (before,) = self.new.node("Pad", pads, {"before": (1, form.length)})
        (total,) = self.new.node("Add", [before, frame], {"sum": (1, form.length)})
        shapes = {"pcm_out": (1, form.hop), "left": (1, form.overlap)}
        parts = self.new.constant("parts", [form.hop, form.overlap])
        return self.new.node("Split", [total, parts], shapes, axis=1)

    def _parts(self, value: ir.Value, name: str, axis: int) -> Sequence[ir.Value]:
        """Split a value into its frames."""
        if self.frames == 1:
            return [value]
        shape = list(static_shape(value) or ())
        shape[axis] //= self.frames
        shapes = {f"{name}_{index}_in": tuple(shape) for index in range(self.frames)}
        return self.new.node("Split", [value], shapes, axis=axis, num_outputs=self.frames)

    def _numbered(self, name: str, index: int) -> str:
        return name if self.frames == 1 else f"{name}_{index}"

    def _features(self, spectrum: ir.Value) -> ir.Value:
        form = self.form
        if form.kind == "complex":
            return spectrum
        power = power_of(self.new, spectrum)
        if form.features is not None:
            assert self.sample_rate is not None
            numbers = form.length, form.hop, self.sample_rate
            return add_features(self.new, power, form.features, *numbers)
        return bin_numbers(self.new, power, form.kind)

    def _frame(self, result: ir.Value, layout: Layout) -> ir.Value:
        """Return the samples (1, length) of a network's output."""
        shape = (1, self.form.length)
        if layout.content == "frame":
            return self.new.reshape(result, "network_frame", shape)
        return self.new.node("IRFFT", [self._filtered(result, layout)], {"inverse": shape})[0]

    def _filtered(self, result: ir.Value, layout: Layout) -> ir.Value:
        """Return the spectra (frames, bins, 2) that a network's output is, or that its gains leave."""
        spectrum = (self.frames, self.form.bins, 2)
        dims = spectrum if layout.content == "spectrum" else spectrum[:2]
        value = self.new.reshape(result, "result", layout.ordered(dims))
        back = [layout.order.index(axis) for axis in range(len(dims))]
        value = self.new.transpose(value, back, "result_in_order")
        if layout.content == "spectrum":
            return self._once_started(value, "heard")
        gain = self.new.reshape(value, "gain", (*dims, 1))
        return self.new.node("Mul", [self._awaited(), gain], {"filtered": spectrum})[0]

    def _awaited(self) -> ir.Value:
        """Return the spectra to which the gains of this call belong."""
        assert self.spectrum is not None
        spectrum = self._once_started(self.spectrum, "heard")
        if not self.late:
            return spectrum
        frames, rest = self.frames, (self.form.bins, 2)
        waiting = self.new.state("stft_waiting", (self.late, *rest))
        shapes = {"all": (self.late + frames, *rest)}
        (every,) = self.new.node("Concat", [waiting, spectrum], shapes, axis=0)
        self.new.follow(waiting, self.new.slice(every, "late", 0, frames, frames + self.late))
        return self.new.slice(every, "awaited", 0, 0, frames)

    def _as_input(self, fed: ir.Value, layout: Layout, name: str) -> ir.Value:
        """Return `fed`, (frames, bins[, 2]) or a frame, as the network's input `name` holds it."""
        if layout.content != "frame":
            fed = self.new.transpose(fed, list(layout.order), f"{name}_in_order")
        return self.new.reshape(fed, f"{name}_shaped", layout.shape)
