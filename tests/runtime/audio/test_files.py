"""Audio through a build, from file to file."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_build
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_networks import Net
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.wav import read_channels, read_wav, write_wav
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.runtime.audio.files import run_samples, run_sounds, run_wav, run_wavs
from edgekit.runtime.stream import Stream


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return Stream.open(tiny_build.write(tmp_path_factory.mktemp("build")))


def tone(samples: int, rate: int = 16000, channels: int = 1) -> np.ndarray:
    time = np.arange(samples)[:, None] / rate
    return (0.25 * np.sin(2 * np.pi * 440 * time) * np.ones(channels)).astype(np.float32)


@needs_cc
@settings(max_examples=25, deadline=None)
@given(length=st.integers(0, 41))
def test_the_output_has_the_input_length_and_no_delay(stream: Stream, length: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    out = run_samples(stream, samples)
    # The build delays by one sample: its next output belongs to the sample just heard.
    np.testing.assert_array_equal(out, tiny_build.expected(np.append(samples, np.float32(0)))[1:])


@needs_cc
def test_every_run_starts_fresh(stream: Stream) -> None:
    samples = tone(100)[:, 0]
    np.testing.assert_array_equal(run_samples(stream, samples), run_samples(stream, samples))


@needs_cc
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "PCM_24"])
def test_a_wav_keeps_its_sample_format_and_length(
    stream: Stream, tmp_path: Path, subtype: str
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, tone(1001), 16000, subtype=subtype)
    notes = run_wav(stream, source, out)
    info = soundfile.info(out)
    assert (info.frames, info.samplerate, info.channels, info.subtype) == (1001, 16000, 1, subtype)
    assert notes == ("delay compensated: 1 samples, 0.0625 ms",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]


@needs_cc
@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_another_recording_becomes_a_wav(stream: Stream, tmp_path: Path, ending: str) -> None:
    source, out = tmp_path / f"in.{ending}", tmp_path / "out.wav"
    soundfile.write(source, tone(1001), 16000)
    run_wav(stream, source, out)
    info = soundfile.info(out)
    assert (info.frames, info.format, info.subtype) == (1001, "WAV", "PCM_16")


@needs_cc
def test_stereo_at_another_rate_is_converted_and_noted(stream: Stream, tmp_path: Path) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, tone(44100, 44100, 2), 44100)
    notes = run_wav(stream, source, out)
    assert notes[:2] == ("2 channels mixed down to mono", "resampled from 44100 Hz to 16000 Hz")
    assert soundfile.info(out).frames == 16000


def test_resampling_keeps_a_tone(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(48000, 48000), 48000, subtype="FLOAT")
    clip = read_wav(tmp_path / "in.wav", 16000)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(clip.samples[middle], tone(16000)[middle, 0], atol=1e-4)


@needs_cc
def test_loud_float_saturates_in_a_16_bit_file(stream: Stream, tmp_path: Path) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, np.full(64, 0.9), 16000, subtype="PCM_16")
    run_wav(stream, source, out)
    assert soundfile.read(out, dtype="int16")[0].max() == 32767


@needs_cc
def test_the_input_is_not_overwritten(stream: Stream, tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    soundfile.write(source, tone(50), 16000)
    before = source.read_bytes()
    for out in (source, tmp_path / "." / "in.wav"):
        with pytest.raises(UsageError, match="the input itself"):
            run_wav(stream, source, out)
    (tmp_path / "link.wav").symlink_to(source)
    with pytest.raises(UsageError, match="the input itself"):
        run_wav(stream, source, tmp_path / "link.wav")
    assert source.read_bytes() == before


@needs_cc
def test_a_build_that_takes_no_pcm_refuses_audio(tmp_path: Path) -> None:
    facts = {**tiny_build.manifest().stream, "hop_samples": 8}
    other = Stream.open(tiny_build.write(tmp_path / "build", stream=facts))
    with pytest.raises(UsageError, match="takes pcm"):
        run_samples(other, tone(20)[:, 0])


@pytest.fixture(scope="module")
def two_rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone at 16 kHz and a reference x at 48 kHz; an output at 48 kHz, a sample late, and one at 16 kHz."""
    folder, net = tmp_path_factory.mktemp("rates"), Net()
    low = net.conv("x", 1, 1, 6, left=3, stride=3)
    low = net.add("Add", net.conv("mic", 1, 1, 3, left=2), low)
    high = net.add("Add", net.transposed(low, 1, 1, 3, 3), net.conv("x", 1, 1, 3, left=1, right=1))
    source = folder / "net.onnx"
    source.write_bytes(net.model([1, 1, "3*T"], [high, low], more={"mic": [1, 1, "T"]}))
    names = (high, low)
    layouts = dict.fromkeys(("mic", *names), "NCT")
    api.export(str(source), "host", folder / "build", sample_rate=48000, layouts=layouts, hop=48)
    return folder


@needs_cc
def test_streams_of_two_rates_from_files_of_theirs(two_rates: Path, tmp_path: Path) -> None:
    random, stream = np.random.default_rng(3), Stream.open(two_rates / "build")
    sounds = {"mic": random.normal(size=1605), "x": random.normal(size=3 * 1605)}
    files = {name: tmp_path / f"{name}.wav" for name in sounds}
    for (name, sound), hertz in zip(sounds.items(), (16000, 48000), strict=True):
        sounds[name] = (0.1 * sound).astype(np.float32)
        write_wav(files[name], sounds[name], hertz, "FLOAT")
    outs = {t.name: tmp_path / f"{t.name}.wav" for t in stream.manifest.stream_outputs}
    run_wavs(stream, files, outs)
    feed = {name: sound[None, None] for name, sound in sounds.items()}
    whole = in_onnxruntime((two_rates / "net.onnx").read_bytes())(feed)
    for (name, path), hertz in zip(outs.items(), (48000, 16000), strict=True):
        found = read_channels(path, 1)
        assert found.sample_rate_hz == hertz
        np.testing.assert_allclose(found.samples, whole[name][0], atol=1e-6)


@needs_cc
def test_files_of_two_rates_that_do_not_fit_each_other(two_rates: Path, tmp_path: Path) -> None:
    stream = Stream.open(two_rates / "build")
    for name, hertz in (("mic", 16000), ("x", 48000)):
        write_wav(tmp_path / f"{name}.wav", np.zeros(4800, np.float32), hertz, "FLOAT")
    files = {name: tmp_path / f"{name}.wav" for name in ("mic", "x")}
    with pytest.raises(
        UsageError, match=r"4800 samples, 'x.wav' 4800 samples; allowed: one length"
    ):
        run_wavs(stream, files, {})
    with pytest.raises(UsageError, match=r"inputs: (x|mic) 48, (x|mic) 48; allowed: one length"):
        run_sounds(stream, dict.fromkeys(files, np.zeros((1, 48), np.float32)))
