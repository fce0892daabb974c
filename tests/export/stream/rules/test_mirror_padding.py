"""Padding with frames of the stream: exact, and no later than the frames that it repeats ask for."""

import numpy as np
import onnx_ir as ir
import pytest
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_networks import Net, check, least_delay

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.replace.forms import chosen
from edgekit.export.stream.replace.plan import replace_forms
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe

HOPS = (1, 2, 3, 7)


def pad(net, x, left, right, mode):
    return net.add("Pad", x, net.const([0, 0, left, 0, 0, right], np.int64), mode=mode)


def delays(models):
    return [model.streaming.outputs[0].delay_samples for model in models]


def least(data, channels=2):
    return [least_delay(data, hop, 10 * hop + 50, channels) for hop in HOPS]


@pytest.mark.rows(3)
@pytest.mark.parametrize("mode", ["edge", "reflect"])
@pytest.mark.parametrize(("left", "right"), [(2, 2), (4, 0), (0, 4), (1, 3), (3, 1)])
def test_in_front_of_a_convolution_the_delay_is_the_least(mode, left, right):
    """The first output waits for the frame that is reflected to its front; held frames wait for none."""
    net = Net()
    data = net.model([1, 2, "T"], net.conv(pad(net, "x", left, right, mode), 2, 3, 5))
    models = check(data, HOPS)
    assert delays(models) == least(data)
    assert delays(models)[0] == max(right, left if mode == "reflect" else 0)


@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_as_an_output(mode):
    net = Net()
    data = net.model([1, 2, "T"], pad(net, "x", 3, 2, mode))
    assert delays(check(data, HOPS)) == least(data)


@pytest.mark.parametrize("right", [0, 4])
def test_first_frames_are_held_across_convolutions_that_share_a_padding(right):
    net = Net()
    y = net.add("Tanh", net.conv(pad(net, "x", 6, right, "edge"), 2, 3, 4))
    data = net.model([1, 2, "T"], net.conv(net.cut(y, 1), 3, 2, 3))
    assert delays(check(data, HOPS)) == least(data)


@pytest.mark.parametrize("mode", ["edge", "reflect"])
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (8, 4), (3, 3), (2, 4)])
def test_in_front_of_strides_behind_a_delay(mode, kernel, stride):
    net = Net()
    late = net.conv("x", 2, 2, 5, left=2, right=2)
    y = net.conv(pad(net, late, 3, 4, mode), 2, 3, kernel, stride=stride)
    check(net.model([1, 2, "T"], y), (1, 2, 3, 5), samples=97)


@pytest.mark.rows(1)
@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_who_cannot_leave_the_padding_out_gets_all_frames(mode):
    net = Net()
    both = pad(net, "x", 3, 2, mode)
    up = net.transposed(both, 2, 2, 4, 2, left=5, right=5)
    frames = net.add("CumSum", net.add("Mul", both, net.const(0.1)), net.const(2, np.int64))
    sized = net.conv(both, 2, 2, 3, left=2, right=1)
    y = net.add("Add", net.add("Tanh", frames), net.cut(sized, 0, -1))
    check(net.model([1, 2, "T"], [net.cut(y, 2, -3), up]))


def test_frequency_and_time_are_reflected_together():
    net = Net()
    pads = net.const([0, 0, 2, 1, 0, 0, 1, 1], np.int64)
    y = net.add("Pad", "x", pads, mode="reflect")
    y = net.add("Conv", net.add("Transpose", y, perm=[0, 1, 3, 2]), net.weight(3, 2, 3, 4))
    check(net.model([1, 2, "T", 5], y))


@pytest.mark.parametrize("late", [0, 3])
def test_padding_of_a_padded_value(late):
    net = Net()
    y = net.conv("x", 2, 2, 1 + late, right=late)
    y = pad(net, pad(net, net.pad(y, 3, 1), 2, 3, "reflect"), 2, 2, "edge")
    check(net.model([1, 2, "T"], net.conv(y, 2, 2, 9)))


def test_one_frame_is_held_on_both_sides():
    net = Net()
    data = net.model([1, 2, "T"], net.conv(pad(net, "x", 4, 4, "edge"), 2, 2, 9))
    model = stream(onnx_offline(data, name="net"))
    x = np.ones((1, 2, 1), np.float32)
    load_kernels()
    compare(in_onnxruntime(data)({"x": x}), quick_build(model).clip({"x": x}), limit=2e-5)


def centred(mode):
    """Frames of 16 every 4 samples, centred as torch.stft pads them, and a strided convolution of half the rate."""
    net = Net()
    spectrum = net.conv(pad(net, "x", 8, 8, mode), 2, 6, 16, stride=4)
    mixed = net.conv(pad(net, net.add("Tanh", spectrum), 1, 2, mode), 6, 4, 4, stride=2)
    return net.model([1, 2, "T"], mixed)


