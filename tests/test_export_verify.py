"""The measures that imports and quantization are judged by, and the hop-by-hop run."""

import numpy as np
import onnx
import pytest

from edgekit.errors import ModelError, UsageError, VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.verify import LIMIT, compare, run_hops, session, snr_db, verify_import

ACCUMULATE = """<ir_version: 10, opset_import: ["": 21]>
net (float[1,2] x, float[1,2] s) => (float[1,2] y, float[1,2] s_next) {
  s_next = Add (x, s)
  half = Constant <value_float = 0.5> ()
  y = Mul (s_next, half)
}"""


@pytest.fixture(scope="module")
def accumulate():
    return from_onnx(onnx.parser.parse_model(ACCUMULATE).SerializeToString(), name="net")


def test_hops_carry_the_state_from_zero(accumulate):
    x = np.arange(10, dtype=np.float32).reshape(5, 1, 2)
    found = run_hops(accumulate, {"x": x}, tap=["x", "s", "s_next", "y"])
    total = np.cumsum(x, axis=0)
    np.testing.assert_array_equal(found["y"], total / 2)
    np.testing.assert_array_equal(found["s_next"], total)
    np.testing.assert_array_equal(found["s"][1:], total[:-1])
    np.testing.assert_array_equal(found["x"], x)
    assert list(run_hops(accumulate, {"x": x})) == ["y"]


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"x": np.zeros((3, 2), np.float32)},
        {"x": np.zeros((3, 1, 2))},
        {"x": np.zeros((0, 1, 2), np.float32)},
        {"x": np.zeros((3, 1, 2), np.float32), "s": np.zeros((3, 1, 2), np.float32)},
    ],
)
def test_inputs_that_do_not_fit_are_refused(accumulate, inputs):
    with pytest.raises(UsageError):
        run_hops(accumulate, inputs)


def test_an_unknown_tap_is_refused(accumulate):
    with pytest.raises(UsageError, match="nowhere"):
        run_hops(accumulate, {"x": np.zeros((1, 1, 2), np.float32)}, tap=["nowhere"])


def test_snr_is_in_db():
    reference = np.array([3.0, 4.0])
    assert snr_db(reference, reference) == np.inf
    assert snr_db(reference, reference + np.array([0.05, 0.0])) == pytest.approx(40)
    assert snr_db(np.zeros(2), reference) == -np.inf


def test_compare_names_the_worst_output():
    reference = {"a": np.array([1.0, -10.0]), "b": np.array([2.0])}
    assert compare(reference, reference) == 0
    assert compare(reference, {**reference, "a": np.array([1.00005, -10])}) == pytest.approx(5e-6)
    with pytest.raises(
        VerificationError, match=rf"output 'b' differs by 0\.5 .*allowed: {LIMIT:g}"
    ):
        compare(reference, {"a": np.array([1.1, -10]), "b": np.array([3.0])})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_compare_takes_non_finite_values_for_what_they_are(value):
    reference = {"a": np.array([value, 1.0])}
    assert compare(reference, reference) == 0
    with pytest.raises(VerificationError):
        compare(reference, {"a": np.array([0.0, 1.0])})
    with pytest.raises(VerificationError):
        compare({"a": np.array([0.0, 1.0])}, reference)


def test_an_import_that_loses_its_state_is_found(accumulate):
    def forgets(feed):
        running = session(accumulate.to_bytes())
        y, state = running.run(["y", "s_next"], feed)
        forgets.calls += 1
        return {"y": y, "s_next": state * np.float32(0.5 if forgets.calls > 4 else 1)}

    forgets.calls = 0
    with pytest.raises(VerificationError, match="after 20 hops"):
        verify_import(forgets, accumulate)


def test_onnxruntime_refusals_are_model_errors():
    with pytest.raises(ModelError, match="onnxruntime"):
        session(b"nothing")
