"""Features of several channels and streams, a form for each: equal to the torch modules, and in C."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered
from near import ROUNDING
from offline_features import offline
from onnx import TensorProto, helper
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.layout import frames_to_hops, parse_layout
from edgekit.base.wav import write_wav
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.spec import parse_forms, parse_spec, parse_specs, specs_text
from edgekit.export.hop_runner import run_hops
from edgekit.export.verify import SPREADS
from edgekit.frontend import Frontend
from edgekit.graph.layouts import with_layouts
from edgekit.graph.model import Model, StreamInfo
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, with_surroundings

RATE = 16000


def network(**shapes: tuple[int, ...]) -> bytes:
    """Gives each input back, as NAME_out."""
    nodes = []
    for name in shapes:
        nodes.append(helper.make_node("Neg", [name], [f"{name}_less"]))
        nodes.append(helper.make_node("Neg", [f"{name}_less"], [f"{name}_out"]))
    sides = [
        [helper.make_tensor_value_info(n + end, TensorProto.FLOAT, s) for n, s in shapes.items()]
        for end in ("", "_out")
    ]
    opset = [helper.make_opsetid("", 21)]
    graph = helper.make_graph(nodes, "net", *sides)
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def fronted(
    forms: str | Mapping[str, str], layouts: Mapping[str, str], **shapes: tuple[int, ...]
) -> Model:
    model = from_onnx(network(**shapes), name="net")
    model = with_layouts(model, {name: parse_layout(text) for name, text in layouts.items()})
    return with_surroundings(model, ImportOptions(frontend=parse_forms(forms), sample_rate=RATE))


def noise(channels: int, samples: int, seed: int = 0) -> np.ndarray:
    """Noise of several channels that share a source."""
    random = np.random.default_rng(seed)
    source = random.standard_normal(samples)
    own = random.standard_normal((channels, samples))
    return (0.2 * (source + 0.5 * own)).astype(np.float32)


def features_of(model: Model, sound: np.ndarray, name: str = "x") -> np.ndarray:
    """(hops, *shape) of the network's input."""
    shape = {str(v.name): tuple(v.shape or ()) for v in model.stream_inputs}[name]
    sizes = tuple(int(size) for size in shape)
    hops = frames_to_hops(sound, parse_layout("NCT"), sizes)
    return run_hops(model, {name: hops})[f"{name}_out"]


def by_torch(text: str, sound: np.ndarray) -> np.ndarray:
    """(channels, width, frames) of the module of this text."""
    form = parse_spec(text)
    plain = ":".join(text.split(":stack:")[:1]) if form.stack else text
    found = Frontend(plain, RATE)(torch.tensor(sound)[None])[0].numpy()
    return found[None] if found.ndim == 2 else found


FORMS = (
    ("mel:64:32:hann:12", 2),
    ("mel:64:24:hann@50:12:300:3900:log:slaney", 3),
    ("erb:64:32:sqrt_hann:8:db", 2),
    ("mfcc:64:16:hann:12:7", 2),
    ("gcc:64:32:hann:16", 2),
    ("gcc:96:24:hamming_sym:20", 5),
    ("intensity:64:32:hann:10", 4),
    ("intensity:128:32:hann@100:12:200:7000:htk", 4),
    ("mel:64:32:hann:16:log:slaney+intensity:16", 4),
    ("mel:128:32:hann:16:db+gcc:16", 4),
    ("gcc:64:32:hann:8+mfcc:12:8+intensity:8", 4),
)


@pytest.mark.parametrize(("text", "heard"), FORMS)
@pytest.mark.parametrize("frames", [1, 3])
def test_the_nodes_compute_what_the_torch_module_does(text: str, heard: int, frames: int) -> None:
    form = parse_spec(text)
    channels = form.channels(heard)
    assert channels is not None and form.heard(channels) == heard
    model = fronted(text, {"x": "NCTF"}, x=(1, channels, frames, form.width))
    assert model.stream == StreamInfo(frames * form.hop, RATE, 0)
    assert model.layouts["x"] == parse_layout("NCT")
    sound = noise(heard, frames * form.hop * 12)
    found = features_of(model, sound)[:, 0].transpose(1, 3, 0, 2)
    expected = by_torch(text, sound)
    assert expected.shape == (channels, form.width, frames * 12)
    # Logarithms, then a DCT whose sums cancel: as far apart as features are of sound that is rounded otherwise.
    signs = np.random.default_rng(1).choice([-1, 1], sound.shape)
    rounded = (sound + signs * ROUNDING * np.abs(sound).max()).astype(np.float32)
    change = np.abs(by_torch(text, rounded) - expected).max()
    atol = max(1e-5 * np.abs(expected).max(), SPREADS * change)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=atol, rtol=0)


