"""Audio files through a build: read, resample, down-mix, stream hop by hop, write."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.output import replacing
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

Samples = NDArray[np.float32]
Progress = Callable[[int, int], None]  # hops done, hops in all

MAX_SAMPLES = 1 << 29  # 2 GiB of float32
FORMATS = ("WAV", "WAVEX", "RF64")
SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Clip:
    """A mono recording.

    Attributes:
        samples: (samples,) float32, full scale 1.
        sample_rate_hz: samples per second.
        subtype: sample format of the file, as libsndfile names it: ``PCM_16``, ``FLOAT``.
        notes: what was changed while reading, in words.
    """

    samples: Samples
    sample_rate_hz: int
    subtype: str
    notes: tuple[str, ...] = ()


def read_wav(path: Path, sample_rate_hz: int | None = None) -> Clip:
    """Read a .wav as mono at `sample_rate_hz` (None: as it is), and note what was changed.

    Raises:
        UsageError: missing, damaged, no .wav, too long, or samples of an unusual format.
        ToolError: soundfile or soxr is not installed.
    """
    soundfile = _library("soundfile")
    allowed = f"a .wav with samples {', '.join(SUBTYPES)}"

    def refuse(found: str, step: str = "convert it to a 16-bit .wav") -> UsageError:
        return UsageError(Problem(f"file '{path}'", found, allowed, step))

    if not path.is_file():
        raise refuse("does not exist", "check the path")
    try:
        info = soundfile.info(str(path))
        if info.format not in FORMATS or info.subtype not in SUBTYPES:
            raise refuse(f"{info.format} with samples {info.subtype}")
        ratio = max(1.0, (sample_rate_hz or info.samplerate) / info.samplerate)
        if info.frames * max(info.channels, ratio) > MAX_SAMPLES:
            raise refuse(f"{info.frames} samples in {info.channels} channels: too long")
        data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise refuse(str(error)) from error
    notes = []
    if data.shape[1] > 1:
        notes.append(f"{data.shape[1]} channels mixed down to mono")
    samples = data.mean(axis=1, dtype=np.float32)
    if sample_rate_hz is not None and rate != sample_rate_hz:
        samples = _library("soxr").resample(samples, rate, sample_rate_hz)
        notes.append(f"resampled from {rate} Hz to {sample_rate_hz} Hz")
        rate = sample_rate_hz
    return Clip(np.ascontiguousarray(samples, np.float32), rate, info.subtype, tuple(notes))


def write_wav(path: Path, samples: Samples, sample_rate_hz: int, subtype: str) -> None:
    """Write (samples,) float32 as a mono .wav; integer formats saturate at full scale.

    16-bit samples are rounded half to even, as ``<name>_process_s16`` does.
    """
    if subtype == "PCM_16":
        samples = np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype(np.int16)
    _library("soundfile").write(str(path), samples, sample_rate_hz, subtype=subtype, format="WAV")


def run_samples(stream: Stream, samples: Samples, progress: Progress | None = None) -> Samples:
    """Stream mono PCM through a build from its fresh state, with the delay taken out.

    Args:
        stream: a build that takes one PCM hop and gives one.
        samples: (samples,) float32; the last hop is filled up and followed by silence.
        progress: is told after each hop.

    Returns:
        (samples,) float32, as many as came in, ``out[n]`` belonging to ``samples[n]``.

    Raises:
        UsageError: the build does not take PCM.
    """
    return timed_run_samples(stream, samples, progress)[0]


def timed_run_samples(
    stream: Stream, samples: Samples, progress: Progress | None = None
) -> tuple[Samples, NDArray[np.float64]]:
    """Do as `run_samples`; also returns the microseconds that each hop took."""
    manifest = stream.manifest
    check_pcm(manifest)
    delay = manifest.stream["delay_samples"] or 0
    (source,), (sink,) = manifest.stream_inputs, manifest.stream_outputs
    pcm = in_hops(np.concatenate([samples, np.zeros(delay, np.float32)]), source.shape)
    stream.reset()
    outputs, times_us = stream.timed_run(
        {source.name: pcm}, None if progress is None else lambda done: progress(done, len(pcm))
    )
    return outputs[sink.name].reshape(-1)[delay : delay + len(samples)], times_us


def check_pcm(manifest: Manifest) -> None:
    """Raise a UsageError where a build does not take one PCM hop and give one."""
    if manifest.is_pcm:
        return
    found = [f"takes {t.name} {list(t.shape)}" for t in manifest.stream_inputs]
    found += [f"gives {t.name} {list(t.shape)}" for t in manifest.stream_outputs]
    step = "give .npz files, or export with --frontend"
    if manifest.takes_pcm:
        step = "write the outputs to a .npz or .csv instead"
    allowed = "audio for a build that takes one PCM hop and gives one"
    where = f"build of '{manifest.source['name']}'"
    raise UsageError(Problem(where, ", ".join(found), allowed, step))


def in_hops(samples: Samples, shape: tuple[int, ...]) -> Samples:
    """Cut (samples,) into (hops, *shape), the last hop filled up with silence."""
    hop = math.prod(shape)
    return np.pad(samples, (0, -len(samples) % hop)).reshape(-1, *shape)


def run_wav(
    stream: Stream, source: Path, out: Path, progress: Progress | None = None
) -> tuple[str, ...]:
    """Stream one .wav into another of the same sample format; returns notes on what was changed.

    Raises:
        UsageError: a file or a build that cannot be used.
        ToolError: soundfile or soxr is not installed.
    """
    facts = stream.manifest.stream
    with replacing(out, source) as temporary:
        clip = read_wav(source, facts["sample_rate_hz"])
        result = run_samples(stream, clip.samples, progress)
        write_wav(temporary, result, clip.sample_rate_hz, clip.subtype)
    return (*clip.notes, delay_note(facts["delay_samples"], clip.sample_rate_hz))


def delay_note(delay_samples: int | None, sample_rate_hz: int) -> str:
    """Say how much delay was taken out."""
    if delay_samples is None:
        return "delay not known: not compensated"
    return (
        f"delay compensated: {delay_samples} samples, {delay_samples * 1e3 / sample_rate_hz:g} ms"
    )


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: the shared library behind it is missing
        raise ToolError(f"{name} is not installed; pip install 'edgekit[audio]'") from error
