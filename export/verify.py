"""Proof of an import: source and `Model` have the same outputs, also with states carried."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem, VerificationError
from edgekit.export.double import double_runner, nudge_array
from edgekit.export.hop_runner import Arrays, in_onnxruntime, snr_db, zero_states
from edgekit.export.random_inputs import call_inputs, input_ranges, random_feed
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

Call = Callable[[Arrays], Arrays]  # all inputs of one call -> all outputs, by name
LIMIT = 1e-5  # of the peak, see the float32 tolerance of the arithmetic
# Where an output is not determined to LIMIT by its inputs in float32, more is allowed: so many times
# what the source itself changes when its inputs change by one unit in the last place, up to a part
# of the peak. Ten, since a network rounds in every layer and not at its inputs alone.
SPREADS = 10
LARGEST_SPREAD = 0.5
NUDGES = 4
# Of the peak, in float64: up to here two networks are the same, despite float32. The imported one
# has float32 constants, each off by 6e-8 at most, or more if computed from others at import. So, up to
# LIMIT, it may be off by SPREADS times the effect of one unit in the last place of every constant.
LIMIT_DOUBLE = 1e-7
# Two float sums that differ in their last bit may round to neighbouring integers.
MIN_SNR_ROUNDED_DB = 25.0
SINGLE_CALLS = 3
MANY = 2**22  # elements of inputs and outputs: one call compares enough of them
AT_ONCE = 2**20  # of them, in float64
HOPS = 20


def compare(
    reference: Mapping[str, Array],
    value: Mapping[str, Array],
    *,
    limit: float = LIMIT,
    limits: Mapping[str, float] | None = None,
    what: str = "the imported network",
) -> float:
    """Return the largest error over all outputs, each relative to the peak of its reference.

    NaN equals NaN and infinity itself; an error of an all-zero reference counts absolutely.

    Args:
        reference: output name -> expected values.
        value: output name -> found values.
        limit: the largest allowed error, relative to the peak.
        limits: output name -> its limit, if that is larger.
        what: names the network in the error.

    Raises:
        VerificationError: an output differs by more than its limit; names the worst one.
    """
    errors = {name: _relative_error(array, value[name]) for name, array in reference.items()}
    allowed = {name: max(limit, (limits or {}).get(name, 0.0)) for name in errors}
    worst = max(errors, key=lambda name: errors[name] / allowed[name])
    if errors[worst] > allowed[worst]:
        raise VerificationError(
            f"{what} is not the same network as its source: output '{worst}' differs by "
            f"{errors[worst]:.3g} of the peak; allowed: {allowed[worst]:.3g}; next: export it "
            "with another opset, or leave out one layer after another to find the one that differs"
        )
    return max(errors.values())


def verify_import(
    reference: Call,
    model: Model,
    examples: Mapping[str, Array] | None = None,
    exact: Callable[[], Call] | None = None,
    rounds: bool = False,
) -> float:
    """Compare a model with its source on single calls and on `HOPS` hops with states carried.

    Args:
        reference: the source: all inputs of one call -> all outputs, by the model's names.
        model: the imported network.
        examples: realistic inputs of one call; random ones are added.
        exact: makes the source in float64; used only if float32 does not decide.
        rounds: the source rounds to integers, and the model does not.

    Returns:
        The largest error relative to the peak of an output.

    Raises:
        ModelError: an output's size in onnxruntime differs from ONNX's shape inference.
        VerificationError: an output differs by more than `LIMIT` of its peak, and by more than
            `SPREADS` times the effect of the source's rounding. A network that rounds to integers must reach
            `MIN_SNR_ROUNDED_DB`.
    """
    wide = None if exact is None else partial(_both_in_double, exact, model)
    same = partial(
        _compare_answers,
        min_snr_db=MIN_SNR_ROUNDED_DB if rounds or _rounds(model) else np.inf,
        wide=wide,
    )
    imported = partial(_of_known_sizes, in_onnxruntime(model.to_bytes()), model, "onnxruntime")
    reference = partial(_of_known_sizes, reference, model, "its source")
    ranges = input_ranges(reference, model, examples)
    borders = (*model.ir.graph.inputs, *model.ir.graph.outputs)
    size = sum(math.prod(static_shape(value) or ()) for value in borders)
    count = SINGLE_CALLS if size <= MANY else 1
    calls = [call_inputs(reference, model, seed, ranges) for seed in range(count)]
    if examples:
        calls.insert(0, (dict(examples), reference(dict(examples))))
    worst = max(
        same(_answer_to_first, reference, imported, [feed], "the imported network", expected)
        for feed, expected in calls
    )
    if not model.states:
        return worst
    seeds = range(SINGLE_CALLS, SINGLE_CALLS + HOPS)
    streams = [random_feed(model, seed, model.given_inputs, ranges) for seed in seeds]
    carry = partial(_carry, model)
    what = f"after {HOPS} hops the imported network"
    return max(worst, same(carry, reference, imported, streams, what))


def verify_answer(
    reference: Call,
    value: Call,
    feed: Arrays,
    expected: Arrays,
    *,
    what: str,
    wide: Callable[[], tuple[Call, ...]] | None,
) -> float:
    """Compare the outputs of two networks for one call; in float64 if float32 does not decide.

    Args:
        reference: the source.
        value: the other network.
        feed: the inputs.
        expected: the source's outputs.
        what: names the other network in the error.
        wide: makes in float64 the source, the other network, and that one with nudged constants.

    Returns:
        The largest error relative to the peak of an output.

    Raises:
        VerificationError: as `verify_import`.
    """
    return _compare_answers(
        _answer_to_first, reference, value, [feed], what, expected, min_snr_db=np.inf, wide=wide
    )


def _answer_to_first(call: Call, feeds: Sequence[Arrays]) -> Arrays:
    return call(feeds[0])


def _of_known_sizes(run: Call, model: Model, where: str, feeds: Arrays) -> Arrays:
    """Run a call; refuse outputs of another element count than the graph's; add or drop sizes of 1 as in the graph."""
    found = run(feeds)
    shapes = {str(value.name): static_shape(value) for value in model.ir.graph.outputs}
    known = {name: shape for name in found if (shape := shapes.get(name)) is not None}
    problems = [
        _shape_problem(name, found[name], shape, where)
        for name, shape in known.items()
        if found[name].size != math.prod(shape)
    ]
    if problems:
        raise ModelError(problems)
    for name, shape in known.items():
        if _without_ones(found[name].shape) == _without_ones(shape):
            found[name] = found[name].reshape(shape)
    return found


