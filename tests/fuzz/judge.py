"""One file through every stage: refused with a reason, or the same in onnxruntime, oracle and C."""

import math
import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper
from quick_build import own_instruction_sets, quick_build

from edgekit.base.errors import ModelError, Problem, VerificationError
from edgekit.export.double import LAST_PLACE, double_runner
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.random_inputs import draw
from edgekit.export.verify import nudge
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import Program
from edgekit.targets.build import Build
from edgekit.verbs.targets import TARGETS
from fuzz import CAUGHT, hops
from fuzz.coverage import passes_that_change, reached_by
from fuzz.damage import damaged
from fuzz.graphs import drawn
from fuzz.texts import FORMATS, judge_text
from fuzz.texts import damaged as damaged_text

HOPS, CLIP = 3, 12
# As an export judges: in float 90 dB, or what the source's own rounding leaves of it, less a margin.
NEEDED_DB, MARGIN_DB, LEAST_DB = 90.0, 20.0, 15.0
TINY = 1e-36  # of a peak: denormal numbers have few digits
JUMP, HUGE = 3e-7, 1e30
JUMPS = {
    "Floor",
    "Ceil",
    "Round",
    "Cast",
    "Less",
    "Greater",
    "LessOrEqual",
    "GreaterOrEqual",
    "Equal",
    "ArgMax",
}
SINES, SINE_LIMIT = ("Sin", "Cos", "Tan"), 1e5  # `ek_sincosf1` is NaN beyond
MANY = 2**20  # elements of a hop: more takes longer than a case has
COMPILED = 12  # one of so many is compiled too
KINDS = ("graph", "damage", "graph", "damage", "hops", "text")  # of consecutive seeds
RECIPES = ("w8a8", "w8a8", "w8a16", "w4a8")


class Wrong(Exception):
    """A stage computes something else than the one before it."""


@dataclass(frozen=True)
class Seed:
    """A case that can be made again: `kind` is ``damage``, ``graph``, ``hops``, or a format of `fuzz.texts`."""

    kind: str
    number: int

    @property
    def is_network(self) -> bool:
        """Whether it is an .onnx file."""
        return self.kind not in FORMATS

    def data(self) -> bytes:
        """The file."""
        random = np.random.default_rng([self.number, len(self.kind)])
        if self.kind in FORMATS:
            return damaged_text(FORMATS[self.kind], random)
        if self.kind in DRAWN:
            return DRAWN[self.kind](random)
        files = seeds()
        return damaged(files[int(random.integers(len(files)))], random)


DRAWN = {"graph": drawn, "hops": hops.drawn}


@cache
def seeds() -> tuple[bytes, ...]:
    """What is damaged: the rows of our operator cases, onnx's own node cases, and small whole networks."""
    from backend_case import load_suite
    from hostile_files import NETWORKS
    from operator_cases import CASES

    node = [case.model.SerializeToString() for case in load_suite("node") if case.model is not None]
    ours = [case.onnx for case in CASES.values()]
    small = [data for data in node if len(data) < 20_000]
    return (*ours, *small, *(make() for make in NETWORKS.values()))


