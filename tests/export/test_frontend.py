"""Front ends of published pipelines, written once more in plain NumPy, against the added nodes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from stream_networks import Net
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend import add
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.frontend.windows import make_window
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import StreamInfo
from edgekit.operators.oracle import Oracle
from edgekit.runtime.stream import Stream
from edgekit.verbs.targets import TARGETS

WINDOWS = {
    "hann_sym": np.hanning,
    "sqrt_hann_sym": lambda n: np.sqrt(np.hanning(n)),
    "hamming_sym": np.hamming,
    "rect": np.ones,
    "hann": lambda n: np.hanning(n + 1)[:-1],
    "sqrt_hann": lambda n: np.sqrt(np.hanning(n + 1)[:-1]),
    "hamming": lambda n: np.hamming(n + 1)[:-1],
    "vorbis": lambda n: np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2),
}


def network(given, wanted, nodes, hop=None, **constants):
    """x of shape `given` -> y of shape `wanted`; constants become initializers."""
    dims = [",".join(map(str, shape)) for shape in (given, wanted)]
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[{dims[0]}] x) => '
        f"(float[{dims[1]}] y) {{ {nodes} }}"
    )
    for name, array in constants.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return from_onnx(proto.SerializeToString(), name="net", hop=hop)


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32) / 4


def pipeline(pcm, length, hop, change, analysis=1.0, synthesis=1.0):
    """Shift a buffer by a hop, window, change the frame, window, add into a shifted buffer."""
    before, after, out = np.zeros(length), np.zeros(length), []
    for start in range(0, len(pcm), hop):
        before = np.concatenate([before[hop:], pcm[start : start + hop]])
        after = np.concatenate([after[hop:], np.zeros(hop)]) + change(before * analysis) * synthesis
        out.append(after[:hop])
    return np.concatenate(out)


def add_frontend(model, spec, sample_rate, then=None):
    return add.add_frontend(model, parse_spec(spec), sample_rate, then)


def streamed(model, pcm):
    hop = model.stream.hop_samples
    return run_hops(model, {"pcm": pcm.reshape(-1, 1, hop)})


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("length", [320, 64])
def test_windows_are_those_of_numpy(name, length):
    np.testing.assert_allclose(make_window(name, length), WINDOWS[name](length), atol=1e-15)


@pytest.mark.parametrize(
    ("n_fft", "hop", "window", "kind"),
    [
        (320, 160, "sqrt_hann_sym", "logpow"),
        (512, 128, "rect", "mag"),
        (64, 24, "hann_sym", "mag"),
        (96, 80, "hamming", "logpow"),
    ],
)
def test_plain_overlap_add_of_a_gain(n_fft, hop, window, kind):
    bins = n_fft // 2 + 1
    weights = np.linspace(0.2, 1, bins, dtype=np.float32)
    model = network((1, 1, bins), (1, 1, bins), "s = Mul (x, w)  y = Sigmoid (s)", w=weights)
    built = add_frontend(model, f"stft:{n_fft}:{hop}:{window}:{kind}:plain", 16000)
    assert built.stream == StreamInfo(hop, 16000, n_fft - hop)
    assert built.notes == ()

    def change(frame):
        spectrum = np.fft.rfft(frame)
        power = np.abs(spectrum) ** 2
        feature = np.sqrt(power) if kind == "mag" else np.log10(np.maximum(power, 1e-12))
        return np.fft.irfft(spectrum / (1 + np.exp(-feature * weights)), n_fft)

    pcm, shape = noise(hop * 40), WINDOWS[window](n_fft)
    expected = pipeline(pcm, n_fft, hop, change, shape, shape)
    assert snr_db(expected, streamed(built, pcm)["pcm_out"].reshape(-1)) >= 110


def conjugate(frame):
    return np.fft.irfft(np.fft.rfft(frame).conj() * 0.5)


@pytest.mark.parametrize(
    "given", [(1, 33, 2), (33, 1, 2, 1), (2, 33), (1, 2, 1, 33), (1, 1, 2, 33)]
)
@pytest.mark.parametrize("wanted", [(1, 33, 1, 2), (1, 2, 33)])
def test_spectra_of_either_order_with_unit_axes_anywhere(given, wanted):
    turned = (given.index(33) < given.index(2)) != (wanted.index(33) < wanted.index(2))
    rows = [dim for dim in given if dim != 1]
    conjugated = [0.5, -0.5] if given.index(33) < given.index(2) else [[0.5], [-0.5]]
    nodes = "a = Reshape (x, rows)  b = Mul (a, half)  "
    nodes += f"c = Transpose <perm = [{'1, 0' if turned else '0, 1'}]> (b)  y = Reshape (c, dims)"
    model = network(
        given,
        wanted,
        nodes,
        rows=np.array(rows),
        dims=np.array(wanted),
        half=np.array(conjugated, np.float32),
    )
    built = add_frontend(model, "stft:64:16:hann_sym:plain", 8000)
    pcm, window = noise(16 * 30), np.hanning(64)
    expected = pipeline(pcm, 64, 16, conjugate, window, window)
    assert snr_db(expected, streamed(built, pcm)["pcm_out"].reshape(-1)) >= 110


def test_a_real_mask_of_a_complex_network():
    model = network(
        (1, 33, 1, 2),
        (1, 1, 33),
        "s = ReduceSumSquare <keepdims = 0> (x, a)  t = Reshape (s, d)  y = Tanh (t)",
        a=np.array([3]),
        d=np.array([1, 1, 33]),
    )
    built = add_frontend(model, "stft:64:32:rect:plain", 8000)

    def change(frame):
        spectrum = np.fft.rfft(frame)
        return np.fft.irfft(spectrum * np.tanh(np.abs(spectrum) ** 2))

    pcm = noise(32 * 30)
    assert snr_db(pipeline(pcm, 64, 32, change), streamed(built, pcm)["pcm_out"].reshape(-1)) >= 110


def test_a_probability_of_samples_with_context_passes_through():
    weights = noise(40, seed=1)
    nodes = "s = Mul (x, w)  m = ReduceMean (s, a)  y = Sigmoid (m)"
    model = network((1, 40), (1, 1), nodes, w=weights, a=np.array([1]))
    built = add_frontend(model, "frame:40:32", 8000)
    assert built.notes == ("output 'y' [1, 1] is given out as it is: it is not 40 samples",)
    assert built.stream == StreamInfo(32, 8000, 0)
    assert [(p.input, p.output) for p in built.states] == [("frame_history", "frame_history_next")]
    pcm = noise(32 * 20)
    padded = np.concatenate([np.zeros(8), pcm])
    frames = np.stack([padded[start : start + 40] for start in range(0, len(pcm), 32)])
    expected = 1 / (1 + np.exp(-(frames * weights).mean(axis=1)))
    np.testing.assert_allclose(streamed(built, pcm)["y"].reshape(-1), expected, atol=1e-6)


@pytest.mark.parametrize(("length", "hop"), [(48, 16), (40, 32), (30, 7)])
def test_frames_of_samples_are_added_up(length, hop):
    model = network(
        (1, 1, length), (length, 1), "t = Tanh (x)  y = Reshape (t, d)", d=np.array([length, 1])
    )
    built = add_frontend(model, f"frame:{length}:{hop}", 16000)
    assert built.stream.delay_samples == length - hop
    pcm = noise(hop * 30)
    assert (
        snr_db(pipeline(pcm, length, hop, np.tanh), streamed(built, pcm)["pcm_out"].ravel()) >= 110
    )


def test_a_spectral_network_without_sound_passes_through():
    model = network(
        (1, 33), (1, 3), "y = Slice (x, s, e, a)", s=np.array([0]), e=np.array([3]), a=np.array([1])
    )
    built = add_frontend(model, "stft:64:16:rect:mag", 8000)
    assert built.notes == ("output 'y' [1, 3] is given out as it is: it is no gain per bin",)
    assert (built.stream.delay_samples, [p.input for p in built.states]) == (0, ["stft_history"])
    pcm = noise(16 * 10)
    spectra = np.abs(np.fft.rfft(np.concatenate([np.zeros(48), pcm])[-64:]))
    np.testing.assert_allclose(streamed(built, pcm)["y"][-1, 0], spectra[:3], rtol=1e-5)


def two(length):
    """A gain of magnitudes, and tanh of samples with a state; inner and border names are the same."""
    bins = length // 2 + 1
    first = network(
        (1, 1, bins),
        (1, 1, bins),
        "a = Mul (x, w)  y = Sigmoid (a)",
        w=np.linspace(-1, 2, bins, dtype=np.float32),
    )
    proto = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 13]> net (float[1, {length}] x, float[1, {length}] h) => '
        f"(float[1, {length}] y, float[1, {length}] h_next) "
        "{ b = Mul (x, w)  a = Add (b, h)  y = Tanh (a)  h_next = Mul (y, w) }"
    )
    weights = np.linspace(0.2, 0.9, length, dtype=np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    return first, from_onnx(proto.SerializeToString(), name="second")


def expected_of_two(pcm, length, hop, window):
    gains, weights = np.linspace(-1, 2, length // 2 + 1), np.linspace(0.2, 0.9, length)
    state = np.zeros(length)

    def change(frame):
        nonlocal state
        spectrum = np.fft.rfft(frame)
        samples = np.fft.irfft(spectrum / (1 + np.exp(-gains * np.abs(spectrum))))
        y = np.tanh(samples * weights + state)
        state = y * weights
        return y

    return pipeline(pcm, length, hop, change, window, window)


@pytest.mark.parametrize(("length", "window"), [(64, "rect"), (48, "sqrt_hann_sym")])
def test_two_networks_in_a_chain(length, window):
    first, second = two(length)
    built = add_frontend(first, f"stft:{length}:16:{window}:mag:plain", 16000, second)
    assert built.stream == StreamInfo(16, 16000, length - 16)
    assert [p.input for p in built.states] == ["h", "stft_history", "istft_overlap"]
    pcm = noise(16 * 40)
    expected = expected_of_two(pcm, length, 16, WINDOWS[window](length))
    assert snr_db(expected, streamed(built, pcm)["pcm_out"].ravel()) >= 110
    again = from_onnx(built.to_bytes(), name="net")
    assert (again.states, again.stream) == (built.states, built.stream)
    assert snr_db(expected, streamed(again, pcm)["pcm_out"].ravel()) >= 110


def offline(taps):
    """y = sigmoid of two frames of x (1, 33, T): the one of y and the next."""
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> net (float[1, 33, T] x) => (float[1, 33, T] y) '
        "{ a = Conv <group = 33, pads = [0, 1], kernel_shape = [2]> (x, w)  y = Sigmoid (a) }"
    )
    proto.graph.initializer.append(onnx.numpy_helper.from_array(taps, "w"))
    return onnx_offline(proto.SerializeToString(), name="offline")


TAPS = np.random.default_rng(0).normal(size=(33, 1, 2)).astype(np.float32)
IN_C = {
    "chain": lambda: add_frontend(two(64)[0], "stft:64:16:rect:mag:plain", 8000, two(64)[1]),
    "chain-48": lambda: add_frontend(two(48)[0], "stft:48:16:hann:mag", 8000, two(48)[1]),
    "late-gains": lambda: add_frontend(
        stream(offline(TAPS), hop=2), "stft:64:16:hann_sym:logpow:plain", 8000
    ),
    "frames": lambda: add_frontend(network((1, 30), (1, 30), "y = Tanh (x)"), "frame:30:7", 8000),
    "rows-of-parts": lambda: add_frontend(
        network((1, 2, 33), (1, 2, 33), "y = Tanh (x)"), "stft:64:16:rect", 8000
    ),
}


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("case", IN_C)
def test_c_equals_the_numpy_oracle_and_onnxruntime(case, tmp_path: Path):
    built = IN_C[case]()
    build = TARGETS["c99"].lower(built, "c99")
    for name, content in (*build.files.items(), ("manifest.json", build.manifest.to_json())):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    hop = built.stream.hop_samples
    feed = {"pcm": noise(hop * 20).reshape(-1, 1, hop)}
    found = Stream.open(tmp_path).run(feed)["pcm_out"]
    np.testing.assert_array_equal(found, Oracle(built).run_hops(feed)["pcm_out"])
    assert snr_db(run_hops(built, feed)["pcm_out"], found) >= 100


def test_the_second_network_may_end_in_something_else():
    first, _ = two(64)
    second = network((64,), (1,), "y = ReduceMean (x, a)", a=np.array([0]))
    built = add_frontend(first, "stft:64:16:rect:mag:plain", 16000, second)
    assert built.notes == ("output 'then/y' [1] is given out as it is: it is not 64 samples",)
    means = streamed(built, noise(16 * 10))["then/y"]
    assert means.shape == (10, 1) and np.abs(means).min() > 0


def test_a_knob_beside_the_pcm_is_no_state_that_was_forgotten():
    net = Net()
    data = net.model([1, 16], net.add("Mul", "x", "knob"), more={"knob": [1, 1]})
    built = add_frontend(from_onnx(data, name="net", controls=["knob"]), "frame:16:8", 16000)
    assert built.controls == ("knob",) and built.notes == ()
    (note,) = add_frontend(from_onnx(data, name="net"), "frame:16:8", 16000).notes
    assert note.startswith("input 'knob' [1, 1] is taken with the PCM in each hop; ")


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        (
            "frame:576",
            ["stft:N_FFT:HOP:WINDOW[:mag|logpow][:plain][:full], frame:LENGTH:HOP, mel:"],
        ),
        ("frame:1:1", ["LENGTH: 1", "2 to 65536"]),
        ("frame:512:513", ["HOP: 513", "1 to 512", "at most a frame"]),
        ("frame:512:0", ["HOP: 0", "1 to 512"]),
        ("stft:64:64:rect:plain", ["HOP: 64", "1 to 63"]),
        ("stft:64:16:rect:mag:logpow", ["mag:logpow", "each once"]),
        ("stft:64:16:rect:plain:plain", ["plain:plain", "each once"]),
        (
            "stft:64:16:boxcar:plane",
            ["boxcar", "hamming_sym, vorbis, rect", "plane", "plain"],
        ),
    ],
)
def test_wrong_specifications_name_what_is_allowed(spec, parts):
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    for part in parts:
        assert part in str(caught.value)


def test_networks_that_do_not_fit_are_refused_with_what_would():
    gain, samples = two(64)
    cases = [
        (gain, "frame:64:16", None, [r"(1, 1, 33)", "samples of a frame: (64,)"]),
        (gain, "stft:64:16:rect", None, ["complex spectrum: (33, 2) or (2, 33)"]),
        (gain, "stft:64:16:rect:mag", gain, ["--then: input", "(1, 1, 33)", "(64,)"]),
        (samples, "frame:64:16", gain, ["--then: input", "samples of a frame: (64,)"]),
        (
            network(
                (1, 33),
                (1, 3),
                "y = Slice (x, s, e, a)",
                s=np.array([0]),
                e=np.array([3]),
                a=np.array([1]),
            ),
            "stft:64:16:rect:mag",
            samples,
            ["output 'y'", "(1, 3)", "a gain per bin: (33,)"],
        ),
    ]
    for model, spec, then, parts in cases:
        with pytest.raises(UsageError) as caught:
            add_frontend(model, spec, 16000, then)
        for part in parts:
            assert part in str(caught.value)


@pytest.mark.parametrize(
    ("given", "wanted", "spec"),
    [
        ((1, 3, 33), (1, 3, 33), "stft:64:16:sqrt_hann_sym:mag:plain"),
        ((1, 33, 3), (3, 1, 33), "stft:64:16:sqrt_hann_sym:mag:plain"),
        ((1, 2, 3, 33), (1, 33, 3, 2), "stft:64:16:sqrt_hann_sym:plain"),
        ((3, 33, 2), (1, 33, 3), "stft:64:16:sqrt_hann_sym:plain"),
    ],
)
def test_several_frames_in_a_call(given, wanted, spec):
    """y = x / 2 with the axes moved; a gain per bin of a complex network is its real part / 2."""
    form = parse_spec(spec)
    names = {3: "frames", 33: "bins", 2: "parts"}
    before, after = ([names[dim] for dim in shape if dim != 1] for shape in (given, wanted))
    nodes = "a = Reshape (x, rows)  b = Mul (a, half)  "
    if "parts" in before and "parts" not in after:
        nodes += "c = Gather <axis = 2> (b, zero)  "
        before.remove("parts")
    else:
        nodes += "c = Identity (b)  "
    perm = ", ".join(str(before.index(name)) for name in after)
    nodes += f"d = Transpose <perm = [{perm}]> (c)  y = Reshape (d, dims)"
    model = network(
        given,
        wanted,
        nodes,
        hop=48,
        rows=np.array([dim for dim in given if dim != 1]),
        dims=np.array(wanted),
        half=np.float32(0.5),
        zero=np.array(0),
    )
    built = add_frontend(model, spec, 8000)
    assert built.stream == StreamInfo(48, 8000, 48)

    def change(frame):
        x = np.fft.rfft(frame)
        feature = np.abs(x) if form.kind == "mag" else x.real
        return np.fft.irfft(x * 0.5 if "parts" in after else x * feature * 0.5)

    pcm, window = noise(48 * 12), np.sqrt(np.hanning(64))
    expected = pipeline(pcm, 64, 16, change, window, window)
    assert snr_db(expected, streamed(built, pcm)["pcm_out"].ravel()) >= 110


def test_several_frames_do_not_fit_everywhere():
    gain, samples = two(64)
    wide = network((1, 3, 33), (1, 3, 33), "y = Neg (x)", hop=48)
    with pytest.raises(UsageError, match=r"shape \(1, 3, 33\).*magnitude: \(33,\)"):
        add_frontend(network((1, 3, 33), (1, 3, 33), "y = Neg (x)"), "stft:64:16:rect:mag", 8000)
    with pytest.raises(UsageError, match=r"shape \(1, 3, 33\).*\(33,\), 4 times in a call"):
        add_frontend(
            network((1, 3, 33), (1, 3, 33), "y = Neg (x)", hop=64), "stft:64:16:rect:mag", 8000
        )
    with pytest.raises(
        UsageError, match=r"network's hop is 40; allowed: the same hop, or times it"
    ):
        add_frontend(
            network((1, 1, 33), (1, 1, 33), "y = Neg (x)", hop=40), "stft:64:16:rect:mag", 8000
        )
    with pytest.raises(UsageError, match=r"network's hop is 48; allowed: the same hop;"):
        add_frontend(wide, "stft:64:16:rect:mag", 8000, samples)
    assert gain.stream.hop_samples is None


@pytest.mark.parametrize("frames", [1, 2])
def test_an_offline_network_streams_behind_a_front_end(frames):
    """Two taps in time, the second in the future: one frame of delay, which counts in hops."""
    built = add_frontend(stream(offline(TAPS), hop=frames), "stft:64:16:hann_sym:mag:plain", 8000)
    assert built.stream == StreamInfo(16 * frames, 8000, 16 + 48, 16)
    pcm, window = noise(16 * 40), np.hanning(64)
    padded = np.concatenate([np.zeros(48), pcm])
    spectra = np.fft.rfft(np.stack([padded[i : i + 64] for i in range(0, len(pcm), 16)]) * window)
    ahead = np.abs(np.concatenate([spectra[1:], np.zeros((1, 33))]))
    gains = 1 / (1 + np.exp(-(np.abs(spectra) * TAPS[:, 0, 0] + ahead * TAPS[:, 0, 1])))
    out = np.zeros(len(pcm) + 48)
    for index, frame in enumerate(np.fft.irfft(spectra * gains) * window):
        out[index * 16 : index * 16 + 64] += frame
    found = streamed(built, pcm)["pcm_out"].ravel()
    assert snr_db(out[: len(pcm) - 16], found[16:]) >= 110


@pytest.mark.parametrize(("n_fft", "hop", "skipped"), [(64, 32, 1), (64, 16, 3), (96, 80, 1)])
@pytest.mark.parametrize("kind", ["logpow", "complex"])
def test_full_starts_the_network_with_the_first_frame_that_is_full(n_fft, hop, skipped, kind):
    bins = n_fft // 2 + 1
    shape = (1, bins) if kind == "logpow" else (1, bins, 2)
    dims = ",".join(map(str, shape))
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[{dims}] x, float[{dims}] s, '
        f"float[2] h) => (float[{dims}] y, float[{dims}] s_next, float[2] h_next) "
        "<float w = {0.3}, float u = {0.9}> { "
        "a = Mul (x, w)  b = Mul (s, u)  s_next = Add (a, b)  y = Tanh (s_next)  h_next = Abs (h) }"
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    built = add_frontend(
        model, f"stft:{n_fft}:{hop}:rect:{kind}:plain:full".replace(":complex", ""), 8000
    )
    state, frames = 0.0, 0

    def change(frame):
        nonlocal state, frames
        frames += 1
        if frames <= skipped:
            return np.zeros(n_fft)
        spectrum = np.fft.rfft(frame)
        fed = np.log10(np.maximum(np.abs(spectrum) ** 2, 1e-12))
        if kind == "complex":
            fed = np.stack([spectrum.real, spectrum.imag], axis=-1)
        state = 0.3 * fed + 0.9 * state
        out = np.tanh(state)
        filtered = out[..., 0] + 1j * out[..., 1] if kind == "complex" else out * spectrum
        return np.fft.irfft(filtered, n_fft)

    pcm = noise(hop * 40)
    expected = pipeline(pcm, n_fft, hop, change)
    assert not expected[: skipped * hop].any()
    assert snr_db(expected, streamed(built, pcm)["pcm_out"].reshape(-1)) >= 110


def test_full_is_for_one_frame_in_a_call():
    model = network((1, 2, 33), (1, 2, 33), "y = Sigmoid (x)", hop=32)
    with pytest.raises(UsageError, match="full with 2 frames"):
        add_frontend(model, "stft:64:16:hann_sym:mag:plain:full", 8000)
