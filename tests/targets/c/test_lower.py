"""The C targets on a zoo of networks: equal to torch in float, to the oracle bit for bit in integers."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from builds import SANITIZE, STRICT, float_model, int8_model, lowered, noise, replay
from c_kernels import CC, needs_cc
from onnx import TensorProto, helper, numpy_helper
from slices import slow_except
from zoo import ZOO

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream

HOPS = 600
ORACLE_HOPS = {"float32": 50, "w8a8": 200}
FORBIDDEN = re.compile(
    r"\b(malloc|calloc|realloc|free|printf|puts|pthread_\w+|mtx_\w+|exp|log|sqrt|tanh|sin|cos)f?$"
)
MODELS = {"float32": float_model, "w8a8": int8_model}
FEW = slow_except(lambda name: name in ("gru_mask", "lstm_vad", "raw"), ZOO)

pytestmark = needs_cc


def torch_outputs(name: str, inputs: np.ndarray, hops: int) -> list[np.ndarray]:
    """The module itself, hop by hop with its states carried; all stream outputs are the first one."""
    module, (_, *states) = ZOO[name]()
    outputs = []
    with torch.no_grad():
        for hop in inputs[:hops]:
            result = module(torch.from_numpy(hop), *states)
            first, states = (result[0], list(result[1:])) if states else (result, [])
            outputs.append(first.numpy())
    return outputs


def hops_of(model: Model, most: int) -> int:
    """How many hops tell all of a network: one where nothing is carried."""
    return most if model.states else 1


@pytest.mark.rows(1)
@pytest.mark.parametrize("name", FEW)
def test_float_equals_torch(name: str, tmp_path: Path) -> None:
    model = float_model(name)
    hops = hops_of(model, HOPS)
    inputs = noise(model, hops)
    (first,) = inputs.values()
    lowered(model, tmp_path / "b")
    (got,) = Stream.open(tmp_path / "b").run(inputs).values()
    assert snr_db(np.stack(torch_outputs(name, first, hops)), got) >= 100


@pytest.mark.rows(4)
@pytest.mark.parametrize("recipe", MODELS)
@pytest.mark.parametrize(
    "name", slow_except(lambda name: name in ("gru_mask", "lstm_vad", "raw", "tcn"), ZOO)
)
def test_bits_equal_the_oracle(name: str, recipe: str, tmp_path: Path) -> None:
    model = MODELS[recipe](name)
    inputs = on_grid(model, noise(model, hops_of(model, ORACLE_HOPS[recipe])))
    lowered(model, tmp_path / "b", "host" if recipe == "w8a8" else "c99")
    got = Stream.open(tmp_path / "b").run(inputs)
    expected = Oracle(model).run_hops(inputs)
    for output, array in expected.items():
        np.testing.assert_array_equal(got[output], array)


def on_grid(model: Model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Golden integer inputs: values that the network's int8 border holds exactly."""
    return {name: (np.rint(array * 32) / 32).astype(np.float32) for name, array in inputs.items()}


@pytest.mark.rows(3)
@pytest.mark.parametrize("recipe", MODELS)
@pytest.mark.parametrize("name", FEW)
def test_strict_c99_and_sanitizers(name: str, recipe: str, tmp_path: Path) -> None:
    model = MODELS[recipe](name)
    inputs = noise(model, 20)
    inputs = {key: np.concatenate([array, array[:3] * 1e4]) for key, array in inputs.items()}
    build = lowered(model, tmp_path / "b", "c99")
    plain = Stream.open(tmp_path / "b").run(inputs)
    for got, expected in zip(
        replay(build, tmp_path / "b", inputs, SANITIZE), plain.values(), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.rows(1)
@pytest.mark.parametrize("recipe", MODELS)
def test_no_heap_no_stdio_no_locks_no_libm(recipe: str, tmp_path: Path) -> None:
    build = lowered(MODELS[recipe]("conv_recurrent"), tmp_path / "b", "c99")
    sources = [name for name in build.files if name.endswith(".c")]
    subprocess.run([str(CC), *STRICT, "-O2", "-c", *sources], cwd=tmp_path / "b", check=True)
    objects = [name.replace(".c", ".o") for name in sources]
    listed = subprocess.run(
        ["nm", "-u", *objects], cwd=tmp_path / "b", check=True, capture_output=True, text=True
    )
    undefined = {
        line.split()[-1] for line in listed.stdout.splitlines() if line.strip().startswith("U ")
    }
    assert not [name for name in undefined if FORBIDDEN.search(name)]
    outside = {name for name in undefined if not name.startswith(("ek_", "conv_recurrent_"))}
    assert outside <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}


