"""Damage to .tflite files, by their bytes and by the tables of their schema; and how one is judged."""

import os
import resource
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter  # noqa: F401  # before a worker forks
from ai_edge_litert import schema_py_generated as schema
from tflite_graphs import GRAPHS, agreement, decibels, file_of

from edgekit.base.errors import ModelError, Problem, VerificationError
from edgekit.export.from_tflite import from_tflite
from edgekit.judge import tflite_runtimes, tflite_worker
from edgekit.verbs.targets import TARGETS

Random = np.random.Generator
SIZES = (0, 1, 2, 3, 5, 7, 64, 4096, 2**16, 2**24, 2**31 - 1, -1, -2, -(2**31))
SCALES = (0.0, -1.0, 1.0, 0.5, 1e-3, 1e-30, 1e-45, 3e38, np.inf, np.nan)
ZEROS = (0, 1, -1, 3, 127, 128, -128, -129, 255, 2**31, 2**40, -(2**63))
CALLS, SECONDS = 4, 4
LEAST_DB = 30.0  # of the outputs of a file that is accepted, where LiteRT runs it
TYPES = [n for name, n in vars(schema.TensorType).items() if name[:1] != "_"]
BUILTINS = [n for name, n in vars(schema.BuiltinOperator).items() if name[:1] != "_"]


class Wrong(Exception):
    """A file that is accepted gives other outputs than LiteRT's."""


@cache
def whole_tflites() -> tuple[bytes, ...]:
    """The files of the reader's tests."""
    return tuple(file_of(row.make()) for row in GRAPHS.values())


def damaged_tflite(files: tuple[bytes, ...], random: Random) -> bytes:
    """Return a file with one to three fields changed, or some of its bytes."""
    data = files[int(random.integers(len(files)))]
    if random.random() < 0.25:
        return _other_bytes(data, random)
    model = schema.ModelT.InitFromPackedBuf(data)
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        if model.subgraphs:
            _pick(random, ACTIONS)(model, random)
    builder = flatbuffers.Builder(1 << 14)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except Exception:  # a number that its field cannot hold
        return _other_bytes(data, random)
    return bytes(builder.Output())


def _other_bytes(data: bytes, random: Random) -> bytes:
    """A few bytes changed, or the end cut off."""
    changed = bytearray(data)
    for place in random.integers(0, len(data), int(random.integers(1, 5))):
        changed[place] = random.integers(256)
    end = len(data) if random.random() < 0.8 else int(random.integers(len(data)))
    return bytes(changed[:end])