def _shape_problem(name: str, array: Array, shape: tuple[int, ...], where: str) -> Problem:
    told = f"has shape {[*array.shape]} in {where}, {[*shape]} by ONNX's shape inference"
    allowed = "operators of which both say the same"
    step = "give convolutions and pools with dilations pads instead of auto_pad"
    return Problem(f"output '{name}'", told, allowed, step)


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def _rounds(model: Model) -> bool:
    return any(node.op_type in ("QuantizeLinear", "Round") for node in model.ir.graph)


def _compare_answers(
    answer: Callable[[Call, Sequence[Arrays]], Arrays],
    reference: Call,
    imported: Call,
    feeds: Sequence[Arrays],
    what: str,
    expected: Arrays | None = None,
    *,
    min_snr_db: float,
    wide: Callable[[], tuple[Call, ...]] | None,
) -> float:
    """Compare both outputs for the feeds; only if they differ, find how much rounding alone explains.

    `expected` is the reference's outputs if they are known.
    """
    expected = answer(reference, feeds) if expected is None else expected
    found = answer(imported, feeds)
    try:
        return compare(expected, found, what=what)
    except VerificationError:
        errors = {name: _relative_error(array, found[name]) for name, array in expected.items()}
    if _agree_within_snr(expected, found, errors, min_snr_db):
        return max(errors.values())
    changed = (answer(reference, [nudge(f, seed) for f in feeds]) for seed in range(NUDGES))
    limits = _limits_of_rounding(expected, errors, changed)
    capped = {name: min(limit, LARGEST_SPREAD) for name, limit in limits.items()}
    try:
        return compare(expected, found, limits=capped, what=what)
    except VerificationError as error:
        answers = _answers_in_double(answer, wide, feeds)
        if answers is None:
            lost = {name: limit / SPREADS for name, limit in limits.items()}
            when = "its inputs change in the last place"
            raise _explain_difference(error, lost, when) from None
    exact, same, nudged = answers
    constants = {n: SPREADS * _relative_error(a, nudged[n]) for n, a in same.items()}
    return compare_in_double(exact, same, expected, found, what=what, constants=constants)


def _agree_within_snr(
    expected: Arrays, found: Arrays, errors: Mapping[str, float], min_snr_db: float
) -> bool:
    """Whether finite outputs differ by no more than neighbouring integers of a network that rounds."""
    ratios = (snr_db(array, found[name]) for name, array in expected.items())
    finite = bool(np.isfinite([*errors.values()]).all())
    return finite and all(ratio >= min_snr_db for ratio in ratios)


