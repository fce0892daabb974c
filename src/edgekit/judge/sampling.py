"""Is a build's sampler the same? The network on the calls of a real sampling, and the loop in C and in Python."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgekit.base import sampler_loop
from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError, VerificationError
from edgekit.base.json_values import JsonObject
from edgekit.base.sampler_loop import Network, Other, Step
from edgekit.export.diffusion.description import condition_values
from edgekit.export.diffusion.fold_steps import label_counts
from edgekit.export.diffusion.key_steps import onnx_network
from edgekit.export.hop_runner import in_onnxruntime, snr_db
from edgekit.export.random_inputs import draw
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.judge.verification import (
    HIGHEST_INTEGER,
    HOPS,
    MAX_MACS,
    MAX_VALUES,
    MIN_HOPS,
    NOISE_SEED,
)
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.trajectory import record, uniform
from edgekit.quantize.diffusion.denoiser import oracle_network
from edgekit.quantize.diffusion.sampler_correction import correct_step_table
from edgekit.runtime.sampler import LOOPS, Sampler
from edgekit.runtime.stream import Arrays, Stream

CALIBRATION_VALUES = 2**22  # of x in all calls that calibrate
CORRECTED_ON = 20  # images
OTHERS_CALLED = 32  # times, each of a sampler's other networks, to calibrate
COMPARED = 5  # images with those of the source, of much work fewer
LEAST_FLOAT_DB = 60.0  # of a float build's image against onnxruntime's


def sampled_calls(
    reference: Model,
    model: Model,
    examples: Mapping[str, Array] | None,
    images: int = 1,
    limit: int = HOPS,
) -> Arrays:
    """Return the inputs of the network calls that draw images: (calls, *shape), evenly chosen of all of them.

    Args:
        reference: the float network, which is run.
        model: the one to lower, whose inputs are returned: with step groups also their number.
        examples: a factory's inputs (hops, *shape), for conditions that are not labels.
        images: the number to draw.
        limit: the most calls; fewer if they are large.
    """
    table, given = model.sampler, drawn_conditions(model, examples, images)
    assert table is not None
    limit = min(limit, max(MIN_HOPS, MAX_VALUES // _values_of_x(model)))
    kept = np.ones((images, table.rows), bool)
    others = float_auxiliary_networks(model)
    calibration = record(model, float_network(reference), kept, NOISE_SEED, given, others=others)
    (calls,) = calibration.clips
    found = len(calls[table.roles.x])
    chosen = np.linspace(0, found - 1, min(limit, found)).astype(int)
    return {name: array[chosen] for name, array in calls.items()}


def own_trajectories(
    model: Model,
    examples: Mapping[str, Array] | None,
    calls: int,
    conditions: Sequence[Mapping[str, Array]] = (),
) -> Calibration:
    """Return about that many calls of a denoiser, evenly over its steps, as it draws images in float.

    Args:
        model: the denoiser.
        examples: a factory's inputs (hops, *shape), for conditions that are not labels.
        calls: about how many; of large images fewer, but each row of one.
        conditions: those of the images instead, (images, 1, *shape) of each in every entry, taken in turn.
    """
    assert model.sampler is not None
    kept = uniform(model.sampler, min(calls, CALIBRATION_VALUES // _values_of_x(model)))
    given = _conditions(model, examples, len(kept), conditions)
    return record(
        model, float_network(model), kept, NOISE_SEED, given, others=float_auxiliary_networks(model)
    )


def calls_of_networks(
    model: Model,
    examples: Mapping[str, Array] | None,
    conditions: Sequence[Mapping[str, Array]] = (),
) -> dict[str, Arrays]:
    """Return inputs of a float denoiser's other networks while it draws images, by role: (images, *shape).

    Arguments as of `own_trajectories`.
    """
    given, found = _conditions(model, examples, OTHERS_CALLED, conditions), dict[str, Arrays]()

    def listening(role: str, other: Other) -> Other:
        wanted = {str(v.name): _shape(v) for v in model.networks[role].stream_inputs}

        def call(now: Arrays) -> Array:
            found[role] = {n: now[n].reshape(-1, *shape) for n, shape in wanted.items()}
            return other(now)

        return call

    assert model.sampler is not None
    others = {
        role: listening(role, other) for role, other in float_auxiliary_networks(model).items()
    }
    network, table = float_network(model), model.sampler
    x = next(value for value in model.stream_inputs if value.name == table.roles.x)
    sampler_loop.sample(
        table, network, _shape(x)[1:], OTHERS_CALLED, NOISE_SEED, given, others=others
    )
    return found


def _conditions(
    model: Model,
    examples: Mapping[str, Array] | None,
    images: int,
    conditions: Sequence[Mapping[str, Array]],
) -> Arrays:
    """Return the given conditions in turn, or drawn ones: (images, ...)."""
    if not conditions:
        return drawn_conditions(model, examples, images)
    whole = {n: np.concatenate([c[n][:, 0] for c in conditions]) for n in conditions[0]}
    chosen = np.arange(images)
    return {name: array[chosen % len(array)] for name, array in whole.items()}


def float_auxiliary_networks(model: Model) -> dict[str, Other]:
    """A denoiser's other networks in onnxruntime."""

    def other(network: Network) -> Other:
        return lambda now: network(now, Step(0, 0, 0.0, 0, 0))[0]

    return {role: other(float_network(own)) for role, own in model.networks.items()}


def _values_of_x(model: Model) -> int:

    assert model.sampler is not None
    (x,) = (v for v in model.stream_inputs if v.name == model.sampler.roles.x)
    return max(1, math.prod(static_shape(x) or ()))


