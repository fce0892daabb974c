"""Compare the network with the runtimes of .tflite files: ai-edge-litert, and tflite-micro where it is installed."""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, VerificationError
from edgekit.export.hop_runner import source_runner
from edgekit.export.tflite_file.file import Graph, Tensor
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle

CALLS = 24
MIN_FLOAT_DB, MIN_INTEGER_DB = 80.0, 15.0  # integer runtimes agree among themselves to 19 dB at least
ARENA = 2**25  # bytes that tflite-micro may use
Call = Callable[[Sequence[Array]], list[Array]]


@dataclass
class Agreement:
    """How near the outputs of two runtimes are."""

    equal: int = 0
    total: int = 0
    largest: int = 0  # step between integers
    signal: float = 0.0
    error: float = 0.0

    def add(self, held: Tensor, made: Array, expected: Array) -> None:
        """Take one output: real values of ours, and what the runtime wrote."""
        real = expected.astype(np.float64)
        if held.is_integer and held.grid is not None:
            scale, zero = float(held.grid.scale[0]), int(held.grid.zero.ravel()[0])
            levels = np.rint(made.astype(np.float64) / scale).astype(np.int64) + zero
            gap = np.abs(levels - expected.astype(np.int64))
            self.equal += int((gap == 0).sum())
            self.total += gap.size
            self.largest = max(self.largest, int(gap.max(initial=0)))
            real = (real - zero) * scale
        self.signal += float((real**2).sum())
        self.error += float(((made - real) ** 2).sum())

    @property
    def snr_db(self) -> float:
        """Signal to noise, with the runtime's outputs as the signal."""
        if self.error == 0:
            return float("inf")
        return float(10 * np.log10(max(self.signal, 1e-30) / self.error))

    def text(self, runtime: str) -> str:
        """Say it in a sentence."""
        if not self.total:
            return f"{runtime}: {self.snr_db:.1f} dB over {CALLS} calls"
        found = f"{self.equal} of {self.total} values equal over {CALLS} calls"
        if self.equal < self.total:
            found += f", the largest difference {self.largest} steps, {self.snr_db:.1f} dB"
        return f"{runtime}: {found}"


def compare_runtimes(data: bytes, signature: str | None, graph: Graph, model: Model) -> list[str]:
    """Return a sentence for each runtime: how near its outputs are, states carried, on random inputs.

    Raises:
        VerificationError: the outputs differ more than runtimes of these files do among themselves.
    """
    feeds = list(_feeds(graph))
    ours = _run_model(model, graph, feeds)
    found = []
    for runtime, call in _runtimes(data, signature, graph):
        agreement = Agreement()
        for feed, outputs in zip(feeds, ours, strict=True):
            for number, made, expected in zip(graph.outputs, outputs, call(feed), strict=True):
                agreement.add(graph.tensors[number], made, expected)
        _check(runtime, agreement, graph)
        found.append(agreement.text(runtime))
    return found


def _check(runtime: str, agreement: Agreement, graph: Graph) -> None:
    integers = any(held.is_integer for held in graph.tensors)
    least = MIN_INTEGER_DB if integers else MIN_FLOAT_DB
    if agreement.snr_db < least:
        step = "report the file: EdgeKit reads an operator of it in another way"
        raise VerificationError(
            Problem("the network", agreement.text(runtime), f"{least:.0f} dB or more", step)
        )


def _feeds(graph: Graph) -> Iterator[list[Array]]:
    """Random walks over the range of each integer input, noise for floats; by the order of the graph's inputs."""
    rng = np.random.default_rng(0)
    walks = [np.zeros(graph.tensors[number].shape) for number in graph.inputs]
    for _ in range(CALLS):
        feed: list[Array] = []
        for place, number in enumerate(graph.inputs):
            held = graph.tensors[number]
            if held.dtype == "float32":
                feed.append(rng.standard_normal(held.shape).astype(np.float32))
                continue
            if held.dtype == "bool":
                feed.append(rng.random(held.shape) < 0.5)
                continue
            info = np.iinfo(held.dtype)
            half = 2.0 ** min(info.bits - 1, 15) if held.is_integer else 1.0
            walks[place] = np.clip(walks[place] + rng.normal(0, half / 5, held.shape), -half, half)
            offset = half if info.min == 0 and held.is_integer else 0
            feed.append(np.clip(np.rint(walks[place] + offset), info.min, info.max).astype(held.dtype))
        yield feed


