"""Checks that hops follow one another: calls of one hop each, compared with one call of all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.export.hop_runner import Arrays, differences, zero_states
from edgekit.export.random_inputs import draw
from edgekit.export.verify import LARGEST_SPREAD, LIMIT, SPREADS, nudge
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

Call = Callable[[Arrays], Arrays]
Axes = Mapping[str, int]  # input or output -> axis
SEED = 0
HOPS = (2, 5, 24)  # in one call; the largest number that the network accepts is compared
LONG = 4096  # steps of a call: beyond them the least number of hops is enough, as attention takes their square
MOST = 160  # choices of axes that are tried
NUDGES = 2


@dataclass(frozen=True)
class Growth:
    """Result of comparing one call of several hops with calls of one hop.

    Attributes:
        axes: input -> the axis that is longer.
        hops: number of hops in one call.
        outputs: output -> the axis that is longer too; outputs of unchanged shape are left out.
        error: difference between calls of one hop and that call, relative to the peak; 0 if rounding explains it.
        worst: the output, or next state, that differs most.
        carried: whether the states make them equal: without those of the previous hop they differ.
    """

    axes: Axes
    hops: int
    outputs: Axes
    error: float
    worst: str
    carried: bool


def growths(
    call: Call, model: Model, allowed: Mapping[str, Sequence[int]], examples: Arrays | None
) -> list[Growth]:
    """Return every choice of axes along which one call of a network accepts several hops.

    Args:
        call: runs the source: inputs of any shape, states included -> its outputs. It raises if the source rejects
            them.
        model: the source at one hop.
        allowed: input name -> the axes that may be time.
        examples: inputs of one call; random ones are compared in addition.
    """
    found: list[Growth] = []
    for axes in islice(_choices(model, allowed), MOST):
        if any(growth.axes.items() <= axes.items() for growth in found):
            continue  # a part of these axes grows alone, so that the others have nothing to do with it
        if growth := _growth(call, model, axes, examples):
            found.append(growth)
    return found


def _choices(model: Model, allowed: Mapping[str, Sequence[int]]) -> Iterator[dict[str, int]]:
    """Axes that may be time: of one input, then of several together."""
    shapes = {str(value.name): static_shape(value) or () for value in model.stream_inputs}
    names = [name for name in shapes if allowed.get(name)]
    for count in range(1, len(names) + 1):
        for chosen in combinations(names, count):
            for axes in product(*(allowed[name] for name in chosen)):
                axes_of = dict(zip(chosen, axes, strict=True))
                if _go_together(shapes, axes_of):
                    yield axes_of


def _go_together(shapes: Mapping[str, tuple[int, ...]], axes: Axes) -> bool:
    """Whether axes may be the same time: of any length above 1, or, of single frames, in the same place."""
    sizes = {shapes[name][axis] for name, axis in axes.items()}
    return 1 not in sizes or (len(sizes) == 1 and len({*axes.values()}) == 1)


def _growth(call: Call, model: Model, axes: Axes, examples: Arrays | None) -> Growth | None:
    """Compare along these axes; None if the network does not accept several hops along them."""
    feeds = _feeds(model, examples)
    runs = _Runs(call, model, axes)
    steps = max(feeds[0][name].shape[1 + axis] for name, axis in axes.items())
    hops, outputs = runs.most_hops(feeds[0], steps)
    if not hops:
        return None
    error, worst = max(runs.largest_error(feed, hops, outputs) for feed in feeds)
    carried = False
    if model.states and error == 0:
        carried = any(runs.largest_error(feed, hops, outputs, carry=False)[0] > 0 for feed in feeds)
    return Growth(axes, hops, outputs, error, worst, carried)


def _feeds(model: Model, examples: Arrays | None) -> list[Arrays]:
    """Return inputs of the largest number of hops that is compared; every hop has other values."""
    generator = np.random.default_rng(SEED)
    drawn = {str(v.name): draw(v, generator, HOPS[-1], 1) for v in model.given_inputs}
    for name in model.constants:
        drawn[name] = np.repeat(drawn[name][:1], HOPS[-1], 0)
    if examples is None:
        return [drawn]
    whole, scaled = JsonObject(), JsonObject()
    for name, array in drawn.items():
        example = np.asarray(examples[name])
        whole[name] = np.repeat(example[None], HOPS[-1], 0)
        is_float = array.dtype.kind == "f"
        scaled[name] = array if is_float else whole[name]
        if is_float and name not in model.constants:
            # the same example in every hop would be the same for every context that is a whole hop
            whole[name] = whole[name] * generator.uniform(0.5, 1, (HOPS[-1], *[1] * example.ndim))
            whole[name] = whole[name].astype(array.dtype)
    return [scaled, whole]


class _Runs:
    """One call over several hops, and a call for each hop, along some axes of the inputs."""

    def __init__(self, call: Call, model: Model, axes: Axes) -> None:
        self._call, self._model, self._axes = call, model, axes
        self._shapes = {str(v.name): static_shape(v) or () for v in model.ir.graph.outputs}
        self._states = {pair.output for pair in model.states}

    def in_one_call(self, feed: Arrays, hops: int) -> Arrays | None:
        """Return the outputs of one call; None if the source rejects it."""
        inputs = {n: self._joined(n, array[:hops]) for n, array in feed.items()}
        try:
            return self._call(inputs | zero_states(self._model))
        except Exception:  # the user's own code and C++ libraries on shapes they may not know
            return None

    def most_hops(self, feed: Arrays, steps: int) -> tuple[int, dict[str, int]]:
        """Return the largest of `HOPS`, of `steps` each, that one call accepts, and its longer outputs; 0 if none."""
        hops, outputs = 0, dict[str, int]()
        for count in (HOPS[0], *(n for n in HOPS[1:] if n * steps <= LONG)):
            whole = self.in_one_call(feed, count)
            longer = None if whole is None else self.longer_axes(whole)
            if longer is None or (hops and longer != outputs):
                break
            hops, outputs = count, longer
        return hops, outputs

    def _joined(self, name: str, array: Array) -> Array:
        joined = np.concatenate(list(array), self._axes[name]) if name in self._axes else array[0]
        return np.asarray(joined)

    def longer_axes(self, whole: Arrays) -> dict[str, int] | None:
        """Output -> the axis that is longer; None if a state is, or more than one axis."""
        found = {}
        for name, array in whole.items():
            shape = self._shapes[name]
            if len(shape) != array.ndim:
                return None
            axes = [n for n, size in enumerate(shape) if size != array.shape[n]]
            if len(axes) > 1 or (axes and name in self._states):
                return None
            if axes:
                found[name] = axes[0]
        return found

    def largest_error(
        self, feed: Arrays, hops: int, outputs: Axes, *, carry: bool = True
    ) -> tuple[float, str]:
        """Return the largest difference relative to the peak, and of which output; 0 if rounding explains it."""
        whole = self.in_one_call(feed, hops)
        if whole is not None and not _finite(whole):
            feed = {name: np.abs(array) for name, array in feed.items()}
            whole = self.in_one_call(feed, hops)
        if whole is None:
            return np.inf, next(iter(self._shapes))
        found = self._hop_by_hop(feed, hops, outputs, carry=carry)
        names = [n for n in whole if n in outputs or self._model.states]
        errors = {name: _error(whole[name], found[name]) for name in names}
        limits = self._limits(feed, hops, whole, errors)
        beyond = ((error, name) for name, error in errors.items() if not error <= limits[name])
        return max(beyond, default=(0.0, ""))

    def _limits(
        self, feed: Arrays, hops: int, whole: Arrays, errors: Mapping[str, float]
    ) -> dict[str, float]:
        """Return how much each output may differ: the spread when inputs change in the last place."""
        limits = dict.fromkeys(errors, LIMIT)
        for seed in range(NUDGES):
            if not any(error > limits[name] for name, error in errors.items()):
                break
            nudged = self.in_one_call(nudge(feed, seed), hops)
            if nudged is None:
                break
            for name in errors:
                spread = SPREADS * _error(whole[name], nudged[name])
                limits[name] = min(max(limits[name], spread), LARGEST_SPREAD)
        return limits

    def _hop_by_hop(self, feed: Arrays, hops: int, outputs: Axes, *, carry: bool) -> Arrays:
        """Return the outputs of a call for each hop: joined along their longer axes, of others the last."""
        zeros = zero_states(self._model)
        state, results = zeros, list[Arrays]()
        for hop in range(hops):
            inputs = {n: array[hop if n in self._axes else 0] for n, array in feed.items()}
            results.append(self._call(inputs | state))
            carried = {pair.input: results[-1][pair.output] for pair in self._model.states}
            state = carried if carry else zeros
        joined = {n: np.concatenate([r[n] for r in results], a) for n, a in outputs.items()}
        return results[-1] | joined


def _finite(arrays: Arrays) -> bool:
    return all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


def _error(exact: Array, found: Array) -> float:
    """Return the largest difference over the peak; of integers and truth values the part that differs."""
    if exact.shape != found.shape:
        return np.inf
    if exact.dtype.kind != "f":
        return float(np.mean(exact != found))
    reference, difference = differences(exact, found)
    peak = float(np.abs(reference[np.isfinite(reference)]).max(initial=0))
    error = float(np.abs(difference).max(initial=0))
    return error / peak if peak else error
