"""The measures that imports and quantization are judged by, and the hop-by-hop run."""

import numpy as np
import onnx
import pytest

from edgekit.base.errors import ModelError, UsageError, VerificationError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime, run_hops, snr_db
from edgekit.export.verify import LIMIT, NUDGES, SINGLE_CALLS, compare, verify_import

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


def test_onnxruntime_refusals_are_model_errors():
    with pytest.raises(ModelError, match="onnxruntime"):
        in_onnxruntime(b"nothing")


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


def test_the_exact_sigmoid_is_exact_in_every_graph():
    proto = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21, "mine": 1]>
        net (float[9] x, bool c) => (float[9] y) {
          q = Concat <axis = 0> (x, x)
          p = Slice (q, first, last)
          s = mine.Same (p)
          y = If (c) <
            then_branch = a () => (float[9] t) { t = Sigmoid (x) },
            else_branch = b () => (float[9] e) { e = Identity (s) }
          >
        }
        <domain: "mine", opset_import: ["": 21]> Same (a) => (b) { b = Sigmoid (a) }"""
    )
    for name, place in (("first", 9), ("last", 18)):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([place]), name))
    running = in_onnxruntime(proto.SerializeToString())
    x = np.array([-87, -60, -20, -1, 0, 1, 20, 60, 100], np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    for choice in (True, False):
        (y,) = running({"x": x, "c": np.array(choice)}).values()
        np.testing.assert_allclose(y, exact, rtol=1e-5)


def test_more_is_allowed_only_where_the_source_needs_it(accumulate):
    def nearly(feed):
        y, state = in_onnxruntime(accumulate.to_bytes())(feed).values()
        return {"y": y * np.float32(1.0001), "s_next": state}

    with pytest.raises(VerificationError, match="allowed: 1e-05"):
        verify_import(nearly, accumulate)


@pytest.mark.parametrize("size", [6, 480, 960])
@pytest.mark.parametrize(
    ("parts", "inverse", "onesided"), [(1, 0, 0), (1, 0, 1), (2, 0, 0), (1, 1, 0), (2, 1, 0)]
)
def test_a_transform_of_any_length_is_exact(size, parts, inverse, onesided):
    bins = size // 2 + 1 if onesided else size
    proto = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["": 21]>
        net (float[3,{size},{parts}] x) => (float[3,{bins},2] y) <int64 axis = {{1}}> {{
          s = DFT <inverse = {inverse}, onesided = {onesided}> (x, , axis)
          y = Identity (s)
        }}"""
    )
    x = np.random.default_rng(0).standard_normal((3, size, parts)).astype(np.float32)
    (y,) = in_onnxruntime(proto.SerializeToString())({"x": x}).values()
    whole = x[..., 0] + (1j * x[..., 1] if parts == 2 else 0)
    exact = (np.fft.ifft if inverse else np.fft.fft)(whole, axis=1)[:, :bins]
    assert np.abs(y[..., 0] + 1j * y[..., 1] - exact).max() < 1e-6 * np.abs(exact).max()


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
