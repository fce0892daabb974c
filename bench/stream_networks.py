"""Offline networks for the streaming tests, written as ONNX with an open time axis, and their checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import Arrays, in_onnxruntime
from edgekit.export.own_operators.functions import with_bodies
from edgekit.export.stream.convert import analyse, rewrite, stream
from edgekit.export.stream.examples import hold
from edgekit.export.stream.length_free_forms import with_length_free_forms
from edgekit.export.stream.prove import run_stream
from edgekit.export.stream.recording_end import NO_END, RecordingEnd
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.verify import compare
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET, Model

NO_MORE: dict[str, list[Any]] = {}
LAYOUTS = {
    "NCT": (1, None, "T"),
    "NTC": (1, "T", None),
    "NCFT": (1, None, 4, "T"),
    "NCTF": (1, None, "T", 4),
}


@dataclass
class Net:
    """Builds a graph node by node; every method that adds a layer returns the name of its output."""

    seed: int = 0
    prefix: str = ""  # of names, in a graph inside another one
    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"{self.prefix}c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def weight(self, *shape: int) -> str:
        fan = max(1, int(np.prod(shape[1:])))
        return self.const(self.random.uniform(-1.5, 1.5, shape) / np.sqrt(fan))

    def add(self, op_type: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        name = f"{self.prefix}{op_type.lower()}{len(self.nodes)}"
        names = [f"{name}_y{n or ''}" for n in range(outputs)]
        self.nodes.append(helper.make_node(op_type, inputs, names, name=name, **attributes))
        return names[0]

    def conv(self, x: str, c: int, out: int, k: int, *, left: int = 0, right: int = 0,
             dilation: int = 1, stride: int = 1, group: int = 1) -> str:  # fmt: skip
        return self.add(
            "Conv",
            x,
            self.weight(out, c // group, k),
            self.weight(out),
            group=group,
            pads=[left, right],
            dilations=[dilation],
            strides=[stride],
        )

    def transposed(
        self,
        x: str,
        c: int,
        out: int,
        k: int,
        stride: int,
        left: int = 0,
        right: int = 0,
        extra: int = 0,
    ) -> str:
        return self.add(
            "ConvTranspose",
            x,
            self.weight(c, out, k),
            self.weight(out),
            strides=[stride],
            pads=[left, right],
            output_padding=[extra],
        )

    def pad(self, x: str, left: int, right: int, fill: float = 0.0) -> str:
        return self.add("Pad", x, self.const([0, 0, left, 0, 0, right], np.int64), self.const(fill))

    def cut(self, x: str, start: int, end: int = 2**60, axis: int = 2, step: int = 1) -> str:
        bounds = [self.const([n], np.int64) for n in (start, end, axis, step)]
        return self.add("Slice", x, *bounds)

    def recurrent(self, x: str, c: int, kind: str = "GRU", direction: str = "forward") -> str:
        gates, both = (
            {"GRU": 3, "LSTM": 4, "RNN": 1}[kind],
            2 if direction == "bidirectional" else 1,
        )
        frames = self.add("Transpose", x, perm=[2, 0, 1])
        y = self.add(
            kind,
            frames,
            self.weight(both, gates * c, c),
            self.weight(both, gates * c, c),
            self.weight(both, 2 * gates * c),
            hidden_size=c,
            direction=direction,
        )
        rows = self.add("Transpose", y, perm=[2, 1, 3, 0])
        flat = self.add("Reshape", rows, self.const([1, both * c, -1], np.int64))
        return flat

    def model(
        self,
        shape: list[Any],
        output: str | list[str],
        rank: int = 0,
        more: Mapping[str, list[Any]] = NO_MORE,
    ) -> bytes:
        """The file: input x of this shape, and `more` by name."""
        rank = rank or len(shape)
        outputs = [output] if isinstance(output, str) else output
        graph = helper.make_graph(
            self.nodes,
            "net",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
                for name, dims in {"x": shape, **more}.items()
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank)
                for name in outputs
            ],
            self.tensors,
        )
        opset = helper.make_opsetid("", OPSET)
        own = [helper.make_opsetid(FRONTEND_DOMAIN, 1)] if any(n.domain for n in self.nodes) else []
        model = helper.make_model(graph, opset_imports=[opset, *own], ir_version=10)
        return with_bodies(model.SerializeToString())


def check(
    data: bytes,
    hops: tuple[int, ...] = (1, 2, 3, 7),
    samples: int = 60,
    controls: Sequence[str] = (),
    end: RecordingEnd = NO_END,
    **options: Any,
) -> list[Model]:
    """Stream a network by multiples of its least hop and compare with onnxruntime on the whole.

    A control has another value in every hop. `end` is that of recordings.
    """
    source = onnx_offline(data, name="net", **options)
    offline = with_length_free_forms(replace(source, controls=tuple(controls), end=end))
    analysis = analyse(offline)
    least = analysis.facts.minimum_hop()
    samples = max(-(-samples // least), 8) * least
    running = in_onnxruntime(data)
    random = np.random.default_rng(1)
    feed, turned = {}, dict[str, TimeAxis]()
    for value in analysis.short.graph.inputs:
        time = analysis.facts.time(value)
        shape = [
            int(time.rate * samples) if time and time.axis == n else int(d)
            for n, d in enumerate(value.shape or ())
        ]
        feed[str(value.name)] = random.normal(size=shape).astype(np.float32)
        if time and value.name in controls:
            turned[str(value.name)] = time
    whole, models = running(feed), []
    for times in hops:
        model = rewrite(analysis, times * least)
        held = dict(feed)
        for name, time in turned.items():
            held[name] = hold(feed[name], time.axis, int(time.rate * times * least))
        whole = running(held) if turned else whole
        compare(whole, run_stream(model, held, samples), what=f"hop {times * least}")
        models.append(model)
    return models


def least_delay(data: bytes, hop: int, samples: int, channels: int = 1, least: int = 0) -> int:
    """The least delay in samples that an output of a network with the input x allows, see `least_frames`."""
    delay, rate = least_frames(in_onnxruntime(data), (1, channels, samples), hop, least or hop)
    return ceil(delay / rate)


def least_frames(
    running: Callable[[Arrays], Arrays],
    shape: Sequence[int],
    hop: int,
    unit: int,
    axis: int = -1,
    made_axis: int = -1,
) -> tuple[int, Fraction]:
    """The least delay of the only output in its frames, and its frames for a sample: by changing the input x.

    No output that is read in hop h may follow from a sample behind it, or from whether there is one. So the rest of a
    recording is changed, in several ways, and cut off, from each `unit` of samples on: the first frame that is then
    another one has to come with that sample's hop, or later. A recording may be as short as the network takes it:
    frames that need the end to lie far enough behind them wait until it does.

    Args:
        running: the offline network; it raises ModelError for a recording that is too short for it.
        shape: of x.
        hop: samples.
        unit: samples that divide the length of every recording, and the hop.
        axis: time, of the input.
        made_axis: time, of the output.
    """
    random, samples = np.random.default_rng(2), shape[axis]
    x = np.moveaxis(random.normal(size=shape), axis, -1)
    scales = (
        3,
        3,
        3,
        30,
        30,
        30,
    )  # large ones win a maximum, and small ones do not saturate a sigmoid
    others = [scale * np.moveaxis(random.normal(size=shape), axis, -1) for scale in scales]

    def run(changed: NDArray[Any]) -> NDArray[Any]:
        (after,) = running({"x": np.moveaxis(changed, -1, axis).astype(np.float32)}).values()
        return np.moveaxis(np.asarray(after), made_axis, -1)

    def first_after_cut(place: int) -> int | None:
        try:
            after = run(x[..., :place])
        except ModelError:
            return None
        # onnxruntime pools recordings that are shorter than a kernel to a frame that no length should have
        as_usual = before.shape[-1] - after.shape[-1] == rate * (samples - place)
        return first_changed(after, 1e-5 * peak) if as_usual else None

    before = run(x)
    peak = float(np.abs(before).max())

    def first_changed(after: NDArray[Any], limit: float) -> int | None:
        size = min(after.shape[-1], before.shape[-1])
        far = np.abs(after[..., :size] - before[..., :size]) > limit
        places = np.flatnonzero(far.any(axis=tuple(range(before.ndim - 1))))
        return int(places[0]) if len(places) else None

    rate = Fraction(before.shape[-1] - run(x[..., : samples // 2 // unit * unit]).shape[-1])
    rate /= samples - samples // 2 // unit * unit
    waits = [0]
    for place in range(unit, samples, unit):
        found = [first_after_cut(place)]
        for other in others if place % hop == 0 else ():
            changed = np.concatenate([x[..., :place], other[..., place:]], axis=-1)
            found.append(first_changed(run(changed), 0.0))
        waits += [int(place // hop * hop * rate) - frame for frame in found if frame is not None]
    return max(waits), rate


def delays(model: Model) -> list[int]:
    """The delay of each output, in samples."""
    assert model.streaming is not None
    return [output.delay_samples for output in model.streaming.outputs]


def refused(net: Net, output: str, shape: Sequence[Any] = (1, 2, "T"), rank: int = 0) -> str:
    """Why a network does not stream: its only problem, which says what is allowed and what to do."""
    with pytest.raises(ModelError) as caught:
        stream(onnx_offline(net.model(list(shape), output, rank), name="net"))
    (problem,) = caught.value.problems
    assert problem.allowed and problem.next_step
    return str(problem)
