"""Integer .tflite files in tflite-micro: the bits of LiteRT's reference kernels, or the operator that differs."""

from typing import Any

import numpy as np
import pytest
from builds import int8_model
from builds import noise as inputs_of
from numpy.typing import NDArray
from operator_models import INTEGER, calibrated_on, quantized

from edgekit.graph.model import Model
from edgekit.verbs.targets import TARGETS

runtime = pytest.importorskip(
    "tflite_micro.python.tflite_micro.runtime",
    reason="needs tflite-micro and pyyaml: pip install tflite-micro pyyaml",
)
interpreter = pytest.importorskip("ai_edge_litert.interpreter")

Arrays = dict[str, NDArray[Any]]
HOPS = 8
ARENA_BYTES = 1 << 20
LACKS = {  # what it has no kernel for
    **{
        name: "GATHER of int16"
        for name in INTEGER
        if "_reverse_" in name or "_bidirectional_" in name
    },
    "gather_constant_rows": "GATHER by int64",
    "gather_columns": "GATHER by int64",
}
# Float between integers: RSQRT differs in its last bit, which may be one step.
STEP = {"norm_div": "RSQRT", "norm_two_differences": "RSQRT"}


# What target litert refuses: tests/targets/test_litert.py says why.
BEYOND_LITERT = {
    *("gather_elements_int32", "gather_elements_rows", "gather_nd_batch", "gather_nd_rows"),
    *("topk_in_integers", "topk_values_alone"),
}


def farthest(model: Model, inputs: Arrays) -> float:
    """The largest difference between both interpreters, in steps of the outputs, states carried."""
    build = TARGETS["litert"].lower(model, "litert")
    data = build.files["model.tflite"]
    kernels = interpreter.OpResolverType.BUILTIN_REF
    full = interpreter.Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    full.allocate_tensors()
    micro = runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES)
    takes, gives = full.get_input_details(), full.get_output_details()
    states = [t.name for t in build.manifest.inputs if t.role == "state"]
    follow = [t.name for t in build.manifest.outputs if t.role == "state"]
    held = {d["name"]: np.full(d["shape"], d["quantization"][1], d["dtype"]) for d in takes}
    worst = 0.0
    for hop in range(HOPS):
        for place, detail in enumerate(takes):
            name = detail["name"]
            now = held[name] if name in states else stored(inputs[name][hop], detail)
            full.set_tensor(detail["index"], now)
            micro.set_input(now, place)
        full.invoke()
        micro.invoke()
        for place, detail in enumerate(gives):
            one, other = full.get_tensor(detail["index"]), micro.get_output(place)
            worst = max(worst, float(np.abs(one.astype(np.float64) - other).max()))
            if detail["name"] in follow:
                held[states[follow.index(detail["name"])]] = one
    return worst


def stored(array: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    """An input as the file stores it."""
    scale, zero = detail["quantization"]
    if array.dtype == detail["dtype"]:
        return array
    limits = np.iinfo(detail["dtype"])
    q = np.clip(np.rint(array / np.float32(scale)) + zero, limits.min, limits.max)
    return np.asarray(q, detail["dtype"])


@pytest.mark.parametrize("name", INTEGER)
def test_w8a8_in_tflite_micro_is_that_of_litert(name: str) -> None:
    model, inputs = quantized(name, "w8a8"), calibrated_on(name)
    if name in BEYOND_LITERT:
        assert TARGETS["litert"].check(model)
    elif name in LACKS:
        with pytest.raises(RuntimeError, match="TFLM failed"):
            farthest(model, inputs)
    else:
        assert farthest(model, inputs) <= (1 if name in STEP else 0)


@pytest.mark.parametrize(
    "name", [pytest.param("tcn", marks=pytest.mark.slow), "gru_mask", "vision"]
)
def test_networks_in_tflite_micro_are_those_of_litert(name: str) -> None:
    model = int8_model(name)
    assert farthest(model, inputs_of(model, HOPS)) == 0
