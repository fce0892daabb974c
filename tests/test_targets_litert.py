"""Every operator of `operator_cases` as a .tflite: equal, within what is stated, or refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from operator_cases import CASES, Case

from edgekit.export.from_onnx import from_onnx
from edgekit.export.model import Model
from edgekit.export.verify import compare, run_hops
from edgekit.runtime.litert import LitertEngine
from edgekit.runtime.stream import Stream
from edgekit.targets.target import TARGETS

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'edgekit[litert]'")

Arrays = dict[str, NDArray[Any]]
SAMPLES = 6
NO_OPERATOR = "LiteRT has no such operator"
REFUSED = {
    "div_int64": "a quotient of int64",
    "mod_fmod_int": "the remainder of integers that has the dividend's sign",
    "bitwiseand": NO_OPERATOR,
    "bitwiseor": NO_OPERATOR,
    "argmax_last": "the last of equal ones",
    "argmin_last": "the last of equal ones",
    "scatter_nd_add": "reduction add",
    **{f"scatter_elements_{name}": f"reduction {name}" for name in ("add", "mul", "max", "min")},
    **{name: NO_OPERATOR for name in CASES if name.startswith(("grid_sample", "deform_conv"))},
    "conv_transpose_output_padding": "computed weights",
}


def draw(case: Case, count: int, seed: int = 0) -> Arrays:
    """Inputs of a case, (count, *shape)."""
    random = np.random.default_rng(seed)
    return {name: operand.draw(random, count) for name, operand in case.inputs.items()}


def opened(model: Model, folder: Path) -> Stream:
    """A model lowered for litert, in this process."""
    target = TARGETS["litert"]
    assert not target.check(model), target.check(model)
    build = target.lower(model, "litert")
    for name, content in build.files.items():
        (folder / name).write_bytes(content)
    return Stream(build.manifest, LitertEngine(folder, build.manifest))


@pytest.mark.parametrize("name", [name for name in CASES if name not in REFUSED])
def test_float_litert_equals_onnxruntime(name: str, tmp_path: Path) -> None:
    model, inputs = from_onnx(CASES[name].onnx, name=name), draw(CASES[name], SAMPLES)
    found, expected = opened(model, tmp_path).run(inputs), run_hops(model, inputs)
    compare(expected, found, what=name)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        if array.dtype != np.float32:
            np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("name", REFUSED)
def test_what_litert_cannot_say_is_refused_with_the_reason(name: str) -> None:
    (problem,) = TARGETS["litert"].check(from_onnx(CASES[name].onnx, name=name))
    assert problem.found == REFUSED[name]
    assert problem.allowed and problem.next_step
