"""SNR of integers on signals unlike the example inputs, where these were the only calibration.

An example is often one call of noise. A user feeds other signals: slower ones, and quieter ones. So a build without a
calibration is judged on noise, sines and a random walk at several levels. The least SNR is stated.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.errors import VerificationError
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import frames_to_hops
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.graph.integer_ranges import value_ranges
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.judge.held_out_report import MIN_SNR_DB
from edgekit.judge.verification import HOPS, NOISE_SEED, PCM_NOISE, sample_hops, verified_hops
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.input_values import InputValues
from edgekit.runtime.build_folder.levels import decibels, signals_text, worth_db

Arrays = Mapping[str, Array]
LEVELS_DB = (0, -20, -40)  # relative to the root mean square of the example
LOWEST_DB = -120.0  # the lower limit of the SNR, since a manifest holds finite numbers


def _noise(random: np.random.Generator, shape: tuple[int, int]) -> Float64:
    return random.normal(size=shape)


def _random_walk(random: np.random.Generator, shape: tuple[int, int]) -> Float64:
    return np.asarray(random.normal(size=shape).cumsum(axis=1))


def _sine(period: int) -> "Form":
    def wave(random: np.random.Generator, shape: tuple[int, int]) -> Float64:
        phase = random.uniform(0, 2 * math.pi, (shape[0], 1))
        return np.sin(2 * math.pi / period * np.arange(shape[1]) + phase)

    return wave


Form = Callable[[np.random.Generator, tuple[int, int]], Float64]
# name -> (channels, frames) of any level, from a random generator
FORMS: Mapping[str, Form] = {
    "noise": _noise,
    "sine of 16 frames": _sine(16),
    "sine of 256 frames": _sine(256),
    "random walk": _random_walk,
}
RUNS = len(FORMS) * len(LEVELS_DB)


@dataclass(frozen=True)
class Signal:
    """All inputs of a network: `samples` as `sample_hops` returns them, at `level_db` relative to the example."""

    form: str
    level_db: int
    samples: dict[str, Array]


def synthetic_signals(
    model: Model,
    examples: Arrays | None,
    settings: InputSettings = NO_SETTINGS,
    most_hops: int = HOPS,
) -> list[Signal]:
    """Return signals in every form and at every level, seeded.

    A float input has the root mean square of its example; if that is silent 1, or 0.1 of PCM. If the example has no
    negative value, the signals have none. Integer inputs, controls, session constants and `settings` are as in
    `sample_hops`. A network without another input gets these alone, as one signal.

    Args:
        model: reads the signals.
        examples: (hops, *shape) of its inputs; of another shape they count as silent.
        settings: values of inputs.
        most_hops: of each signal; fewer where the network is large.
    """
    hops = min(most_hops, verified_hops(model, RUNS))
    constants = set(model.constants)
    drawn = sample_hops(model, None, examples, settings)
    drawn = {n: a if n in constants else a[:hops] for n, a in drawn.items()}
    inputs = _scaled_inputs(model, examples, settings)
    if not inputs:
        return [Signal("values in the inputs' ranges", 0, drawn)]
    found = []
    for form, made in FORMS.items():
        random = np.random.default_rng(NOISE_SEED)
        full = {
            str(value.name): _at_example_level(model, value, examples, made, random, hops)
            for value in inputs
        }
        for level in LEVELS_DB:
            gain = np.float32(10 ** (level / 20))
            scaled = {name: array * gain for name, array in full.items()}
            found.append(Signal(form, level, {**drawn, **scaled}))
    return found


def signal_facts(
    reference: Model,
    signals: Sequence[Signal],
    outputs: Iterable[Arrays],
    verification: Mapping[str, Any],
    least_db: float | None,
) -> JsonObject:
    """Compare a build with its source on each signal.

    Args:
        reference: the source network.
        signals: see `synthetic_signals`.
        outputs: of the build for each signal, from its fresh state.
        verification: the results on the example inputs.
        least_db: the least SNR of every signal; None for no limit.

    Returns:
        The changes in the manifest's `verification`. `signals` has a row for each signal with finite, nonzero outputs
        of the source. `example_snr_db` is the SNR so far; `snr_db` is the least of all.

    Raises:
        VerificationError: a signal is below `least_db`.
    """
    known = {str(value.name) for value in reference.given_inputs}
    source, rows = HopRunner(reference), list[JsonObject]()
    for signal, built in zip(signals, outputs, strict=True):
        made = source({n: a for n, a in signal.samples.items() if n in known})
        if expected := _comparable({name: made[name] for name in reference.measured_outputs}):
            ratio = _least_ratio(expected, built)
            rows.append({"form": signal.form, "level_db": signal.level_db, "snr_db": ratio})
    of_example = verification["snr_db"]
    ratios = [r for r in (of_example, *(row["snr_db"] for row in rows)) if r is not None]
    least = min(ratios, default=None)
    if least_db is not None and least is not None and least < least_db:
        text = signals_text({"signals": rows})
        raise VerificationError(
            f"without a calibration: {text or 'the example inputs'}; at least {least_db:g} dB needed "
            "(--min-snr); next: give real signals with --calibration SOURCE"
        )
    return {"snr_db": least, "example_snr_db": of_example, "signals": rows}


def _comparable(expected: Arrays) -> Arrays:
    """The outputs with any signal in them; none where one is not finite."""
    if not all(np.isfinite(array).all() for array in expected.values()):
        return {}
    return {name: array for name, array in expected.items() if np.any(array)}


def signal_notes(verification: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return notes for the user where signals lose more than 20 dB, with the steps to take."""
    facts = verification or {}
    if (text := signals_text(facts)) is None or min(map(worth_db, facts["signals"])) >= MIN_SNR_DB:
        return ()
    ratio = decibels(facts["example_snr_db"])
    return (
        f"without a calibration: {text}, relative to the level of the example inputs, on which it has {ratio}; "
        f"{MIN_SNR_DB:g} dB are wanted; next: give real signals with --calibration SOURCE",
    )


