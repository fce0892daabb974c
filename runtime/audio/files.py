"""Audio through a build, hop by hop: samples, and .wav to .wav."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from math import ceil
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import Layout, frames_to_hops, hops_to_frames
from edgekit.base.output import replacement_path
from edgekit.base.wav import Clip, Samples, read_together, write_wav
from edgekit.runtime.build_folder.input_fit import name_problems
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.stream import Arrays, Stream

Progress = Callable[[int, int], None]  # hops done, hops in all
Sounds = Mapping[str, Samples]  # (channels, samples) by the name of an input or output


def run_samples(stream: Stream, samples: Samples, progress: Progress | None = None) -> Samples:
    """Stream mono PCM through a build from its fresh state, with the delay taken out.

    Args:
        stream: a build with one mono PCM hop as input and one as output.
        samples: (samples,) float32; the last hop is filled up and followed by silence.
        progress: gets the hops done after each hop.

    Returns:
        (samples,) float32, as many as the input, ``out[n]`` belonging to ``samples[n]``.

    Raises:
        UsageError: the build has other inputs or outputs.
    """
    return timed_run_samples(stream, samples, progress)[0]


def timed_run_samples(
    stream: Stream, samples: Samples, progress: Progress | None = None
) -> tuple[Samples, Float64]:
    """Do as `run_samples`; also returns the microseconds that each hop took."""
    manifest = stream.manifest
    check_pcm(manifest)
    inputs, outputs = manifest.stream_inputs, manifest.stream_outputs
    if [t.pcm_channels for t in (*inputs, *outputs)] != [1, 1]:
        raise UsageError(_misfit(manifest, "one mono stream in and one out", "use run_sounds"))
    made, times_us = _timed_run(stream, {inputs[0].name: samples[None]}, progress)
    return made[outputs[0].name][0], times_us


def run_sounds(
    stream: Stream, sounds: Sounds, progress: Progress | None = None
) -> dict[str, Samples]:
    """Stream PCM of any number of inputs and channels through a build, with the delay of each output taken out.

    Args:
        stream: a build whose inputs and outputs are all sound, each at a rate of its own.
        sounds: (channels, samples) float32 of each input, all of one length in time.
        progress: gets the hops done after each hop.

    Returns:
        (channels, samples) float32 of each output, as long in time as the inputs.

    Raises:
        UsageError: the build has other inputs or outputs, or the sounds do not fit it.
    """
    check_sound(stream.manifest)
    return _timed_run(stream, sounds, progress)[0]


def _timed_run(
    stream: Stream, sounds: Sounds, progress: Progress | None
) -> tuple[dict[str, Samples], Float64]:
    outputs = stream.manifest.stream_outputs
    hops = sound_hops(stream.manifest, sounds, max(t.delay_samples or 0 for t in outputs))
    name, sound = next(iter(sounds.items()))
    rates = {t.name: _rate(t) for t in (*stream.manifest.stream_inputs, *outputs)}
    length = sound.shape[1] / rates[name]
    stream.reset()
    results, times_us = stream.timed_run(hops, hop_progress(hops, progress))
    made = {t.name: hops_to_frames(results[t.name], _layout(t)) for t in outputs}
    starts = {t.name: ceil((t.delay_samples or 0) * rates[t.name]) for t in outputs}
    return {
        n: whole[:, starts[n] :][:, : ceil(length * rates[n])] for n, whole in made.items()
    }, times_us


def sound_hops(manifest: Manifest, sounds: Sounds, rest: int = 0) -> Arrays:
    """Cut the sounds of a build's inputs into (hops, *shape), followed by `rest` samples of silence.

    `rest` counts samples of the reference stream, as the build's hop does.

    Raises:
        UsageError: inputs that are missing or unknown, or another number of channels, or unequal lengths.
    """
    inputs = {tensor.name: tensor for tensor in manifest.stream_inputs}
    listed = list_tensors(manifest.stream_inputs)
    problems = name_problems(inputs.keys(), sounds.keys(), listed, "name each")
    problems += [
        Problem(
            f"input '{name}'",
            f"{sounds[name].shape}",
            f"({inputs[name].sound_channels}, samples)",
            "reshape it",
        )
        for name in sorted(inputs.keys() & sounds.keys())
        if len(sounds[name].shape) != 2 or sounds[name].shape[0] != inputs[name].sound_channels
    ]
    if problems:
        raise UsageError(problems)
    lengths = {name: sound.shape[1] for name, sound in sounds.items()}
    _check_lengths(inputs, lengths)
    padded = _pad_sounds(inputs, sounds, manifest.stream["hop_samples"], rest)
    return {n: frames_to_hops(padded[n], _layout(t), t.shape) for n, t in inputs.items()}


def _pad_sounds(
    inputs: Mapping[str, Tensor], sounds: Sounds, hop: int, rest: int
) -> dict[str, Samples]:
    """Return sounds and `rest` samples of silence, filled up to whole hops."""
    spans = [sounds[name].shape[1] / _rate(tensor) for name, tensor in inputs.items()]
    hops = max(ceil((span + rest) / hop) for span in spans)
    counts = {n: hops * int(hop * _rate(t)) - sounds[n].shape[1] for n, t in inputs.items()}
    return {name: np.pad(sounds[name], ((0, 0), (0, n))) for name, n in counts.items()}


def _check_lengths(inputs: Mapping[str, Tensor], lengths: Mapping[str, int]) -> None:
    """Refuse sounds that differ in length by more than a frame of the slowest stream."""
    slowest = min(map(_rate, inputs.values()))
    if len({lengths[n] * slowest // _rate(t) for n, t in inputs.items()}) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UsageError(Problem("inputs", found, "one length", "cut them to one length"))


def _rate(tensor: Tensor) -> Fraction:
    """Return the frames of a stream in a sample of the reference stream."""
    return Fraction(tensor.rate or 1)


def hop_progress(hops: Arrays, progress: Progress | None) -> Callable[[int], None] | None:
    """Return a function that passes the hops done, and the number of all, to `progress`."""
    total = len(next(iter(hops.values())))
    return None if progress is None else lambda done: progress(done, total)


def _layout(tensor: Tensor) -> Layout:
    assert tensor.axes is not None
    return tensor.axes


def list_tensors(tensors: Sequence[Tensor]) -> str:
    """Names and channels of PCM, shapes of anything else."""
    return ", ".join(
        f"{t.name} ({t.sound_channels} channel{'s' * (t.sound_channels > 1)})"
        if t.sound_channels
        else f"{t.name} {list(t.shape)}"
        for t in tensors
    )


def check_pcm(manifest: Manifest) -> None:
    """Raise a UsageError if inputs or outputs of a build are not only PCM."""
    if manifest.is_pcm:
        return
    step = "give .npz files, or export with --frontend; --layout INPUT=NCT names channels"
    if manifest.takes_pcm:
        step = "write the outputs to a .npz or .csv instead; of sound, export with " + " ".join(
            f"--layout {tensor.name}=NCT"
            for tensor in manifest.stream_outputs
            if not tensor.pcm_channels
        )
    raise UsageError(_misfit(manifest, "audio for a build that takes PCM hops and gives PCM", step))


def check_sound(manifest: Manifest) -> None:
    """Raise a UsageError if inputs or outputs of a build are not only sound, each at a rate of its own."""
    if not all(t.sound_channels for t in (*manifest.stream_inputs, *manifest.stream_outputs)):
        check_pcm(manifest)


def _misfit(manifest: Manifest, allowed: str, step: str) -> Problem:
    found = f"takes {list_tensors(manifest.stream_inputs)}, gives {list_tensors(manifest.stream_outputs)}"
    return Problem(f"build of '{manifest.source['name']}'", found, allowed, step)


def read_sources(manifest: Manifest, sources: Mapping[str, Path]) -> dict[str, Clip]:
    """Read a .wav for each input of a build that takes sound, at the rate of that input.

    Raises:
        UsageError: no such build, files that do not fit it or each other, inputs without a file.
        ToolError: soundfile or soxr is not installed.
    """
    inputs = manifest.stream_inputs
    if not all(tensor.sound_channels for tensor in inputs):
        step = "give .npz files, or export with --frontend; --layout INPUT=NCT names channels"
        raise UsageError(_misfit(manifest, "audio for a build that takes PCM hops", step))
    names, listed = {tensor.name for tensor in inputs}, list_tensors(inputs)
    if problems := name_problems(names, sources.keys(), listed, "NAME=FILE", "no file"):
        raise UsageError(problems)
    channels = {tensor.name: tensor.sound_channels or 1 for tensor in inputs}
    known = manifest.stream["sample_rate_hz"]
    hertz = {
        t.name: None if known is None else _whole_hertz(t.name, known * _rate(t)) for t in inputs
    }
    return read_together(sources, channels, hertz)


def _whole_hertz(name: str, hertz: Fraction) -> int:
    """Return the samples per second of a stream, as a file has them."""
    if hertz.denominator > 1:
        found, step = (
            f"{float(hertz):g} Hz",
            "export with a --sample-rate that gives each stream one",
        )
        raise UsageError(Problem(f"stream '{name}'", found, "a whole number of Hz", step))
    return int(hertz)


def run_wav(
    stream: Stream, source: Path, out: Path, progress: Progress | None = None
) -> tuple[str, ...]:
    """Stream one .wav into another of the same sample format; return notes on the changes.

    Raises:
        UsageError: a file or a build that cannot be used.
        ToolError: soundfile or soxr is not installed.
    """
    manifest = stream.manifest
    check_sound(manifest)
    sides = manifest.stream_inputs, manifest.stream_outputs
    if any(len(side) > 1 for side in sides):
        step = "name them: " + " ".join(f"{t.name}=FILE" for side in sides for t in side)
        raise UsageError(_misfit(manifest, "a file for each of several streams", step))
    return run_wavs(stream, {sides[0][0].name: source}, {sides[1][0].name: out}, progress)


def run_wavs(
    stream: Stream,
    sources: Mapping[str, Path],
    outs: Mapping[str, Path],
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Stream a .wav for each input into one for each output that is named; return notes.

    The outputs get the sample format of the first input.

    Raises:
        UsageError: files or a build that cannot be used.
        ToolError: soundfile or soxr is not installed.
    """
    check_outs(stream.manifest, outs)
    return run_clips(stream, read_sources(stream.manifest, sources), sources, outs, progress)


