"""Channels and streams from file to C and back: layouts, files by name, calibration sets, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from port_networks import RATE, SHAPES, Mixer, convolution, convolved
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import CalibrationError, UsageError
from edgekit.base.npz import read_npz
from edgekit.cli import app
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.stream import Stream

PLAIN = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
names = st.sampled_from(["mic", "ref", "bone", "far", "out", "left"])
ports = st.tuples(st.integers(1, 16), st.sampled_from(sorted(SHAPES)))


@st.composite
def mixers(draw: st.DrawFn) -> Mixer:
    inputs = draw(st.dictionaries(names, ports, min_size=1, max_size=4))
    outputs = draw(st.dictionaries(names.map(lambda n: f"{n}_y"), ports, min_size=1, max_size=3))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    return Mixer.drawn(random, inputs, outputs, draw(st.integers(2, 20)))


def check_mixer(mixer: Mixer, folder: Path, length: int) -> None:
    stream = mixer.stream(folder)
    random = np.random.default_rng(length)
    sounds = {
        name: (random.integers(-32768, 32767, (channels, length)) / 32768).astype(np.float32)
        for name, (channels, _) in mixer.inputs.items()
    }
    expected = mixer.mixed(sounds)
    for name, found in run_sounds(stream, sounds).items():
        np.testing.assert_allclose(found, expected[name], atol=1e-6)
    assert {t.name: t.channels for t in stream.manifest.inputs} == {
        name: channels for name, (channels, _) in mixer.inputs.items()
    }
    hop = mixer.hop
    pcm = {n: (s[:, :hop].T * 32768).astype(np.int16) for n, s in sounds.items()}
    for name, interleaved in stream.process_interleaved(pcm).items():
        assert interleaved.dtype == np.int16
        assert np.abs(interleaved.T - 32768 * expected[name][:, :hop]).max() <= 0.51


@needs_cc
@PLAIN
@given(mixer=mixers(), length=st.integers(20, 60))
def test_any_number_of_streams_and_channels_in_any_order_of_axes(
    tmp_path_factory: pytest.TempPathFactory, mixer: Mixer, length: int
) -> None:
    check_mixer(mixer, tmp_path_factory.mktemp("mixer"), length)


@needs_cc
@pytest.mark.slow
@settings(PLAIN, max_examples=80)
@given(mixer=mixers(), length=st.integers(20, 60))
def test_many_more_of_them(
    tmp_path_factory: pytest.TempPathFactory, mixer: Mixer, length: int
) -> None:
    check_mixer(mixer, tmp_path_factory.mktemp("mixer"), length)


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an offline network of two channels and its build."""
    folder = tmp_path_factory.mktemp("stereo")
    network = convolution(folder / "net.onnx", 2)
    result = CliRunner().invoke(
        app,
        [
            "export",
            str(network),
            "--target",
            "onnxruntime",
            "--hop",
            "16",
            "--sample-rate",
            str(RATE),
            "--layout",
            "pcm=NCT",
            "--layout",
            "out=NCT",
            "-o",
            str(folder / "build"),
        ],
    )
    assert result.exit_code == 0, result.output
    return folder


def noise(channels: int, samples: int = 1000) -> np.ndarray:
    random = np.random.default_rng(samples)
    return random.uniform(-0.5, 0.5, (samples, channels)).astype(np.float32)


def test_a_stereo_file_goes_through_and_keeps_its_channels(stereo: Path, tmp_path: Path) -> None:
    sound = noise(2)
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype="FLOAT")
    notes = api.run(stereo / "build", tmp_path / "in.wav", tmp_path / "out.wav")
    assert notes == ("delay compensated: 2 samples, 0.125 ms",)
    found, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_allclose(found.T, convolved(stereo / "net.onnx", sound.T), atol=1e-6)
    manifest = json.loads((stereo / "build" / "manifest.json").read_text())
    assert [(row["layout"], row["channels"]) for row in manifest["inputs"][:1]] == [("NCT", 2)]
    assert manifest["outputs"][0]["delay_samples"] == 2


def test_an_output_of_the_input_s_shape_has_its_layout(stereo: Path, tmp_path: Path) -> None:
    made = api.export(
        str(stereo / "net.onnx"),
        "onnxruntime",
        tmp_path / "build",
        hop=16,
        sample_rate=RATE,
        layouts={"pcm": "NCT"},
    )
    assert [t.layout for t in made.manifest.stream_outputs] == ["NCT"]
    (note,) = [note for note in made.notes if "--layout" in note]
    assert note.startswith("output 'out' is taken to be NCT, as input 'pcm' is")


