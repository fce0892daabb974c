"""The PCM front end against torch.stft and torch.istft, its checks and its guards."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend import add
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, StatePair, StreamInfo


def network(shape, nodes="y = Mul (x, gain)", state="", **options):
    """A network with input x and output y of one shape; `gain` broadcasts along the bins."""
    dims = ",".join(map(str, shape))
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[{dims}] x{state and f", {state} h"}) => '
        f"(float[{dims}] y{state and f', {state} next_h'}) {{ {nodes} }}"
    )
    bins = max(shape)
    axes = tuple(bins if dim == bins else 1 for dim in shape)
    gain = np.linspace(0.2, 1, bins, dtype=np.float32).reshape(axes)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(gain, "gain"))
    return from_onnx(proto.SerializeToString(), name="net", **options)


def identity(shape):
    return network(shape, "n = Neg (x)  y = Neg (n)")


def add_frontend(model, spec, sample_rate, then=None):
    return add.add_frontend(model, parse_spec(spec), sample_rate, then)


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32) / 4


def stream(model, pcm):
    hop = model.stream.hop_samples
    return run_hops(model, {"pcm": pcm.reshape(-1, 1, hop)})["pcm_out"].reshape(-1)


def torch_window(name, n_fft):
    if name == "hamming":
        return torch.hamming_window(n_fft, periodic=True, dtype=torch.float64)
    hann = torch.hann_window(n_fft, periodic=True, dtype=torch.float64)
    return hann if name == "hann" else hann.sqrt()


def offline(pcm, n_fft, hop, name, change):
    """torch.stft(center=False) -> change -> torch.istft's sum, normalized where windows overlap fully."""
    window = torch_window(name, n_fft)
    spectrum = torch.stft(
        torch.from_numpy(pcm).double(), n_fft, hop, window=window, center=False, return_complex=True
    )
    frames = torch.fft.irfft(change(spectrum), n=n_fft, dim=0) * window[:, None]

    def overlap_add(columns):
        length = n_fft + hop * (columns.shape[1] - 1)
        total = torch.zeros(length, dtype=torch.float64)
        for index in range(columns.shape[1]):
            total[index * hop : index * hop + n_fft] += columns[:, index]
        return total

    weights = overlap_add((window**2)[:, None].expand(-1, frames.shape[1]))
    return (overlap_add(frames) / weights.clamp_min(1e-9)).numpy()


