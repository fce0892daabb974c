"""Audio files: read with the channels and at the rate that are wanted, and write."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base import plain_wav
from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.installation import install_extra
from edgekit.base.riff import missing_bytes

Samples = Float32

MAX_SAMPLES = 1 << 29  # 2 GiB of float32
FORMATS = (
    "WAV",
    "WAVEX",
    "RF64",
)  # samples of these are as `SUBTYPES`; of the others, as they come
OTHER_FORMATS = ("FLAC", "OGG", "MP3", "AIFF")
MOST_HEADER = 4096  # bytes that are looked at for the beginning of the samples
SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Clip:
    """A recording.

    Attributes:
        samples: (samples,) float32, full scale 1; of several channels (channels, samples).
        sample_rate_hz: samples per second.
        subtype: sample format of the file, as libsndfile names it: ``PCM_16``, ``FLOAT``; of a compressed file
            that of the .wav which it becomes.
        notes: the changes while reading, in words.
    """

    samples: Samples
    sample_rate_hz: int
    subtype: str
    notes: tuple[str, ...] = ()


def read_wav(path: Path, sample_rate_hz: int | None = None) -> Clip:
    """Read a recording as mono, (samples,), at `sample_rate_hz` (None: as it is), and note the changes.

    Raises:
        UsageError: missing, damaged, no recording, too long, or samples of an unusual format.
        ToolError: the samples are no 16-bit PCM, or have another rate, and soundfile or soxr is not installed.
    """
    clip = read_channels(path, 1, sample_rate_hz)
    return replace(clip, samples=clip.samples[0])


def read_channels(path: Path, channels: int, sample_rate_hz: int | None = None) -> Clip:
    """Read a recording with this number of channels, (channels, samples); for one channel, others are mixed down to it.

    Raises:
        UsageError: as `read_wav`, or a file that has another number of channels.
        ToolError: the samples are no 16-bit PCM, or have another rate, and soundfile or soxr is not installed.
    """
    data, rate, subtype = _read_file(path, sample_rate_hz)
    notes, found = [], data.shape[1]
    if channels == 1 and found > 1:
        notes.append(f"{found} channels mixed down to mono")
        data = data.mean(axis=1, dtype=np.float32, keepdims=True)
    elif channels != found:
        step = "give one that has them: EdgeKit makes no channels"
        where, listed = f"file '{path}'", ("1 channel", f"{found} channels")[found > 1]
        raise UsageError(Problem(where, listed, f"{channels} channels", step))
    samples = data
    if sample_rate_hz is not None and rate != sample_rate_hz:
        samples = _library("soxr").resample(samples, rate, sample_rate_hz)
        notes.append(f"resampled from {rate} Hz to {sample_rate_hz} Hz")
        rate = sample_rate_hz
    return Clip(np.ascontiguousarray(samples.T, np.float32), rate, subtype, tuple(notes))


def _read_file(path: Path, sample_rate_hz: int | None) -> tuple[Samples, int, str]:
    """(frames, channels) of a recording, its rate and subtype, if it is not too long for the rate that is wanted."""
    soundfile = _soundfile()
    allowed = f"a .wav with samples {', '.join(SUBTYPES)}; {', '.join(OTHER_FORMATS)}"

    def refuse(found: str, step: str = "convert it to a 16-bit .wav") -> UsageError:
        return UsageError(Problem(f"file '{path}'", found, allowed, step))

    if not path.is_file():
        found = "a folder, a pipe or a device" if path.exists() else "does not exist"
        raise refuse(found, "write it to a file" if path.exists() else "check the path")
    try:
        info = soundfile.info(str(path))
        if told := _fault(path, info, sample_rate_hz):
            raise refuse(*told)
        data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        cut = _is_cut(path)
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        found = "ends inside of its header" if cut else f"libsndfile cannot read it: {reason}"
        step = "copy or record it again" if cut else "convert it to a 16-bit .wav"
        raise refuse(found, step) from error
    if not (finite := np.isfinite(data).all(axis=1)).all():
        found = f"NaN or infinity, first at sample {int(np.argmin(finite)):,}"
        raise refuse(found, "leave these samples out, or write zeros there")
    return data, rate, info.subtype if info.subtype in SUBTYPES else "PCM_16"


def _is_cut(path: Path) -> bool:
    """Whether a file is empty, or a .wav that ends before the samples begin."""
    with path.open("rb") as file:
        head = file.read(MOST_HEADER)
    if len(head) == MOST_HEADER:
        return False
    chunks = head[12:]
    while len(chunks) >= 8 and chunks[:4] != b"data":
        size = int.from_bytes(chunks[4:8], "little")
        chunks = chunks[8 + size + size % 2 :]
    return b"RIFF".startswith(head[:4]) and (chunks[:4] != b"data" or len(chunks) < 8)


def _fault(path: Path, info: Any, sample_rate_hz: int | None) -> tuple[str, ...] | None:
    """Return what is wrong with a recording by its header, and the next step where it is another."""
    known = info.format in FORMATS and info.subtype in SUBTYPES
    if not known and info.format not in OTHER_FORMATS:
        return (f"{info.format} with samples {info.subtype}",)
    if not info.frames:
        return "no samples", "give a recording"
    ratio = max(1.0, (sample_rate_hz or info.samplerate) / info.samplerate)
    if info.frames * max(info.channels, ratio) > MAX_SAMPLES:
        return (f"{info.frames} samples in {info.channels} channels: too long",)
    if missing := missing_bytes(path):
        step = "copy or record it again; `ffmpeg -i FILE OUT.wav` keeps the samples that are there"
        return f"ends {missing:,} bytes before the end that its header states", step
    return None


def read_together(
    files: Mapping[str, Path], channels: Mapping[str, int], rates_hz: Mapping[str, int | None]
) -> dict[str, Clip]:
    """Read a recording of each of several streams that were recorded together, (channels, samples) each.

    Streams may differ in their rate. Files of streams of one rate have one rate, and all have one length, up to a
    sample of the slowest stream.

    Raises:
        UsageError: as `read_channels`, of all files, or files that differ in rate or length.
        ToolError: the samples are no 16-bit PCM, or have another rate, and soundfile or soxr is not installed.
    """
    clips, problems = dict[str, Clip](), list[Problem]()
    for name, path in files.items():
        try:
            clips[name] = read_channels(path, channels[name], rates_hz[name])
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)
    _check_together(files, clips, rates_hz)
    return clips


def _check_together(
    files: Mapping[str, Path], clips: Mapping[str, Clip], rates_hz: Mapping[str, int | None]
) -> None:
    """Refuse files of one rate that should have it and do not, and files of different lengths."""
    info = _soundfile().info
    rates = {name: info(str(path)).samplerate for name, path in files.items()}
    lengths = {name: clip.samples.shape[1] for name, clip in clips.items()}
    slowest = min(clip.sample_rate_hz for clip in clips.values())
    spans = {lengths[n] * slowest // clip.sample_rate_hz for n, clip in clips.items()}
    of_one_rate = len({*rates_hz.values()}) == 1 and len({*rates.values()}) > 1
    for differs, values, what, unit, step in (
        (of_one_rate, rates, "rate", "Hz", "resample one of them"),
        (len(spans) > 1, lengths, "length", "samples", "cut them to what was recorded together"),
    ):
        if differs:
            found = ", ".join(f"'{files[name].name}' {n} {unit}" for name, n in values.items())
            raise UsageError(Problem("files of one recording", found, f"one {what}", step))


def write_wav(path: Path, samples: Samples, sample_rate_hz: int, subtype: str) -> None:
    """Write (samples,) or (channels, samples) float32 as a .wav; integer formats saturate at full scale.

    16-bit samples are rounded half to even, as ``<name>_process_s16`` does.
    """
    stored: Array = samples.T
    if subtype == "PCM_16":
        stored = np.clip(np.rint(samples.T * np.float32(32768)), -32768, 32767).astype(np.int16)
    soundfile = _soundfile()
    try:
        soundfile.write(str(path), stored, sample_rate_hz, subtype=subtype, format="WAV")
    except soundfile.SoundFileError as error:
        found = f"cannot be written: {error}"
        step = "name another folder, or make room"
        raise UsageError(
            Problem(f"folder '{path.parent}'", found, "a folder to write to", step)
        ) from error


def needs(path: Path) -> tuple[str, ...]:
    """Packages that reading a recording takes: none for a .wav of 16-bit PCM, which Python reads itself."""
    return () if plain_wav.is_plain(path) else ("soundfile",)


def _soundfile() -> Any:
    """Return the library, or Python's own replacement."""
    try:
        return _library("soundfile")
    except ToolError:
        return plain_wav


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: the shared library that it loads is missing
        raise ToolError(f"{name} is not installed; {install_extra('audio')}") from error
