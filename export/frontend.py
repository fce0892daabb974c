"""A PCM front end: STFT before the network and ISTFT behind it, as nodes of the same graph."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.errors import Problem, UsageError
from edgekit.export.functions import define_functions
from edgekit.export.model import FLOAT_NODE, FRONTEND_DOMAIN, Model, StatePair, StreamInfo
from edgekit.export.passes.finite import insert_finite
from edgekit.export.passes.graph import add_initializer, static_shape, unused_name, value_names

PCM_LIMIT = float(2**20)  # of |pcm|: full scale is 1, or 2^15 for unscaled 16-bit samples
POWER_FLOOR = 1e-12
WINDOWS = ("hann", "sqrt_hann", "hamming")
KINDS = ("", "mag", "logpow")
FORM = "stft:N_FFT:HOP:WINDOW[:mag|logpow]"
MIN_N_FFT, MAX_N_FFT = 32, 4096
RESERVED = ("pcm", "pcm_out", "stft_history", "stft_history_next", "istft_overlap",
            "istft_overlap_next")  # fmt: skip

# The summed squares of the shifted windows may not fall below this part of their peak: the
# synthesis window divides by them.
MIN_OVERLAP = 0.1


@dataclass(frozen=True)
class StftSpec:
    """A parsed specification; sizes in samples, `kind` is ``""``, ``mag`` or ``logpow``."""

    n_fft: int
    hop: int
    window: str
    kind: str

    @property
    def bins(self) -> int:
        """Frequencies from 0 to half the sample rate, both included."""
        return self.n_fft // 2 + 1

    def windows(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the analysis and the synthesis window, both (n_fft,) float32.

        The synthesis window is the analysis window divided by the sum of the squares of all windows
        that overlap a sample, as ``torch.istft`` does: analysis and synthesis add up to exactly 1.
        """
        window = make_window(self.window, self.n_fft)
        overlap = summed_squares(window, self.hop)
        synthesis = window / np.resize(overlap, self.n_fft)
        return window.astype(np.float32), synthesis.astype(np.float32)


def make_window(name: str, n_fft: int) -> np.ndarray[Any, Any]:
    """Return a periodic window (n_fft,) in float64; `name` is one of `WINDOWS`."""
    cosine = np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    if name == "hamming":
        return np.asarray(0.54 - 0.46 * cosine)
    hann = 0.5 - 0.5 * cosine
    return np.asarray(hann if name == "hann" else np.sqrt(np.maximum(hann, 0)))


def summed_squares(window: np.ndarray[Any, Any], hop: int) -> np.ndarray[Any, Any]:
    """Return ``sum_k window[n + k * hop]^2`` for n in 0..hop - 1."""
    padded = np.concatenate([window**2, np.zeros(-len(window) % hop)])
    return np.asarray(padded.reshape(-1, hop).sum(axis=0))


def parse_spec(text: str) -> StftSpec:
    """Parse ``stft:N_FFT:HOP:WINDOW[:mag|logpow]``.

    Raises:
        UsageError: every part that is wrong, with what is allowed.
    """
    match = re.fullmatch(r"stft:([0-9]{1,6}):([0-9]{1,6}):(\w+)(?::(\w+))?", text)
    if match is None:
        raise UsageError(Problem(f"--frontend {text}", "not of this form", FORM, "correct it"))
    n_fft, hop, window, kind = int(match[1]), int(match[2]), match[3], match[4] or ""
    spec = StftSpec(n_fft, hop, window, kind)
    problems = []
    if n_fft % 2 or not MIN_N_FFT <= n_fft <= MAX_N_FFT:
        problems.append(("N_FFT", str(n_fft), f"even numbers, {MIN_N_FFT} to {MAX_N_FFT}"))
    if window not in WINDOWS:
        problems.append(("WINDOW", window, ", ".join(WINDOWS)))
    if kind not in KINDS:
        problems.append(("the last part", kind, "mag, logpow, or nothing for the complex spectrum"))
    if not problems and not _adds_up(spec.window, n_fft, hop):
        hops = [h for h in range(1, n_fft) if n_fft % h == 0 and _adds_up(window, n_fft, h)]
        problems.append(
            ("HOP", f"{window} windows of {n_fft} samples do not overlap-add at hop {hop}",
             "hops that divide N_FFT: " + ", ".join(map(str, hops)))
        )  # fmt: skip
    if problems:
        raise UsageError(
            Problem(f"--frontend {text}: {where}", found, allowed, "correct it")
            for where, found, allowed in problems
        )
    return spec


