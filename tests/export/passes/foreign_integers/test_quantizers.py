"""Quantizers of every kind in small networks: the import equals onnxruntime, integer where it can be."""

import numpy as np
import pytest
from quantizer_networks import (
    F32,
    GRIDS,
    WEIGHTS,
    draw,
    imported,
    integers,
    normal,
    onnxruntime_runs,
    parse,
)

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.targets.macs import float_layers, float_operators
from edgekit.verbs.targets import TARGETS

# one operator between Q/DQ pairs: (operator line from xd to z, output shape, further constants)
FRAMED = {
    "conv": ("z = Conv <pads = [1, 1, 1, 1]> (xd, wd, bd)", (1, 5, 6, 8), {}),
    "conv_float_bias": ("z = Conv (xd, wd, bf)", (1, 5, 4, 6), {"bf": normal(5)}),
    "conv_relu": ("a = Conv (xd, wd) z = Relu (a)", (1, 5, 4, 6), {}),
    "conv_clip": (
        "a = Conv (xd, wd) z = Clip (a, lo, hi)",
        (1, 5, 4, 6),
        {
            "lo": F32(0),
            "hi": F32(1.5),
        },
    ),
    "add": ("z = Add (xd, xd)", (1, 4, 6, 8), {}),
    "mul": ("z = Mul (xd, xd)", (1, 4, 6, 8), {}),
    "add_constant": ("z = Add (xd, cd)", (1, 4, 6, 8), {}),
    "concat": ("z = Concat <axis = 2> (xd, xd)", (1, 4, 12, 8), {}),
    "transpose": ("z = Transpose <perm = [0, 3, 1, 2]> (xd)", (1, 8, 4, 6), {}),
    "reshape": ("z = Reshape (xd, dims)", (1, 48, 4), {"dims": np.array([1, 48, 4])}),
    "max_pool": ("z = MaxPool <kernel_shape = [2, 2]> (xd)", (1, 4, 5, 7), {}),
    "average_pool": ("z = AveragePool <kernel_shape = [3, 2]> (xd)", (1, 4, 4, 7), {}),
    "global_average_pool": ("z = GlobalAveragePool (xd)", (1, 4, 1, 1), {}),
    "resize": (
        'z = Resize <mode = "nearest"> (xd, , sizes)',
        (1, 4, 12, 16),
        {
            "sizes": np.array([1, 1, 2, 2], F32),
        },
    ),
    "sigmoid": ("z = Sigmoid (xd)", (1, 4, 6, 8), {}),
    "leaky_relu": ("z = LeakyRelu <alpha = 0.1> (xd)", (1, 4, 6, 8), {}),
    "hard_swish": ("z = HardSwish (xd)", (1, 4, 6, 8), {}),
    "prelu": ("z = PRelu (xd, slope)", (1, 4, 6, 8), {"slope": normal(4, 1, 1)}),
    "prelu_stored": ("z = PRelu (xd, cd)", (1, 4, 6, 8), {}),
}


@pytest.mark.parametrize("name", FRAMED)
def test_each_operator_is_within_one_step_of_onnxruntime(name: str) -> None:
    line, shape, more = FRAMED[name]
    proto = parse(
        f"""(float[1,4,6,8] x) => (float[{",".join(map(str, shape))}] y) {{
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wd = DequantizeLinear <axis = 0> (w, ws, wz)
          bd = DequantizeLinear <axis = 0> (b, bs, bz)
          cd = DequantizeLinear (c, cs, cz)
          {line}
          zq = QuantizeLinear (z, ys, yz)
          y = DequantizeLinear (zq, ys, yz)
        }}""",
        **WEIGHTS | more,
    )
    model = imported(proto)
    graph = to_integer(model).ir.graph
    float_nodes = {n.op_type for n in graph if n.outputs[0].dtype.name == "FLOAT"}
    assert float_nodes == {"Dequantize"}
    inputs = draw(model)
    found = Oracle(model).run_hops(inputs)["y"]
    for expected in (onnxruntime_runs(proto, inputs), run_hops(model, inputs)["y"]):
        steps = np.rint((found - expected) / GRIDS["ys"])
        assert np.abs(steps).max() <= 1
        assert np.count_nonzero(steps) <= 0.02 * steps.size