def _limits_of_rounding(
    expected: Arrays, errors: Mapping[str, float], changed: Iterable[Arrays]
) -> dict[str, float]:
    """Return how much each output may differ: the source's spread when inputs change in the last place."""
    limits = dict.fromkeys(expected, LIMIT)
    for nudged in changed:
        for name, array in expected.items():
            limits[name] = max(limits[name], SPREADS * _relative_error(array, nudged[name]))
        if all(error <= limits[name] for name, error in errors.items()):
            break  # more nudges only allow more
    return limits


def _answers_in_double(
    answer: Callable[[Call, Sequence[Arrays]], Arrays],
    wide: Callable[[], tuple[Call, ...]] | None,
    feeds: Sequence[Arrays],
) -> tuple[Arrays, ...] | None:
    """Return the networks' outputs in float64; None if they do not run in it."""
    if wide is None:
        return None
    try:
        return tuple(answer(call, feeds) for call in wide())
    except ModelError:
        return None


def _explain_difference(
    error: VerificationError, lost: Mapping[str, float], when: str
) -> VerificationError:
    """Return the error, or a clearer one if the source itself loses an output in rounding."""
    names = [name for name, part in lost.items() if not part <= LARGEST_SPREAD]
    if not names:
        return error
    return VerificationError(
        f"the network is not determined in float32: in its source too output '{names[0]}' changes by "
        f"{lost[names[0]]:.3g} of the peak where {when}, so that nothing can be compared with it; next: look for "
        "what divides by nearly nothing, as by the deviation of equal values, or for a result that "
        "is a difference of equal numbers"
    )


def compare_in_double(
    exact: Arrays,
    same: Arrays,
    expected: Arrays,
    found: Arrays,
    *,
    what: str,
    constants: Mapping[str, float] | None = None,
) -> float:
    """Compare two networks whose float32 results differ by the rounding of float32.

    Args:
        exact: outputs of the source in float64.
        same: outputs of the other network in float64; they must agree to `LIMIT_DOUBLE`.
        expected: outputs of the source in float32.
        found: outputs of the other network in float32; the error may be `SPREADS` times that of the source.
        what: names the other network in the error.
        constants: output name -> allowed effect of rounded constants in float64, relative to the peak; `LIMIT` at
            most.

    Returns:
        The largest error of `found`, relative to the peak of an output.

    Raises:
        VerificationError: another network, or one whose float32 error is far above the source's.
    """
    rounded = {name: min(limit, LIMIT) for name, limit in (constants or {}).items()}
    lost = {name: _relative_error(array, expected[name]) for name, array in exact.items()}
    limits = {name: min(SPREADS * part, LARGEST_SPREAD) for name, part in lost.items()}
    try:
        compare(exact, same, limit=LIMIT_DOUBLE, limits=rounded, what=f"in float64 {what}")
        return compare(exact, found, limits=limits, what=what)
    except VerificationError as error:
        raise _explain_difference(error, lost, "it is computed in float64") from None


def _both_in_double(exact: Callable[[], Call], model: Model) -> tuple[Call, ...]:
    """Return the source, the model, and the model with nudged constants."""
    data = model.to_bytes()
    return exact(), double_runner(data), double_runner(data, nudged=True)


def nudge(feed: Arrays, seed: int) -> Arrays:
    """Return the arrays with every float up or down by a unit in the last place, at random."""
    generator = np.random.default_rng(seed)
    return {
        name: array
        if array.dtype.kind != "f"
        else nudge_array(array, generator).astype(array.dtype)
        for name, array in feed.items()
    }


def _carry(model: Model, call: Call, streams: Sequence[Arrays]) -> Arrays:
    state, results_of_hops = zero_states(model), []
    for feed in streams:
        results = call(feed | state)
        state = {pair.input: results[pair.output] for pair in model.states}
        results_of_hops.append(results)
    return {
        name: np.stack([results[name] for results in results_of_hops])
        for name in results_of_hops[0]
    }


def _relative_error(reference: Array, value: Array) -> float:
    """Return the largest difference over the reference's peak, in blocks, so that outputs may be large."""
    if reference.shape != value.shape:
        return float("inf")
    error = peak = 0.0
    for start in range(0, reference.size, AT_ONCE):
        left, right = (
            np.asarray(array.reshape(-1)[start : start + AT_ONCE], np.float64)
            for array in (reference, value)
        )
        finite = np.isfinite(left)
        if not np.array_equal(left[~finite], right[~finite], equal_nan=True):
            return float("inf")
        if not np.isfinite(right[finite]).all():
            return float("inf")
        error = max(error, float(np.abs(left[finite] - right[finite]).max(initial=0)))
        peak = max(peak, float(np.abs(left[finite]).max(initial=0)))
    return error / peak if peak else error
