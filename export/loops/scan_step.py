"""`step_of_pair`: the states of a parallel scan from its form at two frames, tested on random frames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import Arrays, in_onnxruntime
from edgekit.export.loops.body import Body
from edgekit.export.loops.regions import NoScan, Region, frames_of
from edgekit.export.loops.scans import PairScan
from edgekit.export.loops.source_lines import SourceLines
from edgekit.graph.model import OPSET, Model
from edgekit.graph.nodes import static_shape

NEAR = 1e-5  # of the peak, in float32
FAR = 1e-3  # of the peak: another operator; rounding alone is judged by the proof of the whole network
IR_VERSION = 10


@dataclass(frozen=True)
class _Pair:
    """A scan of two random frames, its inputs and results, and the time axes of its results."""

    run: Callable[[Arrays], Arrays]
    feed: Arrays
    base: Arrays
    made: Sequence[int]


def step_of_pair(
    lines: SourceLines, pair: Region, axes: Sequence[int | None], made: Sequence[int]
) -> PairScan:
    """Find the states of a scan from its form at two frames.

    Raises:
        NoScan: a result depends on a first frame that no result stands for.
    """
    running, feed = run_alone(pair), _random_feed(pair, 0)
    scan = _Pair(running, feed, running(feed), made)
    timed = {number: axis for number, axis in enumerate(axes) if axis is not None}
    carried = {
        number: _output_of_first(scan, number, axis)
        for number, axis in timed.items()
        if _reads_first(scan, number, axis)
    }
    zeros = running(_with_first(feed, {n: timed[n] for n in carried}, 0))
    twice = running(_with_first(feed, timed, 1))
    from_zero = all(
        _near(np.take(zeros[f"y{n}"], [1], axis), np.take(twice[f"y{n}"], [0], axis))
        for n, axis in enumerate(made)
    )
    return PairScan(lines, pair, axes, made, carried, from_zero)


def _random_feed(region: Region, seed: int) -> Arrays:
    random = np.random.default_rng(seed)
    return {
        f"x{number}": random.uniform(0.2, 0.8, static_shape(value) or ()).astype(np.float32)
        for number, value in enumerate(region.inputs)
    }


def _output_of_first(scan: _Pair, number: int, axis: int) -> int:
    """Return the result whose first frame is that of an input."""
    first = np.take(scan.feed[f"x{number}"], [0], axis)
    for place, other in enumerate(scan.made):
        if _near(np.take(scan.base[f"y{place}"], [0], other), first):
            return place
    raise NoScan("starts with another value than its first frame")


def check_steps(scan: PairScan, region: Region) -> None:
    """Compare the steps, one after the other, with the scan of more frames.

    Raises:
        NoScan: they differ: the operator is not associative.
    """
    feed = _random_feed(region, 1)
    whole, results = run_alone(region)(feed), _run_steps(scan, feed, frames_of(region, scan.axes))
    for number, axis in enumerate(scan.made):
        joined = np.concatenate([one[number] for one in results], axis)
        if not _near(joined, whole[f"y{number}"], FAR):
            raise NoScan(
                "runs from the end, or joins frames with an operator that is not associative"
            )


def _run_steps(scan: PairScan, feed: Arrays, frames: int) -> list[list[Array]]:
    """Return the results of each frame."""
    step, results = run_alone(scan.pair), list[list[Array]]()
    timed = {number: axis for number, axis in enumerate(scan.axes) if axis is not None}
    for frame in range(frames):
        pair = dict(feed)
        for number, axis in timed.items():
            now = np.take(feed[f"x{number}"], [frame], axis)
            output = scan.carried.get(number)
            past = now if output is None or not frame else results[-1][output]
            pair[f"x{number}"] = np.concatenate([past, now], axis)
        both = step(pair)
        row = [np.take(both[f"y{n}"], [min(frame, 1)], axis) for n, axis in enumerate(scan.made)]
        results.append(row)
    return results


def _reads_first(scan: _Pair, number: int, axis: int) -> bool:
    """Whether the second frame of a result depends on the first frame of an input."""
    whole = scan.feed[f"x{number}"]
    first, second = np.take(whole, [0], axis), np.take(whole, [1], axis)
    other = np.concatenate([0.5 * first + 0.1, second], axis)
    changed = scan.run(scan.feed | {f"x{number}": other})
    return any(
        not np.array_equal(np.take(scan.base[f"y{n}"], [1], a), np.take(changed[f"y{n}"], [1], a))
        for n, a in enumerate(scan.made)
    )


def _with_first(feed: Arrays, axes: Mapping[int, int], part: float) -> Arrays:
    """Replace first frames by so much of the second ones."""
    result = dict(feed)
    for number, axis in axes.items():
        second = np.take(feed[f"x{number}"], [1], axis)
        result[f"x{number}"] = np.concatenate([part * second, second], axis).astype(np.float32)
    return result


def _near(one: Array, other: Array, limit: float = NEAR) -> bool:
    if one.shape != other.shape:
        return False
    peak = float(np.abs(other).max(initial=0))
    return bool(np.allclose(one, other, rtol=0, atol=limit * max(peak, 1e-30)))


def run_alone(region: Region) -> Callable[[Arrays], Arrays]:
    """Return a runner of a region: inputs x0, x1, ..., outputs y0, y1, ..."""
    body, inputs, outputs = Body(), [], []
    for number, value in enumerate(region.inputs):
        inputs.append(ir.Value(name=f"x{number}", shape=value.shape, type=value.type))
    made = body.clone_all(region.nodes, dict(zip(region.inputs, inputs, strict=True)))
    for number, value in enumerate(region.outputs):
        outputs.append(body.add("Identity", made[value], like=value))
        outputs[-1].name = f"y{number}"
    graph = ir.Graph(inputs, outputs, nodes=body.nodes, opset_imports={"": OPSET}, name="scan")
    return in_onnxruntime(Model(ir.Model(graph, ir_version=IR_VERSION)).to_bytes())
