"""One deformable layer in its four forms: golden model, RTL, C simulation and the kernel of the C targets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_kernels import BUILDS, ROOT, Call, compile_library, needs_cc, run
from fpga_hls import built, needs_cxx
from fpga_networks import picture_network, random_layer, random_x
from fpga_rtl import W4, W8, expected, needs_verilator, simulated
from slices import slow_except

from edgekit.fpga import project
from edgekit.fpga.network import Layer
from edgekit.fpga.program import assemble
from edgekit.fpga.simulate import Case
from edgekit.fpga.spec import DMAX, EngineSpec

KERNEL = ROOT / "runtime" / "src" / "portable" / "conv" / "ek_square_deform_s8.c"
SHAPE = (6, 17, 18)  # every tap of d = 7 is inside somewhere and outside elsewhere


def layer_with_ties(random: np.random.Generator, weight_bits: int) -> Layer:
    """A deformable layer of any numbers, but for its first channel: half of (x - zero), so that odd ones are ties."""
    layer = random_layer(random, "depthwise", SHAPE, SHAPE[0], weight_bits, deform=True)
    weights, bias = layer.weights.copy(), layer.bias.copy()
    mult, shift = layer.mult.copy(), layer.shift.copy()
    weights[0] = 0
    weights[0, 1, 1] = 1
    bias[0], mult[0], shift[0] = -layer.x_zero, 2**15, 16
    return replace(layer, weights=weights, bias=bias, mult=mult, shift=shift)


@needs_verilator
@needs_cxx
@needs_cc
@pytest.mark.parametrize("spec", slow_except(lambda spec: spec is W8, [W8, W4]))
def test_golden_model_rtl_c_simulation_and_c_kernel_are_equal(
    spec: EngineSpec, tmp_path: Path
) -> None:
    """Frames of every d everywhere, and one of random d, back to back and with stalls."""
    random = np.random.default_rng(spec.weight_bits)
    layer = layer_with_ties(random, spec.weight_bits)
    everywhere = np.arange(DMAX + 2, dtype=np.int8)[:, None, None]
    d = np.tile(everywhere, (1, *SHAPE[1:]))
    d[-1] = random.integers(0, DMAX + 1, SHAPE[1:])  # in place of a d beyond the largest
    x = random_x(random, (len(d), *SHAPE))  # type: ignore[arg-type]
    golden = expected(case := Case(layer, x, d))

    for stall_seed in (0, 1):
        (rtl,) = simulated(spec, [replace(case, stall_seed=stall_seed)])
        np.testing.assert_array_equal(rtl.y, golden)

    pictures = np.concatenate([x, d[:, None]], axis=1)
    bench = built(assemble(picture_network(layer, spec.weight_bits), spec), tmp_path, [*pictures])
    line = project.run_test_bench(bench, tmp_path / "data")
    assert line.startswith(f"{len(x)} pictures") and line.endswith(" 0 differ")

    library = compile_library(tmp_path / "kernels.so", BUILDS["O2"], [KERNEL])
    sums = layer.weights.astype(np.int32).sum(axis=(1, 2))
    bias = layer.bias + layer.x_zero * sums  # of x - x_zero
    for picture, reach, y in zip(x, d, golden, strict=True):
        args = [
            picture, layer.x_zero, reach, 0, DMAX, layer.weights, bias.astype(np.int32),
            layer.mult.astype(np.int32), layer.shift.astype(np.uint8), layer.y_zero, layer.y_min, layer.y_max,
            np.zeros_like(picture), *SHAPE,
        ]  # fmt: skip
        found = run(library, Call("ek_square_deform_s8", args, {}))[12]
        np.testing.assert_array_equal(found, y)
