"""The judgement of a build: what its source rounds off is allowed, and said; nothing else is."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from edgekit.base.errors import VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.judge.verification import (
    HOPS,
    MAX_MACS,
    MAX_VALUES,
    MIN_HOPS,
    MIN_ORACLE_HOPS,
    oracle_hops,
    sample_hops,
    verify,
)
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration

MANIFEST = SimpleNamespace(target="c99")


def network(text, shape="1,64", output=None):
    border = f"net (float[{shape}] x) => (float[{output or shape}] y)"
    header = f'<ir_version: 10, opset_import: ["": 21]> {border}'
    proto = onnx.parser.parse_model(f"{header} {{ {text} }}")
    return from_onnx(proto.SerializeToString(), name="net")


# exp amplifies what is rounded: by a unit of the input in the last place here, by five in the build
STEEP = "c = Constant <value_float = 20.0> ()\n z = Mul (x, c)\n y = Exp (z)"
ROUNDING = 1 + 5 * 2.0**-23


def build(gain=ROUNDING):
    def run(samples, _progress):
        return {"y": np.exp(samples["x"] * np.float32(20) * np.float32(gain))}

    return SimpleNamespace(run=run, reset=lambda: None, compiler=None, manifest=MANIFEST)


def test_what_the_source_rounds_off_is_allowed_and_said():
    model = network(STEEP)
    samples = sample_hops(model, None, None)
    facts, _ = verify(build(), model, model, samples, None)
    assert facts["snr_db"] < 90
    assert "the source's own rounding" in facts["by"]
    with pytest.raises(VerificationError, match="at least 120 dB"):
        verify(build(), model, model, samples, 120.0)


def test_a_wrong_build_of_such_a_network_is_found():
    model = network(STEEP)
    with pytest.raises(VerificationError, match="below its source network's signal"):
        verify(build(1.0001), model, model, sample_hops(model, None, None), None)


def test_a_network_that_is_exact_must_reach_what_its_recipe_says():
    model = network("y = Neg (x)")
    samples = sample_hops(model, None, None)
    wrong = SimpleNamespace(
        run=lambda arrays, _: {"y": arrays["x"] * np.float32(-1.0001)},
        reset=lambda: None,
        compiler=None,
        manifest=MANIFEST,
    )
    with pytest.raises(VerificationError, match="at least 90 dB"):
        verify(wrong, model, model, samples, None)


@pytest.mark.parametrize(
    ("shape", "hops"), [("1,64", HOPS), ("1,3,320,320", 13), ("3,2048,2048", MIN_HOPS)]
)
def test_large_inputs_are_verified_on_fewer_hops(shape, hops):
    assert len(sample_hops(network("y = Neg (x)", shape), None, None)["x"]) == hops


@pytest.mark.slow
def test_the_oracle_runs_fewer_hops_of_networks_with_many_steps():
    assert oracle_hops(Oracle(network("y = Neg (x)"))) > HOPS
    steps = "\n".join(f"h{i + 1} = Tanh (h{i})" for i in range(1000))
    deep = network(f"h0 = Tanh (x)\n{steps}\ny = Neg (h1000)")
    assert oracle_hops(Oracle(deep)) == MIN_ORACLE_HOPS


def test_one_wrong_bit_of_an_integer_build_is_found():
    model = network("y = Neg (x)")
    samples = {"x": np.random.default_rng(0).standard_normal((20, 1, 64)).astype(np.float32)}
    quantized = quantize(model, Calibration((samples,), "x"))
    exact = Oracle(quantized).run_hops(samples)
    for changed in (None, 3, 19):
        outputs = {"y": exact["y"].copy()}
        if changed is not None:
            outputs["y"][changed, 0, 5] = np.nextafter(outputs["y"][changed, 0, 5], np.float32(9))
        wrong = SimpleNamespace(
            run=lambda _samples, _progress, outputs=outputs: outputs,
            reset=lambda: None,
            compiler="cc",
            manifest=MANIFEST,
        )
        if changed is None:
            facts, _ = verify(wrong, model, quantized, samples, None)
            assert facts["bit_exact_with_oracle"] and facts["oracle_hops"] == 20
            continue
        with pytest.raises(VerificationError, match="differ from those of the NumPy oracle"):
            verify(wrong, model, quantized, samples, None)


def test_large_outputs_and_much_work_are_verified_on_fewer_hops():
    wide = network(
        "n = Constant <value_ints = [4096, 64]> ()\n y = Expand (x, n)", "1,64", "4096,64"
    )
    assert len(sample_hops(wide, None, None)["x"]) == MAX_VALUES // (4096 * 64)
    chain = "\n".join(f"v{i + 1} = MatMul (v{i}, x)" for i in range(8))
    products = network(f"v0 = Neg (x)\n {chain}\n y = Neg (v8)", "512,512")
    assert len(sample_hops(products, None, None)["x"]) == MAX_MACS // (8 * 512**3)
