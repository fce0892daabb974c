"""What the lowering makes of forms that no other test has, and what it says of those that no engine runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from fpga_grammar import Grammar, Picture, compared, finished, loaded
from fpga_hls import needs_cxx
from fpga_networks import calibration
from onnx import TensorProto, helper

from edgekit import api
from edgekit.base.npz import write_npz
from edgekit.fpga import engine
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Network
from edgekit.fpga.spec import EngineSpec

SIZE = (3, 12, 10)


def grammar(channels: int = SIZE[0], height: int = SIZE[1], width: int = SIZE[2]) -> Grammar:
    """A network of a picture and nothing else."""
    return Grammar(np.random.default_rng(0), [Picture("x", channels, height, width)])


def conv(
    g: Grammar, x: Picture, outputs: int = 5, kernel: int = 1, stride: int = 1, group: int = 1
) -> Picture:
    """A convolution with same padding."""
    shape = outputs, -(-x.height // stride), -(-x.width // stride)
    fan_in = x.channels // group * kernel**2
    weight = g.normal(outputs, x.channels // group, kernel, kernel, scale=fan_in**-0.5)
    return g.node(
        "Conv",
        [x.name, weight],
        shape,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[kernel // 2] * 4,
        group=group,
    )


def joined(g: Grammar, *parts: Picture) -> Picture:
    """Their channels, one behind the other."""
    first, channels = parts[0], sum(part.channels for part in parts)
    names = [part.name for part in parts]
    return g.node("Concat", names, (channels, first.height, first.width), axis=1)


def same(g: Grammar, kind: str, x: Picture, *more: str, **attributes: object) -> Picture:
    """An operator that keeps the shape."""
    return g.node(kind, [x.name, *more], (x.channels, x.height, x.width), **attributes)


def turned(g: Grammar, x: Picture) -> Picture:
    """Channels from last to first."""
    indices = g.constant(np.arange(x.channels)[::-1].astype(np.int64))
    return same(g, "Gather", x, indices, axis=1)


def larger(g: Grammar, x: Picture, factor: int = 2) -> Picture:
    """Nearest upsampling."""
    scales = g.constant(np.array([1, 1, factor, factor], np.float32))
    shape = x.channels, x.height * factor, x.width * factor
    return g.node(
        "Resize",
        [x.name, "", scales],
        shape,
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def picture_and_layer() -> onnx.ModelProto:
    g = grammar()
    x = g.values[0]
    both = joined(g, x, conv(g, x))
    return finished(g, {conv(g, both, 4, 3): "Identity", conv(g, both, 8, 3, group=8): "Identity"})


def twice() -> onnx.ModelProto:
    """The same channels twice, in order and turned, before a dense and before depthwise layers."""
    g = grammar()
    a = conv(g, g.values[0], 6)
    pairs = joined(g, a, a), joined(g, a, turned(g, a))
    ends = [conv(g, pair, 4, 3) for pair in pairs]
    ends += [conv(g, pair, 12, 3, group=12) for pair in pairs]
    return finished(g, dict.fromkeys(ends, "Identity"))


def picture_out() -> onnx.ModelProto:
    g = grammar()
    x = g.values[0]
    return finished(g, {joined(g, x, conv(g, x)): "Identity", turned(g, x): "Identity"})


def identity() -> onnx.ModelProto:
    g = grammar()
    return finished(g, {g.values[0]: "Identity"})


def pyramid() -> onnx.ModelProto:
    """A U-Net: what was made large again beside what stayed large."""
    g = grammar(3, 12, 8)
    full = conv(g, g.values[0], 6, 3)
    half = conv(g, full, 7, 3, 2)
    deep = conv(g, half, 9, 3, 2)
    middle = conv(g, joined(g, half, larger(g, deep)), 6, 3)
    all_sizes = joined(g, larger(g, middle), full, larger(g, deep, 4))
    return finished(g, {conv(g, all_sizes, 4, 3): "Identity", all_sizes: "Identity"})


def odd_pools() -> onnx.ModelProto:
    g = grammar(4, 13, 11)
    x = conv(g, g.values[0], 5)
    shape = 5, 7, 6
    three = g.node(
        "MaxPool", [x.name], shape, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    two = g.node("MaxPool", [x.name], shape, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return finished(g, {conv(g, joined(g, three, two)): "Identity"})


def activations() -> onnx.ModelProto:
    """Behind a concatenation and a pool, and of a convolution that is also read without one."""
    g = grammar()
    a = conv(g, g.values[0], 6)
    relu = same(g, "Relu", a)
    both = same(g, "Relu", joined(g, a, turned(g, relu)))
    pooled = g.node("MaxPool", [a.name], (6, 6, 5), kernel_shape=[2, 2], strides=[2, 2])
    clipped = same(g, "Clip", pooled, g.constant(np.float32(-0.5)), g.constant(np.float32(1)))
    return finished(g, {conv(g, both, 4, 3): "Identity", clipped: "Identity", a: "Identity"})


def normalized() -> onnx.ModelProto:
    """(x - mean) / std before a padded kernel: what lies outside is 0 behind it, another number before it."""
    g = grammar()
    mean, std = (
        g.constant(g.random.uniform(0.5, 2, (1, 3, 1, 1)).astype(np.float32)) for _ in "ab"
    )
    y = same(g, "Div", same(g, "Sub", g.values[0], mean), std)
    minus = same(g, "Mul", conv(g, y, 4, 3), g.constant(np.float32(-1.5)))
    return finished(g, {conv(g, same(g, "Relu", minus), 3): "Identity"})


@pytest.mark.parametrize(
    "network",
    [picture_and_layer, twice, picture_out, identity, pyramid, odd_pools, activations, normalized],
)
def test_integers_are_near_the_float_network(
    network: Callable[[], onnx.ModelProto], tmp_path: Path
) -> None:
    model = loaded(network(), tmp_path)
    assert engine.check(model) == []
    clips = calibration(model, 4)
    integers = lower(model, clips, EngineSpec(weight_bits=8))
    assert not integers.cpu
    near = compared(model, integers, clips.clips[0]["x"])
    assert min(near.values()) > 25, near


def any_conv(g: Grammar, x: Picture, seed: int) -> Picture:
    """A convolution of any kernel, padding, dilation and groups that makes a pixel for each stride."""
    random = np.random.default_rng(seed)
    kernel, dilation = random.integers(1, 6, 2), random.integers(1, 3, 2)
    stride = int(random.choice([1, 2, 4]))
    shape = -(-x.height // stride), -(-x.width // stride)
    reach = dilation * (kernel - 1) + 1
    whole = [
        (made - 1) * stride + int(r) - side
        for made, r, side in zip(shape, reach, (x.height, x.width), strict=True)
    ]
    before = [int(random.integers(max(n, 0) + 1)) for n in whole]
    after = [max(n, 0) - first for n, first in zip(whole, before, strict=True)]
    groups = int(random.choice([n for n in range(1, x.channels + 1) if x.channels % n == 0]))
    outputs = groups * int(random.integers(1, 4))
    size = outputs, x.channels // groups, *map(int, kernel)
    weight = g.normal(*size, scale=float(np.prod(size[1:])) ** -0.5)
    made = g.node(
        "Conv",
        [x.name, weight],
        (outputs, *shape),
        kernel_shape=size[2:],
        strides=[stride] * 2,
        dilations=[int(n) for n in dilation],
        pads=[*before, *after],
        group=groups,
    )
    return made


@pytest.mark.parametrize("seed", range(8))
def test_convolutions_of_any_form(seed: int, tmp_path: Path) -> None:
    g = grammar(6, 13, 11)
    ends = [any_conv(g, g.values[0], 3 * seed + i) for i in range(3)]
    model = loaded(finished(g, dict.fromkeys(ends, "Identity")), tmp_path)
    clips = calibration(model, 3)
    near = compared(model, lower(model, clips, EngineSpec(weight_bits=8)), clips.clips[0]["x"])
    assert min(near.values()) > 25, near


def sums() -> onnx.ModelProto:
    """Of pictures, with what follows; of a picture and itself; a difference; of three scales."""
    g = grammar()
    a = conv(g, g.values[0], 6)
    b = same(g, "Relu", conv(g, a, 6, 3))
    both = same(g, "Relu", same(g, "Add", b, a.name))
    twice = same(g, "Add", a, a.name)
    less = same(g, "Sub", conv(g, both, 6), twice.name)
    return finished(g, {same(g, "Add", less, b.name): "Identity", conv(g, both, 3): "Identity"})


def window_averages() -> onnx.ModelProto:
    g = grammar(4, 16, 8)
    x = same(g, "Relu", conv(g, g.values[0], 5))
    forms = (([2, 2], [2, 2], 0, (8, 4)), ([3, 3], [1, 1], 1, (16, 8)), ([3, 3], [2, 2], 1, (8, 4)))
    forms += (
        ([4, 4], [4, 4], 0, (4, 2)),
        ([8, 8], [8, 8], 0, (2, 1)),
        ([16, 8], [1, 1], 0, (1, 1)),
    )
    ends = [
        g.node(
            "AveragePool",
            [x.name],
            (5, *size),
            kernel_shape=kernel,
            strides=strides,
            pads=[pad] * 4,
            count_include_pad=pad,
        )
        for kernel, strides, pad, size in forms
    ]
    return finished(g, dict.fromkeys(ends, "Identity"))


@pytest.mark.parametrize("network", [sums, window_averages])
def test_sums_and_averages(network: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    model = loaded(network(), tmp_path)
    assert engine.check(model) == []
    clips = calibration(model, 4)
    near = compared(model, lower(model, clips, EngineSpec(weight_bits=8)), clips.clips[0]["x"])
    assert min(near.values()) > 25, near


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 2), (7, 7), (12, 10), (1, 9)])
def test_dense_heads_behind_a_mean_of_any_picture(size: tuple[int, int], tmp_path: Path) -> None:
    g = grammar(5, *size)
    x = same(g, "Relu", conv(g, g.values[0], 24))
    g.nodes.append(helper.make_node("GlobalAveragePool", [x.name], ["mean"], name="mean"))
    g.nodes.append(helper.make_node("Flatten", ["mean"], ["row"], name="row"))
    weight, bias = g.normal(24, 10, scale=0.3), g.normal(10, scale=0.3)
    g.nodes.append(helper.make_node("MatMul", ["row", weight], ["product"], name="product"))
    g.nodes.append(helper.make_node("Add", ["product", bias], ["sum"], name="sum"))
    g.nodes.append(helper.make_node("Relu", ["sum"], ["hidden"], name="hidden"))
    last = g.normal(10, 4, scale=0.5)
    g.nodes.append(helper.make_node("Gemm", ["hidden", last], ["logits"], name="logits", transB=0))
    g.nodes.append(helper.make_node("Softmax", ["logits"], ["y"], name="y", axis=1))
    shapes = {"x": (1, 5, *size), "y": (1, 4)}
    x_info, y_info = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()
    )
    graph = helper.make_graph(g.nodes, "head", [x_info], [y_info], g.constants)
    opset = [helper.make_opsetid("", 19)]
    model = loaded(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path)
    assert engine.check(model) == []
    clips = calibration(model, 8)
    near = compared(model, lower(model, clips, EngineSpec(weight_bits=8)), clips.clips[0]["x"])
    assert min(near.values()) > 24, near


def lowered(network: onnx.ModelProto, folder: Path) -> Network:
    """A network in integers."""
    model = loaded(network, folder)
    return lower(model, calibration(model, 2), EngineSpec())


def test_channels_that_are_read_twice_are_one_weight_in_a_dense_layer(tmp_path: Path) -> None:
    network = lowered(twice(), tmp_path)
    dense = [layer for layer in network.layers if layer.path == "dense"]
    assert [len(layer.x.channels) for layer in dense] == [3, 6, 6]
    depthwise = [layer for layer in network.layers if layer.path == "depthwise"]
    assert [len(layer.x.channels) for layer in depthwise] == [12, 12]


def test_a_scale_per_plane_is_no_layer(tmp_path: Path) -> None:
    network = lowered(pyramid(), tmp_path)
    assert [layer.path for layer in network.layers] == ["dense"] * 5
    assert set(network.layers[-1].x.factors) == {1, 2, 4}


@needs_cxx
def test_a_final_sigmoid_is_computed_where_the_output_is_read(tmp_path: Path) -> None:
    g = grammar()
    both = joined(g, g.values[0], conv(g, g.values[0], 5, 3))
    proto = finished(g, {conv(g, both, 4): "Sigmoid", both: "Identity", g.values[0]: "Tanh"})
    model = loaded(proto, tmp_path)
    assert engine.check(model) == []
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", {"x": calibration(model).clips[0]["x"]})
    exported = api.export(
        str(tmp_path / "net.onnx"),
        "fpga",
        tmp_path / "engine",
        recipe="w8a8",
        calibration=str(tmp_path / "clips"),
    )
    facts = exported.manifest.verification
    assert facts is not None and facts["bit_exact_with_oracle"] and facts["snr_db"] > 25
    assert any("on the CPU: Sigmoid" in note for note in exported.notes)


@pytest.mark.slow
@needs_cxx
def test_an_identity_is_an_engine(tmp_path: Path) -> None:
    model = loaded(identity(), tmp_path)
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", {"x": calibration(model).clips[0]["x"]})
    exported = api.export(
        str(tmp_path / "net.onnx"),
        "fpga",
        tmp_path / "engine",
        goal="small",
        calibration=str(tmp_path / "clips"),
    )
    assert exported.manifest.verification is not None
    assert exported.manifest.verification["snr_db"] > 35


def cropped(g: Grammar, x: Picture) -> Picture:
    """Its pixels but for a border."""
    ends = [
        g.constant(np.array(n, np.int64)) for n in ([1, 1], [x.height - 1, x.width - 1], [2, 3])
    ]
    return g.node("Slice", [x.name, *ends], (x.channels, x.height - 2, x.width - 2))


def mirrored(g: Grammar, x: Picture) -> Picture:
    """Its rows from last to first."""
    indices = g.constant(np.arange(x.height)[::-1].astype(np.int64))
    return same(g, "Gather", x, indices, axis=2)


def far(g: Grammar, x: Picture) -> Picture:
    """Each pixel sixteen times each way."""
    return larger(g, x, 16)


def folded(g: Grammar, x: Picture) -> Picture:
    """Blocks of 2x2 pixels as channels."""
    shape = 4 * x.channels, x.height // 2, x.width // 2
    return g.node("SpaceToDepth", [x.name], shape, blocksize=2)


@pytest.mark.parametrize(
    ("move", "found"),
    [
        (cropped, "reads a picture of 12x10 as 10x8"),
        (mirrored, "moves the pixels of a picture of 12x10"),
        (far, "reads a picture of 12x10 as 192x160"),
        (folded, "reads a picture of 12x10 as 6x5"),
    ],
)
def test_why_a_movement_is_no_address(
    move: Callable[[Grammar, Picture], Picture], found: str, tmp_path: Path
) -> None:
    g = grammar()
    model = loaded(finished(g, {conv(g, move(g, conv(g, g.values[0]))): "Identity"}), tmp_path)
    (problem,) = engine.check(model)
    assert found in problem.found


def test_every_layer_that_no_engine_has_is_told_of(tmp_path: Path) -> None:
    """One behind the other, on pictures and on rows, with supported ones between."""
    g = grammar(4, 8, 8)
    x = conv(g, conv(g, g.values[0], 8), 8, 3, stride=3)
    x = same(g, "LpNormalization", conv(g, x, 8), axis=1)
    x = g.node("AveragePool", [x.name], (8, 3, 3), kernel_shape=[5, 5], pads=[2] * 4)
    x = conv(g, x, 8, 3)
    x = conv(g, same(g, "Softmax", x, axis=1), 4)
    proto = finished(g, {same(g, "Mul", x, x.name): "Identity"})
    problems = engine.check(loaded(proto, tmp_path))
    found = [place.split()[0] for problem in problems for place in problem.where.split("; ")]
    assert found == ["Conv", "LpNormalization", "Softmax", "Mul", "AveragePool"]


def test_pools_that_no_engine_has_say_why(tmp_path: Path) -> None:
    g = grammar(4, 13, 11)
    pool = g.node("MaxPool", ["x"], (4, 6, 5), kernel_shape=[2, 2], strides=[2, 2])
    wide = g.node("MaxPool", ["x"], (4, 12, 10), kernel_shape=[2, 2], strides=[1, 1])
    model = loaded(finished(g, {pool: "Identity", wide: "Identity"}), tmp_path)
    found = [problem.found for problem in engine.check(model)]
    assert found == ["6x5 pixels of 13x11", "kernel 2x2, strides 1x1, pads 0x0"]