def _run_model(model: Model, graph: Graph, feeds: Sequence[list[Array]]) -> list[list[Array]]:
    """Return the outputs of each call, with states carried: integers as the C code computes them."""
    names = [graph.tensors[number].name for number in graph.inputs]
    outputs = [str(value.name) for value in model.ir.graph.outputs][: len(graph.outputs)]
    kept = [str(value.name) for value in model.ir.graph.inputs]
    integers = any(held.is_integer for held in graph.tensors)
    process = Oracle(model).process if integers else _float_process(model)
    results = []
    for feed in feeds:
        reals = {
            name: _real(graph.tensors[number], array)
            for name, number, array in zip(names, graph.inputs, feed, strict=True)
            if name in kept
        }
        made = process(reals)
        results.append([made[name] for name in outputs])
    return results


def _float_process(model: Model) -> Callable[[dict[str, Array]], dict[str, Array]]:
    run = source_runner(model.to_bytes())
    shapes = {str(value.name): value.shape for value in model.ir.graph.inputs}
    states = {
        pair.input: np.zeros(tuple(shapes[pair.input] or ()), np.float32) for pair in model.states
    }

    def process(feed: dict[str, Array]) -> dict[str, Array]:
        made = run(feed | states)
        states.update({pair.input: made[pair.output] for pair in model.states})
        return made

    return process


def _real(held: Tensor, array: Array) -> Array:
    if not held.is_integer or held.grid is None:
        return array
    zero, scale = held.grid.zero.ravel()[0], held.grid.scale[0]
    return np.asarray((array.astype(np.int64) - zero).astype(np.float32) * scale, np.float32)


def _runtimes(data: bytes, signature: str | None, graph: Graph) -> Iterator[tuple[str, Call]]:
    """The runtimes that take the file, each with its version and a call that carries states."""
    with suppress(RuntimeError, ValueError):
        version = importlib.metadata.version("ai-edge-litert")
        yield f"ai-edge-litert {version}", _litert(data, signature, graph)
    if signature is None and importlib.util.find_spec("tflite_micro") is not None:
        with suppress(RuntimeError, ValueError):
            version = importlib.metadata.version("tflite-micro")
            yield f"tflite-micro {version}", _micro(data, graph)


def _litert(data: bytes, signature: str | None, graph: Graph) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    if signature is not None:
        return _signature_call(Interpreter(model_content=data, num_threads=1), signature, graph)

    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()

    def call(feed: Sequence[Array]) -> list[Array]:
        for number, array in zip(graph.inputs, feed, strict=True):
            interpreter.set_tensor(number, array)
        interpreter.invoke()
        return [interpreter.get_tensor(number).copy() for number in graph.outputs]

    return call


def _signature_call(interpreter: Any, signature: str, graph: Graph) -> Call:
    runner = interpreter.get_signature_runner(signature)
    inputs = {entry["index"]: name for name, entry in runner.get_input_details().items()}
    outputs = {entry["index"]: name for name, entry in runner.get_output_details().items()}

    def call(feed: Sequence[Array]) -> list[Array]:
        given = zip(graph.inputs, feed, strict=True)
        made = runner(**{inputs[number]: array for number, array in given})
        return [made[outputs[number]] for number in graph.outputs]

    return call


def _micro(data: bytes, graph: Graph) -> Call:
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA)

    def call(feed: Sequence[Array]) -> list[Array]:
        for place, array in enumerate(feed):
            interpreter.set_input(array, place)
        interpreter.invoke()
        return [np.array(interpreter.get_output(place)) for place in range(len(graph.outputs))]

    return call