@pytest.mark.rows(2)
@pytest.mark.parametrize("recipe", MODELS)
@pytest.mark.parametrize("name", ["gru_mask", "tcn", "conv_recurrent"])
def test_instances_are_independent(name: str, recipe: str, tmp_path: Path) -> None:
    """Two interleaved instances share one scratch block and give what each gives alone."""
    model = MODELS[recipe](name)
    build = lowered(model, tmp_path / "b", "c99")
    manifest = build.manifest
    main = INTERLEAVED.format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        n=np.prod(manifest.stream_inputs[0].shape),
        m=np.prod(manifest.stream_outputs[0].shape),
    )
    (tmp_path / "b" / "two.c").write_text(main)
    sources = [f for f in build.files if f.endswith(".c")]
    subprocess.run(
        [str(CC), "-O1", "-ffp-contract=off", "two.c", *sources, "-o", "two"],
        cwd=tmp_path / "b",
        check=True,
    )
    done = subprocess.run(
        ["./two"], cwd=tmp_path / "b", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


INTERLEAVED = """\
#include <stdio.h>
#include <string.h>
#include "{name}.h"
#define HOPS 40
static _Alignas(64) unsigned char sa[{upper}_STATE_BYTES], sb[{upper}_STATE_BYTES], scratch[{upper}_SCRATCH_BYTES + 1];
static float x[2][HOPS][{n}], alone[2][HOPS][{m}], y[{m}];
static unsigned seed = 1;
static void run({name} *net, const float *pcm, float *result)
{{
    const {name}_inputs in = {{pcm}};
    {name}_outputs out = {{result}};
    {name}_process(net, scratch, &in, &out);
}}
int main(void)
{{
    {name} *a = {name}_init(sa, sizeof sa), *b = {name}_init(sb, sizeof sb);
    float *const all = &x[0][0][0];
    for (int i = 0; i < 2 * HOPS * {n}; i++) {{
        seed = seed * 1664525u + 1013904223u;
        all[i] = (float)(int)(seed >> 8) / 8388608.0f - 1.0f;
    }}
    for (int t = 0; t < HOPS; t++) run(a, x[0][t], alone[0][t]);
    {name}_reset(a);
    for (int t = 0; t < HOPS; t++) run(a, x[1][t], alone[1][t]);
    {name}_reset(a);
    for (int t = 0; t < HOPS; t++) {{
        memset(scratch, 0xa5, {upper}_SCRATCH_BYTES);
        run(a, x[0][t], y);
        if (memcmp(y, alone[0][t], sizeof y) != 0) return printf("first instance, hop %d\\n", t), 1;
        run(b, x[1][t], y);
        if (memcmp(y, alone[1][t], sizeof y) != 0) return printf("second instance, hop %d\\n", t), 1;
    }}
    if ({name}_init(sa, {upper}_STATE_BYTES - 1) != NULL || {name}_init(sa + 4, sizeof sa) != NULL) return 4;
    {name}_reset(a), {name}_init(sb, sizeof sb);
    return memcmp(sa, sb, sizeof sa) == 0 ? 0 : 5;
}}
"""


@pytest.mark.rows(6)
@pytest.mark.parametrize("recipe", MODELS)
@pytest.mark.parametrize("name", ["raw", "gru_mask", "attention"])
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_do_not_outlive_their_hop(
    name: str, recipe: str, poison: float, tmp_path: Path
) -> None:
    """They read as 0: the stream goes on as if zeros had come."""
    model = MODELS[recipe](name)
    inputs = noise(model, 12)
    (key,) = inputs
    zeroed, poisoned = inputs[key].copy(), inputs[key].copy()
    zeroed[4].flat[::3], poisoned[4].flat[::3] = 0, poison
    lowered(model, tmp_path / "b")
    stream = Stream.open(tmp_path / "b")
    expected = stream.run({key: zeroed})
    stream.reset()
    for output, array in stream.run({key: poisoned}).items():
        np.testing.assert_array_equal(array, expected[output])


@pytest.mark.rows(4)
@pytest.mark.parametrize("name", ZOO)
def test_scratch_is_near_its_lower_bound(name: str) -> None:
    from edgekit.verbs.targets import TARGETS

    for model in (float_model(name), int8_model(name)):
        memory = TARGETS["host"].lower(model, "host").manifest.memory
        scratch, bound = memory["scratch_bytes"], memory["scratch_lower_bound_bytes"]
        assert scratch is not None and bound is not None
        assert bound <= scratch <= 1.05 * bound + 64


def test_same_model_same_bytes() -> None:
    from edgekit.verbs.targets import TARGETS

    first, second = (TARGETS["c99"].lower(int8_model("tcn"), "c99") for _ in range(2))
    assert first.files == second.files
    assert first.manifest == second.manifest
    assert first.manifest.digest.startswith("sha256:")


def odd_outputs() -> bytes:
    """Outputs that are a constant, an input, and one tensor twice; an LSTM with a nameless output."""
    random = np.random.default_rng(0)
    shapes = {"w": (1, 8, 2), "r": (1, 8, 2)}
    constants = {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    constants |= {"fixed": np.arange(3, dtype=np.float32)}
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=2, name="cell"),
        helper.make_node("Identity", ["h"], ["again"], name="copy"),
        helper.make_node("Identity", ["x"], ["same"], name="pass"),
        helper.make_node("Identity", ["fixed"], ["constant"], name="constant"),
        helper.make_node("ReduceSum", ["x", "none"], ["all"], name="all", keepdims=0),
    ]
    outputs = {"h": [1, 1, 2], "again": [1, 1, 2], "same": [2, 1, 2], "constant": [3], "all": []}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 1, 2])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [
            *(numpy_helper.from_array(a, n) for n, a in constants.items()),
            numpy_helper.from_array(np.zeros(0, np.int64), "none"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def test_outputs_that_nothing_computes(tmp_path: Path) -> None:
    model = Model.from_bytes(from_onnx(odd_outputs(), name="odd").to_bytes())
    inputs = noise(model, 5)
    lowered(model, tmp_path / "b")
    got, expected = Stream.open(tmp_path / "b").run(inputs), run_hops(model, inputs)
    assert set(got) == {"h", "again", "same", "constant", "all"}
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "weights"),
    [
        ("Conv", (1, 4, 1, 1)),
        ("Conv", (4, 4, 1, 1)),
        ("Conv", (4, 4, 3, 3)),
        ("ConvTranspose", (4, 3, 2, 2)),
    ],
)
def test_a_recipe_that_leaves_all_in_float_has_the_bits_of_the_oracle(
    op: str, weights: tuple[int, ...], tmp_path: Path
) -> None:
    """A convolution whose weights are an input: `host` must not take its vector kernels, which sum otherwise."""
    shapes = {"x": (1, 4, 9, 9), "w": weights}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(op, ["x", "w"], ["y"])], "g", inputs, [output])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    model = from_onnx(made.SerializeToString(), name="input_weights")
    given = noise(model, 20)
    quantized = quantize(model, Calibration((given,), "noise"), "w8a8")
    lowered(quantized, tmp_path / "b", "host")
    got = Stream.open(tmp_path / "b").run(given)
    np.testing.assert_array_equal(got["y"], Oracle(quantized).run_hops(given)["y"])
