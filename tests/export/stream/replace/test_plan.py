"""Networks with replaced nodes: equal to NumPy forms written apart, and streamed."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from stream_networks import Net

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.replace.forms import chosen
from edgekit.export.stream.replace.plan import refuse_unused_forms, replace_forms
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare

CHANNELS, SAMPLES = 4, 40


def changed(net, output, *forms, shape=(1, CHANNELS, "T"), rank=0, causal=False):
    """The network with replaced nodes, and what was replaced."""
    data = net.model(list(shape), output, rank=rank)
    return replace_forms(onnx_offline(data, name="net"), chosen(forms, causal=causal))


def equal(offline, expected, shape=(1, CHANNELS, SAMPLES), seed=3):
    """Compare the replaced network with a function of NumPy, and stream it."""
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    (found,) = in_onnxruntime(offline.at(SAMPLES).to_bytes())({"x": x}).values()
    compare({"y": expected(x.astype(np.float64))}, {"y": found})
    return stream(offline)


def last(x, window):
    """Views of the last frames up to each, without those before the first: a list over time."""
    first = [0 if window is None else max(0, t + 1 - window) for t in range(x.shape[-1])]
    return [x[..., a : t + 1] for t, a in enumerate(first)]


def over_time(x, window, what):
    return np.stack([what(part) for part in last(x, window)], -1)


def mean(x, window):
    return over_time(x, window, lambda part: part.mean(-1))


def normal(x, window, axes, epsilon=1e-5):
    """Every frame by the mean and variance of what is heard, over `axes` and time."""
    parts = [
        (p.mean((*axes, -1), keepdims=True), p.var((*axes, -1), keepdims=True))
        for p in last(x, window)
    ]
    middle, spread = (np.concatenate([part[n] for part in parts], -1) for n in (0, 1))
    return (x - middle) / np.sqrt(spread + epsilon)


class Layers:
    """Random layers that need the end: each adds nodes to a net and returns what NumPy makes of its replaced form."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.net = Net(seed)

    def weight(self, *shape):
        array = (self.random.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)
        return self.net.const(array), array.astype(np.float64)

    def convolution(self, x, window):
        kernel, mode = int(self.random.integers(2, 5)), str(self.random.choice(["reflect", "edge"]))
        left = int(self.random.integers(0, kernel))
        name, array = self.weight(CHANNELS, CHANNELS, kernel)
        pads = self.net.const([0, 0, left, 0, 0, kernel - 1 - left], np.int64)
        y = self.net.add("Conv", self.net.add("Pad", x, pads, mode=mode), name)

        def form(x):
            wide = np.pad(x, ((0, 0), (0, 0), (left, kernel - 1 - left)))
            return np.einsum("nctk,ock->not", sliding_window_view(wide, kernel, -1), array)

        return y, form

    def layer_norm(self, x, window):
        axes = self.net.const([1, 2], np.int64)
        d = self.net.add("Sub", x, self.net.add("ReduceMean", x, axes))
        spread = self.net.add("ReduceMean", self.net.add("Mul", d, d), axes)
        root = self.net.add("Sqrt", self.net.add("Add", spread, self.net.const(1e-2)))
        return self.net.add("Div", d, root), lambda x: normal(x, window, (1,), 1e-2)

    def group_norm(self, x, window):
        groups = int(self.random.choice([1, 2, CHANNELS]))
        (scale, s), (bias, b) = self.weight(CHANNELS), self.weight(CHANNELS)
        y = self.net.add("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=1e-2)

        def form(x):
            split = x.reshape(1, groups, CHANNELS // groups, -1)
            return normal(split, window, (2,), 1e-2).reshape(x.shape) * s[:, None] + b[:, None]

        return y, form

    def gate(self, x, window):
        """Squeeze and excite, without the time axis in between."""
        pooled = self.net.add("ReduceMean", x, self.net.const([2], np.int64), keepdims=0)
        name, array = self.weight(CHANNELS, CHANNELS)
        gain = self.net.add("Sigmoid", self.net.add("Gemm", pooled, name))
        y = self.net.add("Mul", x, self.net.add("Unsqueeze", gain, self.net.const([2], np.int64)))

        def form(x):
            return x / (1 + np.exp(-np.einsum("nct,co->not", mean(x, window), array)))

        return y, form

    def loudest(self, x, window):
        top = self.net.add("ReduceMax", self.net.add("Abs", x), self.net.const([1, 2], np.int64))
        y = self.net.add("Div", x, self.net.add("Add", top, self.net.const(0.5)))

        def form(x):
            top = over_time(np.abs(x), 6, lambda part: part.max((1, 2), keepdims=True)[..., 0])
            return x / (top + 0.5)

        return y, form

    def power(self, x, window):
        root = self.net.add("ReduceL2", x, keepdims=0)
        y = self.net.add("Div", x, self.net.add("Add", root, self.net.const(0.5)))

        def form(x):
            total = over_time(x**2, window, lambda part: part.sum((1, 2), keepdims=True)[..., 0])
            return x / (np.sqrt(total) + 0.5)

        return y, form


LAYERS = ("convolution", "layer_norm", "group_norm", "gate", "loudest", "power")


@pytest.mark.rows(1)
@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 23))]
)
def test_random_networks_equal_numpy_and_stream(seed):
    layers = Layers(seed)
    window = None if seed % 2 else int(layers.random.integers(2, 9))
    name = "cumulative" if window is None else f"window:{window}"
    y, forms = "x", []
    for kind in [LAYERS[seed % len(LAYERS)], *layers.random.choice(LAYERS, 2)]:
        y, form = getattr(layers, str(kind))(y, window)
        y = layers.net.add("Tanh", y)
        forms.append(form)
    wanted = {"pad=zeros", f"mean={name}", f"norm={name}", "max=window:6"}
    offline, found = changed(layers.net, y, *sorted(wanted))
    assert {row.form for row in found} <= wanted and found

    def whole(x):
        for form in forms:
            x = np.tanh(form(x))
        return x

    model = equal(offline, whole)
    assert model.streaming.outputs[0].name == y


