"""The measures that imports and quantization are judged by, and the hop-by-hop run."""

import numpy as np
import onnx
import pytest
from onnx_texts import accumulating

from edgekit.base.errors import VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.verify import LIMIT, NUDGES, SINGLE_CALLS, compare, verify_import


@pytest.fixture(scope="module")
def accumulate():
    return accumulating()


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
        running = in_onnxruntime(accumulate.to_bytes())
        y, state = running(feed).values()
        forgets.calls += 1
        return {
            "y": y,
            "s_next": state
            * np.float32(0.5 if forgets.calls > 3 and (forgets.calls - 4) % 20 > 3 else 1),
        }

    forgets.calls = 0
    with pytest.raises(VerificationError, match="after 20 hops"):
        verify_import(forgets, accumulate)


def one_node(text):
    header = '<ir_version: 10, opset_import: ["": 21]> net (float[1,512] x) => (float[1,512] y)'
    return from_onnx(
        onnx.parser.parse_model(f"{header} {{ {text} }}").SerializeToString(), name="net"
    )


STEEP = "c = Constant <value_float = 20.0> ()\n z = Mul (x, c)\n y = Exp (z)"
SATURATED = "c = Constant <value_float = 13.0> ()\n z = Sub (x, c)\n y = Sigmoid (z)"


def steep(gain=1.0, offset=0.0):
    """The same as `STEEP`, where 20 x is rounded twenty times: the exponential amplifies that."""

    def call(feed):
        total = np.zeros_like(feed["x"])
        for _ in range(20):
            total += feed["x"]
        return {"y": np.exp(total * np.float32(gain) + np.float32(offset))}

    return call


def small(gain=1.0):
    def call(feed):
        z = gain * (feed["x"].astype(np.float64) - 13)
        return {"y": (1 / (1 + np.exp(-z))).astype(np.float32)}

    return call


def test_what_rounding_makes_of_a_steep_network_is_not_an_error():
    assert verify_import(steep(), one_node(STEEP)) > LIMIT


def test_inputs_are_nudged_no_more_often_than_the_judgement_takes():
    asked = []

    def counted(call):
        asked.clear()
        return lambda feed: asked.append(feed) or call(feed)

    verify_import(counted(steep()), one_node(STEEP))
    assert SINGLE_CALLS < len(asked) < SINGLE_CALLS + NUDGES
    with pytest.raises(VerificationError, match="not the same network"):
        verify_import(counted(steep(gain=0.5)), one_node(STEEP))
    assert len(asked) == SINGLE_CALLS + NUDGES


def test_small_results_of_a_sigmoid_are_compared_with_their_own_size():
    assert verify_import(small(), one_node(SATURATED)) < LIMIT
    with pytest.raises(VerificationError, match=r"allowed: 1e-05|allowed: [0-9.]+e-0[56]"):
        verify_import(small(1.0001), one_node(SATURATED))


@pytest.mark.parametrize("wrong", [{"gain": 1.0001}, {"gain": 0.5}, {"offset": 0.01}])
def test_a_wrong_rewrite_of_a_steep_network_is_found(wrong):
    with pytest.raises(VerificationError, match="not the same network"):
        verify_import(steep(**wrong), one_node(STEEP))


def test_more_is_allowed_only_where_the_source_needs_it(accumulate):
    def nearly(feed):
        y, state = in_onnxruntime(accumulate.to_bytes())(feed).values()
        return {"y": y * np.float32(1.0001), "s_next": state}

    with pytest.raises(VerificationError, match="allowed: 1e-05"):
        verify_import(nearly, accumulate)


def test_large_outputs_are_compared_some_elements_at_once(monkeypatch):
    monkeypatch.setattr("edgekit.export.verify.AT_ONCE", 4)
    reference = {"y": np.array([[1.0, -2.0, 3.0], [np.nan, 5.0, np.inf], [7.0, -8.0, 0.0]])}
    assert compare(reference, reference) == 0
    for place in ((0, 0), (1, 1), (2, 2)):
        changed = {"y": reference["y"].copy()}
        changed["y"][place] += 0.4
        assert compare(reference, changed, limit=1.0) == pytest.approx(0.05)
        changed["y"][place] = np.nan
        with pytest.raises(VerificationError, match="inf of the peak"):
            compare(reference, changed, limit=1.0)