def _adds_up(window: str, n_fft: int, hop: int) -> bool:
    if not 1 <= hop < n_fft:
        return False
    overlap = summed_squares(make_window(window, n_fft), hop)
    return bool(overlap.min() >= MIN_OVERLAP * overlap.max())


def add_frontend(model: Model, spec: str, sample_rate: int | None) -> Model:
    """Return a model that eats ``pcm`` (1, hop) and gives ``pcm_out`` (1, hop), both float32.

    Its first stream input and output are replaced. Without suffix both are the complex spectrum,
    N_FFT/2 + 1 bins by 2 (real, imaginary) plus any unit axes. ``mag`` feeds ``sqrt(re^2 + im^2)``,
    ``logpow`` feeds ``log10(max(re^2 + im^2, 1e-12))``; the output then is a real gain per bin. Two
    states are added, ``stft_history`` and ``istft_overlap``, both (1, N_FFT - HOP). The delay is
    that of the network plus N_FFT - HOP samples. NaN, infinity and anything beyond `PCM_LIMIT` in
    the PCM read as 0.

    Args:
        model: the network between STFT and ISTFT.
        spec: ``stft:N_FFT:HOP:WINDOW[:mag|logpow]``; windows are periodic.
        sample_rate: Hz; None keeps what the model says.

    Raises:
        UsageError: the specification is wrong or does not fit the network.
    """
    stft = parse_spec(spec)
    _check_fit(model, stft, spec)
    source, result = str(model.stream_inputs[0].name), str(model.stream_outputs[0].name)
    graph_model = model.ir.clone()
    builder = _Builder(graph_model, stft)
    builder.add_analysis(next(v for v in graph_model.graph.inputs if v.name == source))
    builder.add_synthesis(next(v for v in graph_model.graph.outputs if v.name == result))
    define_functions(graph_model)
    known = model.stream
    stream = StreamInfo(
        stft.hop,
        known.sample_rate_hz if sample_rate is None else sample_rate,
        (known.delay_samples or 0) + stft.n_fft - stft.hop,
    )
    states = [*model.states, StatePair("stft_history", "stft_history_next"),
              StatePair("istft_overlap", "istft_overlap_next")]  # fmt: skip
    return Model(graph_model).describe(states=states, stream=stream, frontend=spec)


def _check_fit(model: Model, stft: StftSpec, spec: str) -> None:
    where = f"--frontend {spec}"
    problems = []
    if model.frontend is not None:
        problems.append(
            Problem(where, f"the network already has {model.frontend}", "one front end",
                    "leave the option out")
        )  # fmt: skip
    if model.stream.hop_samples not in (None, stft.hop):
        problems.append(
            Problem(where, f"hop {stft.hop}, but the network's hop is {model.stream.hop_samples}",
                    "the same hop", "correct --hop or --frontend")
        )  # fmt: skip
    streams = {value.name for value in (model.stream_inputs[:1] + model.stream_outputs[:1])}
    kept = {value.name for value in (*model.ir.graph.inputs, *model.ir.graph.outputs)} - streams
    for name in sorted({str(name) for name in kept} & set(RESERVED)):
        problems.append(
            Problem(f"'{name}'", "the network has an input or output of this name",
                    "names other than " + ", ".join(RESERVED), "rename it")
        )  # fmt: skip
    for kind, values in (("input", model.stream_inputs), ("output", model.stream_outputs)):
        shape = static_shape(values[0]) if values else None
        expected = (stft.bins, 2) if stft.kind == "" else (stft.bins,)
        if shape is None or tuple(dim for dim in shape if dim != 1) != expected:
            what = {"": "the complex spectrum", "mag": "the magnitude", "logpow": "the log power"}
            content = what[stft.kind] if kind == "input" or not stft.kind else "a gain per bin"
            problems.append(
                Problem(
                    f"{where}: {kind} '{values[0].name if values else 'none'}'",
                    f"shape {shape}",
                    f"{content}: {expected} plus any unit axes",
                    "choose N_FFT and the last part to fit the network",
                )
            )
    if problems:
        raise UsageError(problems)