def with_corrected_rows(
    model: Model, quantized: Model, examples: Mapping[str, Array] | None = None
) -> Model:
    """Return a quantized denoiser whose sampler corrects its mean errors, fitted on a few images.

    Args:
        model: the float network.
        quantized: made of it.
        examples: as `sampled_calls` takes them.

    Raises:
        UsageError: there is no sampler, or its rows cannot be corrected.
    """
    table = quantized.sampler
    if table is None or model.networks:
        found, step = "a network without a sampler", "leave it out, or give --sampler"
        if model.networks:
            found, step = "a sampler of several networks", "leave it out"
        raise UsageError(Problem("recipe, correct_sampler", found, "a denoiser", step))
    x = next(value for value in model.stream_inputs if value.name == table.roles.x)
    given = drawn_conditions(model, examples, CORRECTED_ON)
    network = sampler_loop.one_by_one(onnx_network(quantized, table))
    made = correct_step_table(
        table, float_network(model), network, _shape(x)[1:], CORRECTED_ON, NOISE_SEED, given
    )
    return quantized.describe(sampler=made.facts())


def float_network(model: Model) -> Network:
    """A model in onnxruntime as `sampler_loop.sample` calls it: batches, in the types that its inputs have."""
    running = in_onnxruntime(model.to_bytes())
    inputs = {str(v.name): (_shape(v), v.dtype.numpy()) for v in model.stream_inputs if v.dtype}

    def network(now: Arrays, _: Step) -> Sequence[Array]:
        given = {n: now[n].astype(kind).reshape(shape) for n, (shape, kind) in inputs.items()}
        return list(running(given).values())

    return sampler_loop.one_by_one(network)


def _shape(value: Any) -> tuple[int, ...]:

    return static_shape(value) or ()


def drawn_conditions(model: Model, examples: Mapping[str, Array] | None, images: int) -> Arrays:
    """Return conditions of some images, (images, ...): labels in turn, others of the examples, or noise."""
    random, wanted = np.random.default_rng(NOISE_SEED), condition_values(model)
    labels = label_counts(model)
    for other in model.networks.values():
        for name, count in label_counts(other).items():
            labels[name] = min(count, labels.get(name, count))
    given = {}
    for name, value in wanted.items():
        drawn = np.concatenate(draw(value, random, images, HIGHEST_INTEGER))
        example = None if examples is None else examples.get(name)
        if name in labels:
            drawn = (np.arange(images) % labels[name]).reshape(drawn.shape)
        elif example is not None:
            drawn = np.repeat(np.asarray(example[0], drawn.dtype), images, axis=0)
        given[name] = drawn
    return given


def golden_image(stream: Stream, model: Model) -> tuple[Arrays, Arrays]:
    """Return the image that a replay on a device draws: its seed and conditions, and ``x``; first axis images."""
    sampler, given = Sampler(stream), drawn_conditions(model, None, 1)
    x = sampler.sample(1, NOISE_SEED, given)
    seed = np.full((1, 1), NOISE_SEED, np.int64)
    return {"seed": seed, **{name: array[None] for name, array in given.items()}}, {"x": x[None]}


def compared_images(
    stream: Stream, reference: Model, examples: Mapping[str, Array] | None
) -> JsonObject:
    """Compare images that a build and its source network draw from the same seeds.

    The effect of a call's error on an image depends on its row, which the SNR over calls does not show.

    Args:
        stream: the build.
        reference: the float network, with its original sampler.
        examples: a factory's inputs (hops, *shape), for conditions that are not labels.

    Returns:
        The manifest's `images`, the number drawn, and `image_snr_db`, the SNR of the median one in dB; None without
        noise.
    """
    sampler, table = Sampler(stream), reference.sampler
    assert table is not None
    work = max(1, stream.manifest.macs_per_hop * table.rows * table.calls)
    images = min(COMPARED, max(1, MAX_MACS // work))
    given = drawn_conditions(reference, examples, images)
    exact = sampler_loop.sample(
        table,
        float_network(reference),
        sampler.shape,
        images,
        NOISE_SEED,
        given,
        others=float_auxiliary_networks(reference),
    )
    drawn = sampler.sample(images, NOISE_SEED, given)
    median = float(np.median([snr_db(a, b) for a, b in zip(exact, drawn, strict=True)]))
    return {"images": images, "image_snr_db": round(median, 2) if math.isfinite(median) else None}


def verify_loop(stream: Stream, model: Model) -> None:
    """Compare the build's own loop with the Python loop around the same network: every bit of one image.

    Args:
        stream: the build.
        model: its source.

    Raises:
        VerificationError: a bit differs.
    """
    sampler = Sampler(stream)
    if not isinstance(stream.runner, LOOPS):
        return
    given = drawn_conditions(model, None, 1)
    found = sampler.sample(1, NOISE_SEED, given)
    if not (sampler.table.graph == 1).any():
        expected = sampler.by_rows(1, NOISE_SEED, given)
    elif model.quantization.recipe != "float32":
        network = oracle_network(model, sampler.table)
        expected = sampler_loop.sample(sampler.table, network, sampler.shape, 1, NOISE_SEED, given)
    else:
        network = onnx_network(model, sampler.table)
        expected = sampler_loop.sample(sampler.table, network, sampler.shape, 1, NOISE_SEED, given)
        if snr_db(expected, found) >= LEAST_FLOAT_DB:
            return
    if not np.array_equal(found, expected, equal_nan=True):
        worst = float(np.nanmax(np.abs(found - expected)))
        raise VerificationError(
            f"the build's sample function differs from the loop in Python by {worst:.3g}; next: report this"
        )