@pytest.mark.parametrize(
    ("n_fft", "hop", "window"),
    [
        (512, 256, "sqrt_hann"),
        (512, 128, "hann"),
        (256, 100, "hamming"),
        (320, 160, "hann"),
        (960, 480, "sqrt_hann"),
        (64, 16, "sqrt_hann"),
    ],
)
def test_stream_equals_torch_istft_shifted_by_the_delay(n_fft, hop, window):
    model = add_frontend(network((1, n_fft // 2 + 1, 2)), f"stft:{n_fft}:{hop}:{window}", 16000)
    pcm = noise(hop * 60)
    gain = torch.linspace(0.2, 1, n_fft // 2 + 1, dtype=torch.float64)[:, None]
    delay = n_fft - hop
    before = np.zeros(delay, np.float32)
    expected = offline(
        np.concatenate([before, pcm]), n_fft, hop, window, lambda spectrum: spectrum * gain
    )[delay:]
    assert model.stream == StreamInfo(hop, 16000, delay)
    found = stream(model, pcm)[delay:]
    warm = slice(n_fft, len(found) - n_fft)
    assert snr_db(expected[warm], found[warm]) >= 120


def test_torch_istft_itself_agrees():
    model = add_frontend(identity((1, 257, 2)), "stft:512:128:hann", None)
    pcm = noise(128 * 60)
    window = torch.hann_window(512, dtype=torch.float64)
    spectrum = torch.stft(
        torch.from_numpy(pcm).double(), 512, 128, window=window, center=True, return_complex=True
    )
    expected = torch.istft(spectrum, 512, 128, window=window, center=True, length=len(pcm)).numpy()
    found = stream(model, pcm)
    assert snr_db(expected[1024:-1024], found[1024 + 384 : 384 - 1024]) >= 120


@pytest.mark.parametrize(
    "shape", [(1, 33, 2), (1, 1, 33, 2), (1, 33, 1, 2), (33, 2), (1, 1, 33, 1, 2)]
)
def test_complex_networks_may_have_any_unit_axes(shape):
    model = add_frontend(identity(shape), "stft:64:32:sqrt_hann", 8000)
    pcm = noise(32 * 40)
    assert snr_db(pcm[64 : -2 * 32], stream(model, pcm)[64 + 32 : -32]) >= 120


@pytest.mark.parametrize("shape", [(1, 33), (33,), (1, 1, 33), (1, 33, 1), (1, 1, 33, 1)])
@pytest.mark.parametrize(
    ("kind", "feature"),
    [
        ("mag", lambda spectrum: spectrum.abs()),
        ("logpow", lambda spectrum: (spectrum.abs() ** 2).clamp_min(1e-12).log10()),
    ],
)
def test_gain_networks_see_the_feature_and_give_a_gain(shape, kind, feature):
    model = add_frontend(network(shape), f"stft:64:32:sqrt_hann:{kind}", 8000)
    weights = torch.linspace(0.2, 1, 33, dtype=torch.float64)[:, None]
    pcm = noise(32 * 40)
    expected = offline(pcm, 64, 32, "sqrt_hann", lambda s: s * feature(s) * weights)
    found = stream(model, pcm)[32:]
    assert snr_db(expected[64 : len(found) - 64], found[64:-64]) >= 110


def test_silence_has_a_finite_log_power():
    model = add_frontend(network((1, 33)), "stft:64:32:hann:logpow", 8000)
    assert not stream(model, np.zeros(320, np.float32)).any()


def test_nan_and_infinity_read_as_zero_and_leave_no_trace():
    model = add_frontend(network((1, 33, 2)), "stft:64:32:sqrt_hann", 8000)
    pcm = noise(32 * 10)
    broken = pcm.copy()
    broken[40:44] = [np.nan, np.inf, -np.inf, 2.0**21]
    pcm[40:44] = 0
    np.testing.assert_array_equal(stream(model, broken), stream(model, pcm))


def test_states_names_and_marks():
    model = network((1, 33), "y = Mul (x, gain)  next_h = Neg (h)", "float[1,5]")
    assert model.states == (StatePair("h", "next_h"),)
    inside = {node.name for node in model.ir.graph}
    built = add_frontend(model, "stft:64:16:sqrt_hann:mag", 8000)
    assert [value.name for value in built.ir.graph.inputs] == [
        "pcm",
        "h",
        "stft_history",
        "istft_overlap",
    ]
    assert [value.name for value in built.stream_outputs] == ["pcm_out"]
    assert [pair.input for pair in built.states] == ["h", "stft_history", "istft_overlap"]
    assert built.frontend == "stft:64:16:sqrt_hann:mag"
    for node in built.ir.graph:
        assert (node.metadata_props.get(FLOAT_NODE) == "1") == (node.name not in inside)
        assert all(value.shape is not None and value.shape.is_static() for value in node.outputs)
    own = [node.op_type for node in built.ir.graph if node.domain == FRONTEND_DOMAIN]
    assert own == ["Finite", "STFT", "ISTFT"]
    onnx.checker.check_model(ir.to_proto(built.ir), full_check=True)
    assert add_frontend(model, "stft:64:16:sqrt_hann:mag", 8000).to_bytes() == built.to_bytes()
    again = from_onnx(built.to_bytes(), name="net")
    assert (again.states, again.stream, again.frontend) == (
        built.states,
        built.stream,
        built.frontend,
    )


def test_inputs_that_stay_beside_the_pcm_are_told():
    model = network((1, 33), "y = Mul (x, gain)  next_h = Neg (h)", "float[1,5]")
    model = model.describe(states=[])
    built = add_frontend(model, "stft:64:16:sqrt_hann:mag", 8000)
    assert [value.name for value in built.stream_inputs] == ["pcm", "h"]
    (note,) = built.notes
    assert "input 'h' [1, 5]" in note and "--state h:OUTPUT" in note


def test_the_networks_own_delay_adds_up():
    model = network((1, 33, 2), hop=32, delay=64)
    assert add_frontend(model, "stft:64:32:sqrt_hann", 8000).stream.delay_samples == 64 + 32


@pytest.mark.parametrize(
    ("shape", "spec", "part"),
    [
        ((1, 33), "stft:64:32:hann", r"shape \(1, 33\).*complex spectrum: \(33, 2\)"),
        ((1, 33, 2), "stft:64:32:hann:mag", r"shape \(1, 33, 2\).*magnitude: \(33,\)"),
        ((1, 31), "stft:64:32:hann:logpow", r"shape \(1, 31\).*log power: \(33,\)"),
    ],
)
def test_networks_that_do_not_fit_are_refused_with_both_shapes(shape, spec, part):
    with pytest.raises(UsageError, match=f"(?s){part}"):
        add_frontend(network(shape), spec, 8000)


def test_one_front_end_and_one_hop():
    built = add_frontend(network((1, 33, 2)), "stft:64:32:hann", 8000)
    with pytest.raises(UsageError, match="already has stft:64:32:hann"):
        add_frontend(built, "stft:64:32:hann", 8000)
    with pytest.raises(UsageError, match="network's hop is 16"):
        add_frontend(network((1, 33, 2), hop=16), "stft:64:32:hann", 8000)


@pytest.mark.parametrize(
    "order", ["float[1,1] knob, float[1,65] x", "float[1,65] x, float[1,1] knob"]
)
def test_a_control_is_no_stream_of_frames_wherever_it_stands(order):
    """The first input that is no control takes the frames."""
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net ({order}) => (float[1,65] y) {{ y = Mul (x, knob) }}'
    )
    model = from_onnx(proto.SerializeToString(), name="net", controls=["knob"])
    found = add_frontend(model, "stft:128:64:sqrt_hann:mag", 16000)
    assert {str(value.name) for value in found.stream_inputs} == {"pcm", "knob"}
    assert [str(value.name) for value in found.signal_inputs] == ["pcm"]
    assert not any("with the PCM" in note for note in found.notes)


def test_inner_values_make_room_for_the_names_of_the_front_end():
    model = network((1, 33), "pcm = Mul (x, gain)  pcm_out = Tanh (pcm)  y = Neg (pcm_out)")
    built = add_frontend(model, "stft:64:16:sqrt_hann:mag", 8000)
    onnx.checker.check_model(ir.to_proto(built.ir), full_check=True)
    assert stream(built, noise(160)).any()


def test_a_network_whose_own_border_is_called_pcm():
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> net (float[1,33] pcm) => (float[1,33] pcm_out) '
        "{ pcm_out = Sigmoid (pcm) }"
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    built = add_frontend(model, "stft:64:16:sqrt_hann:mag", 8000)
    assert [list(value.shape) for value in built.stream_inputs] == [[1, 16]]
    assert stream(built, noise(160)).any()


def features_network(shape):
    """Relu of a matrix product of features."""
    size = ", ".join(map(str, shape))
    rows = shape[-1]
    weights = ", ".join(f"{0.1 * np.sin(i):.4f}" for i in range(rows * 3))
    text = f"""<ir_version: 8, opset_import: ["" : 18]> g (float[{size}] x) => (float[{size[: size.rindex(",")]}, 3] y)
    <float[{rows}, 3] w = {{{weights}}}> {{ a = MatMul(x, w) y = Relu(a) }}"""
    return from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="features")


@pytest.mark.rows(5)
@pytest.mark.parametrize(
    ("form", "shape"),
    [
        ("micro:30:20:40", (1, 40)),
        ("micro:30:10:40:stack:4:2", (1, 4, 40)),
        ("mlperf:stack:4", (1, 4, 40)),
        ("frame:256:128", (1, 256)),
        ("stft:256:128:hann", (1, 129, 2)),
        ("stft:256:128:hann:logpow", (1, 129)),
        ("mel:256:128:hann:20:pcen", (1, 20)),
        ("mel:256:128:hann:20:log:full", (1, 20)),
        ("mfcc:256:128:hann:20:10", (1, 10)),
    ],
)
def test_a_file_with_a_front_end_is_imported_again(form, shape):
    model = add.add_frontend(features_network(shape), parse_spec(form), 16000)
    again = from_onnx(model.to_bytes(), name="again")
    assert again.states == model.states and again.frontend == model.frontend
    hop = model.stream_inputs[0].shape[1]
    samples = {"pcm": np.random.default_rng(0).normal(0, 0.2, (8, 1, hop)).astype(np.float32)}
    expected, found = run_hops(model, samples), run_hops(again, samples)
    assert all(snr_db(expected[name], found[name]) > 100 for name in expected)


def test_integers_that_no_front_end_makes_are_no_samples():
    text = """<ir_version: 8, opset_import: ["" : 18]>
    g (float[1,4] x, int16[1,4] past) => (float[1,4] y, int16[1,4] past_next) {
        y = Relu(x)
        past_next = Identity(past)
    }"""
    with pytest.raises(UsageError, match="input 'past': type int16"):
        from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
