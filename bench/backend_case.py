"""One of onnx's backend cases, from its file to the outputs of the compiled C: equal, refused or wrong."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests
from quick_build import quick_build

from edgekit.base.errors import Problem, UsageError, VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.runtime.stream import Arrays
from edgekit.verbs.export.importing import ImportOptions, with_surroundings
from edgekit.verbs.targets import TARGETS

SUITES = ("node", "pytorch-converted", "pytorch-operator", "simple")
# Which inputs become constants: none; those that are not float32; all but the first float32 one.
BINDINGS = ("as is", "integers bound", "weights bound")
RELATIVE = (
    1e-5  # what float32 is held to; a case may ask for less, and up to its own limit is counted
)
ROUNDING = 1e-7  # of the peak: the zeros of a float32 reference are noise of its last bit

DataSet = tuple[list[Any], list[Any]]


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    Attributes:
        name: of the case.
        outcome: ``equal``, ``refused``, ``wrong``, ``crashed``, or ``not run`` where time ended.
        binding: which inputs became constants, one of `BINDINGS`.
        reasons: of a refusal, without the names and numbers of one case; else what happened.
        needed: of an equal case the relative error, beyond the absolute tolerance.
    """

    name: str
    outcome: str
    binding: str = BINDINGS[0]
    reasons: Sequence[str] = ()
    needed: float = 0.0

    @property
    def needed_more(self) -> bool:
        """Whether it is equal within its own tolerance alone, which is wider than `RELATIVE`."""
        return self.outcome == "equal" and self.needed > RELATIVE


def load_suite(suite: str) -> list[TestCase]:
    """Return the cases of a suite that the installed onnx carries, sorted by name."""
    if suite == "node":
        from onnx.backend.test.case.node import collect_testcases

        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cases compute infinities on purpose
            return sorted(collect_testcases(None), key=lambda case: case.name)
    return sorted(load_model_tests(kind=suite), key=lambda case: case.name)


def judge(case: TestCase) -> Verdict:
    """Run a case with as few inputs bound as it takes; needs `load_kernels`.

    A refused case gives the reasons that stay when sizes, indices and weights are constants.
    """
    model, data = materialize(case)
    verdict = Verdict(case.name, "refused", reasons=("the case has no data",))
    for binding in BINDINGS:
        constants = bound(model, data[0][0], binding) if data else {}
        if not data or (binding != BINDINGS[0] and not constants):
            continue
        try:
            found = outputs(model, data[:1] if constants else data, constants)
        except (UsageError, VerificationError) as error:
            verdict = Verdict(case.name, "refused", binding, reasons_of(error))
            continue
        needed = 0.0
        for (_, expected), values in zip(data, found, strict=False):
            if difference := differs(expected, values, case.rtol, case.atol):
                return Verdict(case.name, "wrong", binding, (difference,))
            needed = max(needed, relative_error(expected, values, case.atol))
        return Verdict(case.name, "equal", binding, needed=needed)
    return verdict


def materialize(case: TestCase) -> tuple[onnx.ModelProto, list[DataSet]]:
    """Return a case's model and its data sets (inputs, outputs), from memory or from its folder."""
    if case.model is not None:
        assert case.data_sets is not None
        sets = [([_array(a) for a in i], [_array(a) for a in o]) for i, o in case.data_sets]
        return case.model, sets
    folder = Path(str(case.model_dir))
    model = onnx.load(folder / "model.onnx")
    border = {"input": model.graph.input, "output": model.graph.output}

    def read(data: Path, kind: str) -> list[Any]:
        named = {f"{kind}_{i}.pb": info for i, info in enumerate(border[kind])}
        return [
            _array(onnx.load_tensor(data / name)) if _is_tensor(info) else None
            for name, info in named.items()
            if (data / name).is_file()
        ]

    folders = sorted(folder.glob("test_data_set_*"))
    return model, [(read(data, "input"), read(data, "output")) for data in folders]


def bound(model: onnx.ModelProto, values: Sequence[Any], binding: str) -> Arrays:
    """Return the inputs that become constants, by name."""
    constants, floats = {}, 0
    for info, value in zip(fed(model), values, strict=False):
        if not isinstance(value, np.ndarray) or binding == BINDINGS[0]:
            continue
        is_float = value.dtype == np.float32
        if not is_float or (binding == BINDINGS[2] and floats):
            constants[info.name] = value
        floats += is_float
    return constants


def fed(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that data is given for; old files list their weights too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in weights]