def _pick(random: Random, choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


def _graph(model: Any, random: Random) -> Any:
    return _pick(random, model.subgraphs)


def shape(model: Any, random: Random) -> None:
    """Another size of a tensor, an axis more or less."""
    tensor = _pick(random, _graph(model, random).tensors)
    sizes = [int(n) for n in ([] if tensor.shape is None else tensor.shape)]
    place = int(random.integers(len(sizes) + 1))
    if place == len(sizes):
        sizes = sizes[:-1] if random.random() < 0.5 else [*sizes, _pick(random, SIZES)]
    else:
        sizes[place] = _pick(random, (*SIZES, sizes[place] + 1, sizes[place] - 1, *sizes))
    tensor.shape = sizes


def kind(model: Any, random: Random) -> None:
    """Another type of a tensor, or a variable."""
    tensor = _pick(random, _graph(model, random).tensors)
    if random.random() < 0.7:
        tensor.type = _pick(random, TYPES)
    else:
        tensor.isVariable = not tensor.isVariable


def quantization(model: Any, random: Random) -> None:
    """Other scales, zero points or axes; of another tensor, or none."""
    tensors = _graph(model, random).tensors
    tensor, other = _pick(random, tensors), _pick(random, tensors)
    facts = tensor.quantization
    action = random.random()
    if facts is None or action < 0.15:
        tensor.quantization = other.quantization if random.random() < 0.7 else None
    elif action < 0.5 and facts.scale is not None and len(facts.scale):
        facts.scale = [*facts.scale]
        facts.scale[int(random.integers(len(facts.scale)))] = _pick(random, SCALES)
    elif action < 0.75:
        facts.zeroPoint = [_pick(random, ZEROS)] * len([] if facts.scale is None else facts.scale)
    elif action < 0.85:
        facts.scale = [0.25] * _pick(random, (0, 1, 2, 3, 5))
    else:
        facts.quantizedDimension = _pick(random, (0, 1, 2, 3, 4, -1, 2**31 - 1))


def numbers(model: Any, random: Random) -> None:
    """Another tensor for an operator or a graph, or one more or less."""
    graph = _graph(model, random)
    owner = _pick(random, [graph, *graph.operators])
    name = _pick(random, ("inputs", "outputs"))
    held = [int(n) for n in ([] if getattr(owner, name) is None else getattr(owner, name))]
    new = int(random.integers(-2, len(graph.tensors) + 2))
    action = random.random()
    if held and action < 0.6:
        held[int(random.integers(len(held)))] = new
    elif held and action < 0.8:
        del held[int(random.integers(len(held)))]
    else:
        held.append(new)
    setattr(owner, name, held)


def operators(model: Any, random: Random) -> None:
    """Operators in another order, twice, left out, or of another kind."""
    graph = _graph(model, random)
    place, other = random.integers(len(graph.operators), size=2)
    action = random.random()
    if action < 0.2:
        graph.operators[place], graph.operators[other] = (
            graph.operators[other],
            graph.operators[place],
        )
    elif action < 0.3:
        graph.operators.insert(int(other), graph.operators[place])
    elif action < 0.4 and len(graph.operators) > 1:
        del graph.operators[place]
    elif action < 0.8:
        code = _pick(random, model.operatorCodes)
        code.builtinCode = _pick(random, BUILTINS)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    else:
        graph.operators[place].opcodeIndex = int(random.integers(len(model.operatorCodes) + 2))


def fields(model: Any, random: Random) -> None:
    """Another number in the options of an operator, or no options."""
    operator = _pick(random, _graph(model, random).operators)
    options = operator.builtinOptions
    known = [] if options is None else [n for n, v in vars(options).items() if not callable(v)]
    if not known or random.random() < 0.1:
        operator.builtinOptions, operator.builtinOptionsType = None, 0
        return
    name = _pick(random, known)
    value = getattr(options, name)
    if isinstance(value, bool):
        setattr(options, name, not value)
    elif isinstance(value, int):
        setattr(options, name, _pick(random, (*SIZES, 4, 9)))
    elif isinstance(value, float):
        setattr(options, name, float(_pick(random, SCALES)))


def content(model: Any, random: Random) -> None:
    """Other bytes of a constant, more or fewer of them, or those of another one."""
    buffer = _pick(random, model.buffers)
    data = np.array([] if buffer.data is None else buffer.data, np.uint8)
    action = random.random()
    if action < 0.3:
        tensor = _pick(random, _graph(model, random).tensors)
        tensor.buffer = int(random.integers(len(model.buffers) + 1))
    elif data.size and action < 0.7:
        data[random.integers(data.size, size=2)] = random.choice([0, 1, 127, 128, 255])
        buffer.data = data
    elif action < 0.9:
        buffer.data = np.resize(data, max(0, data.size + int(random.integers(-8, 9))))
    else:
        buffer.offset, buffer.size = int(random.integers(1, 99)), int(random.integers(1, 99))


def entries(model: Any, random: Random) -> None:
    """Other signatures, names, graphs or versions."""
    action = random.random()
    if action < 0.3 and model.signatureDefs:
        row = _pick(random, model.signatureDefs)
        row.subgraphIndex = int(random.integers(3))
    elif action < 0.6 and model.signatureDefs:
        rows = _pick(random, model.signatureDefs).inputs
        if rows:
            _pick(random, rows).tensorIndex = int(random.integers(20))
    elif action < 0.8:
        tensors = _graph(model, random).tensors
        _pick(random, tensors).name = _pick(random, (None, b"", b"y", b"\xff", b"a b", b"x" * 300))
    elif action < 0.9:
        model.version = _pick(random, (0, 2, 4))
    else:
        model.subgraphs = model.subgraphs * 2 if random.random() < 0.5 else []


ACTIONS: tuple[Callable[[Any, Random], None], ...] = (
    *(shape, kind, quantization, numbers, operators),
    *(fields, fields, content, entries),
)


def read_tflite_file(path: Path) -> None:
    """Read a file as an export does, lower it, and compare it with LiteRT where that runs it.

    Raises:
        UsageError: it is refused.
        Wrong: it is accepted, and its outputs are not LiteRT's.
    """
    try:
        model = from_tflite(path, name="net")
        with patch.object(tflite_runtimes, "CALLS", CALLS):
            notes = tflite_runtimes.compare_runtimes(path, None, model, _run_forked)
    except VerificationError as error:
        raise ModelError(
            Problem("an export's verification", str(error), "the same", "-")
        ) from error
    target = TARGETS["c99"]
    if problems := target.check(model):
        raise ModelError(problems)
    target.lower(model, "c99")
    sentence = agreement(notes)
    if " dB" in sentence and decibels(sentence) < LEAST_DB:
        raise Wrong(sentence)


def _run_forked(request: Path, results: Path) -> bool:
    """Run LiteRT in a copy of this process: to start another one takes longer than all else."""
    if '"tflite-micro"' in request.read_text():
        return False
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(10 * SECONDS)
            tflite_worker.main([str(request), str(results)])
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0 and results.is_file()
