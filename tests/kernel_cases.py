"""One case table for the kernels: legal random calls, with what the NumPy twin says they return."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from c_kernels import Call, sparse
from numpy.typing import NDArray

from edgekit.base import micro_tables, random_normals
from edgekit.graph.sparsity import PATTERNS, Pattern, mask_of
from edgekit.operators import axis_operators, noise, normalize
from edgekit.operators.border import twin as border_twin
from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.deform import twin as deform_twin
from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.fused import twin as fused_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.pooling import twin as pooling_twin
from edgekit.operators.recurrent import twin as recurrent_twin
from edgekit.operators.resize import twin as resize_twin
from edgekit.operators.spectral import micro_twin
from edgekit.operators.spectral import twin as spectral_twin
from edgekit.targets.c.emit.conv.float32 import has_room
from edgekit.targets.c.emit.conv.winograd import Strip, strip_of, transform_weights
from edgekit.targets.c.emit.micro import bin_table
from edgekit.targets.c.packing import winograd_int
from edgekit.targets.c.packing.weights import int4_bytes
from edgekit.targets.c.stubs import forms
from edgekit.targets.instruction_sets import PORTABLE

SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-45,
        -1e-39,
        1.1754944e-38,
        3.4e38,
        -3.4e38,
        88.72283,
        88.8,
        -87.33654,
        -87.4,
        0.625,
        0.92773,
        4.0,
        9.1,
        1.0,
        0.70710677,
        2.5,
        0.5,
    ],
    np.float32,
)
DTYPES = {"s8": np.int8, "s16": np.int16, "s32": np.int32, "f32": np.float32}
SIGMOID, TANH = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]


class Draw(Protocol):
    """Where a case takes its randomness from: hypothesis, or a seeded generator."""

    def int(self, low: int, high: int) -> int: ...
    def rng(self) -> np.random.Generator: ...


class Seeded:
    """Sizes and contents from a seed."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        return int(self.generator.integers(low, high, endpoint=True))

    def rng(self) -> np.random.Generator:
        return self.generator


def integers(d: Draw, dtype: Any, *shape: int, low: int | None = None) -> NDArray[Any]:
    """Integers over the whole range, extremes only, or small."""
    info, rng = np.iinfo(dtype), d.rng()
    low = info.min if low is None else low
    mode = d.int(0, 2)
    if mode == 0:
        return rng.integers(low, info.max, shape, endpoint=True).astype(dtype)
    if mode == 1:
        return rng.choice(np.array([low, info.max], dtype), shape)
    return rng.integers(-3, 4, shape).astype(dtype)


def floats(d: Draw, *shape: int, special: bool = False) -> NDArray[np.float32]:
    rng = d.rng()
    x = (rng.standard_normal(shape) * 10.0 ** d.int(-2, 2)).astype(np.float32)
    return np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), x) if special else x