# what the stored types do not hold, and integers at the border: (text, constants, equal in every bit)
OTHERS = {
    "uint8 in, uint8 out": ("""(uint8[1,4,6,8] x) => (uint8[1,5,4,6] y) {
        xd = DequantizeLinear (x, xs, xz)
        wd = DequantizeLinear <axis = 0> (w, ws, wz)
        z = Conv (xd, wd)
        y = QuantizeLinear (z, ys, yz) }""", {}),
    "int8 in, int8 out": ("""(int8[1,4,6,8] x) => (int8[1,4,6,8] y) {
        xd = DequantizeLinear (x, ss, sz)
        z = Neg (xd)
        y = QuantizeLinear (z, ss, sz) }""", {}),
    "per axis": ("""(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear <axis = -3> (x, as, az)
        y = DequantizeLinear <axis = 1> (xq, as, az) }""", {
        "as": np.array([0.1, 0.02, 0.3, 0.04], F32), "az": np.array([3, 0, 255, 128], np.uint8),
    }),
    "uint16": ("""(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear (x, hs, hz)
        y = DequantizeLinear (xq, hs, hz) }""", {"hs": F32(0.001), "hz": np.uint16(32000)}),
    "uint16 around its middle": ("""(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear (x, hs, hz)
        y = DequantizeLinear (xq, hs, hz) }""", {"hs": F32(0.001), "hz": np.uint16(32768)}),
    "int16": ("""(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear (x, hs, hz)
        y = DequantizeLinear (xq, hs, hz) }""", {"hs": F32(0.001), "hz": np.int16(-700)}),
    "int32": ("""(int32[1,4] x) => (float[1,4] y) { y = DequantizeLinear (x, xs) }""", {}),
    "no zero point": ("""(float[1,4] x) => (uint8[1,4] y) { y = QuantizeLinear (x, xs) }""", {}),
    "computed scale": ("""(float[1,4] x) => (float[1,4] y) {
        a = Abs (x)  s = ReduceMax <keepdims = 0> (a)  t = Mul (s, hs)
        xq = QuantizeLinear (x, t, sz)
        y = DequantizeLinear (xq, t, sz) }""", {"hs": F32(0.008)}),
    "dynamic": ("""(float[1,4,6,8] x) => (float[1,4,6,5] y) {
        xq, s, z = DynamicQuantizeLinear (x)
        i = MatMulInteger (xq, n, z, nz)
        f = Cast <to = 1> (i)
        y = Mul (f, s) }""", {
        "n": integers(8, 5, dtype=np.uint8, low=0, high=255), "nz": np.uint8(120),
    }),
    "deep integer product": ("""(uint8[3,999] x) => (int32[3,5] y) {
        y = MatMulInteger (x, n, xz, nz) }""", {
        "n": integers(999, 5, dtype=np.uint8, low=0, high=255),
        "nz": integers(5, dtype=np.uint8, low=0, high=255),
    }),
    "integer convolution": ("""(uint8[1,2,6,8] x) => (int32[1,3,6,8] y) {
        y = ConvInteger <pads = [1, 1, 1, 1]> (x, n, xz) }""", {
        "n": integers(3, 2, 3, 3, dtype=np.uint8, low=0, high=255),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_quantizers_are_exact(name: str) -> None:
    text, constants = OTHERS[name]
    proto = parse(text, **WEIGHTS | constants)
    model = imported(proto)
    assert not TARGETS["host"].check(model)
    inputs = draw(model)
    found, expected = Oracle(model).run_hops(inputs)["y"], onnxruntime_runs(proto, inputs)
    assert found.dtype == expected.dtype
    if found.dtype == np.float32:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    else:
        assert np.abs(found.astype(np.int64) - expected).max() <= int("Conv (" in text)


REFUSED = {
    "blocked": ("""(float[1,4] x) => (float[1,4] y) {
        xq = QuantizeLinear <block_size = 2> (x, ks, kz)
        y = DequantizeLinear <block_size = 2> (xq, ks, kz) }""", "blocked quantization", {
        "ks": np.ones((1, 2), F32), "kz": np.zeros((1, 2), np.int8),
    }),
    "float8": ("""(float[1,4] x) => (float[1,4] y) {
        xq = QuantizeLinear <output_dtype = 17> (x, xs)
        y = DequantizeLinear (xq, xs) }""", "type float8e4m3fn", {}),
    "int4": ("""(float[1,4] x) => (float[1,4] y) {
        xq = QuantizeLinear <output_dtype = 22> (x, xs)
        y = DequantizeLinear (xq, xs) }""", "type int4", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_types_without_arithmetic_are_refused_by_name(name: str) -> None:
    text, found, constants = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        imported(parse(text, **constants))
    assert [problem.found for problem in caught.value.problems] == [found] * 2


def test_a_shared_dequantizer_and_a_missing_one_leave_the_rest_in_integers() -> None:
    proto = parse(
        """(float[1,4,6,8] x) => (float[1,5,4,6] y, float[1,4,6,8] u) {
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wd = DequantizeLinear <axis = 0> (w, ws, wz)
          y = Conv (xd, wd)
          r = HardSwish (xd)
          rq = QuantizeLinear (r, ys, yz)
          u = DequantizeLinear (rq, ys, yz)
        }""",
        **WEIGHTS,
    )
    model = imported(proto)
    assert [name.split()[0] for name in float_layers(model)] == ["Conv"]
    graph = to_integer(model).ir.graph
    assert "Table" in {node.op_type for node in graph}
    inputs = draw(model)
    assert snr_db(run_hops(model, inputs)["y"], Oracle(model).run_hops(inputs)["y"]) > 90


# between Q/DQ pairs, but not what the integer kernels compute
UNFIT = {
    "a bound that is computed": "m = ReduceMin <keepdims = 0> (xd)  z = Clip (xd, m)",
    "a slope per element": "z = PRelu (xd, slopes)",
    "no operator of integers": "z = Hardmax <axis = 1> (xd)",
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_integer_operator_runs_in_float(name: str) -> None:
    proto = parse(
        f"""(float[1,4,6,8] x) => (float[1,4,6,8] y) {{
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          {UNFIT[name]}
          zq = QuantizeLinear (z, ys, yz)
          y = DequantizeLinear (zq, ys, yz) }}""",
        slopes=normal(4, 6, 8),
    )
    model = imported(proto)
    inputs = draw(model)
    found = Oracle(model).run_hops(inputs)["y"]
    steps = np.rint((found - run_hops(model, inputs)["y"]) / GRIDS["ys"])
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= 0.001 * steps.size
    assert any(text.split()[0] in UNFIT[name] for text in float_operators(model))


def test_float_constants_behind_quantizers_are_stored_as_integers() -> None:
    proto = parse(
        """(float[1,4] x) => (float[1,5] y) {
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wq = QuantizeLinear <axis = 0> (w, ws, wz)
          wd = DequantizeLinear <axis = 0> (wq, ws, wz)
          z = Gemm <transB = 1> (xd, wd)
          zq = QuantizeLinear (z, ys, yz)
          y = DequantizeLinear (zq, ys, yz)
        }""",
        w=normal(5, 4),
        ws=np.full(5, 0.02, F32),
        wz=np.zeros(5, np.int8),
    )
    model = imported(proto)
    assert float_layers(model) == ()
    assert not any(
        value.dtype.name == "FLOAT" and value.const_value.size > 5
        for value in model.ir.graph.initializers.values()
    )