def test_an_output_that_has_no_layout_is_told_how_to_get_one(stereo: Path, tmp_path: Path) -> None:
    api.export(
        str(stereo / "net.onnx"),
        "onnxruntime",
        tmp_path / "build",
        hop=16,
        sample_rate=RATE,
        layouts=layouts("pcm=NCT", "out=..T"),
    )
    soundfile.write(tmp_path / "in.wav", noise(2), RATE)
    with pytest.raises(UsageError, match="of sound, export with --layout out=NCT"):
        api.run(tmp_path / "build", tmp_path / "in.wav", tmp_path / "out.wav")


@pytest.mark.parametrize(("channels", "found"), [(1, "1 channel;"), (3, "3 channels;")])
def test_a_file_of_another_number_of_channels_is_refused(
    stereo: Path, tmp_path: Path, channels: int, found: str
) -> None:
    soundfile.write(tmp_path / "in.wav", noise(channels), RATE)
    with pytest.raises(UsageError, match=found):
        api.run(stereo / "build", tmp_path / "in.wav", tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()
    with pytest.raises(CalibrationError, match="2 channels"):
        clips = tmp_path / "clips"
        clips.mkdir()
        soundfile.write(clips / "in.wav", noise(channels), RATE)
        api.export(
            str(stereo / "net.onnx"),
            "onnxruntime",
            tmp_path / "b",
            hop=16,
            sample_rate=RATE,
            recipe="w8a8",
            calibration=str(clips),
            layouts=layouts("pcm=NCT", "out=NCT"),
        )


def layouts(*texts: str) -> dict:
    from edgekit.verbs.export.texts import parse_layout_option

    return dict(map(parse_layout_option, texts))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("pcn=NCT",), "no input or output of this name"),
        (("pcm=NT",), "2 letters"),
        (("pcm=NTC",), "time axis is 2"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(
    stereo: Path, tmp_path: Path, given: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        api.stream(str(stereo / "net.onnx"), tmp_path / "net.hop.onnx", layouts=layouts(*given))


@pytest.mark.parametrize("text", ["NCT", "pcm=", "pcm=NCX", "pcm=NCTT"])
def test_a_text_that_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--layout"):
        layouts(text)


def test_a_saved_stream_keeps_its_layouts(stereo: Path, tmp_path: Path) -> None:
    saved, build = tmp_path / "net.hop.onnx", tmp_path / "build"
    given = layouts("pcm=NCT", "out=NCT")
    api.stream(str(stereo / "net.onnx"), saved, hop=8, layouts=given)
    api.export(str(saved), "onnxruntime", build)
    assert Stream.open(build).manifest.stream_inputs[0].channels == 2


def test_without_a_layout_two_channels_are_no_sound(stereo: Path, tmp_path: Path) -> None:
    api.export(str(stereo / "net.onnx"), "onnxruntime", tmp_path / "b", hop=16, sample_rate=RATE)
    soundfile.write(tmp_path / "in.wav", noise(2), RATE)
    with pytest.raises(UsageError, match="--layout INPUT=NCT"):
        api.run(tmp_path / "b", tmp_path / "in.wav", tmp_path / "out.wav")


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mixer, Path]:
    """Two inputs and two outputs, as a folder."""
    inputs, outputs = {"mic": (1, "NCT"), "ref": (2, "NTC")}, {"out": (1, "NCT"), "echo": (1, "CT")}
    made = Mixer.drawn(np.random.default_rng(0), inputs, outputs, 8)
    folder = tmp_path_factory.mktemp("mixer") / "build"
    made.model().save(folder.with_suffix(".onnx"))
    api.export(str(folder.with_suffix(".onnx")), "onnxruntime", folder)
    return made, folder


def write_pair(folder: Path, **sounds: np.ndarray) -> None:
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="FLOAT")


