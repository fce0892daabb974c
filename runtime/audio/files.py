"""Audio through a build, hop by hop: samples, and .wav to .wav."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import replacing
from edgekit.base.wav import Samples, read_wav, write_wav
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

Progress = Callable[[int, int], None]  # hops done, hops in all


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
