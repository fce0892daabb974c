"""Proof of the rewrite: hop by hop, flush included, its outputs are those of the offline network."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, lcm

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, VerificationError
from edgekit.export.double import double_runner
from edgekit.export.hop_runner import Arrays, in_onnxruntime, zero_states
from edgekit.export.random_inputs import draw
from edgekit.export.stream.examples import hold, input_of_each_hop, repeat_along_time
from edgekit.export.stream.sources import Offline
from edgekit.export.verify import compare, compare_in_double
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

SEED = 0
HOPS = 4  # of the largest hop, besides the delay


def prove(
    offline: Offline,
    models: Mapping[int, Model],
    least: int,
    longest: int,
    recordings: Sequence[Arrays] = (),
) -> float:
    """Compare streamed networks with the offline one on input that ends within a hop.

    The inputs are random ones, the factory's examples, and real recordings if there are some. If float32 alone exceeds
    the limit, both are compared in float64, see `verify.compare_in_double`.

    Args:
        offline: the network at any length.
        models: streamed networks by their hop in samples.
        least: the smallest hop.
        longest: a length at which the network works.
        recordings: whole inputs by name, of any length.

    Returns:
        The largest error relative to the peak of an output.

    Raises:
        VerificationError: an output differs by more than 1e-5 of its peak, or a frame before frame 0 is
            not finite.
    """
    samples = max(longest, HOPS * max(models) + 2 * max(map(_delay, models.values())))
    samples = -(-samples // least) * least
    if max(models) > least and samples % max(models) == 0:
        samples += least
    whole = offline.at(samples)
    running = in_onnxruntime(whole.to_bytes())
    worst = 0.0
    for feed in _feeds(offline, models, samples, recordings):
        expected = running(feed)
        for hop, model in models.items():
            found = run_stream(model, feed, samples)
            what = f"streamed by {hop} samples it"
            try:
                worst = max(worst, compare(expected, found, what=what))
            except VerificationError as error:
                try:
                    exact = double_runner(whole.to_bytes())(feed)
                    same = run_stream(model, feed, samples, double_runner(model.to_bytes()))
                except ModelError:
                    raise error from None
                worst = max(worst, compare_in_double(exact, same, expected, found, what=what))
    return worst


def _feeds(
    offline: Offline, models: Mapping[int, Model], samples: int, recordings: Sequence[Arrays]
) -> list[Arrays]:
    """Random inputs, the examples and recordings, at this length; a control holds for the hops of all models."""
    generator = np.random.default_rng(SEED)
    inputs = offline.at(samples).ir.graph.inputs
    feeds = [{str(value.name): draw(value, generator, 1, 1)[0] for value in inputs}]
    axes = {name: time.axis for name, time in models[min(models)].timing.items()} | dict(
        offline.axes
    )
    frames = {name: int(samples * offline.rates.get(name, 1)) for name in axes}
    feeds += [
        {n: repeat_along_time(feed[n], axes.get(n), frames.get(n, 1)) for n in feeds[0]}
        for feed in (*([] if offline.examples is None else [offline.examples]), *recordings)
    ]
    for name in set(offline.controls) & axes.keys():
        period = lcm(*models) * frames[name] // samples
        for feed in feeds:
            feed[name] = hold(feed[name], axes[name], period)
    return feeds


def _delay(model: Model) -> int:
    assert model.streaming is not None
    return max(output.delay_samples for output in model.streaming.outputs)


def run_stream(
    model: Model, feed: Arrays, samples: int, running: Callable[[Arrays], Arrays] | None = None
) -> Arrays:
    """Run a streamed network over whole arrays, until the last frame has come out.

    Args:
        model: the rewritten network.
        feed: one array for each input of the offline network.
        samples: the length of the arrays in samples.
        running: the runner of one hop; None means onnxruntime.

    Returns:
        The outputs of the offline network, by name.

    Raises:
        VerificationError: a frame before frame 0 is not finite.
    """
    hop, times = model.stream.hop_samples or 0, model.timing
    outputs = {
        str(v.name): (static_shape(v) or ())[times[str(v.name)].axis] for v in model.stream_outputs
    }
    lengths = {n: Fraction(f * samples, hop) + times[n].offset_frames for n, f in outputs.items()}
    ends = [(lengths[n] + times[n].delay_frames) / f for n, f in outputs.items()]
    hops = ceil(max(Fraction(samples, hop), *ends))  # a network may leave out its last frames
    inputs = _hops_of_inputs(model, feed, hops, part=Fraction(hop, samples))
    running = running or in_onnxruntime(model.to_bytes())
    outputs_of_hops = _run(model, running, inputs, samples // hop, float(hop - samples % hop))
    results = {}
    for name, length in lengths.items():
        whole, axis = np.concatenate(outputs_of_hops[name], times[name].axis), times[name].axis
        start = times[name].delay_frames
        if not np.isfinite(np.take(whole, range(start), axis)).all():
            raise VerificationError(
                f"streamed by {hop} samples, output '{name}' is not finite in the {start} frames before "
                "frame 0; next: keep divisions and logarithms away from 0, as x / (y + 1e-9)"
            )
        results[name] = np.take(whole, range(start, start + int(length)), axis)
    return results


def _hops_of_inputs(model: Model, feed: Arrays, hops: int, part: Fraction) -> Arrays:
    """Return each input in each hop, (hops, ...); a hop is a `part` of the arrays."""
    inputs, times = {}, model.timing
    for value in model.stream_inputs:
        name, shape = str(value.name), static_shape(value) or ()
        if name in times:
            axis = times[name].axis
            inputs[name] = _cut(feed[name], axis, shape[axis], hops)
        else:
            inputs[name] = input_of_each_hop(feed[name], shape, part, hops)
    return inputs


def _run(
    model: Model, running: Callable[[Arrays], Arrays], inputs: Arrays, end: int, missing: float
) -> dict[str, list[Array]]:
    """Run the hops; before hop `end` the network receives the number of its `missing` samples."""
    state = zero_states(model)
    results_by_name: dict[str, list[Array]] = {str(v.name): [] for v in model.stream_outputs}
    for hop in range(len(next(iter(inputs.values())))):
        if hop == end and model.end_state is not None:
            state[model.end_state][...] = missing
        results = running({name: array[hop] for name, array in inputs.items()} | state)
        for name, arrays in results_by_name.items():
            arrays.append(results[name])
        state = {pair.input: results[pair.output] for pair in model.states}
    return results_by_name


def _cut(array: Array, axis: int, frames: int, hops: int) -> Array:
    """Return the hops of an array, (hops, ...), with zeros after its end."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, frames * hops - array.shape[axis])
    return np.stack(np.split(np.pad(array, widths), hops, axis))