def check_outs(manifest: Manifest, outs: Mapping[str, Path]) -> None:
    """Raise a UsageError where a build is none of sound alone, or lacks an output that is named."""
    check_sound(manifest)
    outputs = {tensor.name for tensor in manifest.stream_outputs}
    if unknown := sorted(outs.keys() - outputs):
        listed = list_tensors(manifest.stream_outputs)
        raise UsageError(Problem(f"output '{n}'", "unknown", listed, "NAME=FILE") for n in unknown)


def run_clips(
    stream: Stream,
    clips: Mapping[str, Clip],
    sources: Mapping[str, Path],
    outs: Mapping[str, Path],
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Do as `run_wavs` with the data that `read_sources` read, for outputs that `check_outs` takes."""
    outputs = {tensor.name: tensor for tensor in stream.manifest.stream_outputs}
    reference, first = _reference_hertz(stream.manifest, clips), next(iter(clips.values()))
    hertz = {name: _whole_hertz(name, reference * _rate(outputs[name])) for name in outs}
    with ExitStack() as stack:
        paths = [stack.enter_context(replacement_path(p, *sources.values())) for p in outs.values()]
        made = run_sounds(stream, {name: clip.samples for name, clip in clips.items()}, progress)
        for name, path in zip(outs, paths, strict=True):
            write_wav(path, made[name], hertz[name], first.subtype)
    late = sorted({outputs[name].delay_samples for name in outs} - {0}, key=str)
    notes = chain.from_iterable(clip.notes for clip in clips.values())
    return (*dict.fromkeys(notes), *(delay_note(delay, int(reference)) for delay in late))


def _reference_hertz(manifest: Manifest, clips: Mapping[str, Clip]) -> Fraction:
    """Return the samples per second of the reference stream, as the first recording shows them."""
    (name, clip), *_ = clips.items()
    return clip.sample_rate_hz / next(_rate(t) for t in manifest.stream_inputs if t.name == name)


def delay_note(delay_samples: int | None, sample_rate_hz: int) -> str:
    """Say how much delay was taken out."""
    if delay_samples is None:
        return "delay not known: not compensated"
    return (
        f"delay compensated: {delay_samples} samples, {delay_samples * 1e3 / sample_rate_hz:g} ms"
    )
