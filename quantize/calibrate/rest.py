"""Silence in a calibration: a network with states is held in it for minutes, and recordings may have none.

What the tensors of such a network hold then may lie outside of their ranges in sound. GTCRN's gates saturated there at
1.8 times the largest value that sound had shown, and its states drifted from the float network's.

Constant input also makes every rounding error constant. They move the value at which a slow state settles, and sound
that follows finds it there: GTCRN with weights rounded to the nearest was 2.2 dB too loud after 37 s.

The first hops of sound after silence are unlike sound, too. Layers that compare hops, of a logarithm above all, make
peaks there that recordings lack. Gates remember for seconds what a range cuts off from them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.base.arrays import Array, Booleans, Float32
from edgekit.export.block_runner import BlockRunner
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.observers import Observer

Clip = Mapping[str, Array]
REST_SECONDS = 8.0  # of silence, and at most as many hops as the calibration has
SOUND_SHARE = 8  # the sound between the two halves is this part of it
SKIPPED_HOPS = 16  # of each half: a fresh state may make a peak that sound does not make
ONSET_HOPS = 16  # of sound after the second half
LEAST_MEMORY = 1e-6  # is the rounding of floats
REMEMBERED = 0.01  # of a state's root mean square, after half of the silence


def pcm_input(model: Model) -> str | None:
    """Return the name of the only stream input if it is a hop of PCM at a known rate."""
    inputs, stream = model.stream_inputs, model.stream
    whole = len(inputs) == 1 and int(np.prod(dims(inputs[0]))) == stream.hop_samples
    return str(inputs[0].name) if whole and stream.sample_rate_hz is not None else None


def rest_clip(model: Model, clips: Sequence[Clip]) -> tuple[Clip, Booleans]:
    """Return silence from fresh states and after sound, and which of its hops count; none if no waveform goes in.

    The loudest hops of the clips, `ONSET_HOPS` at most, come after the last of these.
    """
    pcm, hop, rate = pcm_input(model), model.stream.hop_samples, model.stream.sample_rate_hz
    if pcm is None or not model.states or not hop or not rate:
        return {}, np.zeros(0, bool)
    given = sum(len(clip[pcm]) for clip in clips)
    half = min(int(REST_SECONDS * rate / hop), given) // 2
    sound = clips[0][pcm][: half // SOUND_SHARE + 1]
    silence = np.zeros((half, *sound.shape[1:]), np.float32)
    onset = _loudest_hops([clip[pcm] for clip in clips])
    counted = np.ones((2, half), bool)
    counted[:, :SKIPPED_HOPS] = False
    others = np.zeros(len(sound), bool), np.zeros(len(onset), bool)
    counted = np.concatenate([counted[0], others[0], counted[1], others[1]])
    return {**clips[0], pcm: np.concatenate([silence, sound, silence, onset])}, counted


def _loudest_hops(sounds: Sequence[Array]) -> Array:
    """Return `ONSET_HOPS` hops in a row that have the most power."""
    starts = ((sound, n) for sound in sounds for n in range(0, len(sound), ONSET_HOPS))
    parts = (sound[n : n + ONSET_HOPS] for sound, n in starts)
    return max(parts, key=lambda part: float(np.square(part, dtype=np.float64).sum()))


def observe_rest(
    model: Model,
    clips: Sequence[Clip],
    runner: BlockRunner,
    observers: Mapping[str, Observer],
    block_hops: int,
) -> None:
    """Observe the tensors in silence, from fresh states and after sound, and in the first hops of sound after it.

    Args:
        model: the float network.
        clips: the calibration.
        runner: computes every tensor of the observers; of a state its output.
        observers: one for each tensor, by its name; these are changed.
        block_hops: hops whose tensors are in memory at once.
    """
    clip, counted = rest_clip(model, clips)
    if not counted.any():
        return
    states = {pair.input: pair.output for pair in model.states}
    places, done = np.arange(len(counted)), 0
    start, onset = places < SKIPPED_HOPS, places > places[counted][-1]
    last = counted & ~np.append(counted[1:], False)
    onsets: dict[str, list[Float32]] = {name: [] for name in observers}
    for block in runner.blocks(clip, block_hops):
        here = slice(done, done + len(next(iter(block.values()))))
        done = here.stop
        for name, observer in observers.items():
            values = block[states.get(name, name)]
            observer.see_rest(values[counted[here]])
            observer.see_start(values[start[here]])
            onsets[name].append(values[onset[here]])
            if name in states:
                observer.rest_ends += tuple(values[last[here]])
    for name, observer in observers.items():
        observer.see_onset(np.concatenate(onsets[name]))


def slow_states(model: Model, observers: Mapping[str, Observer]) -> frozenset[str]:
    """Return the names of the states that differ after silence if sound was before it."""
    names = [pair.input for pair in model.states if pair.input in observers]
    return frozenset(name for name in names if _remembers(observers[name].rest_ends))


def _remembers(ends: Sequence[Float32]) -> bool:
    if len(ends) < 2:
        return False
    fresh, after = ends[0].astype(np.float64), ends[-1].astype(np.float64)
    distance, size = (float(np.sqrt(np.mean(np.square(x)))) for x in (after - fresh, fresh))
    return distance > REMEMBERED * size and distance > LEAST_MEMORY