def _least_ratio(expected: Arrays, outputs: Arrays) -> float | None:
    """The ratio of the worst output, in dB; None where all are equal."""
    least = min(snr_db(array, outputs[name]) for name, array in expected.items())
    return None if least == math.inf else round(max(least, LOWEST_DB), 2)


def _scaled_inputs(
    model: Model, examples: Arrays | None, settings: InputSettings
) -> list[ir.Value]:
    """Return the float inputs for a signal: no control, no index, no input in `settings`."""
    fixed = {*value_ranges(model, examples), *model.controls}
    fixed |= InputValues(model, settings).names
    return [
        value
        for value in model.stream_inputs
        if value.dtype == ir.DataType.FLOAT and value.name not in fixed
    ]


def _at_example_level(
    model: Model,
    value: ir.Value,
    examples: Arrays | None,
    form: Form,
    random: np.random.Generator,
    hops: int,
) -> Float32:
    """(hops, *shape) of an input, as strong as its example."""
    example = (examples or {}).get(str(value.name))
    if example is not None and np.shape(example)[1:] != dims(value):
        example = None
    level = 0.0 if example is None else _root_mean_square(example)
    if level == 0 or not math.isfinite(level):
        level = 1.0 if pcm_layout(model, value) is None else PCM_NOISE
    array = _in_time(model, value, form, random, hops)
    if example is not None and _is_positive(example):
        array = np.abs(array)
    return (array * (level / _root_mean_square(array))).astype(np.float32)


def _is_positive(example: Array) -> bool:
    """Whether no value is negative, and some are not 0."""
    return bool(np.any(example) and np.min(example) >= 0)


def _in_time(
    model: Model, value: ir.Value, form: Form, random: np.random.Generator, hops: int
) -> Float64:
    """(hops, *shape) of a form along the input's time.

    That is its time axis, where one is known; else the hops of a network with states. Calls of a network without
    states are alone, so that a signal runs along the elements of each.
    """
    shape = dims(value)
    size, time = math.prod(shape), model.timing.get(str(value.name))
    if (layout := pcm_layout(model, value)) is not None:
        channels = layout.pcm_channels(shape, model.stream.hop_samples or size) or 1
        frames = form(random, (channels, hops * size // channels)).astype(np.float32)
        return frames_to_hops(frames, layout, shape).astype(np.float64)
    if time is not None:
        others = (*shape[: time.axis], *shape[time.axis + 1 :])
        count = shape[time.axis]
        made = form(random, (math.prod(others), hops * count)).reshape(*others, hops, count)
        return np.moveaxis(np.moveaxis(made, -1, time.axis), -1, 0)
    if model.states:
        return form(random, (size, hops)).T.reshape(hops, *shape)
    return form(random, (hops, size)).reshape(hops, *shape)


def _root_mean_square(array: Array) -> float:
    return math.sqrt(float(np.mean(np.square(array, dtype=np.float64))))
