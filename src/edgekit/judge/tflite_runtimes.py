"""Compare the network with the runtimes of .tflite files: ai-edge-litert, and tflite-micro where it is installed."""

import importlib.metadata
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, VerificationError
from edgekit.export.hop_runner import source_runner, zero_states
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.export.tflite_file.file import Graph, Tensor, read_tflite
from edgekit.graph.model import Model
from edgekit.judge import tflite_worker
from edgekit.operators.oracle import Oracle

CALLS = 24
MOST_PRODUCTS = 2e8  # in all calls together, so that a large network is compared in seconds
MIN_FLOAT_DB, MIN_INTEGER_DB = 80.0, 12.0  # the runtimes agree among themselves to 19 dB
MIN_INT8_DB, FEW_LAYERS = 30.0, 40
LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
LIMIT_S = 300  # for all calls in a runtime
Worker = Callable[[Path, Path], bool]  # request, results: whether it could run all calls


@dataclass
class Agreement:
    """How near the outputs of two runtimes are."""

    equal: int = 0
    total: int = 0
    calls: int = 0
    largest: int = 0  # step between integers
    signal: float = 0.0
    error: float = 0.0
    has_floats: bool = False

    def add(self, held: Tensor, made: Array, expected: Array) -> None:
        """Take one output: real values of ours, and what the runtime wrote.

        Raises:
            VerificationError: its shape is another one.
        """
        if made.shape != expected.shape:
            found, allowed = f"shape {list(made.shape)}", f"{list(expected.shape)}, the runtime's"
            step = "copy or export the file again"
            raise VerificationError(Problem(f"output '{held.name}'", found, allowed, step))
        real = expected.astype(np.float64)
        if held.is_integer and held.grid is not None:
            scale, zero = float(held.grid.scale[0]), int(held.grid.zero.ravel()[0])
            levels = np.rint(made.astype(np.float64) / scale).astype(np.int64) + zero
            gap = np.abs(levels - expected.astype(np.int64))
            self.equal += int((gap == 0).sum())
            self.total += gap.size
            self.largest = max(self.largest, int(gap.max(initial=0)))
            real = (real - zero) * scale
        else:
            self.has_floats = True
        with np.errstate(invalid="ignore"):
            differing = ~((made == real) | (np.isnan(made) & np.isnan(real)))
            gaps = np.abs(made[differing] - real[differing])
        self.signal += float((real[np.isfinite(real)] ** 2).sum())
        self.error += float((np.where(np.isnan(gaps), np.inf, gaps) ** 2).sum())

    @property
    def snr_db(self) -> float:
        """Signal to noise, with the runtime's outputs as the signal."""
        if self.error in (0, np.inf):
            return float("-inf" if self.error else "inf")
        return float(10 * np.log10(max(self.signal, 1e-30) / self.error))

    @property
    def differs_by_a_step(self) -> bool:
        """Whether all outputs are integers, none further away than the last rounding."""
        return self.total > 0 and self.largest <= 1 and not self.has_floats

    def text(self, runtime: str) -> str:
        """Say it in a sentence."""
        if not self.total:
            return f"{runtime}: {self.snr_db:.1f} dB over {self.calls} calls"
        found = f"{self.equal} of {self.total} values equal over {self.calls} calls"
        if self.equal < self.total:
            found += f", the largest difference {self.largest} steps, {self.snr_db:.1f} dB"
        return f"{runtime}: {found}"


def run_worker(request: Path, results: Path) -> bool:
    """Run the calls of a request in a process of its own; False where the runtime cannot."""
    command = [sys.executable, "-m", tflite_worker.__name__, str(request), str(results)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=LIMIT_S)
    return not done.returncode and results.is_file()