@pytest.mark.parametrize("window", [None, 5])
def test_a_classifier_of_a_mean_gives_one_row_per_frame(window):
    net, weight = Net(), np.random.default_rng(0).normal(size=(CHANNELS, 3)).astype(np.float32)
    pooled = net.add("ReduceMean", net.add("Relu", "x"), net.const([2], np.int64), keepdims=0)
    y = net.add("Softmax", net.add("Gemm", pooled, net.const(weight)), axis=1)
    form = "mean=cumulative" if window is None else f"mean=window:{window}"
    offline, found = changed(net, y, form, rank=2)

    def whole(x):
        rows = mean(np.maximum(x, 0), window)[0].T @ weight.astype(np.float64)
        powers = np.exp(rows)
        return powers / powers.sum(1, keepdims=True)

    model = equal(offline, whole)
    assert model.timing[y].axis == 0 and model.stream.hop_samples == 1
    assert [(row.kind, row.form, row.operator) for row in found] == [("mean", form, "ReduceMean")]


@pytest.mark.parametrize("window", [None, 5])
def test_an_unbiased_deviation_counts_what_is_heard(window):
    """As torch exports ``std``: mean of squares, times the count, over the count less one."""
    net = Net()
    d = net.add("Sub", "x", net.add("ReduceMean", "x", net.const([2], np.int64)))
    spread = net.add("ReduceMean", net.add("Mul", d, d), net.const([2], np.int64), keepdims=0)
    count = net.add("Cast", net.add("Shape", "x", start=2), to=1)
    total = net.add("Mul", spread, count)
    unbiased = net.add("Div", total, net.add("Sub", count, net.const([1])))
    root = net.add("Unsqueeze", net.add("Sqrt", unbiased), net.const([2], np.int64))
    y = net.add("Div", "x", net.add("Add", root, net.const(0.5)))
    offline, _ = changed(net, y, "mean=cumulative" if window is None else f"mean=window:{window}")

    def deviation(part):
        return part.std(-1, ddof=1) if part.shape[-1] > 1 else np.zeros(part.shape[:-1])

    equal(offline, lambda x: x / (over_time(x, window, deviation) + 0.5))


def test_attention_to_the_last_frames():
    net = Net()
    rows = net.add("Transpose", "x", perm=[0, 2, 1])
    scores = net.add("Softmax", net.add("MatMul", rows, "x"), axis=-1)
    y = net.add("Transpose", net.add("MatMul", scores, rows), perm=[0, 2, 1])
    offline, _ = changed(net, y, "attention=window:6")

    def whole(x):
        frames = []
        for part in last(x[0], 6):
            weights = np.exp(part[:, -1] @ part)
            frames.append(part @ (weights / weights.sum()))
        return np.stack(frames, -1)[None]

    assert equal(offline, whole).stream.delay_samples == 0


def test_frames_of_an_stft_end_with_the_newest_sample():
    net, taps = Net(), np.random.default_rng(0).normal(size=(3, 1, 16)).astype(np.float32)
    pads = net.const([0, 0, 8, 0, 0, 8], np.int64)
    padded = net.add("Pad", "x", pads, mode="reflect")
    y = net.add("Conv", padded, net.const(taps), strides=[4])
    offline, found = changed(net, y, "stft=causal", shape=(1, 1, "T"))

    def whole(x):
        frames = sliding_window_view(np.pad(x[0, 0], (12, 4)), 16)[::4]
        return (frames @ taps[:, 0].astype(np.float64).T).T[None]

    model = equal(offline, whole, (1, 1, SAMPLES))
    assert found[0].kind == "stft" and model.stream.delay_samples == 0


def test_what_cannot_read_one_number_per_frame_is_refused():
    net = Net()
    pooled = net.add("ReduceMean", "x", net.const([2], np.int64))
    again = net.add("ReduceMax", pooled, net.const([2], np.int64))
    with pytest.raises(ModelError, match="ReduceMax 'reducemax1': it sums up all of time a second"):
        changed(net, net.add("Add", "x", again), "mean=cumulative")
    net = Net()
    half = net.add("ReduceMean", net.cut("x", 0, step=2), net.const([2], np.int64))
    with pytest.raises(ModelError, match=r"Mul 'mul.*': its mean has frames of another rate"):
        changed(net, net.add("Mul", "x", half), "mean=cumulative")


def test_a_form_for_which_there_is_nothing_is_an_error():
    net = Net()
    _, found = changed(net, net.add("Tanh", "x"), "mean=cumulative")
    assert found == ()
    with pytest.raises(UsageError, match="--replace mean=cumulative: no such part in the network"):
        refuse_unused_forms(chosen(["mean=cumulative"], causal=False), found)
