"""Which kernel computes a float convolution, for each way in which kernels read weights."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.packing import winograd_int
from edgekit.targets.devices import profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

ROWS, CHANNELS, TILES = "ek_conv_f32", "ek_conv_channels_f32", "ek_conv_winograd_f32"
KERNELS = (ROWS, CHANNELS, TILES)

# (inputs, height, width), outputs, kernel, stride, dilation: on AVX-512, on AVX2
CHOICES = {
    "ResNet-8's first block": ((16, 32, 32), 16, 3, 1, 1, TILES, TILES),
    "ResNet-8's last block": ((64, 8, 8), 64, 3, 1, 1, TILES, TILES),
    "ResNet-18's second block": ((128, 12, 12), 128, 3, 1, 1, TILES, TILES),
    "weights that take longer to come": ((256, 6, 6), 256, 3, 1, 1, CHANNELS, CHANNELS),
    "DNSMOS": ((32, 225, 30), 32, 3, 1, 1, TILES, TILES),
    "odd sizes": ((24, 33, 17), 40, 3, 1, 1, TILES, TILES),
    "one row": ((64, 1, 99), 64, 3, 1, 1, CHANNELS, CHANNELS),
    "few channels": ((8, 64, 64), 8, 3, 1, 1, ROWS, CHANNELS),
    "few channels, wider": ((20, 30, 30), 20, 3, 1, 1, ROWS, TILES),
    "a stem": ((3, 32, 32), 16, 3, 1, 1, ROWS, ROWS),
    "a stride": ((64, 24, 24), 64, 3, 2, 1, CHANNELS, CHANNELS),
    "a dilation": ((64, 66, 66), 64, 3, 1, 2, CHANNELS, CHANNELS),
    "5x5": ((64, 24, 24), 64, 5, 1, 1, CHANNELS, CHANNELS),
    "1x1": ((64, 24, 24), 128, 1, 1, 1, ROWS, ROWS),
}


def convolution(
    x: tuple[int, ...],
    outputs: int,
    kernel: int,
    stride: int,
    dilation: int,
    kept: np.ndarray | float = 1.0,
):
    """A network of one convolution of seeded weights, times `kept`, padded to keep its size."""
    pad = (kernel - 1) * dilation // 2
    sizes = [(n + 2 * pad - (kernel - 1) * dilation - 1) // stride + 1 for n in x[1:]]
    w = np.random.default_rng(0).standard_normal((outputs, x[0], kernel, kernel)) / 9 * kept
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], pads=[pad] * 4, strides=[stride] * 2, dilations=[dilation] * 2
    )
    graph = helper.make_graph(
        [node],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, *x))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, outputs, *sizes))],
        [numpy_helper.from_array(w.astype(np.float32), "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made)
    return from_onnx(made.SerializeToString(), name="conv")


def chosen(model, isa: str | None) -> str:
    """The kernel in its build for an instruction set; portable C without one."""
    device = profile("c99")
    if isa is not None:
        device = replace(profile("host"), kernels=INSTRUCTION_SETS[isa].folders)
    files = lower_c(model, "c99" if isa is None else "host", device).files
    (found,) = [kernel for kernel in KERNELS if f"{kernel}.c" in files]
    return found


@pytest.mark.rows(7)
@pytest.mark.parametrize("name", CHOICES)
def test_the_kernel_of_a_shape(name: str) -> None:
    *shape, avx512, avx2 = CHOICES[name]
    model = convolution(*shape)
    found = {isa: chosen(model, isa) for isa in ("avx512vnni", "avx2", "neon", None)}
    assert found == {"avx512vnni": avx512, "avx2": avx2, "neon": ROWS, None: ROWS}


def test_integer_recipes_keep_the_order_of_sums() -> None:
    model = convolution(*CHOICES["DNSMOS"][:-2])
    assert chosen(model, "avx512vnni") == TILES
    assert chosen(model.describe(quantization={"recipe": "w8a8"}), "avx512vnni") == ROWS


def test_taps_that_a_mask_leaves_out_are_not_read() -> None:
    shape, causal = CHOICES["DNSMOS"][:-2], np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]])
    assert chosen(convolution(*shape, causal), "avx512vnni") == CHANNELS
    assert chosen(convolution(*shape, np.zeros((3, 3))), "avx512vnni") == TILES  # not trained yet


def test_int8_convolutions_run_by_tiles_on_avx512() -> None:
    model = convolution((32, 16, 16), 32, 3, 1, 1)
    noise = np.random.default_rng(1).standard_normal((4, 1, 32, 16, 16)).astype(np.float32)
    integers = quantize(model, Calibration(({"x": noise},), "noise"), "w8a8")
    for isa, has in (("avx512vnni", True), ("avx2", False)):
        device = replace(profile("host"), kernels=INSTRUCTION_SETS[isa].folders)
        assert (f"{winograd_int.KERNEL}.c" in lower_c(integers, "host", device).files) == has
