"""The integer golden model against torch and against the float network."""

import numpy as np
import pytest
import torch
from fpga_networks import calibration, imported, plain, random_layer, random_x, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.fpga import SquareDeformConv2d, golden
from edgekit.fpga.lower import lower
from edgekit.fpga.spec import EngineSpec
from edgekit.operators.fixed_point import output


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 12), st.integers(1, 12))
def test_deformable_sums_are_those_of_torchvision(
    seed: int, channels: int, height: int, width: int
) -> None:
    random = np.random.default_rng(seed)
    layer = random_layer(random, "depthwise", (channels, height, width), channels)
    x, d = random_x(random, (channels, height, width)), random.integers(0, 8, (height, width))
    module = SquareDeformConv2d(channels).double()
    module.dilation = lambda _: torch.from_numpy(d)[None, None].double()  # type: ignore[method-assign]
    with torch.no_grad():
        module.conv.weight.copy_(torch.from_numpy(layer.weights)[:, None])
        centred = torch.from_numpy(x.astype(np.float64) - layer.x_zero)[None]
        expected = module(centred)[0].numpy()
    found = golden.depthwise(layer, x, d.astype(np.int8))
    found -= layer.x_zero * layer.weights.astype(np.int64).sum((1, 2))[:, None, None]
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([4, 8]),
)
def test_dense_layers_are_torch_convolutions(
    seed: int, kernel: int, stride: int, bits: int
) -> None:
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(1, 9, 3))
    layer = random_layer(random, "dense", shape, 6, bits, kernel, stride)
    x, half = random_x(random, shape), kernel // 2
    padded = np.pad(x, ((0, 0), (half, half), (half, half)), constant_values=layer.x_zero)
    weight, bias = (torch.from_numpy(a).double() for a in (layer.weights, layer.bias))
    acc = conv2d(torch.from_numpy(padded)[None].double(), weight, bias, stride)[0].numpy()
    expected = output(
        acc.astype(np.int64),
        layer.mult[:, None, None],
        layer.shift[:, None, None],
        layer.y_zero,
        layer.y_min,
        layer.y_max,
    )
    np.testing.assert_array_equal(golden.run_layer(layer, x), expected)
    assert np.abs(acc).max() < 2 ** (layer.accumulator_bits - 1)


@pytest.mark.parametrize("factory", [tiny, plain])
@pytest.mark.parametrize(("bits", "least_db"), [(8, 25), (4, 9)])
def test_integers_are_near_the_float_network(factory, bits: int, least_db: float) -> None:  # type: ignore[no-untyped-def]
    model = imported(factory)
    clips = calibration(model)
    network = lower(model, clips, EngineSpec(weight_bits=bits))
    assert all(np.abs(layer.weights).max() <= 2 ** (bits - 1) - 1 for layer in network.layers)
    x = clips.clips[0]["x"]
    found = [golden.infer(network, {"x": picture}) for picture in x]
    for name, expected in run_hops(model, {"x": x}).items():
        assert snr_db(expected, np.stack([row[name] for row in found])) > least_db, name


def test_d_is_computed_without_a_rounding_of_its_own() -> None:
    model = imported(tiny)
    clips = calibration(model)
    network = lower(model, clips, EngineSpec(weight_bits=8))
    (deform,) = (layer for layer in network.layers if layer.dilation)
    (offset,) = (layer for layer in network.layers if layer.y == deform.dilation)
    d_kind = network.tensors[offset.y].kind
    assert (d_kind.scale, d_kind.zero_point, offset.y_min, offset.y_max) == (1.0, 0, 0, 7)
    inputs = {"x": network.tensors["x"].kind.quantize(clips.clips[0]["x"][0][0]).astype(np.int8)}
    values = golden.run(network, inputs)
    kind = network.tensors[offset.x.tensors[0]].kind
    exact = kind.dequantize(golden.read_view(offset.x, values)).astype(np.float64)
    scale = offset.mult[0] * 2.0 ** -float(offset.shift[0])
    weights = offset.weights[0, :, 0, 0] * scale / kind.scale
    bias = (offset.bias[0] + kind.zero_point * int(offset.weights[0].sum())) * scale
    s = np.tensordot(weights, exact, 1) + bias
    np.testing.assert_array_equal(values[offset.y][0], np.clip(np.floor(s + 0.5), 0, 7))


def test_shuffle_split_and_upsampling_are_addresses() -> None:
    network = lower(imported(tiny), calibration(imported(tiny)), EngineSpec())
    views = {layer.name: layer.x for layer in network.layers}
    joined = next(view for view in views.values() if len(set(view.tensors)) == 2)
    assert len(joined.channels) == 13
    assert joined.channels[:4] == (0, 0, 1, 1)
    assert sum(set(v.factors) == {2} for v in views.values()) == 1
    assert len(network.layers) == 9  # no layer moves data