def compare_runtimes(
    path: str | Path, signature: str | None, model: Model, work: Worker = run_worker
) -> list[str]:
    """Return a sentence for each runtime: how near its outputs are, states carried, on random inputs.

    Args:
        path: a .tflite.
        signature: the one that was read, where the file has several.
        model: its network, as `edgekit.export.from_tflite` returns it.
        work: runs a request of `tflite_worker`.

    Raises:
        VerificationError: the outputs are near none of the runtimes.
    """
    data = Path(path).read_bytes()
    graph = to_onnx(read_tflite(data), signature).graph
    states = [before for before, _ in _plain_pairs(graph, model)]
    feeds = random_walks(graph, states, _calls(graph))
    ours = _run_model(model, graph, feeds)
    found: list[str] = []
    agreements: dict[str, Agreement] = {}
    for runtime in tflite_worker.CALLS:
        version = _version(runtime)
        if version is None or (signature is not None and runtime == "tflite-micro"):
            continue
        pairs = _plain_pairs(graph, model)
        theirs = outputs_in_runtime(runtime, data, signature, graph, feeds, pairs, work)
        if theirs is None:
            found.append(f"{runtime} {version} cannot run the file: it was not compared")
            continue
        agreement = Agreement(calls=len(feeds))
        for outputs, expected in zip(ours, theirs, strict=True):
            for number, other in zip(graph.outputs, expected, strict=True):
                held = graph.tensors[number]
                if held.name in outputs:
                    agreement.add(held, outputs[held.name], other)
        agreements[runtime] = agreement
        found.append(agreement.text(f"{runtime} {version}"))
    _check(agreements, found, graph)
    return found


def _check(agreements: Mapping[str, Agreement], found: Sequence[str], graph: Graph) -> None:
    """Refuse outputs that are near none of the runtimes: of integers these differ among themselves."""
    least = least_db(graph, agreements)
    near = [a.snr_db >= least or a.differs_by_a_step for a in agreements.values()]
    if near and not any(near):
        step = "check the file in that runtime; an operator of it may be read in another way here"
        problem = Problem("the network", "; ".join(found), f"{least:.0f} dB or more", step)
        raise VerificationError(problem)


def least_db(graph: Graph, runtimes: Iterable[str]) -> float:
    """Return how near the outputs must be to the nearest runtime.

    Layers of int8 are LiteRT's but for one value in 100,000, where its float32 products round another way. A network
    of few layers stays near it; through many such steps grow, as they do in cells and between islands of float.
    """
    if not any(held.is_integer for held in graph.tensors):
        return MIN_FLOAT_DB
    layers = [operator for operator in graph.operators if operator.builtin in LAYERS]
    if _is_int8(graph) and len(layers) <= FEW_LAYERS and "ai-edge-litert" in runtimes:
        return MIN_INT8_DB
    return MIN_INTEGER_DB


def _is_int8(graph: Graph) -> bool:
    """Whether all that is computed is int8, without layers that keep a memory."""
    computed = {held.dtype for held in graph.tensors if held.data is None and held.shape}
    cells = any(held.is_variable for held in graph.tensors)
    return computed <= {"int8", "uint8", "resource"} and not cells


def _plain_pairs(graph: Graph, model: Model) -> list[tuple[int, int]]:
    """Return the places of inputs and outputs of the file that are states."""
    inputs = [graph.tensors[number].name for number in graph.inputs]
    outputs = [graph.tensors[number].name for number in graph.outputs]
    return [
        (inputs.index(pair.input), outputs.index(pair.output))
        for pair in model.states
        if pair.input in inputs and pair.output in outputs
    ]