class _Builder:
    """Adds the nodes; `spectrum` is the analysed (1, bins, 2) value between the two halves."""

    def __init__(self, model: ir.Model, stft: StftSpec) -> None:
        self.model, self.graph, self.stft = model, model.graph, stft
        self.window, self.synthesis = (
            add_initializer(self.graph, f"frontend/{name}", array)
            for name, array in zip(("window", "synthesis_window"), stft.windows(), strict=True)
        )
        self.spectrum = self.window
        self.nodes: list[ir.Node] = []

    def add_analysis(self, source: ir.Value) -> None:
        """Put ``pcm`` and its analysis in the place of the graph input `source`."""
        graph, stft = self.graph, self.stft
        shape = static_shape(source) or ()
        self._free_names(source)
        pcm = self._input("pcm", (1, stft.hop))
        history = self._input("stft_history", (1, stft.n_fft - stft.hop))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        graph.inputs.append(history)
        self.spectrum = self._node(
            "STFT", [pcm, history, self.window], "spectrum", (1, stft.bins, 2)
        )
        following = self._following(history)
        graph.outputs.append(following)
        fed = self._features()
        if static_shape(fed) != shape:
            fed = self._reshape(fed, f"{source.name}_shaped", shape)
        source.replace_all_uses_with(fed)
        graph.insert_before(graph[0], self.nodes)
        insert_finite(self.model, pcm, PCM_LIMIT)
        self.nodes = []

    def add_synthesis(self, result: ir.Value) -> None:
        """Put ``pcm_out`` in the place of the graph output `result`."""
        graph, stft = self.graph, self.stft
        self._free_names(result)
        place = list(graph.outputs).index(result)
        overlap = self._input("istft_overlap", (1, stft.n_fft - stft.hop))
        graph.inputs.append(overlap)
        spectrum = (1, stft.bins, 2)
        if stft.kind:
            gain = self._reshape(result, "gain", (1, stft.bins, 1))
            result = self._node("Mul", [self.spectrum, gain], "filtered", spectrum)
        elif static_shape(result) != spectrum:
            result = self._reshape(result, "filtered", spectrum)
        pcm_out = self._node("ISTFT", [result, overlap, self.synthesis], "pcm_out", (1, stft.hop))
        pcm_out.name = "pcm_out"
        graph.outputs[place] = pcm_out
        graph.outputs.append(self._following(overlap))
        graph.extend(self.nodes)

    def _features(self) -> ir.Value:
        bins = (1, self.stft.bins)
        if not self.stft.kind:
            return self.spectrum
        squares = self._node("Mul", [self.spectrum, self.spectrum], "squares", (*bins, 2))
        axes = add_initializer(self.graph, "frontend/axes", np.array([2], np.int64))
        power = self._node("ReduceSum", [squares, axes], "power", bins, keepdims=0)
        if self.stft.kind == "mag":
            return self._node("Sqrt", [power], "magnitude", bins)
        floor = add_initializer(self.graph, "frontend/floor", np.array(POWER_FLOOR, np.float32))
        unit = add_initializer(self.graph, "frontend/log10", np.array(1 / np.log(10), np.float32))
        floored = self._node("Max", [power, floor], "floored", bins)
        logarithm = self._node("Log", [floored], "log", bins)
        return self._node("Mul", [logarithm, unit], "log_power", bins)

    def _input(self, name: str, shape: tuple[int, ...]) -> ir.Value:
        return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))

    def _reshape(self, value: ir.Value, name: str, shape: tuple[int, ...]) -> ir.Value:
        dims = add_initializer(self.graph, f"frontend/{name}_dims", np.array(shape, np.int64))
        return self._node("Reshape", [value, dims], name, shape)

    def _node(
        self,
        op_type: str,
        inputs: list[ir.Value],
        name: str,
        shape: tuple[int, ...],
        **attributes: int,
    ) -> ir.Value:
        own = op_type in ("STFT", "ISTFT")
        node = ir.node(
            op_type,
            inputs,
            attributes,
            domain=FRONTEND_DOMAIN if own else "",
            num_outputs=2 if own else 1,
            name=f"frontend/{op_type.lower() if own else name}",
        )
        node.metadata_props[FLOAT_NODE] = "1"
        output = node.outputs[0]
        output.name = unused_name(value_names(self.graph), f"frontend/{name}")
        output.shape, output.dtype = ir.Shape(shape), ir.DataType.FLOAT
        self.nodes.append(node)
        return output

    def _following(self, state: ir.Value) -> ir.Value:
        """Return the second output of the last node, as the next value of `state`."""
        value = self.nodes[-1].outputs[1]
        value.name = f"{state.name}_next"
        value.shape, value.dtype = state.shape, ir.DataType.FLOAT
        return value

    def _free_names(self, border: ir.Value) -> None:
        """Rename values inside the network that have one of the front end's names."""
        taken = value_names(self.graph) | set(RESERVED)
        inner = [
            value for node in self.graph for value in node.outputs if not value.is_graph_output()
        ]
        for value in (border, *self.graph.initializers.values(), *inner):
            if value.name in RESERVED:
                value.name = unused_name(taken, f"network/{value.name}")
                taken.add(value.name)