@pytest.mark.rows(2)
@pytest.mark.parametrize(("begins", "cropped", "delay"), [(0.0, 0, 4), (0.3, 0, 8), (0.3, 8, 12)])
@pytest.mark.parametrize("kind", ["conv", "gather"])
def test_frames_whose_first_sample_counts_nothing_do_not_wait_for_it(kind, begins, cropped, delay):
    """As torch.stft pads them: the first frame is reflected, and the Hann window begins with 0.

    A crop after them waits for later frames anyway.
    """
    net, taper = Net(), np.hanning(17)[:-1]
    taper[0] = begins
    x = pad(net, "x", 8, 8, "reflect")
    if kind == "conv":
        taps = np.random.default_rng(0).normal(size=(3, 1, 16)) * taper
        y = net.add("Conv", x, net.const(taps), strides=[4])
        sound = net.add("ConvTranspose", y, net.weight(3, 1, 16), strides=[4])
    else:
        places = net.const(np.arange(16), np.int64)
        count = net.add("Div", net.add("Shape", "x", start=2), net.const([4], np.int64))
        count = net.add("Squeeze", net.add("Add", count, net.const([1], np.int64)))
        starts = net.add("Range", net.const(0, np.int64), count, net.const(1, np.int64))
        starts = net.add("Mul", starts, net.const(4, np.int64))
        starts = net.add("Unsqueeze", starts, net.const([1], np.int64))
        frames = net.add(
            "Gather",
            net.add("Squeeze", x, net.const([1], np.int64)),
            net.add("Add", starts, places),
            axis=1,
        )
        y = net.add("Transpose", net.add("Mul", frames, net.const(taper)), perm=[0, 2, 1])
        sound = net.add("ConvTranspose", y, net.weight(16, 1, 16), strides=[4])
    data = net.model([1, 1, "T"], net.cut(sound, cropped, -8))
    models = check(data, samples=97)
    assert delays(models)[0] == delay == least_delay(data, 4, 80, least=4)


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("mode", ["edge", "reflect"])
@pytest.mark.parametrize("hop", [8, 24])
def test_in_c_with_both_ends(mode, hop):
    data = centred(mode)
    model = stream(onnx_offline(data, name="net"), hop=hop)
    load_kernels()
    running = quick_build(model)
    for samples in (64, 72, 240):
        x = np.random.default_rng(samples).normal(size=(1, 2, samples)).astype(np.float32)
        compare(in_onnxruntime(data)({"x": x}), running.clip({"x": x}), limit=2e-5, what="in C it")


@needs_cc
@pytest.mark.parametrize("equalize", [False, True])
def test_integers_pick_their_frames(equalize):
    model = stream(onnx_offline(centred("reflect"), name="net"), hop=24)
    clip = np.random.default_rng(5).normal(size=(8, 1, 2, 24)).astype(np.float32)
    recipe = Recipe("w8a8", weights="int8", activations="int8", equalize=equalize)
    integers = quantize(model, Calibration(({"x": clip},), "noise"), recipe)
    picked = [n for n in to_integer(integers).ir.graph if n.op_type == "Gather"]
    assert len(picked) == 2  # the first one picks frames of the input
    assert picked[1].inputs[0].dtype == ir.DataType.INT8
    load_kernels()
    found = quick_build(integers).run({"x": clip})
    expected = Oracle(integers).run_hops({"x": clip})
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def causal(mode):
    """Two causal convolutions, the first one padded by `mode`."""
    net = Net()
    y = net.conv(pad(net, "x", 4, 0, mode), 2, 2, 5)
    return net.model([1, 2, "T"], net.conv(pad(net, y, 2, 0, "edge"), 2, 2, 3))


def test_the_first_frame_replaces_reflected_ones():
    """Then nothing waits: a causal convolution that its author padded by reflection."""
    offline = onnx_offline(causal("reflect"), name="net")
    assert stream(offline).stream.delay_samples == 4
    held, found = replace_forms(offline, chosen(["pad=first"], causal=False))
    assert [(row.form, row.operator) for row in found] == [("pad=first", "Pad")]
    assert stream(held).stream.delay_samples == 0
    x = np.random.default_rng(0).normal(size=(1, 2, 40)).astype(np.float32)
    compare(
        in_onnxruntime(causal("edge"))({"x": x}), in_onnxruntime(held.at(40).to_bytes())({"x": x})
    )


@pytest.mark.rows(2)
@pytest.mark.parametrize("mode", ["edge", "reflect"])
@pytest.mark.parametrize(("zeros", "right"), [(4, 0), (4, 3), (12, 2)])
def test_frames_that_repeat_constants_wait_for_nothing(mode, zeros, right):
    """The first frames are those of a padding with zeros, in whatever hop the stream comes to them."""
    net = Net()
    y = net.add("Tanh", net.pad(net.conv("x", 2, 2, 6, right=2), zeros, 1))
    y = net.conv(pad(net, y, 3, right, mode), 2, 2, 2)
    data = net.model([1, 2, "T"], net.conv(pad(net, y, 2, 0, mode), 2, 2, 1))
    assert delays(check(data, HOPS)) == least(data)


def test_a_frame_that_needs_the_end_to_be_far_away_waits_until_it_is():
    """Without its last five frames a short recording has another frame 0, which the padding repeats."""
    net = Net()
    y = net.add("Tanh", net.conv(net.cut("x", 0, -5), 2, 2, 7, left=5, right=6))
    data = net.model([1, 2, "T"], net.conv(pad(net, y, 4, 6, "edge"), 2, 2, 1))
    models = check(data, HOPS)
    assert delays(models) == least(data) and delays(models)[0] == 6