def _calls(graph: Graph) -> int:
    """Return the number of calls to compare, less for networks of many products."""
    products = 0
    for operator in graph.operators:
        if len(operator.inputs) > 1 and operator.inputs[1] >= 0 and operator.outputs:
            weights, made = graph.tensors[operator.inputs[1]], graph.tensors[operator.outputs[0]]
            if weights.data is not None:
                products += math.prod(made.shape[:-1]) * math.prod(weights.shape)
    return int(np.clip(MOST_PRODUCTS // max(products, 1), 2, CALLS))


def random_walks(graph: Graph, states: Sequence[int], calls: int) -> list[list[Array]]:
    """Return inputs of some calls, in the types and the order of the graph.

    Args:
        graph: whose inputs.
        states: places of inputs that are states, which are zero.
        calls: how many.

    Returns:
        Of each call the inputs: random walks over the range of integers, noise for floats.
    """
    rng = np.random.default_rng(0)
    walks = [np.zeros(graph.tensors[number].shape) for number in graph.inputs]
    feeds = []
    for _ in range(calls):
        for walk in walks:
            walk += rng.normal(0, 0.2, walk.shape)
            np.clip(walk, -1, 1, out=walk)
        feeds.append(
            [
                _at_rest(graph.tensors[number])
                if place in states
                else _walk_in_type(graph.tensors[number], walks[place], rng)
                for place, number in enumerate(graph.inputs)
            ]
        )
    return feeds


def _at_rest(held: Tensor) -> Array:
    zero = 0 if held.grid is None else held.grid.zero.ravel()[0]
    return np.full(held.shape, zero, held.dtype)


def _walk_in_type(held: Tensor, walk: Array, rng: np.random.Generator) -> Array:
    """Return values from -1 to 1 over the range of integers; noise of floats."""
    if held.dtype == "float32":
        return rng.standard_normal(held.shape).astype(np.float32)
    if held.dtype == "bool":
        return np.asarray(walk > 0)
    info = np.iinfo(held.dtype)
    if not held.is_integer and info.bits > 8:  # an index; 8 bits are a picture
        return np.rint(np.abs(walk)).astype(held.dtype)
    half = 2.0 ** (info.bits - 1)
    offset = half if info.min == 0 else 0.0
    return np.clip(np.rint(walk * half + offset), info.min, info.max).astype(held.dtype)


def _run_model(model: Model, graph: Graph, feeds: Sequence[list[Array]]) -> list[dict[str, Array]]:
    """Return the outputs of each call by name, states carried: integers as the C code computes them."""
    names = [graph.tensors[number].name for number in graph.inputs]
    states = {pair.input for pair in model.states}
    kept = {str(value.name) for value in model.ir.graph.inputs} - states
    integers = any(held.is_integer for held in graph.tensors)
    process = Oracle(model).process if integers else _float_process(model)
    results = []
    for feed in feeds:
        reals = {
            name: real_values(graph.tensors[number], array)
            for name, number, array in zip(names, graph.inputs, feed, strict=True)
            if name in kept
        }
        results.append(process(reals))
    return results


def _float_process(model: Model) -> Callable[[dict[str, Array]], dict[str, Array]]:
    run = source_runner(model.to_bytes())
    states = zero_states(model)

    def process(feed: dict[str, Array]) -> dict[str, Array]:
        made = run(feed | states)
        states.update({pair.input: made.pop(pair.output) for pair in model.states})
        return made

    return process


def real_values(held: Tensor, array: Array) -> Array:
    """Return what integers of a tensor stand for, float32; other values as they are."""
    if not held.is_integer or held.grid is None:
        return array
    zero, scale = held.grid.zero.ravel()[0], held.grid.scale[0]
    return np.asarray((array.astype(np.int64) - zero).astype(np.float32) * scale, np.float32)


def outputs_in_runtime(
    runtime: str,
    data: bytes,
    signature: str | None,
    graph: Graph,
    feeds: Sequence[list[Array]],
    pairs: Sequence[tuple[int, int]] = (),
    work: Worker = run_worker,
) -> list[list[Array]] | None:
    """Return the outputs of each call in a runtime, states carried; None where it cannot run the file."""
    with tempfile.TemporaryDirectory() as folder:
        file, inputs, request, results = (
            Path(folder) / name for name in ("a.tflite", "in.npz", "request.json", "out.npz")
        )
        file.write_bytes(data)
        numbered = {
            f"{n}_{i}": array for n, feed in enumerate(feeds) for i, array in enumerate(feed)
        }
        np.savez(inputs, **numbered)  # type: ignore[arg-type]
        content = {
            "runtime": runtime,
            "file": str(file),
            "signature": signature,
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "feeds": str(inputs),
            "calls": len(feeds),
            "pairs": pairs,
        }
        request.write_text(json.dumps(content), encoding="utf-8")
        if not work(request, results):
            return None
        with np.load(results) as made:
            places = range(len(graph.outputs))
            return [[made[f"{n}_{i}"] for i in places] for n in range(len(feeds))]


def _version(runtime: str) -> str | None:
    try:
        return importlib.metadata.version(runtime)
    except importlib.metadata.PackageNotFoundError:
        return None
