"""Waits before a sound: silence, faint noise, DC and more sound, as clips.

A wait lasts until the states of the float network settle in silence, `LEAST_SECONDS` at least. States that have not
settled after `MOST_SECONDS` may take minutes: they get a wait of `MOST_SECONDS`, or of `MINUTES` in C, which is quick.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.export.block_runner import BlockRunner
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.recordings import sound_inputs
from edgekit.quantize.calibrate.rest import pcm_input

Arrays = Mapping[str, Array]
LEAST_SECONDS, MOST_SECONDS, MINUTES = 3, 37, 200
MOST_HOPS, MOST_HOPS_IN_C = 10_000, 12_500  # of a wait longer than `LEAST_SECONDS`
HOPS_PER_SECOND = 100  # of a network whose rate is unknown
SOUND_HOPS = 256  # after a wait
SETTLED = 1e-3  # of a state's root mean square in sound: the change within a second
LOUD_SECONDS = 2  # of sound, before silence in which states settle
NOISE_DBFS, DC = -60.0, 0.01
NEAR = 0.9, 1.1  # of the DC
# The rounding noise of a converter of 16 bits is at -98 dBFS.
INAUDIBLE_DBFS = -100.0
NO_WAIT = "no wait"
DC_WAIT = f"DC of {DC:g}"
SEED = 0


@dataclass(frozen=True)
class Wait:
    """A wait and the sound after it, in one clip.

    Attributes:
        name: of the wait, for people.
        clip: maps stream inputs to (hops, *shape), session constants to (*shape).
        first: the first hop of the sound.
        twin: the clip with a wait that nobody can tell from this one: noise at `INAUDIBLE_DBFS` on silence or DC, the
            same noise drawn anew; None after sound.
        near: clips with `NEAR` times the DC; none of other waits.
    """

    name: str
    clip: Clip
    first: int
    twin: Clip | None = None
    near: tuple[Clip, ...] = ()


def waits_of(model: Model, calibration: Calibration, in_c: bool = False) -> Iterator[Wait]:
    """Yield the sound without a wait, and after each; silence, noise and DC only where a waveform goes in.

    Silence and noise come first, since networks drift most in them. `in_c`: the clips are for networks in C.
    """
    if not model.states or model.sampler is not None:
        return
    first = str(model.stream_inputs[0].name)
    longest = max(calibration.clips, key=lambda clip: len(clip[first]))
    sound, pcm = _loudest(model, longest), pcm_input(model)
    yield Wait(NO_WAIT, sound, 0)
    seconds = settling_seconds(model, sound)
    if in_c and seconds == MOST_SECONDS:
        seconds = _affordable(model, MINUTES, MOST_HOPS_IN_C)
    hops = round(seconds * hops_per_second(model))
    if pcm is not None:
        shape = hops, *longest[pcm].shape[1:]
        for name, sounds in _constant_sounds(shape).items():
            wait, twin, *near = (
                _wait_before(model, f"{seconds} s of {name}", {**longest, pcm: samples}, sound)
                for samples in sounds
            )
            yield replace(wait, twin=twin.clip, near=tuple(other.clip for other in near))
    repeated = cut_hops(model, longest, np.arange(hops) % len(longest[first]))
    kind = "sound" if sound_inputs(model) else "signals"
    yield _wait_before(model, f"{seconds} s of {kind}", repeated, sound)


def _constant_sounds(shape: tuple[int, ...]) -> dict[str, tuple[Float32, ...]]:
    """Return silence, noise and DC by their names, each with its twin; DC also a little less and more of it."""
    drawn, drawn_anew = np.random.default_rng(SEED).standard_normal((2, *shape))
    inaudible, noise, other_noise = (
        (white * 10 ** (dbfs / 20)).astype(np.float32)
        for white, dbfs in ((drawn, INAUDIBLE_DBFS), (drawn, NOISE_DBFS), (drawn_anew, NOISE_DBFS))
    )
    silence, dc = np.zeros(shape, np.float32), np.full(shape, DC, np.float32)
    return {
        "silence": (silence, inaudible),
        f"noise at {NOISE_DBFS:g} dBFS": (noise, other_noise),
        DC_WAIT: (dc, dc + inaudible, *(np.float32(factor) * dc for factor in NEAR)),
    }


def hops_per_second(model: Model) -> float:
    """Return the hops of a second; `HOPS_PER_SECOND` where the rate is unknown."""
    rate, hop = model.stream.sample_rate_hz, model.stream.hop_samples
    return rate / hop if rate and hop else float(HOPS_PER_SECOND)


def settling_seconds(model: Model, sound: Clip) -> int:
    """Return the seconds until the float states settle in silence after sound, `LEAST_SECONDS` to `MOST_SECONDS`.

    Where no waveform goes in, silence is zero. Other inputs keep their last values of the clip.
    """
    per_second, most = round(hops_per_second(model)), _affordable(model, MOST_SECONDS, MOST_HOPS)
    names, first = [pair.output for pair in model.states], str(model.stream_inputs[0].name)
    before = cut_hops(model, sound, np.arange(LOUD_SECONDS * per_second) % len(sound[first]))
    still = cut_hops(model, sound, np.full(per_second * most, -1))
    for name in (str(value.name) for value in model.signal_inputs):
        still = {**still, name: still[name] * 0}
    clip = _wait_before(model, "", before, still).clip
    ends = list[Arrays]()  # of seconds, those of sound first
    for block in BlockRunner(model, names).blocks(clip, per_second):
        ends.append({name: block[name][-1] for name in names if block[name].dtype.kind == "f"})
        seconds = len(ends) - LOUD_SECONDS
        if seconds >= LEAST_SECONDS and _is_settled(ends):
            return seconds
    return most


def _is_settled(ends: Sequence[Arrays]) -> bool:
    """Whether no state differs much, beside its size in sound, from that of a second before."""
    sizes = (
        root_mean_square(np.stack([end[name] for end in ends[:LOUD_SECONDS]])) for name in ends[0]
    )
    changes = (root_mean_square(ends[-1][name] - ends[-2][name]) for name in ends[0])
    return all(change <= SETTLED * size for change, size in zip(changes, sizes, strict=True))


def _affordable(model: Model, seconds: int, hops: int) -> int:
    """Return this many seconds, or those of so many hops if they are fewer."""
    return max(LEAST_SECONDS, min(seconds, int(hops / hops_per_second(model))))


def _wait_before(model: Model, name: str, wait: Clip, sound: Clip) -> Wait:
    streams = [str(value.name) for value in model.stream_inputs]
    clip = {**sound, **{n: np.concatenate([wait[n], sound[n]]) for n in streams}}
    return Wait(name, clip, len(wait[streams[0]]))


def _loudest(model: Model, clip: Clip) -> Clip:
    """Return the `SOUND_HOPS` of a clip that have the most power."""
    hops = clip[str(model.signal_inputs[0].name)]
    power = np.square(hops.reshape(len(hops), -1), dtype=np.float64).sum(axis=1)
    summed = np.concatenate([[0.0], np.cumsum(power)])
    windows = summed[SOUND_HOPS:] - summed[:-SOUND_HOPS]
    start = int(np.argmax(windows)) if len(windows) else 0
    return cut_hops(model, clip, slice(start, start + SOUND_HOPS))


def cut_hops(model: Model, clip: Clip, hops: slice | Array) -> Clip:
    """Return some hops of a clip; session constants stay whole."""
    return {n: array if n in model.constants else array[hops] for n, array in clip.items()}


def root_mean_square(array: Array) -> float:
    """Return the root mean square of all elements, 0 of none."""
    return math.sqrt(float(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0