def outputs(
    model: onnx.ModelProto, data: Sequence[DataSet], constants: Arrays
) -> list[list[NDArray[Any]]]:
    """Import, lower for ``host``, compile, and run every data set from a fresh state.

    Raises:
        UsageError: the import or the target refuses the model.
        VerificationError: the import finds that what it made is not the model.
    """
    names = [info.name for info in fed(model)]
    feeds = [dict(zip(names, values, strict=False)) for values, _ in data]
    open_shapes = {
        info.name: list(feeds[0][info.name].shape)
        for info in fed(model)
        if isinstance(feeds[0].get(info.name), np.ndarray) and _is_open(info)
    }
    shapes = {name: shape for name, shape in open_shapes.items() if name not in constants}
    network = from_onnx(model.SerializeToString(), name="case", shapes=shapes, constants=constants)
    imported = with_surroundings(network, ImportOptions())
    if problems := TARGETS["host"].check(imported):
        raise UsageError(problems)
    stream = quick_build(imported)
    results = []
    for feed in feeds:
        stream.reset()
        made = stream.process({n: a for n, a in feed.items() if n not in constants})
        results.append([made[value.name] for value in model.graph.output])
    return results


def differs(
    expected: Sequence[Any], found: Sequence[NDArray[Any]], rtol: float, atol: float
) -> str:
    """Say what differs, or nothing: types, shapes, and values as onnx's own runner compares them.

    The absolute tolerance is at least `ROUNDING` of the output's peak.
    """
    for index, (want, got) in enumerate(zip(expected, found, strict=True)):
        if want.dtype == np.float64:  # a build computes it in float32
            want = want.astype(np.float32)
        if (want.dtype, want.shape) != (got.dtype, got.shape):
            return f"output {index}: {got.dtype} {got.shape}, expected {want.dtype} {want.shape}"
        exact, value = want.astype(np.float64), got.astype(np.float64)
        peak = float(np.abs(exact[np.isfinite(exact)]).max(initial=0))
        limit = max(atol, ROUNDING * peak)
        good = np.isclose(value, exact, rtol=rtol, atol=limit, equal_nan=True)
        if not good.all():
            with np.errstate(invalid="ignore"):
                worst = np.nanmax(np.abs(value - exact)[~good])
            return f"output {index}: {np.sum(~good)} of {good.size} differ, worst by {worst:.3g}"
    return ""


def relative_error(expected: Sequence[Any], found: Sequence[NDArray[Any]], atol: float) -> float:
    """Return the largest error, beyond the absolute tolerance of `differs`, relative to its value."""
    worst = 0.0
    for want, got in zip(expected, found, strict=True):
        exact, value = want.astype(np.float64), got.astype(np.float64)
        finite = np.isfinite(exact) & np.isfinite(value)
        peak = float(np.abs(exact[finite]).max(initial=0))
        error = np.abs(np.subtract(value, exact, where=finite, out=np.zeros(exact.shape)))
        beyond = np.maximum(error - max(atol, ROUNDING * peak), 0)
        size = np.where(finite & (exact != 0), np.abs(exact), 1)
        worst = max(worst, float((beyond / size).max(initial=0)))
    return worst


def reasons_of(error: UsageError | VerificationError) -> tuple[str, ...]:
    """Return why a case was refused, without the names and numbers of one case."""
    if isinstance(error, VerificationError):
        return ("the imported network is not the same network as its source",)
    return tuple(dict.fromkeys(general(problem) for problem in error.problems))


def general(problem: Problem) -> str:
    """Return a problem's operator or place, and what was found there in general."""
    place = problem.where
    if not place.startswith("the "):
        place = re.split(r"[ :'\"]", place)[0]
    found = re.sub(r"(?<!\w)'[^']*'|\"[^\"]*\"", "'..'", problem.found)
    if "onnxruntime" in found:  # its message, without the build paths in it
        found = f"onnxruntime: {found.rsplit(' : ', 1)[-1].rsplit('onnxruntime/', 1)[-1]}"
    found = re.sub(r"(0x)?\b\d[\d.]*(e-?\d+)?\b", "#", found)
    return f"{place}: {re.sub(r'#([, x]*#)+', '#', found)[:140].strip()}"


def _array(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def _is_tensor(info: onnx.ValueInfoProto) -> bool:
    return bool(info.type.HasField("tensor_type"))


def _is_open(info: onnx.ValueInfoProto) -> bool:
    return any(not dim.HasField("dim_value") for dim in info.type.tensor_type.shape.dim)