def test_files_go_to_streams_by_name(mixer: tuple[Mixer, Path], tmp_path: Path) -> None:
    made, build = mixer
    mic, ref = noise(1), noise(2)
    write_pair(tmp_path, mic=mic, ref=ref)
    result = CliRunner().invoke(
        app,
        [
            "run",
            str(build),
            f"ref={tmp_path / 'ref.wav'}",
            f"mic={tmp_path / 'mic.wav'}",
            f"echo={tmp_path / 'echo.wav'}",
            f"out={tmp_path / 'out.wav'}",
            "--json",
        ],
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["paths"]) == 2
    expected = made.mixed({"mic": mic.T, "ref": ref.T})
    for name in ("out", "echo"):
        found, _ = soundfile.read(tmp_path / f"{name}.wav", dtype="float32", always_2d=True)
        np.testing.assert_allclose(found.T, expected[name], atol=1e-6)
    sources = {"mic": tmp_path / "mic.wav", "ref": tmp_path / "ref.wav"}
    api.run(build, sources, {"echo": tmp_path / "one.wav"})
    np.testing.assert_array_equal(soundfile.read(tmp_path / "one.wav")[0].shape, (1000,))
    api.run(build, sources, tmp_path / "out.npz")
    assert read_npz(tmp_path / "out.npz")["out"].shape == (125, 1, 1, 8)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("mic=mic.wav", "out=o.wav"), "input 'ref': no file"),
        (("mic=mic.wav", "rev=ref.wav", "out=o.wav"), "no input or output of this name"),
        (("mic=mic.wav", "mic=mic.wav", "out=o.wav"), "given twice"),
        (("mic.wav", "out=o.wav"), "for 2 inputs"),
        (("mic=mic.wav", "ref=ref.wav", "o.wav"), "for 2 outputs"),
        (("mic=mic.wav", "ref=ref.wav"), "2 files"),
        (("mic=mic.wav", "ref=mic.wav", "out=o.wav"), "1 channel"),
        (("mic=mic.wav", "ref=slow.wav", "out=o.wav"), "'slow.wav' 8000 Hz"),
        (("mic=mic.wav", "ref=short.wav", "out=o.wav"), "'short.wav' 900 samples"),
        (("mic=mic.wav", "ref=ref.wav", "out=ref.wav"), "the input itself"),
        (("mic=mic.wav", "ref=ref.wav", "out=o.wav", "echo=o.wav"), "one file twice"),
        (("mic=mic.wav", "ref=ref.npz", "out=o.wav"), "npz and .wav"),
        (("mic=mic.wav", "ref=none.wav", "out=o.wav"), "does not exist"),
    ],
)
def test_files_that_do_not_fit_the_streams_are_refused(
    mixer: tuple[Mixer, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[str, ...],
    words: str,
) -> None:
    write_pair(tmp_path, mic=noise(1), ref=noise(2), short=noise(2, 900))
    soundfile.write(tmp_path / "slow.wav", noise(2), 8000)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", str(mixer[1]), *files])
    assert isinstance(result.exception, UsageError) and words in str(result.exception)
    assert not Path("o.wav").exists()


def test_a_clip_of_several_streams_is_a_file_for_each(
    mixer: tuple[Mixer, Path], tmp_path: Path
) -> None:
    model = mixer[0].model()
    write_pair(tmp_path, **{"a.mic": noise(1), "a.ref": noise(2), "a.clean": noise(1)})
    write_pair(tmp_path, **{"b.mic": noise(1, 80), "b.ref": noise(2, 80)})
    found = load_calibration(str(tmp_path), model)
    assert [{n: a.shape for n, a in clip.items()} for clip in found.clips] == [
        {"mic": (125, 1, 1, 8), "ref": (125, 1, 8, 2)},
        {"mic": (10, 1, 1, 8), "ref": (10, 1, 8, 2)},
    ]
    np.testing.assert_array_equal(found.clips[0]["ref"].reshape(1000, 2), noise(2))
    assert list(found.clean) == [0]


@pytest.mark.parametrize(
    ("sounds", "words"),
    [
        ({"a.mic": noise(1)}, "a.ref.wav"),
        ({"a": noise(1)}, "NAME.mic.wav and NAME.ref.wav"),
        ({"a.mic": noise(1), "a.ref": noise(2, 900)}, "900 samples"),
        ({"a.mic": noise(2), "a.ref": noise(1)}, "1 channel"),
        ({"a.mic": noise(1, 5), "a.ref": noise(2, 5)}, "less than one hop"),
    ],
)
def test_clips_that_do_not_fit_the_streams_are_refused(
    mixer: tuple[Mixer, Path], tmp_path: Path, sounds: dict[str, np.ndarray], words: str
) -> None:
    write_pair(tmp_path, **sounds)
    with pytest.raises(CalibrationError, match=words):
        load_calibration(str(tmp_path), mixer[0].model())
