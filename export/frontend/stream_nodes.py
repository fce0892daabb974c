"""The nodes of front ends of several channels and streams."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.feature_nodes import (
    add_gcc,
    add_intensity,
    append_frame_stack,
    band_features,
    bin_numbers,
    power_of,
    with_silence,
)
from edgekit.export.frontend.features import DIRECTIONS, Features
from edgekit.export.frontend.frame_layout import ORDER, SPECTRA, FrameLayout
from edgekit.export.frontend.guard import insert_finite
from edgekit.export.frontend.nodes import PCM_FLOOR, PCM_LIMIT
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import static_shape, unused_name, value_names


class StreamsBuilder:
    """Writes the nodes of front ends.

    Attributes:
        new: the writer, with the states.
        spectra: (channels, frames, bins, 2) of each transformed input, by name.
    """

    def __init__(self, model: ir.Model, sample_rate: int | None) -> None:
        """Store the graph, which is changed in place; features need the rate, in Hz."""
        self.model, self.graph, self.sample_rate = model, model.graph, sample_rate
        self.new = FrontendWriter(model.graph)
        self.spectra: dict[str, ir.Value] = {}
        self._windows: dict[tuple[str, bytes], ir.Value] = {}

    def add_analysis(self, source: ir.Value, held: FrameLayout) -> None:
        """Replace a graph input by PCM of the same name and its analysis."""
        graph, form, name = self.graph, held.form, str(source.name)
        channels, frames = held.heard, held.frames
        source.name = unused_name(value_names(graph), f"network/{name}")
        pcm = self.new.graph_input(name, (1, channels, held.samples))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        history = self._state(f"{name}_history", (channels, form.overlap))
        window = self._window("window", form.windows()[0])
        flat = self.new.reshape(pcm, f"{name}_flat", (channels, held.samples))
        spectra, following = [], []
        olds = self._split(history, f"{name}_old", 0, channels)
        for c, (part, old) in enumerate(
            zip(self._split(flat, f"{name}_channel", 0, channels), olds, strict=True)
        ):
            for f, hop in enumerate(self._split(part, f"{name}_hop_{c}", 1, frames)):
                shapes = {
                    f"{name}_spectrum_{c}_{f}": (1, form.bins, 2),
                    f"{name}_kept_{c}_{f}": (1, form.overlap),
                }
                spectrum, old = self.new.node("STFT", [hop, old, window], shapes)
                spectra.append(spectrum)
            following.append(old)
        shape = (channels, frames, form.bins, 2)
        whole = self.new.concat(spectra, f"{name}_spectra", (channels * frames, *shape[2:]), 0)
        whole = self.new.reshape(whole, f"{name}_spectrum", shape)
        self.spectra[name] = whole
        self.new.follow(
            history, self.new.concat(following, f"{name}_kept", (channels, form.overlap), 0)
        )
        seen = self._spectrum(whole, form, name) if form.kind in SPECTRA else None
        seen = self._features(whole, form, name) if seen is None else seen
        fed = self.new.reshape(seen, f"{name}_fed", tuple(held.dims))
        fed = self.new.transpose(fed, held.places, f"{name}_in_order")
        source.replace_all_uses_with(self.new.reshape(fed, f"{name}_shaped", held.shape))
        self._put_first()
        insert_finite(self.model, pcm, PCM_FLOOR, PCM_LIMIT)

    def add_synthesis(
        self, result: ir.Value, held: FrameLayout, spectrum: ir.Value | None, late: int
    ) -> None:
        """Replace a graph output of spectra by PCM of the same name.

        Of gains where `spectrum` is given, (channels, frames, bins, 2), which they come `late` frames after.
        """
        graph, form, name = self.graph, held.form, str(result.name)
        place = list(graph.outputs).index(result)
        result.name = unused_name(value_names(graph), f"network/{name}")
        ordered = tuple(held.dims[axis] for axis in held.places)
        value = self.new.reshape(result, f"{name}_result", ordered)
        back = [held.places.index(axis) for axis in range(len(ORDER))]
        value = self.new.transpose(value, back, f"{name}_result_in_order")
        channels, frames = held.sizes["C"], held.frames
        if spectrum is not None:
            shape = static_shape(spectrum) or ()
            channels = shape[0]
            awaited = self._awaited(spectrum, name, late)
            (value,) = self.new.node("Mul", [awaited, value], {f"{name}_filtered": shape})
        overlap = self._state(f"{name}_overlap", (channels, form.overlap))
        window = self._window("synthesis_window", form.windows()[1])
        pieces, following = [], []
        flat = self.new.reshape(value, f"{name}_flat", (channels * frames, form.bins, 2))
        parts = self._split(flat, f"{name}_frame", 0, channels * frames)
        for c, left in enumerate(self._split(overlap, f"{name}_old", 0, channels)):
            own = []
            for f, part in enumerate(parts[c * frames : (c + 1) * frames]):
                shapes = {
                    f"{name}_piece_{c}_{f}": (1, form.hop),
                    f"{name}_left_{c}_{f}": (1, form.overlap),
                }
                piece, left = self.new.node("ISTFT", [part, left, window], shapes)
                own.append(piece)
            pieces.append(self.new.concat(own, f"{name}_channel_{c}", (1, held.samples), 1))
            following.append(left)
        pcm = self.new.concat(pieces, f"{name}_channels", (channels, held.samples), 0)
        sound = (1, channels, held.samples)
        dims = self.new.constant(f"{name}_pcm_dims", sound)
        (pcm,) = self.new.node("Reshape", [pcm, dims], {f"{name}_pcm": sound})
        pcm.name, graph.outputs[place] = name, pcm
        whole = self.new.concat(following, f"{name}_left", (channels, form.overlap), 0)
        self.new.follow(overlap, whole)
        graph.extend(self.new.take())

    def _awaited(self, spectrum: ir.Value, name: str, late: int) -> ir.Value:
        """Return the spectra of gains that come `late` frames after them."""
        if not late:
            return spectrum
        channels, frames, *rest = static_shape(spectrum) or ()
        waiting = self._state(f"{name}_waiting", (channels, late, *rest))
        every_shape = (channels, late + frames, *rest)
        (every,) = self.new.node(
            "Concat", [waiting, spectrum], {f"{name}_every": every_shape}, axis=1
        )
        self.new.follow(waiting, self.new.slice(every, f"{name}_late", 1, frames, frames + late))
        return self.new.slice(every, f"{name}_awaited", 1, 0, frames)

    def _spectrum(self, spectrum: ir.Value, form: FrontendSpec, name: str) -> ir.Value:
        """Return the network's input computed from a spectrum (channels, frames, bins, 2)."""
        if form.kind == "complex":
            return spectrum
        power = power_of(self.new, spectrum, f"{name}_")
        return bin_numbers(self.new, power, form.kind, f"{name}_")

    def _features(self, spectra: ir.Value, form: FrontendSpec, name: str) -> ir.Value:
        """Return features (channels, frames or stacked frames, width) of spectra (PCM channels, frames, bins, 2)."""
        assert self.sample_rate is not None
        new, heard = self.new.under(name), (static_shape(spectra) or ())[0]
        power: ir.Value | None = None
        parts, silence = [], []
        for index, features in enumerate(form.every_feature):
            if power is None and features.kind not in DIRECTIONS:
                power = power_of(new, spectra)
            state = f"{name}_pcen" + (f"_{index}" if index else "")
            parts.append(self._feature(new, features, form, (spectra, power), state))
            channels = features.channels(heard) or 0
            silence.append(np.tile(features.silence, (channels, 1, 1)))
        shape = (sum(map(len, silence)), *(static_shape(parts[0]) or ())[1:])
        value = self.new.concat(parts, f"{name}_features", shape, 0)
        if form.stack is not None:
            value = append_frame_stack(new, value, form.stack, self._free(f"{name}_stack"))
        return with_silence(new, value, np.concatenate(silence))

    def _feature(
        self,
        new: FrontendWriter,
        features: Features,
        form: FrontendSpec,
        heard: tuple[ir.Value, ir.Value | None],
        state: str,
    ) -> ir.Value:
        """Return one kind of features of spectra, or of their power for bands."""
        spectra, power = heard
        assert self.sample_rate is not None
        if features.kind == "gcc":
            return add_gcc(new, spectra, form.length, features.bands)
        if features.kind == "intensity":
            bank = features.bank_matrix(form.length, self.sample_rate)
            return add_intensity(new, spectra, bank)
        assert power is not None
        numbers = form.length, form.hop, self.sample_rate
        return band_features(new, power, features, *numbers, self._free(state))

    def _window(self, name: str, window: np.ndarray) -> ir.Value:
        """Return the constant of a window, shared by all streams."""
        key = name, window.tobytes()
        if key not in self._windows:
            self._windows[key] = self.new.constant(name, window)
        return self._windows[key]

    def _free(self, name: str) -> str:
        return unused_name(value_names(self.graph), name)

    def _state(self, name: str, shape: tuple[int, ...]) -> ir.Value:
        return self.new.state(self._free(name), shape)

    def _split(self, value: ir.Value, name: str, axis: int, count: int) -> Sequence[ir.Value]:
        if count == 1:
            return [value]
        shape = list(static_shape(value) or ())
        shape[axis] //= count
        shapes = {f"{name}_{index}": tuple(shape) for index in range(count)}
        return self.new.node("Split", [value], shapes, axis=axis, num_outputs=count)

    def _put_first(self) -> None:
        """Insert the written nodes before all others."""
        if len(self.graph):
            self.graph.insert_before(self.graph[0], self.new.take())
        else:
            self.graph.extend(self.new.take())
