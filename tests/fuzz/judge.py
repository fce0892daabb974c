"""One file through every stage: refused with a reason, or the same in onnxruntime, oracle and C."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir
from quick_build import quick_build

from edgekit.base.errors import ModelError, Problem, VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.running import run_hops, snr_db
from edgekit.export.verify import draw, nudge
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.targets import TARGETS
from fuzz.damage import damaged
from fuzz.graphs import drawn

HOPS, CLIP = 3, 12
# As an export judges: in float 90 dB, or what the source's own rounding leaves of it, less a margin.
NEEDED_DB, MARGIN_DB, LEAST_DB = 90.0, 20.0, 15.0
CAUGHT = "the import's own verification"
COMPILED = 12  # one of so many is compiled too


class Wrong(Exception):
    """A stage computes something else than the one before it."""


@dataclass(frozen=True)
class Seed:
    """A case that can be made again: `kind` is ``damage`` or ``graph``."""

    kind: str
    number: int

    def data(self) -> bytes:
        """The file."""
        random = np.random.default_rng([self.number, len(self.kind)])
        if self.kind == "graph":
            return drawn(random)
        files = seeds()
        return damaged(files[int(random.integers(len(files)))], random)


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


def judge_seed(seed: Seed, compiled: bool | None = None) -> None:
    """Judge a seed; every twelfth is compiled where `compiled` does not say."""
    judge(seed.data(), seed.number, seed.number % COMPILED == 0 if compiled is None else compiled)


def judge(data: bytes, number: int, compiled: bool) -> None:
    """Take a file through import, check, lowering, oracle and, in integers, quantization; and through C.

    Raises:
        UsageError: it is refused.
        Wrong: two stages disagree.
    """
    try:
        model = guard_inputs(from_onnx(data, name="fuzz"))
    except VerificationError as error:
        raise ModelError(Problem(CAUGHT, str(error), "the same network", "report it")) from error
    target = TARGETS["c99"]
    if problems := target.check(model):
        raise ModelError(problems)
    target.lower(model, "c99")
    if not model.stream_inputs:
        return
    random = np.random.default_rng(number)
    samples = {str(v.name): draw(v, random, HOPS, 1) for v in model.stream_inputs}
    with np.errstate(all="ignore"):
        found = Oracle(model).run_hops(samples)
        _compare(model, samples, found)
        if compiled:
            _same_bits(quick_build(model).run(samples), found, "C of float32")
        if any(v.dtype != ir.DataType.FLOAT for v in model.stream_inputs) or not samples:
            return
        clip = {str(v.name): draw(v, random, CLIP, 1) for v in model.stream_inputs}
        integer = quantize(model, Calibration((clip,), "noise"), "w8a8")
        if problems := target.check(integer):
            raise ModelError(problems)
        target.lower(integer, "c99")
        predicted = Oracle(integer).run_hops(samples)
        if compiled:
            _same_bits(quick_build(integer).run(samples), predicted, "C of w8a8")


def _compare(model: Model, samples: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    expected = run_hops(model, samples)
    for name, array in expected.items():
        made = found[name].reshape(array.shape)  # onnxruntime's PRelu of a scalar gives one axis
        ratio = snr_db(array, made)
        if ratio >= NEEDED_DB:
            continue
        own = min(snr_db(array, run_hops(model, nudge(samples, seed))[name]) for seed in range(2))
        needed = min(NEEDED_DB, max(own - MARGIN_DB, LEAST_DB))
        peak = np.abs(array[np.isfinite(array)]).max(initial=0)
        if not ratio >= needed and peak < 1e30:
            from edgekit.export.casts import undefined_casts

            if problems := undefined_casts(model, samples):
                raise ModelError(problems)
            raise Wrong(f"oracle and onnxruntime: '{name}' {ratio:.1f} dB, {needed:.1f} needed")


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