def seed_of(number: int) -> Seed:
    """The seed of a number: networks, and now and then another file."""
    kind = KINDS[number % len(KINDS)]
    formats = list(FORMATS)
    return Seed(kind if kind != "text" else formats[number // len(KINDS) % len(formats)], number)


def judge_seed(seed: Seed, compiled: bool | None = None, kept: Path | None = None) -> str:
    """Judge a seed; every twelfth is compiled where `compiled` does not say. Returns and errors as of `judge`."""
    if seed.kind in FORMATS:
        return judge_text(seed.kind, seed.data())
    every = seed.number // len(KINDS) % COMPILED == 0
    return judge(seed.data(), seed.number, every if compiled is None else compiled, kept)


@dataclass(frozen=True)
class Integers:
    """The integer form of an accepted file, some hops, and what the oracle makes of them."""

    model: bytes
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


def imported(data: bytes, name: str) -> Model:
    """Import a file as an export does; an import that its own verification ends is refused with `CAUGHT`."""
    try:
        return guard_inputs(from_onnx(data, name=name))
    except VerificationError as error:
        raise ModelError(Problem(CAUGHT, str(error), "the same network", "report it")) from error


def judge(data: bytes, number: int, compiled: bool, kept: Path | None = None) -> str:
    """Take a file through import, check, lowering, oracle and, in integers, quantization; and through C.

    Integers are compiled with the kernels of every instruction set that this machine has, and pickled into the file
    `kept` for `fuzz.cores`. Returns the stages that the file was in, and what it reached, with spaces between them.

    Raises:
        UsageError: it is refused.
        Wrong: two stages disagree.
    """
    reached: set[str] = set()
    with passes_that_change(reached):
        model = imported(data, f"fuzz{number}")
    target = TARGETS["c99"]
    if problems := target.check(model):
        raise ModelError(problems)
    build = target.lower(model, "c99")
    reached |= reached_by(build)
    if not model.stream_inputs or _elements(model) > MANY:
        return " ".join(["lowered", *sorted(reached)])
    follow(build)
    stages = ["lowered", "oracle"]
    random = np.random.default_rng(number)
    samples = {str(v.name): draw(v, random, HOPS, 1) for v in model.stream_inputs}
    with np.errstate(all="ignore"):
        found = Oracle(model).run_hops(samples)
        if not _compare(model, samples, found):
            stages.append("undetermined")
        if compiled:
            _same_bits(quick_build(model).run(samples), found, "C of float32")
            stages.append("compiled")
        integer = in_integers(model, random, RECIPES[number // len(KINDS) % len(RECIPES)])
        if integer is None:
            return " ".join([*stages, *sorted(reached)])
        build = target.lower(integer, "c99")
        reached |= reached_by(build)
        follow(build)
        predicted = Oracle(integer).run_hops(samples)
        for isa in ("", *own_instruction_sets()) if compiled else ():
            _same_bits(quick_build(integer, isa).run(samples), predicted, f"C of integers {isa}")
            stages.append(f"integers-{isa or 'c99'}")
        if kept:
            kept.write_bytes(pickle.dumps(Integers(integer.to_bytes(), samples, predicted)))
    return " ".join([*stages, "integers", *sorted(reached)])


def own_texts(build: Build) -> dict[str, str]:
    """The C, headers and facts of a build, without its kernels."""
    texts = {name: c for name, c in build.files.items() if name.endswith((".c", ".h", ".json"))}
    return {n: c.decode() for n, c in texts.items() if "/" not in n and not n.startswith("ek_")}


def follow(build: Build) -> None:
    """Check the proof of a build.

    Raises:
        Wrong: the C contradicts its proof, or is not C that the check understands.
    """
    found = verdict_of(Program(own_texts(build))).findings
    if found:
        raise Wrong(f"the proof: {found[0]}")


def in_integers(model: Model, random: np.random.Generator, recipe: str = "w8a8") -> Model | None:
    """The form in a recipe of integers, calibrated on noise; None of a network whose inputs are not all float."""
    values = model.stream_inputs
    if any(v.dtype != ir.DataType.FLOAT for v in values):
        return None
    clip = {str(v.name): draw(v, random, CLIP, 1) for v in values}
    integer = quantize(model, Calibration((clip,), "noise"), recipe)
    if problems := TARGETS["c99"].check(integer):
        raise ModelError(problems)
    return integer


def _elements(model: Model) -> int:
    values = (*model.ir.graph.inputs, *(value for node in model.ir.graph for value in node.outputs))
    return sum(math.prod(static_shape(value) or ()) for value in values)


def _compare(model: Model, samples: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> bool:
    """Compare with onnxruntime; False where rounding alone decides what onnxruntime makes of an output."""
    expected = run_hops(model, samples)
    for name, array in expected.items():
        made = found[name].reshape(array.shape)  # onnxruntime's PRelu of a scalar gives one axis
        ratio = snr_db(array, made)
        if ratio >= NEEDED_DB:
            continue
        own = min(snr_db(array, run_hops(model, nudge(samples, seed))[name]) for seed in range(2))
        others = [at_jumps(model, 1), at_jumps(model, -1), *(shaken(model, n) for n in range(2))]
        own = min([own, *(snr_db(array, run_hops(other, samples)[name]) for other in others)])
        if own < LEAST_DB:
            return False
        needed = min(NEEDED_DB, max(own - MARGIN_DB, LEAST_DB))
        peak = np.abs(array[np.isfinite(array)]).max(initial=0)
        finite = np.isfinite(array).all() and np.isfinite(made).all()
        overflows = not finite and _has_huge_weights(model)
        is_tiny = max(peak, np.abs(made[np.isfinite(made)]).max(initial=0)) < TINY
        if not ratio >= needed and not is_tiny and peak < HUGE and not overflows:
            if not model.states and _exact_db(model, samples, name, made) >= NEEDED_DB:
                continue  # it is onnxruntime that is off
            from edgekit.export.casts import undefined_casts

            if problems := [*undefined_casts(model, samples), *_far_angles(model, samples)]:
                raise ModelError(problems)
            raise Wrong(f"oracle and onnxruntime: '{name}' {ratio:.1f} dB, {needed:.1f} needed")
    return True


def _exact_db(model: Model, samples: dict[str, np.ndarray], name: str, made: np.ndarray) -> float:
    """How near an output is to the network's in float64, by onnx's reference; -inf where that cannot tell."""
    try:
        run = double_runner(model.to_bytes())
        hops = [
            run({key: given[hop] for key, given in samples.items()})[name] for hop in range(HOPS)
        ]
    except ModelError:
        return -np.inf
    exact = np.stack(hops)
    return snr_db(exact, made) if exact.shape == made.shape else -np.inf


def _far_angles(model: Model, samples: dict[str, np.ndarray]) -> list[Problem]:
    """Sines of angles so large that EdgeKit's are NaN."""
    read = {node.inputs[0].name: node for node in model.ir.graph if node.op_type in SINES}
    seen = run_hops(model, samples, tap=list(read))
    return [
        Problem(f"{read[name].op_type} '{read[name].name}'", "an angle of 1e5", "less", "wrap it")
        for name in read
        if np.abs(seen[name]).max(initial=0) >= SINE_LIMIT
    ]


def _has_huge_weights(model: Model) -> bool:
    """Whether products of two of them may overflow: where, is a matter of the order of sums."""
    tensors = [value.const_value for value in model.ir.graph.initializers.values()]
    arrays = [tensor.numpy() for tensor in tensors if tensor is not None]
    arrays += [
        np.asarray(given.as_float())
        for node in model.ir.graph
        for given in node.attributes.values()
        if given.type == ir.AttributeType.FLOAT
    ]
    return any(a.dtype.kind == "f" and float(np.abs(a).max(initial=0)) ** 2 > HUGE for a in arrays)


def at_jumps(model: Model, sign: int) -> Model:
    """The model where all that a jumping function reads is a rounding larger, or smaller: it may decide otherwise.

    What Sign reads is 0 where it is denormal.
    """
    proto = onnx.load_model_from_string(model.to_bytes())
    nodes = list(proto.graph.node)
    values = [value for node in model.ir.graph for value in node.outputs]
    floats = {v.name for v in (*model.ir.graph.inputs, *values) if v.dtype == ir.DataType.FLOAT}
    del proto.graph.node[:]
    size = numpy_helper.from_array(np.float32(1 + sign * JUMP), "a_jump")
    for node in nodes:
        if node.op_type in JUMPS and node.input[0] in floats:
            node.input[0], read = f"{node.output[0]}_read", node.input[0]
            proto.graph.node.append(helper.make_node("Mul", [read, "a_jump"], [node.input[0]]))
        elif node.op_type == "Sign" and node.input[0] in floats:
            node.input[0], read = f"{node.output[0]}_read", node.input[0]
            flush = helper.make_node("Shrink", [read], [node.input[0]], lambd=TINY)
            proto.graph.node.append(flush)
        proto.graph.node.append(node)
    proto.graph.initializer.append(size)
    return Model.from_bytes(proto.SerializeToString())


def shaken(model: Model, seed: int) -> Model:
    """The model where every float between operators is up or down by a unit in the last place, at random."""
    random = np.random.default_rng(seed)
    proto = onnx.load_model_from_string(model.to_bytes())
    values = [value for node in model.ir.graph for value in node.outputs]
    shapes = {v.name: static_shape(v) for v in values if v.dtype == ir.DataType.FLOAT}
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    for node in nodes:
        proto.graph.node.append(node)
        kept = proto.graph.node[-1]
        for place, name in enumerate(node.output):
            if shapes.get(name) is None:
                continue
            size = 1 + LAST_PLACE * random.choice((-1, 1), shapes[name])
            constant = numpy_helper.from_array(np.asarray(size, np.float32), f"{name}_shake")
            proto.graph.initializer.append(constant)
            kept.output[place] = f"{name}_exact"
            shake = helper.make_node("Mul", [f"{name}_exact", f"{name}_shake"], [name])
            proto.graph.node.append(shake)
    return Model.from_bytes(proto.SerializeToString())


def _same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], what: str) -> None:
    for name, array in expected.items():
        if not np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f"):
            raise Wrong(f"{what} and the oracle: '{name}' differs")


def summary(data: bytes) -> str:
    """The operators of a file, for a list of what failed."""
    try:
        graph = onnx.load_model_from_string(data).graph
    except Exception:  # no protobuf any more
        return "no protobuf"
    return ", ".join(node.op_type for node in graph.node)[:200]
