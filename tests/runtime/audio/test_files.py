"""Audio files through a build: lengths, delay, formats, and files that are refused."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_build
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.wav import read_wav, write_wav
from edgekit.runtime.audio.files import run_samples, run_wav
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


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "does not exist.*check the path"),
        (b"", "file"),
        (b"RIFF\x00\x00\x00\x00WAVE", "file"),
        (b"no audio at all", "file"),
    ],
)
def test_what_is_no_wav_is_refused(tmp_path: Path, data: bytes | None, words: str) -> None:
    path = tmp_path / "in.wav"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=words):
        read_wav(path)


def test_sample_formats_that_lose_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tone(50), 16000, subtype="ULAW")
    with pytest.raises(UsageError, match="ULAW"):
        read_wav(tmp_path / "in.wav")


def test_an_npz_reads_back_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.state": np.zeros(0, np.int8)}
    write_npz(tmp_path / "one.npz", arrays)
    write_npz(tmp_path / "two.npz", arrays)
    back = read_npz(tmp_path / "one.npz")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_an_npz_with_objects_or_false_claims_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(UsageError, match="objects"):
        read_npz(path)
    np.savez(path, a=np.zeros(100, np.float32))
    data = path.read_bytes()
    assert data.count(b"(100,)") == 1
    path.write_bytes(data.replace(b"(100,), ", b"(10**9,)"))
    with pytest.raises(UsageError):
        read_npz(path)
    np.savez(path, a=np.zeros(100, np.float32))
    with pytest.raises(UsageError, match="bytes unpacked"):
        read_npz(path, limit=400)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 500), flip=st.integers(0, 500))
def test_a_damaged_npz_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("npz") / "in.npz"
    np.savez(path, a=np.zeros(40, np.float32))
    data = bytearray(path.read_bytes())
    data[flip % len(data)] ^= 0x55
    path.write_bytes(data[: len(data) - cut])
    try:
        assert read_npz(path).keys() is not None
    except UsageError as error:
        assert "in.npz" in str(error)


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(
        st.integers(0, len(HEADER)).map(lambda end: HEADER[:end]),
        st.tuples(
            st.integers(0, len(HEADER)), st.text("{}()[]'\"#\\\\,:<f4x0\n\t \0é", max_size=4)
        ).map(lambda edit: HEADER[: edit[0]] + edit[1] + HEADER[edit[0] + len(edit[1]) :]),
    ),
    version=st.sampled_from([1, 2]),
)
@example(text="{'descr': '<f4', 'shape': (", version=1)
@example(text="{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", version=2)
@example(text="(" * 3000, version=2)
def test_an_array_with_any_header_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, text: str, version: int
) -> None:
    """The zip around it is whole, so that what is damaged gets as far as numpy's own parsing."""
    path = tmp_path_factory.mktemp("npz") / "in.npz"
    header = text.encode("latin1" if version == 1 else "utf8")
    length = len(header).to_bytes(2 * version, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY" + bytes([version, 0]) + length + header + bytes(8))
    try:
        assert read_npz(path)["a"].nbytes <= 8
    except UsageError as error:
        assert "in.npz" in str(error)


def test_16_bit_files_are_rounded_half_to_even_and_saturate(tmp_path: Path) -> None:
    values = np.array([0.4, 0.5, 0.6, 1.5, -0.4, -0.5, -1.5, 40000.0, -40000.0], np.float32)
    write_wav(tmp_path / "a.wav", values / np.float32(32768), 16000, "PCM_16")
    got, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert got.tolist() == [0, 0, 1, 2, 0, 0, -2, 32767, -32768]
