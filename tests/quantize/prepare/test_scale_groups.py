"""Powers of channels have powers of their factors."""

from itertools import product

import numpy as np
import pytest
from channel_networks import check_same, free, rescaled
from onnx import numpy_helper, parser

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.prepare.channels import Channels
from edgekit.quantize.prepare.equalize import equalize, peaks
from edgekit.quantize.prepare.fuse import fuse
from edgekit.quantize.prepare.scale_groups import FIXED, ZERO, ScaleGroups

CHANNELS = 4
HALVES = {  # of twice as many rows: one after the other, in turn, and by an operator
    "slices": "re = Slice (z, zero, half, axis) im = Slice (z, half, whole, axis)",
    "strides": "re = Slice (z, zero, whole, axis, two) im = Slice (z, one, whole, axis, two)",
    "split": "re, im = Split <axis = 1, num_outputs = 2> (z)",
}
POWER = "p = Mul (re, re) q = Pow (im, square) s = Add (p, q)"
FEATURES = {  # of both halves: their text, and the degree
    "magnitude": (f"{POWER} f = Sqrt (s)", 1.0),
    "lifted magnitude": (f"{POWER} r = Add (s, broken) f = Sqrt (r)", 1.0),
    "power": (f"{POWER} f = Identity (s)", 2.0),
    "power of a magnitude": (f"{POWER} r = Sqrt (s) f = Pow (r, broken)", 0.6),
    "mean power": (f"{POWER} f = ReduceMean <keepdims = 1> (s, time)", 2.0),
    "mean square": ("p = Mul (re, re) f = ReduceMean <keepdims = 1> (p, time)", 2.0),
    "norm": ("f = ReduceL2 <keepdims = 1> (im, time)", 1.0),
    "gated sum": ("t = Tanh (x) p = Mul (re, x) q = Mul (im, t) f = Sub (p, q)", 1.0),
}

FREE = FEATURES.keys() - {"lifted magnitude"}  # one scale for each band


def network(halves: str, feature: str) -> Model:
    """A convolution, a feature of its two halves, and a convolution that reads the feature."""
    rows = 2 * CHANNELS
    model = parser.parse_model(f"""<ir_version: 10, opset_import: ["" : 21]>
    net (float[1, {CHANNELS}, 8] x) => (float[1, 5, M] y)
    <int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] two = {{2}}, int64[1] half = {{{CHANNELS}}},
     int64[1] whole = {{{rows}}}, int64[1] axis = {{1}}, int64[1] time = {{2}}, float square = {{2.0}},
     float broken = {{0.6}}> {{
      z = Conv (x, w)
      {HALVES[halves]}
      {FEATURES[feature][0]}
      y = Conv (f, v, b)
    }}""")
    random = np.random.default_rng(0)
    for name, shape in {"w": (rows, CHANNELS, 1), "v": (5, CHANNELS, 1), "b": (5,)}.items():
        array = random.normal(size=shape) * np.exp2(
            random.normal(size=(shape[0], 1, 1)[: len(shape)])
        )
        model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    return from_onnx(model.SerializeToString(), name="net")


@pytest.mark.parametrize("fused", [False, True], ids=["spelled", "fused"])
@pytest.mark.parametrize(("halves", "feature"), product(HALVES, sorted(FREE)))
def test_a_feature_of_two_halves_passes_a_power_of_their_scale(
    halves: str, feature: str, fused: bool
) -> None:
    model = fuse(network(halves, feature)) if fused else network(halves, feature)
    changed, count = rescaled(model, 3)
    assert count >= CHANNELS
    check_same(model, changed)
    check_same(model, equalize(model))
    channels = Channels(model)
    read = list(channels.inputs.values())[-1]
    np.testing.assert_allclose(channels.groups.degrees(read), FEATURES[feature][1])
    assert (channels.find(read) > FIXED).all()


def test_equalized_writers_and_readers_of_powers_have_equal_weights() -> None:
    channels = Channels(equalize(network("slices", "power")))
    weights = [site for site in channels.sites if site.is_weight]
    writers, readers = peaks(channels, weights, np.zeros(channels.count))
    known = free(channels) & (readers > 0)
    assert known.sum() == CHANNELS
    np.testing.assert_allclose(writers[known], readers[known], rtol=0.02)


@pytest.mark.parametrize("fused", [False, True], ids=["spelled", "fused"])
def test_bands_of_magnitudes_with_one_constant_under_the_root_have_one_scale(fused: bool) -> None:
    spelled = network("slices", "lifted magnitude")
    model = fuse(spelled) if fused else spelled
    changed, _ = rescaled(model, 3)
    check_same(model, changed)
    channels = Channels(model)
    read = channels.find(list(channels.inputs.values())[-1])
    assert np.unique(read).size == 1 and (read[0, 0, 0] == FIXED) == fused


def test_numbers_that_are_one_power_and_another_at_once_are_fixed() -> None:
    groups = ScaleGroups()
    a, b = groups.add((3,)), groups.add((3,))
    squares = groups.power(a, 2.0)
    groups.join(squares, b)
    assert (groups.find(b) == groups.find(a)).all()
    assert groups.degrees(a)[0] * 2 == groups.degrees(b)[0]
    groups.join(a[:1], b[:1])
    assert groups.find(a).tolist()[0] == FIXED and (groups.find(a)[1:] > FIXED).all()


def test_products_add_degrees_within_a_group_alone() -> None:
    groups = ScaleGroups()
    a, b = groups.add((2,)), groups.add((2,))
    assert groups.product(a, b) is None
    fixed = np.array([FIXED, ZERO], np.int32)
    product = groups.product(a, fixed)
    assert product is not None and product.tolist() == [a[0], ZERO]
    cubes = groups.product(groups.power(a, 2.0), a)
    assert cubes is not None
    np.testing.assert_allclose(groups.degrees(cubes), 3.0)
    assert groups.find(cubes).tolist() == groups.find(a).tolist()