def multipliers(d: Draw, acc: Any, n: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Per-channel mult and shift that keep the output near its range."""
    rng, bits = d.rng(), 31 if acc == np.int32 else 15
    mult = rng.integers(1 << (bits - 1), 1 << bits, n).astype(np.int32)
    return mult, (bits + rng.integers(-1 if d.int(0, 9) == 0 else 2, 18, n)).astype(np.uint8)


def with_far_shifts(d: Draw, shift: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Some of the shifts up to the largest: those of channels whose weights are next to nothing."""
    rng = d.rng()
    far = rng.integers(49, 62, len(shift), endpoint=True).astype(np.uint8)
    return np.where(rng.random(len(shift)) < 0.5, far, shift)


def limits(d: Draw, name: str) -> tuple[int, int, int]:
    """y_zero, y_min, y_max."""
    info = np.iinfo(DTYPES[name])
    zero = d.int(-128, 127) if name == "s8" else 0
    return (
        zero,
        int(info.min) if d.int(0, 1) else zero,
        int(info.max) if d.int(0, 1) else min(zero + 40, int(info.max)),
    )


def blank(expected: NDArray[Any]) -> NDArray[Any]:
    """An output array full of bytes that no kernel may leave there."""
    return np.frombuffer(b"\xa5" * expected.nbytes, expected.dtype).reshape(expected.shape)


def accumulator(name: str) -> Any:
    return np.int32 if name == "s8" else np.int64


def biases(d: Draw, acc: Any, n: int) -> NDArray[Any]:
    """Of any size: a channel with a large one alone hides what its products add."""
    rng, bits = d.rng(), 24 if acc == np.int32 else 30
    limits = 1 << rng.integers(0, bits, n, endpoint=True)
    return rng.integers(-limits, limits).astype(acc)


def several(d: Draw) -> int:
    """A number of outputs: a few, or more than any kernel takes at once."""
    return d.int(10, 150) if d.int(0, 3) == 0 else d.int(1, 9)


def sparse_weights(d: Draw, *shape: int) -> tuple[NDArray[np.int8], Pattern | None]:
    """int8 with the zeros of a pattern along axis 1, or of none."""
    w = integers(d, np.int8, *shape, low=-127)
    pattern = (None, *PATTERNS)[d.int(0, len(PATTERNS))]
    if pattern is None:
        return w, None
    kept = mask_of(d.rng().standard_normal(shape), pattern, 1)
    return np.where(kept, w, 0).astype(np.int8), pattern


def weights(d: Draw, kernel: str, *shape: int) -> NDArray[np.int8]:
    """int8, or what int4 holds."""
    if not kernel.endswith("_w4"):
        return integers(d, np.int8, *shape)
    return integers(d, np.int8, *shape) >> 4


def in_bytes(call: Call, *at: int) -> Call:
    """The call with int4 weights, which are those arguments, two to a byte."""
    if not call.kernel.endswith("_w4"):
        return call
    args = list(call.args)
    for i, array in zip(at, int4_bytes(call.kernel, [args[i] for i in at]), strict=True):
        args[i] = array
    return replace(call, args=args)


def fc(kernel: str) -> Callable[[Draw], Call]:
    x_type = kernel.split("_")[2]

    def build(d: Draw) -> Call:
        rows, k, n, more = d.int(1, 20), d.int(1, 300), several(d), d.int(0, 7)
        if more == 0:  # more than kernels hold of a row
            k = d.int(2040, 2060)
        elif more == 1:  # so many that AVX-512 widens int4 weights
            rows = d.int(40, 47)
        x = integers(d, DTYPES[x_type], rows, k)
        return fc_of(kernel, x, weights(d, kernel, n, k), d)

    return build


def fc_of(kernel: str, x: NDArray[Any], w: NDArray[np.int8], d: Draw) -> Call:
    """The product of x (rows, k) with w (n, k)."""
    x_type, y_type = kernel.split("_")[2:4]
    (rows, k), n, acc = x.shape, len(w), accumulator(x_type)
    args = [x, w, biases(d, acc, n), *multipliers(d, acc, n), *limits(d, y_type)]
    y = linear_twin.ek_fc(*args, to=DTYPES[y_type])
    return in_bytes(Call(kernel, [*args, blank(y), rows, k, n], {8: y}), 1)


def sparse_fc(kernel: str) -> Callable[[Draw], Call]:
    x_type, y_type = kernel.split("_")[2:4]

    def build(d: Draw) -> Call:
        rows, k, n = d.int(1, 3), d.int(1, 700), several(d)
        x, acc = integers(d, DTYPES[x_type], rows, k), accumulator(x_type)
        w, pattern = sparse_weights(d, n, k)
        args = [x, w, biases(d, acc, n), *multipliers(d, acc, n), *limits(d, y_type)]
        y = linear_twin.ek_fc(*args, to=DTYPES[y_type])
        return sparse(Call(kernel, [*args, blank(y), rows, k, n], {8: y}), [pattern], PORTABLE)

    return build


def sparse_conv(kernel: str) -> Callable[[Draw], Call]:
    x_type, y_type = kernel.split("_")[2:4]

    def build(d: Draw) -> Call:
        inputs, outputs, wide, high = d.int(1, 300), d.int(1, 20), d.int(1, 50), d.int(1, 2)
        sizes = (inputs, high, wide, outputs, high, wide)
        shape = ConvShape(*sizes, 1, 1, 1, 1, 1, 1, 0, 0, 1)
        x, acc = integers(d, DTYPES[x_type], inputs, high, wide), accumulator(x_type)
        w, pattern = sparse_weights(d, outputs, inputs, 1, 1)
        x_zero = d.int(-128, 127) if x_type == "s8" else 0
        scaling = multipliers(d, acc, outputs)
        args = [x, x_zero, w, biases(d, acc, outputs), *scaling, *limits(d, y_type)]
        y = conv_twin.ek_conv(*args, shape=shape, to=DTYPES[y_type])
        call = Call(kernel, [*args, blank(y), np.array(shape.fields(), np.int32)], {9: y})
        return sparse(call, [pattern or Pattern(4, 4)], PORTABLE)

    return build


def matmul_int(kernel: str) -> Callable[[Draw], Call]:
    x_type, y_type = kernel.split("_")[2:]

    def build(d: Draw) -> Call:
        m, k, n = d.int(1, 4), d.int(1, 40), d.int(1, 40)
        a, b = integers(d, DTYPES[x_type], m, k), integers(d, DTYPES[x_type], k, n)
        zeros = [d.int(-128, 127) if x_type == "s8" else 0 for _ in range(2)]
        mult, shift = multipliers(d, accumulator(x_type), 1)
        numbers = int(mult[0]), int(shift[0]) + d.int(0, 8), *limits(d, y_type)
        args = [a, zeros[0], b, zeros[1], *numbers]
        y = linear_twin.ek_matmul(*args, to=DTYPES[y_type])
        return Call(kernel, [*args, blank(y), m, k, n], {9: y})

    return build


def frame_products(kernel: str) -> Callable[[Draw], Call]:
    """Vectors with frames of a ring, of which some are read: in a row that wraps around, or in any order."""
    dots, kinds = "dots" in kernel, kernel.split("_")[3:]

    def build(d: Draw) -> Call:
        frames, size, m = d.int(1, 40), d.int(1, 70), d.int(1, 3)
        length, apart = frames + d.int(0, 3), size + d.int(0, 5)
        places = np.arange(frames) + d.int(0, length - 1)
        if d.int(0, 3) == 0:
            places = d.rng().permutation(length)[:frames]
        at = (places % length * apart).astype(np.int32)
        inner, outer = (size, frames) if dots else (frames, size)  # of sums, of outputs
        if kinds == ["f32"]:
            a, x = floats(d, m, inner), floats(d, length, apart)
            dot, weigh = linear_twin.ek_frame_dots_f32, linear_twin.ek_frame_sums_f32
            y = dot(a, x, at) if dots else weigh(a, x, at, size)
            return Call(kernel, [a, x, at, blank(y), m, inner, outer], {3: y})
        a, x = (integers(d, DTYPES[kinds[0]], *shape) for shape in ((m, inner), (length, apart)))
        zeros = [d.int(-128, 127) * d.int(0, 1) if kinds[0] == "s8" else 0 for _ in range(2)]
        mult, shift = multipliers(d, accumulator(kinds[0]), 1)
        numbers = int(mult[0]), int(shift[0]) + d.int(0, 8), *limits(d, kinds[1])
        args: list[Any] = [a, zeros[0], x, zeros[1], at, *numbers]
        to = DTYPES[kinds[1]]
        dot, weigh = linear_twin.ek_frame_dots, partial(linear_twin.ek_frame_sums, n=size)
        y = dot(*args, to=to) if dots else weigh(*args, to=to)
        return Call(kernel, [*args, blank(y), m, inner, outer], {10: y})

    return build


def frame_fc(kernel: str) -> Callable[[Draw], Call]:
    """A layer over blocks of a ring, in any order."""
    kinds = kernel.split("_")[3:]

    def build(d: Draw) -> Call:
        blocks, k, n = d.int(1, 6), d.int(1, 40), several(d)
        length, apart = blocks + d.int(0, 3), k + d.int(0, 5)
        at = (d.rng().permutation(length)[:blocks] * apart).astype(np.int32)
        if kinds == ["f32"]:
            x, w = floats(d, length, apart), floats(d, blocks, k, n)
            bias = floats(d, n) if d.int(0, 1) else None
            y = linear_twin.ek_frame_fc_f32(x, at, w, bias)
            return Call(kernel, [x, at, w, bias, blank(y), blocks, k, n], {4: y})
        acc = accumulator(kinds[0])
        x = integers(d, DTYPES[kinds[0]], length, apart)
        args = [x, at, weights(d, kernel, blocks, n, k), biases(d, acc, n)]
        args += [*multipliers(d, acc, n), *limits(d, kinds[1])]
        y = linear_twin.ek_frame_fc(*args, to=DTYPES[kinds[1]])
        return Call(kernel, [*args, blank(y), blocks, k, n], {9: y})

    return build


def picture_shape(d: Draw) -> ConvShape:
    """A square kernel over a picture, depthwise or dense, of which 16 outputs are a row or several."""
    side, stride, dilation = (4, 5, 7, 8, 14, 16, 20, 32)[d.int(0, 7)], d.int(1, 2), d.int(1, 2)
    k = (3, 5)[d.int(0, 1)]
    groups, ci, co = (d.int(2, 6), 1, d.int(1, 2)) if d.int(0, 1) else (1, d.int(1, 4), d.int(1, 9))
    pad, wide = k // 2 * dilation, side * stride - d.int(0, stride - 1)
    return ConvShape(
        groups * ci, wide, wide, groups * co, side, side, k, k, stride, stride, dilation, dilation,
        pad, pad, groups,
    )  # fmt: skip


def one_position(d: Draw) -> ConvShape:
    """A depthwise kernel that is applied once, with padding or without."""
    groups, k_h, k_w = d.int(2, 40), d.int(1, 3), d.int(1, 4)
    dil_h, dil_w, top, left = d.int(1, 2), d.int(1, 3), d.int(0, k_h - 1), d.int(0, k_w - 1)
    high, wide = max(1, (k_h - 1) * dil_h + 1 - top), max(1, (k_w - 1) * dil_w + 1 - left)
    sizes = groups, high, wide, groups * d.int(1, 2), 1, 1
    return ConvShape(*sizes, k_h, k_w, 1, 1, dil_h, dil_w, top, left, groups)


def apart_shape(d: Draw) -> ConvShape:
    """Channels by themselves, of any kernel, stride, dilation and padding; one or two outputs each."""
    groups, high = d.int(1, 6), d.int(0, 3) > 0
    kernel = (d.int(1, 6) if high else 1, d.int(1, 8))
    strides, dilations = (
        (d.int(1, 3) if high else 1, d.int(1, 4)),
        (1 if d.int(0, 1) else 2, d.int(1, 3)),
    )
    out = (d.int(1, 9) if high else 1, d.int(1, 24))
    reach = [(k - 1) * dilation for k, dilation in zip(kernel, dilations, strict=True)]
    pads = [d.int(0, r + 1) for r in reach]
    whole = zip(out, strides, reach, pads, strict=True)
    size = [max(1, (n - 1) * stride + r + 1 - pad - d.int(0, 2)) for n, stride, r, pad in whole]
    sizes = groups, *size, groups * d.int(1, 2), *out
    return ConvShape(*sizes, *kernel, *strides, *dilations, *pads, groups)


def layer_shape(d: Draw) -> ConvShape:
    """A layer as networks have them: more taps, positions and strides than kernels take at once."""
    kind, groups, dilation = d.int(0, 6), 1, 1
    ci, co, strides, same = d.int(1, 3), d.int(1, 20), (d.int(1, 4), d.int(1, 4)), d.int(0, 1)
    if kind == 0:  # one column
        size, kernel = (d.int(20, 300), 1), (d.int(1, 64), 1)
    elif kind == 1:  # a stem
        size, kernel = (d.int(12, 50), d.int(7, 50)), (d.int(1, 10), d.int(1, 7))
    elif kind == 2:  # depthwise, with a wide kernel
        k, side, dilation = 2 * d.int(0, 4) + 1, d.int(9, 40), d.int(1, 2)
        size, kernel, groups, ci, co = (side, side + 3), (k, k), d.int(2, 5), 1, 1
        strides = (1, 1) if d.int(0, 1) else (2, 2)
    elif kind == 3:  # patches
        k = d.int(2, 8)
        size, kernel, strides, same = (k * d.int(1, 6), k * d.int(1, 9)), (k, k), (k, k), 0
    elif kind == 4:  # many channels of small pictures
        ci, co = d.int(30, 70), d.int(1, 40)
        size, kernel, strides = (d.int(2, 12), d.int(2, 8)), (3, 3), (1, d.int(1, 2))
    elif kind == 5:  # a long row
        size, kernel, dilation = (1, d.int(1000, 9000)), (1, d.int(1, 10)), d.int(1, 40)
        ci, co, strides = 1, d.int(1, 3), (1, d.int(1, 5))
    else:  # a large picture
        size, kernel, ci, co = (d.int(60, 90), d.int(90, 160)), (d.int(1, 5), d.int(1, 5)), 1, 2
        strides = d.int(1, 2), d.int(1, 3)
    reach = [(k - 1) * dilation for k in kernel]
    pads = [r // 2 if same else 0 for r in reach]
    whole = zip(size, pads, reach, strides, strict=True)
    out = [max((n + 2 * pad - r - 1) // stride + 1, 1) for n, pad, r, stride in whole]
    sizes = ci * groups, *size, co * groups, *out
    return ConvShape(*sizes, *kernel, *strides, dilation, dilation, *pads, groups)


def edge_shape(d: Draw) -> ConvShape:
    """What kernels take in parts: many taps, wide kernels, dilations and strides, planes far apart, groups."""
    kind, groups, ci, co, dilation = d.int(0, 6), 1, 1, d.int(1, 9), (1, 1)
    size, strides = (d.int(1, 9), d.int(1, 24)), (d.int(1, 3), d.int(1, 3))
    if kind == 0:  # taps of one channel
        kernel, size, strides = (
            (d.int(1, 3), d.int(300, 700)),
            (3, d.int(700, 900)),
            (1, d.int(20, 50)),
        )
    elif kind == 1:  # taps of many channels
        kernel, ci = (d.int(1, 3), d.int(1, 3)), d.int(70, 300)
    elif kind == 2:  # channels far apart
        kernel, size, ci = (
            (d.int(1, 2), d.int(1, 2)),
            (d.int(95, 110), d.int(95, 110)),
            d.int(8, 13),
        )
        strides = d.int(9, 14), d.int(5, 9)
    elif kind == 3:  # taps far apart
        kernel, dilation, ci = (d.int(1, 3), d.int(2, 4)), (d.int(1, 4), d.int(15, 30)), d.int(1, 9)
        size = d.int(9, 14), d.int(90, 120)
    elif kind == 4:  # groups
        kernel, groups, ci, co = (d.int(1, 3), d.int(1, 3)), d.int(2, 5), d.int(1, 10), d.int(1, 5)
    elif kind == 5:  # channels by themselves, by strides
        kernel, groups, co = (d.int(1, 5), d.int(1, 7)), d.int(2, 5), d.int(1, 3)
        strides, dilation, size = (
            (d.int(1, 5), d.int(1, 5)),
            (d.int(1, 3), d.int(1, 9)),
            (20, d.int(60, 300)),
        )
    else:  # channels by themselves, with kernels too large for a band
        kernel, groups, size = (
            (d.int(9, 20), d.int(60, 70)),
            d.int(2, 3),
            (d.int(20, 24), d.int(70, 90)),
        )
    top, left = d.int(0, kernel[0] // 2 * dilation[0]), d.int(0, kernel[1] // 2 * dilation[1])
    reach = [(k - 1) * step for k, step in zip(kernel, dilation, strict=True)]
    size = max(size[0], reach[0] + 1 - 2 * top), max(size[1], reach[1] + 1 - 2 * left)
    whole = zip(size, (top, left), reach, strides, strict=True)
    out = [(n + 2 * pad - r - 1) // stride + 1 for n, pad, r, stride in whole]
    sizes = ci * groups, *size, co * groups, *out
    return ConvShape(*sizes, *kernel, *strides, *dilation, top, left, groups)


def tile_shape(d: Draw) -> ConvShape:
    """Channels and positions around the sizes of tiles: widths of 1 to 5 vectors and the rests, every stride."""
    kernel, strides = (d.int(1, 3), d.int(1, 3)), (d.int(1, 3), d.int(1, 6))
    ci, co = d.int(1, 5) if d.int(0, 1) else d.int(15, 70), d.int(1, 40)
    out = d.int(1, 9), 16 * d.int(0, 5) + d.int(1, 16) if d.int(0, 1) else d.int(1, 9)
    pads = d.int(0, kernel[0] - 1), d.int(0, kernel[1] - 1)
    every = zip(out, strides, kernel, pads, strict=True)
    size = [max((n - 1) * step + k - pad - d.int(0, 1), 1) for n, step, k, pad in every]
    return ConvShape(ci, *size, co, *out, *kernel, *strides, 1, 1, *pads, 1)


def stride_shape(d: Draw) -> ConvShape:
    """A transposed convolution of large strides and few outputs: one block or more, cut on both sides, gaps."""
    groups, inputs, outputs = d.int(1, 3), d.int(1, 3), d.int(1, 2)
    strides, size = (d.int(1, 3), d.int(4, 90)), (d.int(1, 3), d.int(1, 4))
    kernel = d.int(1, 3), max(strides[1] * d.int(0, 3) + d.int(-3, 3), 1)
    dil_h, every = d.int(1, 2), zip(size, strides, kernel, strict=True)
    whole = [
        (n - 1) * step + (k - 1) * dil + 1
        for (n, step, k), dil in zip(every, (dil_h, 1), strict=True)
    ]
    pads = d.int(0, (kernel[0] - 1) * dil_h), d.int(0, kernel[1] - 1)
    wide = [max(n - p - d.int(-2, 5), 1) for n, p in zip(whole, pads, strict=True)]
    sizes = inputs * groups, *size, outputs * groups, *wide, *kernel, *strides
    return ConvShape(*sizes, dil_h, 1, *pads, groups)


def conv_shape(d: Draw, transposed: bool) -> ConvShape:
    """A small shape of any kind: dense, grouped, depthwise, 1x1, 1-D, one output element; a layer of a network."""
    kind = d.int(0, 7 if transposed else 12)
    large = picture_shape, one_position, layer_shape, edge_shape, apart_shape, tile_shape
    if kind > 6 and transposed:
        return stride_shape(d)
    if kind > 6:
        return large[kind - 7](d)
    groups, ci, co = (
        (1, d.int(1, 40) if d.int(0, 2) else 1, d.int(10, 90))
        if kind == 6
        else (1, d.int(1, 5), d.int(1, 6))
        if kind < 4
        else (d.int(2, 4), d.int(1, 3), d.int(1, 2))
    )
    k_h, k_w = (1, d.int(1, 5)) if kind in (1, 4) else (d.int(1, 3), d.int(1, 4))
    stride_h, stride_w, dil_h, dil_w = d.int(1, 2), d.int(1, 3), d.int(1, 2), d.int(1, 3)
    out_h, out_w = (1 if k_h == 1 else d.int(1, 4)), d.int(1, 6) if d.int(0, 3) else d.int(60, 140)
    out_w = min(out_w, 6) if kind == 6 else out_w
    if kind == 2:
        ci, co = d.int(1, 20), d.int(1, 12)
        k_h = k_w = stride_h = stride_w = 1
    if kind == 3:
        ci = d.int(1, 300) if d.int(0, 1) else d.int(1, 15)
        stride_h = stride_w = dil_h = dil_w = out_h = out_w = 1
    pad_top, pad_left = (
        (0, 0) if kind in (2, 3) else (d.int(0, k_h), d.int(0, (k_w - 1) * dil_w + 1))
    )
    reach_h = (out_h - 1) * stride_h + (k_h - 1) * dil_h + 1
    reach_w = (out_w - 1) * stride_w + (k_w - 1) * dil_w + 1
    if transposed:
        wide_h, wide_w = (
            max(1, reach_h - pad_top - d.int(0, 2)),
            max(1, reach_w - pad_left - d.int(0, 2)),
        )
        sizes = (ci * groups, out_h, out_w, co * groups, wide_h, wide_w)
    else:
        slack = 0 if kind in (2, 3) else 2
        wide_h = max(1, reach_h - pad_top - d.int(0, slack))
        wide_w = max(1, reach_w - pad_left - d.int(0, slack))
        sizes = (ci * groups, wide_h, wide_w, co * groups, out_h, out_w)
    return ConvShape(*sizes, k_h, k_w, stride_h, stride_w, dil_h, dil_w, pad_top, pad_left, groups)


def shaped(
    s: ConvShape, transposed: bool
) -> tuple[tuple[int, ...], tuple[int, ...], NDArray[np.int32]]:
    """Shapes of x and w, and the struct."""
    ci, co = s.in_c // s.groups, s.out_c // s.groups
    w = (s.in_c, co, s.k_h, s.k_w) if transposed else (s.out_c, ci, s.k_h, s.k_w)
    return (s.in_c, s.in_h, s.in_w), w, np.array(s.fields(), np.int32)


# Sums that fill the room for them: of depthwise channels with two outputs, of rows with an odd number of positions.
FULL = (
    ConvShape(8, 20, 20, 16, 20, 20, 3, 3, 1, 1, 1, 1, 1, 1, 8),
    ConvShape(3, 64, 20, 6, 64, 20, 5, 1, 1, 1, 1, 1, 2, 0, 3),
    ConvShape(1, 56, 1, 4, 48, 1, 9, 1, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(4, 18, 5, 16, 16, 3, 3, 3, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(5, 36, 7, 17, 34, 3, 3, 3, 1, 2, 1, 1, 0, 0, 1),
)
# Channels by themselves in eights and what is left of them, bands of whole rows and of parts of one; positions in fours
# and what is left, channels in eights with padding, and taps of several pieces.
EIGHTS = (
    *(ConvShape(c, 9, 7, c, 9, 7, 3, 3, 1, 1, 1, 1, 1, 1, c) for c in (4, 7, 8, 9, 17)),
    *(ConvShape(8, 3, w, 8, 3, w, 3, 3, 1, 1, 1, 1, 1, 1, 8) for w in (1, 63, 64, 65, 200)),
    ConvShape(9, 40, 66, 9, 20, 33, 5, 3, 2, 2, 1, 1, 2, 1, 9),
    ConvShape(8, 1, 2100, 8, 1, 2100, 1, 3, 1, 1, 1, 4, 0, 4, 8),
    ConvShape(8, 17, 30, 8, 17, 30, 16, 16, 1, 1, 1, 1, 8, 8, 8),
    *(ConvShape(c, 5, 5, 6, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1) for c in (7, 8, 15, 16, 23)),
    *(ConvShape(16, 1, n, 5, 1, n, 1, 1, 1, 1, 1, 1, 0, 0, 1) for n in (1, 2, 3, 5, 63, 66)),
    ConvShape(70, 6, 6, 3, 3, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1),
    ConvShape(2, 30, 30, 4, 1, 1, 30, 30, 1, 1, 1, 1, 0, 0, 1),
)
# Windows of four outputs on Cortex-A: in one row and in several, near and wide, of small planes and in parts, with wide
# padding; three outputs of an input, rows two apart, fours of channels and of columns.
WINDOWS = (
    *(
        ConvShape(3, h, w, 3, -(-h // step), -(-w // step), 3, 3, step, step, 1, 1, 1, 1, 3)
        for h, w in ((1, 1), (2, 2), (3, 3), (5, 1), (6, 6), (12, 5), (9, 17))
        for step in (1, 2)
    ),
    *(
        ConvShape(2, 1, n, 2, 1, n, 1, 3, 1, 1, 1, d, 0, d, 2)
        for n in (40, 130)
        for d in (4, 9, 12)
    ),
    ConvShape(2, 20, 33, 2, 20, 33, 3, 3, 1, 1, 4, 4, 4, 4, 2),
    ConvShape(2, 9, 14, 6, 5, 7, 3, 3, 2, 2, 1, 1, 1, 1, 2),
    ConvShape(2, 4, 2600, 2, 2, 1300, 3, 5, 2, 2, 1, 1, 1, 2, 2),
    ConvShape(3, 12, 12, 3, 12, 12, 9, 9, 1, 1, 1, 1, 4, 4, 3),
    ConvShape(2, 51, 60, 2, 51, 60, 1, 101, 1, 1, 1, 1, 0, 50, 2),
    *(ConvShape(c, 1, 7, o, 1, 7, 1, 1, 1, 1, 1, 1, 0, 0, 1) for c, o in ((1030, 9), (3, 17))),
    *(
        ConvShape(c, 9, w, 9, 5, -(-w // 2), 3, 3, 2, 2, 1, 1, 1, 1, 1)
        for c in (2, 6)
        for w in (16, 33)
    ),
)
# Float planes on Cortex-A: channels by themselves with rows and columns about a vector, positions and outputs about
# those of a tile, and blocks of taps.
PLANES = (
    *(
        ConvShape(3, h * step, w * step, 3, h, w, k, 3, step, step, 1, 1, k // 2, 1, 3)
        for h, w in ((1, 3), (3, 4), (4, 3), (5, 5), (6, 2), (7, 9))
        for step in (1, 2, 3)
        for k in (2, 3)
    ),
    *(
        ConvShape(c, 1, n, m, 1, n, 1, 1, 1, 1, 1, 1, 0, 0, 1)
        for c, m in ((3, 1), (4, 9), (7, 17))
        for n in (*range(1, 14), 25)
    ),
    *(ConvShape(20, 6, w, 10, 6, w, 3, 3, 1, 1, 1, 1, 1, 1, 1) for w in (3, 4, 5, 8)),
    *(ConvShape(300, 1, n, 11, 1, n, 1, 1, 1, 1, 1, 1, 0, 0, 1) for n in (3, 9, 14)),
)
# Rows of 3 x 3 taps, of three in a line and of few taps that fill a band or columns of Cortex-M4, or are cut.
STRAIGHT = (
    *(
        ConvShape(2, 5, wide * stride, 2, 2, wide, 3, 3, 2, stride, 1, dilation, 1, dilation, 2)
        for stride, dilation in ((1, 1), (2, 1), (1, 2))
        for wide in (1, 2, 29, 30, 31, 32, 33, 59, 60, 61, 62, 63, 64, 92, 120, 121, 124, 125)
    ),
    ConvShape(3, 40, 9, 3, 40, 9, 3, 3, 1, 1, 3, 1, 3, 1, 3),
    ConvShape(2, 70, 5, 4, 70, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2),
    *(ConvShape(2, 1, n, 2, 1, n, 1, 3, 1, 1, 1, 4, 0, 4, 2) for n in (3, 4, 5, 7, 130, 2100)),
    ConvShape(3, 30, 6, 3, 30, 6, 3, 1, 1, 1, 5, 1, 5, 0, 3),
    *(
        ConvShape(taps, 1, 150, 3, 1, 150, 1, 1, 1, 1, 1, 1, 0, 0, 1)
        for taps in (1, 8, 9, 12, 13, 16, 17)
    ),
    *(ConvShape(1, 1, n, 2, 1, n, 1, 9, 1, 1, 1, 1, 0, 4, 1) for n in (31, 32, 35)),
)
# So many channels, or taps, that a band of x has room for a part of its columns, or for none.
CUT = (
    ConvShape(1152, 2, 17, 16, 2, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    ConvShape(3500, 1, 17, 16, 1, 17, 1, 3, 1, 1, 1, 1, 0, 1, 1),
    ConvShape(640, 3, 17, 16, 3, 17, 5, 5, 1, 1, 1, 1, 2, 2, 1),
    ConvShape(1000, 1, 50, 9, 1, 50, 1, 3, 1, 1, 1, 1, 0, 1, 1),
    ConvShape(2, 1, 2110, 3, 1, 11, 1, 2100, 1, 1, 1, 1, 0, 0, 1),
)
# Few inputs and many positions: bands of all rows and of some, of columns; every stride; a last group of 1 to 4 taps.
STEMS = (
    ConvShape(1, 9, 120, 32, 9, 120, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    ConvShape(3, 300, 40, 17, 300, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    ConvShape(3, 33, 34, 5, 17, 17, 7, 7, 2, 2, 1, 1, 3, 3, 1),
    ConvShape(2, 20, 60, 16, 20, 20, 5, 5, 1, 3, 1, 1, 2, 2, 1),
    ConvShape(1, 1, 9000, 40, 1, 4498, 1, 10, 1, 2, 1, 1, 0, 3, 1),
    ConvShape(1, 1, 40000, 4, 1, 39990, 1, 11, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(4, 15, 17, 12, 15, 17, 2, 3, 1, 1, 2, 3, 1, 3, 2),
    ConvShape(1, 49, 10, 64, 25, 5, 10, 4, 2, 2, 1, 1, 4, 1, 1),
)
# Narrow outputs, whose vectors have those of two rows, or of three.
NARROW = (
    *(
        ConvShape(7, 9 * stride, wide * stride, 13, 9, wide, 3, 3, stride, stride, 1, 1, 1, 1, 1)
        for wide in (7, 8, 10, 12, 13, 14, 15, 17, 24, 32)
        for stride in (1, 2)
    ),
    ConvShape(16, 10, 6, 40, 10, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    ConvShape(8, 6, 24, 16, 6, 24, 3, 3, 1, 1, 1, 20, 1, 20, 1),
    ConvShape(90, 200, 24, 8, 200, 24, 3, 3, 1, 1, 1, 20, 1, 20, 1),
)
# One tap to a channel: tiles of 64 positions and of 16, rests of channels and outputs, groups, pictures, long rows.
POINTS = (
    ConvShape(13, 1, 130, 21, 1, 130, 1, 1, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(6, 7, 9, 10, 7, 9, 1, 1, 1, 1, 1, 1, 0, 0, 2),
    ConvShape(2048, 1, 17, 3, 1, 17, 1, 1, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(2, 1, 4000, 2, 1, 4000, 1, 1, 1, 1, 1, 1, 0, 0, 2),
)
# Patches inside of x: rows of 4 to 32 columns, tiles of 64 positions and of 16, one too long for 64, groups, windows
# that share columns, a row of positions.
PATCHES = (
    ConvShape(3, 48, 80, 13, 3, 5, 16, 16, 16, 16, 1, 1, 0, 0, 1),
    ConvShape(3, 126, 128, 6, 9, 9, 14, 14, 14, 14, 1, 1, 0, 0, 1),
    ConvShape(3, 41, 40, 9, 10, 10, 4, 4, 4, 4, 1, 1, 0, 0, 1),
    ConvShape(2, 9, 300, 9, 2, 60, 4, 5, 5, 5, 1, 1, 0, 0, 1),
    ConvShape(4, 64, 64, 5, 2, 2, 32, 32, 32, 32, 1, 1, 0, 0, 1),
    ConvShape(4, 8, 37, 10, 4, 9, 2, 5, 2, 4, 1, 1, 0, 0, 2),
    ConvShape(1, 1, 700, 17, 1, 173, 1, 9, 1, 4, 1, 1, 0, 0, 1),
)
# Pairs of int16 channels: as many as an int32 sum holds and one more, in channels and in taps; strides up to 5 of rows
# that one vector holds; outputs that eight, four and one leave over.
PAIRS = (
    *(ConvShape(c, 1, 18, 11, 1, 18, 1, 1, 1, 1, 1, 1, 0, 0, 1) for c in (509, 510, 511)),
    ConvShape(4, 1, 320, 14, 1, 65, 1, 256, 1, 1, 1, 1, 0, 0, 1),
    ConvShape(3, 34, 33, 9, 2, 2, 17, 16, 17, 16, 1, 1, 0, 0, 1),
    *(ConvShape(5, 5, 29, 15, 5, 6, 1, 2, 1, s, 1, 1, 0, 1, 1) for s in (1, 2, 3, 4, 5)),
    *(ConvShape(64, 3, 15, outs, 3, 15, 1, 1, 1, 1, 1, 1, 0, 0, 1) for outs in range(9, 16)),
)
# Transposed convolutions of channels each by itself: rows as short as a vector and longer, taps that lie too far
# apart for one, more phases than a vector takes, phases without taps, one channel with few weights, last phases of
# one tap and of two.
TRANSPOSED = (
    ConvShape(64, 1, 8, 64, 1, 16, 1, 3, 1, 2, 1, 1, 0, 1, 64),
    ConvShape(7, 1, 17, 7, 1, 33, 1, 3, 1, 2, 1, 1, 0, 1, 7),
    ConvShape(5, 3, 5, 5, 6, 9, 3, 3, 2, 2, 1, 1, 1, 1, 5),
    ConvShape(3, 4, 70, 3, 9, 140, 4, 4, 2, 2, 1, 1, 1, 1, 3),
    ConvShape(2, 3, 7, 2, 5, 20, 2, 9, 1, 3, 2, 2, 1, 4, 2),
    ConvShape(4, 3, 3, 4, 7, 9, 3, 3, 3, 3, 1, 1, 1, 0, 4),
    ConvShape(6, 1, 6, 6, 1, 21, 1, 2, 1, 4, 1, 1, 0, 1, 6),
    ConvShape(1, 1, 5, 1, 1, 10, 1, 2, 1, 2, 1, 1, 0, 0, 1),
    ConvShape(26, 1, 42, 26, 2, 83, 2, 2, 2, 2, 1, 1, 0, 0, 26),
    ConvShape(2, 3, 4, 2, 6, 8, 2, 2, 2, 2, 1, 1, 0, 0, 2),
    ConvShape(17, 7, 18, 17, 12, 36, 3, 1, 2, 2, 1, 1, 1, 0, 17),
)
# Runs of outputs of few taps: a hop, rows of inputs, a last tap that ends early, gaps, rows apart, longer than what is
# summed at once.
RUNS = (
    ConvShape(1, 1, 2, 1, 1, 240, 1, 480, 1, 240, 1, 1, 0, 240, 1),
    ConvShape(4, 1, 3, 4, 1, 128, 1, 192, 1, 64, 1, 1, 0, 64, 4),
    ConvShape(2, 3, 4, 2, 6, 70, 3, 35, 2, 16, 1, 1, 1, 5, 2),
    ConvShape(3, 1, 9, 3, 1, 130, 1, 5, 1, 16, 1, 1, 0, 0, 3),
    ConvShape(1, 2, 3, 2, 6, 56, 3, 32, 2, 16, 2, 1, 1, 4, 1),
    ConvShape(8, 1, 1, 2, 1, 90, 1, 90, 1, 90, 1, 1, 0, 0, 1),
)
# Few positions of many taps: more than four vectors, cut on both sides, rows of a kernel, groups.
SPREAD = (
    ConvShape(19, 1, 2, 1, 1, 128, 1, 192, 1, 128, 1, 1, 0, 128, 1),
    ConvShape(3, 1, 3, 2, 1, 100, 1, 70, 1, 33, 1, 1, 0, 5, 1),
    ConvShape(4, 2, 2, 4, 5, 31, 3, 21, 2, 9, 1, 1, 1, 3, 2),
    ConvShape(5, 1, 1, 3, 1, 16, 1, 17, 1, 1, 1, 1, 0, 0, 1),
)


def conv(kernel: str, given: ConvShape | None = None) -> Callable[[Draw], Call]:
    x_type, y_type = kernel.removesuffix("_w4").split("_")[-2:]
    transposed = "transpose" in kernel
    run = conv_twin.ek_conv_transpose if transposed else conv_twin.ek_conv

    def build(d: Draw) -> Call:
        shape = given or conv_shape(d, transposed)
        x_shape, w_shape, struct = shaped(shape, transposed)
        x, w, acc = (
            integers(d, DTYPES[x_type], *x_shape),
            weights(d, kernel, *w_shape),
            accumulator(x_type),
        )
        x_zero = d.int(-128, 127) if x_type == "s8" else d.int(-1, 1)
        mult, shift = multipliers(d, acc, shape.out_c)
        if x_type == "s8" and d.int(0, 3) == 0:
            shift = with_far_shifts(d, shift)
        args = [x, x_zero, w, biases(d, acc, shape.out_c), mult, shift, *limits(d, y_type)]
        y = run(*args, shape=shape, to=DTYPES[y_type])
        return in_bytes(Call(kernel, [*args, blank(y), struct], {9: y}), 2)

    return build


def finished(d: Draw, sums: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[Any]]:
    """What a float layer makes of its sums: outputs, and the arguments that say so."""
    act, (a, b) = d.int(0, 5), sorted((d.int(-16, 16) / 8, d.int(-16, 16) / 8))
    add = floats(d, *sums.shape) if d.int(0, 1) else None
    y = linear_twin.ek_act(sums if add is None else sums + add, act, a, b)
    return y, [act, a, b, add]


def conv_f32(kernel: str, given: ConvShape | None = None) -> Callable[[Draw], Call]:
    transposed = "transpose" in kernel

    def build(d: Draw) -> Call:
        shape = given or conv_shape(d, transposed)
        x_shape, w_shape, struct = shaped(shape, transposed)
        x, w = floats(d, *x_shape), floats(d, *w_shape)
        bias = floats(d, shape.out_c) if d.int(0, 1) else None
        if transposed:
            y = conv_twin.ek_conv_transpose_f32(x, w, bias, shape)
            return Call(kernel, [x, w, bias, blank(y), struct], {3: y})
        y, then = finished(d, conv_twin.ek_conv_f32(x, w, bias, shape))
        return Call(kernel, [x, w, bias, *then, blank(y), struct], {7: y})

    return build


def conv_channels(d: Draw) -> Call:
    """A convolution of one group; w [taps][out_c]: rows of any length, small, tall and cut pictures."""
    kind, k_h, k_w = d.int(0, 5), d.int(1, 3), d.int(1, 4)
    strides, dilations = (d.int(1, 3), d.int(1, 3)), (d.int(1, 2), d.int(1, 2))
    pads, inputs, size = (d.int(0, 2), d.int(0, 2)), d.int(1, 12), (d.int(1, 4), d.int(1, 44))
    if kind == 0:  # positions side by side
        size, pads = (d.int(2, 4), d.int(1, 4)), (d.int(0, 1), d.int(0, 2))
    elif kind == 1:  # along columns
        size = d.int(7, 40), d.int(1, 6)
    elif kind == 2:  # a long row
        k_h = k_w = 1
        strides, dilations, pads = (1, 1), (1, 1), (0, 0)
    elif kind == 3:  # no room for all rows, or for a whole one
        inputs, size = d.int(60, 400), (d.int(1, 9), d.int(3, 60))
        strides, dilations = (1, d.int(1, 2)), (1, 1)
    elif kind == 4:
        k_h, k_w, inputs = d.int(1, 9), d.int(1, 20), d.int(1, 3)
    reach = (k_h - 1) * dilations[0], (k_w - 1) * dilations[1]
    ends = zip(size, strides, reach, pads, strict=True)
    x = [max(1, (n - 1) * s + r + 1 - p - d.int(0, 1) * p) for n, s, r, p in ends]
    sizes = (inputs, *x, d.int(1, 50), *size, k_h, k_w, *strides, *dilations, *pads, 1)
    shape = ConvShape(*sizes)
    while not has_room(shape):
        shape = replace(shape, in_c=shape.in_c * 7 // 8)
    values, w = floats(d, shape.in_c, *x), floats(d, shape.out_c, shape.in_c, k_h, k_w)
    bias = floats(d, shape.out_c) if d.int(0, 1) else None
    y, then = finished(d, conv_twin.ek_conv_f32(values, w, bias, shape))
    by_tap = np.ascontiguousarray(w.reshape(shape.out_c, -1).T)
    args = [values, by_tap, bias, *then, blank(y), np.array(shape.fields(), np.int32)]
    return Call("ek_conv_channels_f32", args, {7: y})


def conv_winograd_int(d: Draw) -> Call:
    """The same in int8, with sums that are small enough, and strips of any number of tiles."""
    kind = d.int(0, 3)
    size = d.int(1, 14), d.int(1, 30) if kind else d.int(60, 140)
    pads = d.int(0, 2), d.int(0, 2)
    x = [max(1, n + 2 - pad - d.int(0, 2)) for n, pad in zip(size, pads, strict=True)]
    inputs, outputs = d.int(1, 12), d.int(1, 20)
    if kind == 1:  # several vectors of channels
        inputs, outputs = d.int(20, 256), d.int(17, 120)
    shape = ConvShape(inputs, *x, outputs, *size, 3, 3, 1, 1, 1, 1, *pads, 1)
    scaling = multipliers(d, np.int32, outputs)
    w = weights(d, "ek_conv_s8_s8", outputs, inputs, 3, 3)
    zero, bias = d.int(-128, 127), d.rng().integers(-(1 << 15), 1 << 15, outputs).astype(np.int32)
    if inputs > 32:
        w = (w // 3).astype(np.int8)
    values, then = integers(d, np.int8, inputs, *x), [*scaling, *limits(d, "s8")]
    y = conv_twin.ek_conv(values, zero, w, bias, *then, shape=shape, to=np.int8)
    weights_of_tiles = winograd_int.pack_winograd(w), winograd_int.fold_winograd_bias(w, bias, zero)
    args = [values, zero, *weights_of_tiles, *then, blank(y), np.array(shape.fields(), np.int32)]
    return Call(winograd_int.KERNEL, args, {9: y})


def conv_winograd(d: Draw) -> Call:
    """A 3x3 convolution by tiles; rows and columns of any number, in strips of any size, padded or cut anywhere.

    Few are large: the cases of all kernels share the memory of a small device.
    """
    kind = d.int(0, 7)
    rows, columns, outputs, tiles = (14, 44, 50, 64) if kind < 3 else (7, 13, 20, 12)
    size = d.int(1, rows), d.int(1, columns) if kind else d.int(60, 140)
    pads = d.int(0, 2), d.int(0, 2)
    x = [max(1, n + 2 - pad - d.int(0, 2)) for n, pad in zip(size, pads, strict=True)]
    inputs = d.int(1, 12) if kind else d.int(1, 3)
    shape = ConvShape(inputs, *x, d.int(1, outputs), *size, 3, 3, 1, 1, 1, 1, *pads, 1)
    high, wide = -(-size[0] // 2), -(-size[1] // 2)
    columns = d.int(1, min(wide, tiles))
    strip = strip_of(shape) if kind == 1 else Strip(d.int(1, min(high, tiles // columns)), columns)
    values, w = floats(d, inputs, *x), floats(d, shape.out_c, inputs, 3, 3)
    bias = floats(d, shape.out_c) if d.int(0, 1) else None
    u = transform_weights(w)
    y, then = finished(d, conv_twin.ek_conv_winograd_f32(values, u, bias, shape))
    work = np.full(strip.work_floats(shape), np.nan, np.float32)
    numbers = [work, strip.rows, strip.columns, np.array(shape.fields(), np.int32)]
    return Call("ek_conv_winograd_f32", [values, u, bias, *then, blank(y), *numbers], {7: y})


def frames(kernel: str) -> Callable[[Draw], Call]:
    """A ring of frames, of which some are read, in any order."""
    kinds = kernel.split("_")[2:]

    def build(d: Draw) -> Call:
        taps, channels, length = d.int(1, 8), several(d), d.int(8, 12)
        at = (d.rng().permutation(length)[:taps] * channels).astype(np.int32)
        if kinds == ["f32"]:
            x, w = floats(d, length, channels), floats(d, taps, channels)
            bias = floats(d, channels) if d.int(0, 1) else None
            y = conv_twin.ek_frames_f32(x, at, w, bias)
            return Call(kernel, [x, at, w, bias, blank(y), taps, channels], {4: y})
        acc = accumulator(kinds[0])
        x = integers(d, DTYPES[kinds[0]], length, channels)
        args = [x, at, integers(d, np.int8, taps, channels), biases(d, acc, channels)]
        args += [*multipliers(d, acc, channels), *limits(d, kinds[1])]
        y = conv_twin.ek_frames(*args, to=DTYPES[kinds[1]])
        return Call(kernel, [*args, blank(y), taps, channels], {9: y})

    return build


def pool_shape(d: Draw) -> ConvShape:
    """A shape whose windows all reach the data, of one window that is all of it, or of two columns side by side."""
    kind = d.int(0, 4)
    if kind == 0:
        c, h, w = d.int(1, 40), d.int(1, 9), d.int(1, 30)
        return ConvShape(c, h, w, c, 1, 1, h, w, 1, 1, 1, 1, 0, 0, 1)
    if kind == 1:
        c, out, k, stride, dilation = (
            d.int(1, 3),
            d.int(1, 3),
            d.int(1, 3),
            d.int(1, 2),
            d.int(1, 2),
        )
        wide, more = d.int(1, 40), d.int(0, 1)
        high = (out - 1) * stride + (k - 1) * dilation + 1 + more
        size = c, high, 2 * wide + more, c, out, wide
        return ConvShape(*size, k, 2, stride, 2, dilation, 1, 0, 0, 1)
    while True:
        shape = conv_shape(d, False)
        shape = replace(shape, in_c=shape.out_c, groups=1)
        if pooling_twin.divisors(shape, 0, 0, 0).min() > 0:
            return shape


def max_pool(kernel: str) -> Callable[[Draw], Call]:
    dtype = kernel.split("_")[-1]

    def build(d: Draw) -> Call:
        s = pool_shape(d)
        size = s.in_c, s.in_h, s.in_w
        x = floats(d, *size, special=True) if dtype == "f32" else integers(d, DTYPES[dtype], *size)
        y = pooling_twin.ek_max_pool(x, s)
        return Call(kernel, [x, blank(y), np.array(s.fields(), np.int32)], {1: y})

    return build


def avg_pool_f32(d: Draw) -> Call:
    s = pool_shape(d)
    x = floats(d, s.in_c, s.in_h, s.in_w)
    borders = [d.int(0, 1), d.int(0, 2), d.int(0, 2)]
    y = pooling_twin.ek_avg_pool_f32(x, *borders, s)
    return Call("ek_avg_pool_f32", [x, blank(y), *borders, np.array(s.fields(), np.int32)], {1: y})


def lp_pool_f32(d: Draw) -> Call:
    s, p = pool_shape(d), d.int(1, 4)
    x = floats(d, s.in_c, s.in_h, s.in_w)
    y = pooling_twin.ek_lp_pool_f32(x, p, s)
    return Call("ek_lp_pool_f32", [x, blank(y), p, np.array(s.fields(), np.int32)], {1: y})


def avg_pool_int(kernel: str) -> Callable[[Draw], Call]:
    dtype, result = read_and_written(kernel)

    def build(d: Draw) -> Call:
        s = pool_shape(d)
        x = integers(d, DTYPES[dtype], s.in_c, s.in_h, s.in_w)
        borders = [d.int(0, 1), d.int(0, 2), d.int(0, 2)]
        counts = pooling_twin.divisors(s, *borders)
        factors = multipliers(d, accumulator(dtype), int(counts.max() - counts.min()) + 1)
        zero = d.int(-128, 127) if dtype == "s8" else 0
        args = [x, zero, *factors, int(counts.min()), *limits(d, result)]
        y = pooling_twin.ek_avg_pool(*args, pool=pooling_twin.Pool(s, *borders), to=DTYPES[result])
        struct = np.array(s.fields(), np.int32)
        return Call(kernel, [*args, blank(y), *borders, struct], {8: y})

    return build


def grid_sample(d: Draw) -> Call:
    channels, in_h, in_w, points = d.int(1, 3), d.int(1, 5), d.int(1, 6), d.int(1, 9)
    x, places = floats(d, channels, in_h, in_w), floats(d, points, 2, special=True)
    options = [d.int(0, 1), d.int(0, 2), d.int(0, 1)]
    y = resize_twin.ek_grid_sample_f32(x, places, *options)
    args = [x, places, blank(y), channels, in_h, in_w, points, *options]
    return Call("ek_grid_sample_f32", args, {2: y})


def deform_conv(d: Draw) -> Call:
    shape = conv_shape(d, False)
    (in_c, *size), w_shape, struct = shaped(shape, False)
    groups = shape.groups if d.int(0, 1) else 1
    x, w, taps = floats(d, in_c, *size), floats(d, *w_shape), shape.k_h * shape.k_w
    out = (shape.out_h, shape.out_w)
    offset = floats(d, groups * taps * 2, *out, special=True)
    bias = floats(d, shape.out_c) if d.int(0, 1) else None
    mask = floats(d, groups * taps, *out) if d.int(0, 1) else None
    y = deform_twin.ek_deform_conv_f32(x, w, offset, bias, mask, groups, shape)
    scratch = np.zeros(in_c * taps, np.float32)
    args = [x, w, offset, bias, mask, blank(y), groups, struct, scratch]
    return Call("ek_deform_conv_f32", args, {5: y})


def square_deform(d: Draw) -> Call:
    channels, height, width = (d.int(1, n) for n in (5, 20, 20))
    x, x_zero = integers(d, np.int8, channels, height, width), d.int(-128, 127)
    reach = d.rng().integers(-2, 10, (height, width)).astype(np.int8)
    w = weights(d, "ek_square_deform_s8", channels, 3, 3)
    ends = sorted(d.int(-128, 127) for _ in range(2))
    args = [
        x,
        x_zero,
        reach,
        0,
        d.int(1, 8),
        w,
        biases(d, np.int32, channels),
        *multipliers(d, np.int32, channels),
    ]
    args += [d.int(-128, 127), *ends]
    y = deform_twin.ek_square_deform_s8(*args[:3], (args[3], args[4]), *args[5:])
    return Call("ek_square_deform_s8", [*args, blank(y), channels, height, width], {12: y})


def interpolate(d: Draw) -> Call:
    """Along any axis, of neighbours as a resize takes them or of any elements."""
    outer, in_n, out_n, inner, taps = (d.int(1, n) for n in (3, 40, 80, 40, 5))
    inner = inner if d.int(0, 1) else 1
    x, weights = floats(d, outer, in_n, inner), floats(d, out_n, taps)
    index = d.rng().integers(0, in_n, (out_n, taps)).astype(np.int32)
    if d.int(0, 1):
        near = np.arange(out_n)[:, None] * in_n // out_n + np.arange(taps)
        index = np.minimum(near, in_n - 1).astype(np.int32)
    y = resize_twin.ek_interpolate_f32(x, index, weights)
    args = [x, index, weights, blank(y), outer, in_n, out_n, inner, taps]
    return Call("ek_interpolate_f32", args, {3: y})


def cell_weights(
    d: Draw, kernel: str, rows: int, inputs: int, units: int
) -> tuple[NDArray[np.int8], NDArray[np.int8], list[Pattern | None]]:
    """Weights of the input and of h, and the patterns that they keep in a sparse kernel."""
    if not kernel.endswith("_sparse"):
        return weights(d, kernel, rows, inputs), weights(d, kernel, rows, units), []
    (w, of_w), (r, of_r) = sparse_weights(d, rows, inputs), sparse_weights(d, rows, units)
    return w, r, [of_w if inputs else None, of_r]


def over_time(
    d: Draw, x: NDArray[Any], states: list[NDArray[Any]], cell: Callable[..., Any]
) -> tuple[list[Any], dict[int, NDArray[Any]], NDArray[Any]]:
    """Return a layer's y (or None), steps and batch; its next states by their place; and every h.

    `cell` returns the next states of (x of a step, states).
    """
    every, after = [], states
    for step in x:
        after = list(cell(step, *after))
        every.append(after[0])
    y = np.stack(every)
    given = [blank(y) if d.int(0, 1) else None, *x.shape[:2]]
    return given, {1 + i: state for i, state in enumerate(after)}, y


FLOAT_ROWS = 12  # EK_CELL_ROWS_F32


def rows_of(d: Draw, most: int = 4) -> tuple[int, int, int]:
    """Return steps, batch, and how many rows have scratch of their own: at most EK_CELL_ROWS."""
    steps, batch = (d.int(1, 2), d.int(1, 16)) if d.int(0, 1) else (d.int(1, 16), 1)
    return steps, batch, min(most, batch if batch > 1 else steps)


def inputs_of(d: Draw, x_type: str) -> int:
    """How many x a cell multiplies; 0 where x, then int16, has the sums of its gates."""
    return 0 if x_type == "s16" and d.int(0, 3) == 0 else d.int(1, 40)


def gru_int(kernel: str) -> Callable[[Draw], Call]:
    x_type, h_type = kernel.split("_")[2:4]

    def build(d: Draw) -> Call:
        n, acc, acc_r = d.int(1, 30), accumulator(x_type), accumulator(h_type)
        inputs, (steps, batch, rows) = inputs_of(d, x_type), rows_of(d)
        x = integers(d, DTYPES[x_type], steps, batch, inputs or 3 * n)
        h = integers(d, np.int16, batch, n)
        w, r, patterns = cell_weights(d, kernel, 3 * n, inputs, n)
        scaling = [*multipliers(d, acc, 3 * n), *multipliers(d, acc_r, 3 * n)]
        biased = biases(d, acc, 3 * n), biases(d, acc_r, 3 * n)
        arrays, before = [w, r, *biased, *scaling, SIGMOID, TANH], d.int(0, 1)
        gates = recurrent_twin.Gates(*arrays)

        def cell(x: NDArray[Any], h: NDArray[Any]) -> tuple[NDArray[Any]]:
            return (recurrent_twin.ek_gru(x, h, gates, before, operand=DTYPES[h_type]),)

        given, wanted, y = over_time(d, x, [h], cell)
        scratch = np.zeros((13 if h_type == "s8" else 14) * n * rows, np.uint8)
        wanted |= {12: y} if given[0] is not None else {}
        call = Call(kernel, [x, h, *arrays, *given, inputs, n, before, scratch], wanted)
        return sparse(call, patterns, PORTABLE) if patterns else in_bytes(call, 2, 3)

    return build


def lstm_int(kernel: str) -> Callable[[Draw], Call]:
    x_type, h_type = kernel.split("_")[2:4]

    def build(d: Draw) -> Call:
        n, acc, acc_r = d.int(1, 30), accumulator(x_type), accumulator(h_type)
        inputs, (steps, batch, rows) = inputs_of(d, x_type), rows_of(d)
        x = integers(d, DTYPES[x_type], steps, batch, inputs or 4 * n)
        h, c = integers(d, np.int16, batch, n), integers(d, np.int32, batch, n)
        w, r, patterns = cell_weights(d, kernel, 4 * n, inputs, n)
        scaling = [*multipliers(d, acc, 4 * n), *multipliers(d, acc_r, 4 * n)]
        biased = biases(d, acc, 4 * n), biases(d, acc_r, 4 * n)
        arrays, c_bits = [w, r, *biased, *scaling, SIGMOID, TANH], d.int(0, 30)
        gates = recurrent_twin.Gates(*arrays)

        def cell(x: NDArray[Any], h: NDArray[Any], c: NDArray[Any]) -> tuple[Any, Any]:
            return recurrent_twin.ek_lstm(x, h, c, gates, c_bits, operand=DTYPES[h_type])

        given, wanted, y = over_time(d, x, [h, c], cell)
        scratch = np.zeros((17 if h_type == "s8" else 18) * n * rows, np.uint8)
        wanted |= {13: y} if given[0] is not None else {}
        call = Call(kernel, [x, h, c, *arrays, *given, inputs, n, c_bits, scratch], wanted)
        return sparse(call, patterns, PORTABLE) if patterns else in_bytes(call, 3, 4)

    return build


def contracting(d: Draw, *shape: int) -> NDArray[np.float32]:
    """Recurrent weights that let no rounding grow from step to step."""
    r = floats(d, *shape)
    return r / np.float32(max(1.0, float(np.abs(r).sum(0).max())))


def gru_f32(d: Draw) -> Call:
    inputs, n, before = d.int(1, 20), d.int(1, 20), d.int(0, 1)
    steps, batch, rows = rows_of(d, FLOAT_ROWS)
    x, h = floats(d, steps, batch, inputs), floats(d, batch, n)
    arrays = [
        floats(d, inputs, 3 * n),
        contracting(d, n, 3 * n),
        floats(d, 3 * n),
        floats(d, 3 * n),
    ]
    given, wanted, y = over_time(
        d, x, [h], lambda x, h: (recurrent_twin.ek_gru_f32(x, h, *arrays, before),)
    )
    wanted |= {6: y} if given[0] is not None else {}
    scratch = np.zeros(6 * n * rows, np.float32)
    return Call("ek_gru_f32", [x, h, *arrays, *given, inputs, n, before, scratch], wanted)


def lstm_f32(d: Draw) -> Call:
    inputs, n = d.int(1, 20), d.int(1, 20)
    steps, batch, rows = rows_of(d, FLOAT_ROWS)
    x, h, c = floats(d, steps, batch, inputs), floats(d, batch, n), floats(d, batch, n)
    arrays = [floats(d, inputs, 4 * n), contracting(d, n, 4 * n), floats(d, 4 * n)]
    given, wanted, y = over_time(
        d, x, [h, c], lambda x, h, c: recurrent_twin.ek_lstm_f32(x, h, c, *arrays)
    )
    wanted |= {6: y} if given[0] is not None else {}
    scratch = np.zeros(4 * n * rows, np.float32)
    return Call("ek_lstm_f32", [x, h, c, *arrays, *given, inputs, n, scratch], wanted)


def rnn_f32(d: Draw) -> Call:
    inputs, n, relu = d.int(1, 20), d.int(1, 20), d.int(0, 1)
    steps, batch, rows = rows_of(d, FLOAT_ROWS)
    x, h = floats(d, steps, batch, inputs), floats(d, batch, n)
    arrays = [floats(d, inputs, n), contracting(d, n, n), floats(d, n)]
    given, wanted, y = over_time(
        d, x, [h], lambda x, h: (recurrent_twin.ek_rnn_f32(x, h, *arrays, relu),)
    )
    wanted |= {5: y} if given[0] is not None else {}
    scratch = np.zeros(n * rows, np.float32)
    return Call("ek_rnn_f32", [x, h, *arrays, *given, inputs, n, relu, scratch], wanted)


LUTS = {
    "ek_lut_s8": lookup_tables.ek_lut_s8,
    "ek_lut_s16": lookup_tables.ek_lut_s16,
    "ek_lut_s16_s8": lookup_tables.ek_lut_s16_s8,
}


def lut(kernel: str) -> Callable[[Draw], Call]:
    x_type = kernel.split("_")[2]
    run: Callable[..., Any] = LUTS[kernel]

    def build(d: Draw) -> Call:
        n = d.int(1, 99)
        x = integers(d, DTYPES[x_type], n)
        table = integers(d, DTYPES[x_type], 256 if x_type == "s8" else 1025)
        extra = []
        if kernel == "ek_lut_s16_s8":
            mult, shift = multipliers(d, np.int64, 1)
            extra = [int(mult[0]), int(shift[0]), d.int(-128, 127)]
        y = run(x, table, *extra)
        args = [x, table, *extra, blank(y), n]
        return Call(kernel, args, {len(args) - 2: y})

    return build


def operand(d: Draw, dtype: Any, n: int) -> tuple[NDArray[Any], int]:
    step = d.int(0, 1)
    return integers(d, dtype, n if step else 1), step


def read_and_written(kernel: str) -> tuple[str, str]:
    """``s16`` and ``s8`` of an ``ek_add_s16_s8``, one type twice of an ``ek_add_s16``."""
    types = [part for part in kernel.split("_") if part in DTYPES]
    return types[0], types[-1]


def two_operands(kernel: str) -> Callable[[Draw], Call]:
    name, result = read_and_written(kernel)
    adds = "add" in kernel
    run: Callable[..., Any] = elementwise_twin.ek_add if adds else elementwise_twin.ek_mul

    def build(d: Draw) -> Call:
        n, top = d.int(1, 70), (1 << 31) - 1
        (a, a_step), (b, b_step) = operand(d, DTYPES[name], n), operand(d, DTYPES[name], n)
        a_zero, b_zero = (d.int(-128, 127), d.int(-128, 127)) if name == "s8" else (0, 0)
        if adds:
            m1, m2 = d.int(0, top), d.int(-top, top)
            if d.int(0, 3) == 0:  # factors of nearly equal scales, whose upper half rounds up
                m1, m2 = (top - d.int(0, 1 << 15) for _ in range(2))
            twin, given = (
                (a, a_zero, m1, b, b_zero, m2),
                [a, a_step, a_zero, m1, b, b_step, b_zero, m2],
            )
        else:
            m = d.int(1, top)
            twin, given = (a, a_zero, b, b_zero, m), [a, a_step, a_zero, b, b_step, b_zero, m]
        shift, (y_zero, y_min, y_max) = (
            d.int(1, 62) if d.int(0, 3) == 0 else d.int(27, 46),
            limits(d, result),
        )
        y = run(*twin, shift, y_zero, y_min, y_max, to=DTYPES[result])
        y = np.ascontiguousarray(np.broadcast_to(y, n))
        args = [*given, shift, y_zero, y_min, y_max, blank(y), n]
        return Call(kernel, args, {len(args) - 2: y})

    return build


def prelu(kernel: str) -> Callable[[Draw], Call]:
    x_type, y_type = read_and_written(kernel)

    def build(d: Draw) -> Call:
        top = (1 << d.int(8, 31)) - 1
        channels, inner = (d.int(1, 40), 1) if d.int(0, 2) == 0 else (d.int(1, 5), d.int(1, 40))
        x = integers(d, DTYPES[x_type], channels, inner)
        slopes = d.rng().integers(-top, top, channels).astype(np.int32)
        x_zero, y_zero = (d.int(-128, 127) if name == "s8" else 0 for name in (x_type, y_type))
        args = [
            x,
            x_zero,
            d.int(1, top),
            slopes,
            d.int(10, 62) if d.int(0, 3) == 0 else d.int(24, 40),
            y_zero,
        ]
        y = elementwise_twin.ek_prelu(*args, to=DTYPES[y_type])
        return Call(kernel, [*args, blank(y), channels, inner], {6: y})

    return build


def fused(
    kernel: str,
    twin: Callable[..., NDArray[Any]],
    given: list[Any],
    sizes: list[int],
    where: int,
    d: Draw,
) -> Call:
    """A call of a kernel with precise internals: its twin's arguments, y at `where`, and sizes."""
    result = read_and_written(kernel)[1]
    args = [*given, *limits(d, result)]
    y = twin(*args, to=DTYPES[result])
    return Call(kernel, [*args, blank(y), *sizes], {where: y})


def even_shift(d: Draw) -> int:
    return 2 * (d.int(12, 20) if d.int(0, 3) else d.int(1, 31))


def magnitude(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        n, add = d.int(1, 40), d.int(0, 1 << 40) if d.int(0, 1) else 0
        a, b = integers(d, np.int16, n), integers(d, np.int16, n)
        given = [a, d.int(0, 1 << 30), b, d.int(0, 1 << 30), add, even_shift(d)]
        return fused(kernel, fused_twin.ek_magnitude, given, [n], 9, d)

    return build


def product_sum(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        n, top = d.int(1, 40), 1 << 30
        a, b, c, e = (integers(d, np.int16, n) for _ in range(4))
        given = [a, b, d.int(-top, top), c, e, d.int(-top, top), d.int(1, 62)]
        return fused(kernel, fused_twin.ek_product_sum, given, [n], 10, d)

    return build


def mean_square(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        outer, n, inner = d.int(1, 4), d.int(1, 40), d.int(1, 5)
        mult, shift = multipliers(d, np.int64, 1)
        given = [integers(d, np.int16, outer, n, inner), int(mult[0]), int(shift[0]) + d.int(0, 14)]
        sizes = [outer, n, inner]
        return fused(kernel, fused_twin.ek_mean_square, given, sizes, 6, d)

    return build


def layernorm_int(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        rows, n, up = d.int(1, 4), d.int(1, 50), d.int(0, 20)
        x, bound = integers(d, np.int16, rows, n), 1 << d.int(1, 24)
        gain = d.rng().integers(-bound, bound, n, endpoint=True).astype(np.int32)
        bias = integers(d, np.int32, n)
        epsilon = d.int(0, 1 << 50) if d.int(0, 1) else d.int(0, 1)
        given = [x, gain, bias, up, epsilon, d.int(20, 45)]
        return fused(kernel, fused_twin.ek_layernorm, given, [rows, n], 9, d)

    return build


def instancenorm_int(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        batch, channels, n, bound = d.int(1, 2), d.int(1, 5), d.int(1, 40), 1 << d.int(1, 24)
        gain = d.rng().integers(-bound, bound, channels, endpoint=True).astype(np.int32)
        arrays = [integers(d, np.int16, batch, channels, n), gain, integers(d, np.int32, channels)]
        epsilon = d.int(0, 1 << 50) if d.int(0, 1) else d.int(0, 1)
        given = [*arrays, d.int(0, 20), epsilon, d.int(20, 45)]
        return fused(kernel, fused_twin.ek_instancenorm, given, [batch, channels, n], 9, d)

    return build


def softmax_int(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        rows, n = d.int(1, 4), d.int(1, 50) + 1024 * (d.int(0, 9) // 9)
        x, table = integers(d, np.int16, rows, n), fused_twin.exp2_table()
        scaling = d.int(0, (1 << 31) - 1), d.int(8, 40), table, d.int(1, 1 << 30), d.int(30, 50)
        return fused(kernel, fused_twin.ek_softmax, [x, *scaling], [rows, n], 9, d)

    return build


def border(kernel: str) -> Callable[[Draw], Call]:
    _, verb, name = kernel.split("_")

    def build(d: Draw) -> Call:
        n, scale = d.int(1, 60), float(np.float32(10.0 ** d.int(-4, 1) * 0.37))
        zero = d.int(-128, 127) if name == "s8" else 0
        x = floats(d, n, special=True) if verb == "quantize" else integers(d, DTYPES[name], n)
        if verb == "quantize" and d.int(0, 1):
            halves = np.rint(np.clip(x, -1e5, 1e5)) + np.float32(0.5)
            x = halves * np.float32(scale) * np.float32(2.0 ** d.int(0, 12 if name == "s32" else 0))
        y = (
            border_twin.ek_quantize(x, scale, zero, to=DTYPES[name])
            if verb == "quantize"
            else border_twin.ek_dequantize(x, scale, zero)
        )
        return Call(kernel, [x, scale, zero, blank(y), n], {3: y})

    return build


def requantize(kernel: str) -> Callable[[Draw], Call]:
    x_type, y_type = kernel.split("_")[2:]

    def build(d: Draw) -> Call:
        n = d.int(1, 60)
        mult, shift = d.int(-(1 << 31) + 1, (1 << 31) - 1), d.int(10, 62)
        x_zero = d.int(-128, 127) if x_type == "s8" else 0
        args = [integers(d, DTYPES[x_type], n), x_zero, mult, shift, *limits(d, y_type)]
        y = border_twin.ek_requantize(*args, to=DTYPES[y_type])
        return Call(kernel, [*args, blank(y), n], {7: y})

    return build


FUNCTIONS = {name: (p, attributes) for p in POINTWISE.values() for name, attributes in p.kernels}


def exact(kernel: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a function makes of x, with the attributes that its kernel is for."""
    function, attributes = FUNCTIONS[kernel]
    with np.errstate(all="ignore"):
        return function.exact(x, attributes)


def function(kernel: str) -> Callable[[Draw], Call]:
    def build(d: Draw) -> Call:
        n = d.int(1, 70)
        x = floats(d, n, special=True)
        y = exact(kernel, x)
        return Call(kernel, [x, blank(y), n], {1: y})

    return build


def transpose(kernel: str) -> Callable[[Draw], Call]:
    dtype = np.dtype(f"i{int(kernel.rpartition('_b')[2]) // 8}")

    def build(d: Draw) -> Call:
        rows, cols = d.int(1, 80), d.int(1, 40)
        x_step, y_step = cols + d.int(0, 5), rows + d.int(0, 5)
        x = integers(d, dtype, rows * x_step)
        y = blank(np.empty(cols * y_step, dtype)).copy()
        y.reshape(cols, y_step)[:, :rows] = x.reshape(rows, x_step)[:, :cols].T
        return Call(kernel, [x, blank(y), rows, cols, x_step, y_step], {1: y})

    return build


def finite(d: Draw) -> Call:
    n, limit = d.int(1, 50), float(np.float32(10.0 ** d.int(-1, 2)))
    floor = float(np.float32(10.0 ** d.int(-40, -2)))
    x = floats(d, n, special=True)
    y = spectral_twin.ek_finite_f32(x, floor, limit)
    return Call("ek_finite_f32", [x, blank(y), n, floor, limit], {1: y})


def fake_quantize(d: Draw) -> Call:
    n, scale = d.int(1, 50), d.int(0, 3) / 8
    grid = np.array([scale, -d.int(0, 300), d.int(0, 300)], np.float32)
    x = floats(d, n, special=True)
    y = border_twin.ek_fake_quantize_f32(x, grid)
    return Call("ek_fake_quantize_f32", [x, grid, blank(y), n], {2: y})


def softmax(d: Draw) -> Call:
    rows, n = d.int(1, 4), d.int(1, 40)
    x = floats(d, rows, n, special=d.int(0, 3) == 0)
    y = axis_operators.ek_softmax_f32(x)
    return Call("ek_softmax_f32", [x, blank(y), rows, n], {1: y})


def layernorm(d: Draw) -> Call:
    rows, n, eps = d.int(1, 4), d.int(1, 40), float(np.float32(1e-5))
    x, scale, bias = floats(d, rows, n), floats(d, n), floats(d, n) if d.int(0, 1) else None
    y = normalize.ek_layernorm_f32(x, scale, bias, eps)
    mean, inverse = normalize.row_statistics(x, eps)
    if d.int(0, 1):
        results = [blank(y), blank(mean), blank(inverse)]
        args = [x, scale, bias, eps, *results, rows, n]
        return Call("ek_layernorm_f32", args, {4: y, 5: mean, 6: inverse})
    return Call("ek_layernorm_f32", [x, scale, bias, eps, blank(y), None, None, rows, n], {4: y})


def instancenorm(d: Draw) -> Call:
    batch, channels, n = d.int(1, 2), d.int(1, 5), d.int(1, 20)
    x, eps = floats(d, batch, channels, n), float(np.float32(1e-5))
    scale, bias = floats(d, channels), floats(d, channels)
    y = normalize.ek_instancenorm_f32(x, scale, bias, eps)
    args = [x, scale, bias, eps, blank(y), batch, channels, n]
    return Call("ek_instancenorm_f32", args, {4: y})


def lrn(d: Draw) -> Call:
    batch, channels, n, size = d.int(1, 2), d.int(1, 7), d.int(1, 20), d.int(1, 9)
    factor, beta, bias = (float(np.float32(d.int(0, 20) / 8)) for _ in range(3))
    x = floats(d, batch, channels, n, special=d.int(0, 3) == 0)
    y = normalize.ek_lrn_f32(x, size, factor, beta, bias)
    args = [x, blank(y), batch, channels, n, size, factor, beta, bias]
    return Call("ek_lrn_f32", args, {1: y})


def fc_f32(d: Draw) -> Call:
    rows, k, n = d.int(1, 9), d.int(1, 40), several(d)
    x, w, bias = floats(d, rows, k), floats(d, k, n), floats(d, n) if d.int(0, 1) else None
    y, then = finished(d, linear_twin.ek_fc_f32(x, w, bias))
    return Call("ek_fc_f32", [x, w, bias, *then, blank(y), rows, k, n], {7: y})


def matmul_f32(d: Draw) -> Call:
    m, k, n = d.int(1, 5), d.int(1, 40), d.int(1, 20)
    if d.int(0, 2) == 0:  # tiles of several rows and vectors, with a rest
        m, k, n = d.int(1, 19), d.int(1, 9), d.int(1, 150)
    a, b = floats(d, m, k), floats(d, k, n)
    y = linear_twin.ek_matmul_f32(a, b)
    return Call("ek_matmul_f32", [a, b, blank(y), m, k, n], {2: y})


def length(d: Draw) -> int:
    return 2 * 2 ** d.int(0, 5) * 3 ** d.int(0, 2) * 5 ** d.int(0, 1)


def rfft(d: Draw) -> Call:
    n = length(d)
    x, tables = floats(d, n), spectral_twin.fft_tables(n)
    y = spectral_twin.ek_rfft_f32(x, tables)
    return Call("ek_rfft_f32", [x, blank(y), tables, n, np.zeros(2 * n, np.float32)], {1: y})


def irfft(d: Draw) -> Call:
    n = length(d)
    x, tables = floats(d, n // 2 + 1, 2), spectral_twin.fft_tables(n)
    y = spectral_twin.ek_irfft_f32(x, tables)
    return Call("ek_irfft_f32", [x, blank(y), tables, n, np.zeros(2 * n, np.float32)], {1: y})


def fft(d: Draw) -> Call:
    size = length(d)
    x, tables = floats(d, size, 2), spectral_twin.fft_tables(2 * size)
    y = spectral_twin.ek_fft_f32(x, tables)
    left, stages = size, 0
    while left > 1:
        left //= next(r for r in spectral_twin.RADICES if left % r == 0)
        stages += 1
    work = [np.zeros((size, 2), np.float32), np.zeros((size, 2), np.float32)]
    where = 0 if stages == 0 else 1 if stages % 2 else 2
    return Call("ek_fft_f32", [x, *work, tables, size], {where: y})


def stft(d: Draw) -> Call:
    n = length(d)
    hop = d.int(1, n)
    pcm, history, window, tables = (
        floats(d, hop),
        floats(d, n - hop),
        floats(d, n),
        spectral_twin.fft_tables(n),
    )
    y, after = spectral_twin.ek_stft_f32(pcm, history, window, tables)
    args = [pcm, history, window, blank(y), tables, n, hop, np.zeros(3 * n, np.float32)]
    return Call("ek_stft_f32", args, {1: after, 3: y})


def istft(d: Draw) -> Call:
    n = length(d)
    hop = d.int(1, n)
    spectrum, overlap, window, tables = (
        floats(d, n // 2 + 1, 2),
        floats(d, n - hop),
        floats(d, n),
        spectral_twin.fft_tables(n),
    )
    pcm, after = spectral_twin.ek_istft_f32(spectrum, overlap, window, tables)
    args = [spectrum, overlap, window, blank(pcm), tables, n, hop, np.zeros(3 * n, np.float32)]
    return Call("ek_istft_f32", args, {1: after, 3: pcm})


def micro_frontend(d: Draw) -> Call:
    bands, kept = d.int(2, 60), d.int(1, 400)
    step = d.int(max(1, 257 - kept), 512 - kept)
    window, matrix = micro_tables.window_table(kept + step), micro_tables.band_matrix(bands)
    pcm = floats(d, step) * np.float32(2.0 ** d.int(-14, 2))
    history = integers(d, np.int16, kept)
    noise = np.abs(integers(d, np.int32, bands, low=0) >> 2)
    y, after, estimates = micro_twin.ek_micro_frontend(pcm, history, noise, window, matrix)
    tables = [
        window.astype(np.int16),
        bin_table(matrix),
        micro_tables.twiddles().astype(np.int16),
        micro_tables.gain_table().astype(np.int32),
        micro_tables.log_table().astype(np.int16),
    ]
    work = np.zeros(bands + 129, np.uint64)
    args = [pcm, history, noise, *tables, blank(y), kept + step, step, bands, work]
    return Call("ek_micro_frontend", args, {1: after, 2: estimates, 8: y})


def normal(d: Draw) -> Call:
    seed, draw, block = d.int(-(2**63), 2**63 - 1), d.int(0, 2**31 - 1), d.int(0, 2**31 - 1)
    words = random_normals.philox((block, draw, 0, 0), (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))
    z = random_normals.to_normal(np.array([int(word) for word in words], np.uint64))
    return Call("ek_normal_f32", [seed, draw, block, random_normals.quantiles(), blank(z)], {4: z})


def _noise(d: Draw, distribution: str, tables: list[NDArray[Any]]) -> Call:
    count, port = d.int(1, 20), d.int(0, 2**31 - 1)
    numbers = [d.int(0, 2**63 - 1) * 2 + 1, d.int(0, 2 ** d.int(2, 62))]
    state = np.concatenate([noise.parts(number) for number in numbers])
    z, after = noise.ek_noise_f32(state, distribution, port, count)
    args = [state, *tables, blank(z), port, count]
    return Call(f"ek_{distribution}_noise_f32", args, {0: after, 1 + len(tables): z})


def normal_noise(d: Draw) -> Call:
    return _noise(d, "normal", [random_normals.quantiles()])


def uniform_noise(d: Draw) -> Call:
    return _noise(d, "uniform", [])


def _family(
    build: Callable[[str], Callable[[Draw], Call]], *names: str
) -> dict[str, Callable[[Draw], Call]]:
    return {name: build(name) for name in names}


def sparse_forms(*families: str) -> list[str]:
    """Kernels of sparse weights."""
    return [kernel for kernel in forms(*families) if kernel.endswith("_sparse")]


def dense_forms(*families: str) -> list[str]:
    """The others."""
    return [kernel for kernel in forms(*families) if not kernel.endswith("_sparse")]


CASES: dict[str, Callable[[Draw], Call]] = {
    **_family(fc, *dense_forms("ek_fc")),
    **_family(conv, *dense_forms("ek_conv", "ek_conv_transpose")),
    **_family(sparse_fc, *sparse_forms("ek_fc")),
    **_family(sparse_conv, *sparse_forms("ek_conv")),
    **_family(matmul_int, *forms("ek_matmul")),
    **_family(frame_products, "ek_frame_dots_f32", "ek_frame_sums_f32"),
    **_family(frame_products, *forms("ek_frame_dots", "ek_frame_sums")),
    **_family(frame_fc, "ek_frame_fc_f32", *forms("ek_frame_fc")),
    **_family(conv_f32, "ek_conv_f32", "ek_conv_transpose_f32"),
    **_family(frames, "ek_frames_f32", *forms("ek_frames")),
    **_family(max_pool, "ek_max_pool_f32", *forms("ek_max_pool")),
    **_family(avg_pool_int, *forms("ek_avg_pool")),
    "ek_avg_pool_f32": avg_pool_f32,
    "ek_lp_pool_f32": lp_pool_f32,
    "ek_interpolate_f32": interpolate,
    "ek_grid_sample_f32": grid_sample,
    "ek_deform_conv_f32": deform_conv,
    "ek_conv_channels_f32": conv_channels,
    "ek_conv_winograd_f32": conv_winograd,
    "ek_conv_winograd_s8_s8": conv_winograd_int,
    "ek_square_deform_s8": square_deform,
    **_family(gru_int, *forms("ek_gru")),
    **_family(lstm_int, *forms("ek_lstm")),
    **_family(lut, *LUTS),
    **_family(two_operands, *forms("ek_add", "ek_mul")),
    **_family(
        border,
        *(f"ek_{verb}_{s}" for verb in ("quantize", "dequantize") for s in ("s8", "s16", "s32")),
    ),
    **_family(requantize, *forms("ek_requantize")),
    **_family(function, *FUNCTIONS),
    **_family(transpose, "ek_transpose_b8", "ek_transpose_b16", "ek_transpose_b32"),
    **_family(prelu, *forms("ek_prelu")),
    **_family(magnitude, *forms("ek_magnitude")),
    **_family(product_sum, *forms("ek_product_sum")),
    **_family(mean_square, *forms("ek_mean_square")),
    **_family(layernorm_int, *forms("ek_layernorm")),
    **_family(instancenorm_int, *forms("ek_instancenorm")),
    **_family(softmax_int, *forms("ek_softmax")),
    "ek_gru_f32": gru_f32,
    "ek_lstm_f32": lstm_f32,
    "ek_rnn_f32": rnn_f32,
    "ek_finite_f32": finite,
    "ek_fake_quantize_f32": fake_quantize,
    "ek_softmax_f32": softmax,
    "ek_layernorm_f32": layernorm,
    "ek_instancenorm_f32": instancenorm,
    "ek_lrn_f32": lrn,
    "ek_fc_f32": fc_f32,
    "ek_matmul_f32": matmul_f32,
    "ek_fft_f32": fft,
    "ek_rfft_f32": rfft,
    "ek_irfft_f32": irfft,
    "ek_stft_f32": stft,
    "ek_istft_f32": istft,
    "ek_micro_frontend": micro_frontend,
    "ek_normal_f32": normal,
    "ek_normal_noise_f32": normal_noise,
    "ek_uniform_noise_f32": uniform_noise,
}