def test_a_stack_is_of_the_last_frames_of_each_channel() -> None:
    text = "mel:64:32:hann:16:log+gcc:16"
    model = fronted("mel:64:32:hann:16:log:stack:5:2+gcc:16", {"x": "NFCT"}, x=(1, 16, 3, 5))
    assert model.stream.hop_samples == 64
    sound = noise(2, 64 * 10)
    silent = np.pad(sound, ((0, 0), (3 * 32, 0)))
    frames = by_torch(text, silent)  # (channels, width, frames)
    stacks = [frames[..., start : start + 5] for start in range(0, frames.shape[2] - 4, 2)]
    found = features_of(model, sound)[:, 0].transpose(0, 2, 1, 3)
    expected = np.stack(stacks)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("frames", [1, 3])
def test_pcen_of_two_ears_is_that_of_each(frames: int) -> None:
    text = "mel:64:32:hann:12:pcen"
    model = fronted(text, {"x": "NCTF"}, x=(1, 2, frames, 12))
    sound = noise(2, 32 * 30)
    found = features_of(model, sound)[:, 0].transpose(1, 0, 2, 3).reshape(2, -1, 12)
    for ear in (0, 1):
        expected = offline(text, sound[ear], RATE)
        np.testing.assert_allclose(found[ear], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("target", ["host", "litert"])
@pytest.mark.parametrize("index", [5, 8])
def test_builds_compute_directions(target: str, index: int, tmp_path: Path) -> None:
    text, heard = FORMS[index]
    form = parse_spec(text)
    model = fronted(text, {"x": "NCF"}, x=(1, form.channels(heard) or 0, form.width))
    lowered(model, tmp_path / "build", target)
    sound = noise(heard, form.hop * 12)
    hops = frames_to_hops(sound, parse_layout("NCT"), (1, heard, form.hop))
    found = Stream.open(tmp_path / "build").run({"x": hops})["x_out"][:, 0].transpose(1, 2, 0)
    expected = by_torch(text, sound)
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@needs_cc
def test_each_stream_has_a_form_of_its_own(tmp_path: Path) -> None:
    """Mel of two ears, spectra of a reference that hops twice as often, and a stream without a form."""
    forms = {"ears": "mel:128:64:hann:16:log", "ref": "stft:64:32:sqrt_hann:mag"}
    layouts = {"ears": "NCF", "ref": "NTF", "ref_out": "N.."}
    shapes = {"ears": (1, 2, 16), "ref": (1, 2, 33), "level": (1, 4)}
    model = fronted(forms, layouts, **shapes)
    assert model.frontend == "ears=mel:128:64:hann:16:log ref=stft:64:32:sqrt_hann:mag"
    lowered(model, tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    ports = {t.name: t for t in stream.manifest.stream_inputs}
    assert (ports["ears"].shape, ports["ref"].shape) == ((1, 2, 64), (1, 1, 64))
    assert (ports["ears"].channels, ports["ref"].channels) == (2, 1)
    sound, far = noise(2, 64 * 12), noise(1, 64 * 12, 1)
    hops = {
        "ears": frames_to_hops(sound, parse_layout("NCT"), (1, 2, 64)),
        "ref": far.reshape(-1, 1, 1, 64),
        "level": np.ones((12, 1, 4), np.float32),
    }
    found = stream.run(hops)
    expected = by_torch(forms["ears"], sound)
    ears = found["ears_out"][:, 0].transpose(1, 2, 0)
    np.testing.assert_allclose(ears, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(found["level_out"], hops["level"])
    spectra = np.abs(np.fft.rfft(_frames(far[0], 64, 32) * parse_spec(forms["ref"]).windows()[0]))
    # an output with bins is sound again, unless its layout says that it has none
    assert found["ref_out"].shape == (12, 1, 2, 33)
    np.testing.assert_allclose(found["ref_out"].reshape(-1, 33), spectra, atol=1e-5 * spectra.max())


def _frames(sound: np.ndarray, length: int, hop: int) -> np.ndarray:
    padded = np.pad(sound, (length - hop, 0))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]


@needs_cc
def test_an_output_comes_back_as_the_stream_whose_spectra_it_has(tmp_path: Path) -> None:
    """Features of one input, spectra of the other: outputs of the same shapes are bands, and sound."""
    forms = {"mel": "mel:128:64:hann:16:log", "mic": "stft:128:64:sqrt_hann"}
    layouts = {"mel": "NF", "mic": "NFP"}
    model = fronted(forms, layouts, mel=(1, 16), mic=(1, 65, 2))
    lowered(model, tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    rows = {t.name: t for t in stream.manifest.stream_outputs}
    assert (rows["mic_out"].delay_samples, rows["mel_out"].delay_samples) == (64, 0)
    sound = noise(1, 64 * 12)
    hops = {name: sound.reshape(-1, 1, 1, 64) for name in ("mel", "mic")}
    found = stream.run(hops)["mic_out"].reshape(-1)
    np.testing.assert_allclose(found[64:], sound[0, :-64], atol=1e-6)


def test_a_gain_of_one_channel_is_heard_without_a_layout() -> None:
    """As behind a single front end: by its sizes, which leave no choice."""
    form = "stft:64:32:sqrt_hann:mag"
    model = fronted({"mic": form, "ref": form}, {}, mic=(1, 1, 33), ref=(1, 33))
    assert [str(v.name) for v in model.stream_outputs] == ["mic_out", "ref_out"]
    assert model.layouts["mic_out"] == parse_layout("NCT") and "ref_out" not in model.layouts
    assert [note for note in model.notes if "add --layout ref_out=LETTERS" in note]


@needs_cc
def test_a_named_stream_of_one_channel_needs_no_layout(tmp_path: Path) -> None:
    model = fronted({"x": "gcc:64:32:hann:16"}, {}, x=(1, 1, 16))
    lowered(model, tmp_path / "build")
    sound = noise(2, 32 * 12)
    late = np.stack([np.pad(sound[0], (3, 0))[:-3], sound[0]])
    stream = Stream.open(tmp_path / "build")
    assert stream.manifest.stream_inputs[0].channels == 2
    hops = frames_to_hops(late, parse_layout("NCT"), (1, 2, 32))
    found = stream.run({"x": hops})["x_out"].reshape(-1, 16)
    assert int(found.mean(axis=0).argmax()) - 8 == 3


@pytest.mark.slow
@needs_cc
def test_run_takes_a_file_of_four_channels(tmp_path: Path) -> None:
    text = "mel:64:32:hann:16:db+intensity:16"
    lowered(fronted(text, {"x": "NCF"}, x=(1, 7, 16)), tmp_path / "build")
    sound = noise(4, 32 * 12)
    write_wav(tmp_path / "field.wav", sound, RATE, "FLOAT")
    api.run(tmp_path / "build", tmp_path / "field.wav", tmp_path / "out.npz")
    found = np.load(tmp_path / "out.npz")["x_out"]
    expected = by_torch(text, sound)
    np.testing.assert_allclose(
        found[:, 0].transpose(1, 2, 0), expected, atol=2e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize(
    ("forms", "layouts", "shapes", "words"),
    [
        ({"y": "mel:64:32:hann:12"}, {}, {"x": (1, 12)}, "no input or output of this name"),
        ({"x": "mel:64:32:hann:12"}, {"x": "NCF"}, {"x": (1, 2, 13)}, "F 12, C up to 16"),
        ({"x": "mel:64:32:hann:12"}, {}, {"x": (1, 2, 12)}, "add --layout x=LETTERS"),
        ({"x": "gcc:64:32:hann:12"}, {"x": "NCF"}, {"x": (1, 4, 12)}, "C 1 of 2, 3 of 3, 6 of 4"),
        ({"x": "intensity:64:32:hann:12"}, {"x": "NCF"}, {"x": (1, 4, 12)}, "C 3 of 4 channels"),
        ({"x_out": "mel:64:32:hann:12"}, {}, {"x": (1, 12)}, "leave the output out"),
        ({"x": "mel:64:32:hann:12:full"}, {}, {"x": (1, 12)}, "not full"),
        ({"x": "frame:64:32"}, {}, {"x": (1, 64)}, "let the network read its hop"),
        (
            {"x": "mel:64:32:hann:12", "y": "stft:64:16:hann:mag"},
            {},
            {"x": (1, 12), "y": (1, 33)},
            "samples in a call: x 32, y 16",
        ),
        (
            {"x": "mel:64:32:hann:12", "x_out": "stft:22:11:hann:mag"},
            {"x_out": "NF"},
            {"x": (1, 12)},
            "N_FFT: 22",
        ),
        (
            {"x": "mel:64:32:hann:33", "x_out": "stft:64:32:hann:mag"},
            {"x_out": "NF"},
            {"x": (1, 33)},
            "gains of no spectrum",
        ),
    ],
)
def test_forms_that_do_not_fit_are_refused(
    forms: dict[str, str],
    layouts: dict[str, str],
    shapes: dict[str, tuple[int, ...]],
    words: str,
) -> None:
    with pytest.raises(UsageError, match=words):
        fronted(forms, layouts, **shapes)


def test_texts_come_back() -> None:
    for text, _ in FORMS:
        form = parse_spec(text)
        assert parse_spec(str(form)) == form
    named = {"ears": parse_spec(FORMS[0][0]), "ref": parse_spec("stft:64:32:hann:mag")}
    assert parse_specs(specs_text(named)) == named
