"""Deformable convolution with an integer d in w8a8: d exact, and the bits of C, oracle and engine the same."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from c_kernels import needs_cc
from fpga_networks import calibration, random_layer, random_x

from edgekit import api
from edgekit.base.npz import read_npz, write_npz
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.fpga import golden
from edgekit.operators.deform.twin import ek_square_deform_s8
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.scheme import DILATION_TYPE, QuantType
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.verbs.export.importing import ImportOptions, load_model


def operators(graph: ir.Graph) -> set[tuple[str, str]]:
    return {(node.domain, node.op_type) for node in graph}


def test_d_is_s_rounded_and_nothing_of_its_chain_is_left() -> None:
    model = load_model("deform_networks:rounded", ImportOptions()).model
    quantized = quantize(model, calibration(model), "w8a8")
    found = operators(to_integer(quantized).ir.graph)
    assert (INTEGER_DOMAIN, "SquareDeform") in found
    assert {kind for domain, kind in found if domain == ""} == set()
    scales = {
        float(node.inputs[1].const_value.numpy())  # type: ignore[union-attr]
        for node in quantized.ir.graph
        if node.op_type == "QuantizeLinear"
    }
    assert DILATION_TYPE.scale in scales


def test_fractional_d_stays_in_float() -> None:
    model = load_model("deform_networks:square", ImportOptions()).model
    found = operators(to_integer(quantize(model, calibration(model), "w8a8")).ir.graph)
    assert {("", "DeformConv"), ("", "Max"), ("", "Min"), ("", "Sub"), ("", "Mul")} <= found
    assert (INTEGER_DOMAIN, "SquareDeform") not in found


@needs_cc
@pytest.mark.parametrize("name", ["rounded", "square"])
def test_c_equals_the_oracle_and_is_close_to_float(name: str, tmp_path: Path) -> None:
    model = load_model(f"deform_networks:{name}", ImportOptions()).model
    clips = {"x": calibration(model, 24).clips[0]["x"]}
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", clips)
    folder = tmp_path / "build"
    exported = api.export(
        f"deform_networks:{name}",
        "host",
        folder,
        recipe="w8a8",
        calibration=str(tmp_path / "clips"),
    )
    verified = exported.manifest.verification
    assert verified is not None and verified["bit_exact_with_oracle"]
    api.run(folder, tmp_path / "clips" / "a.npz", tmp_path / "out.npz")
    (found,) = read_npz(tmp_path / "out.npz").values()
    (reference,) = run_hops(model, clips).values()
    assert snr_db(reference, found) > 15  # some d move by one: s is of 8-bit operands


@pytest.mark.parametrize("bits", [4, 8])
def test_the_kernel_is_the_engines_layer_in_every_bit(bits: int) -> None:
    """Every d at every border, random d, in the engine's integers; the C kernel equals this twin elsewhere."""
    random = np.random.default_rng(bits)
    shape = (5, 17, 18)
    layer = random_layer(random, "depthwise", shape, 5, weight_bits=bits, deform=True)
    per_input = layer.weights.astype(np.int64).sum(axis=(1, 2))
    for d in range(9):
        x = random_x(random, shape)
        reach = np.full(shape[1:], d, np.int8) if d < 8 else random.integers(0, 8, shape[1:])
        found = ek_square_deform_s8(
            x,
            layer.x_zero,
            reach.astype(np.int8),
            0,
            7,
            layer.weights,
            layer.bias + per_input * layer.x_zero,
            layer.mult,
            layer.shift,
            layer.y_zero,
            layer.y_min,
            layer.y_max,
        )
        np.testing.assert_array_equal(found, golden.run_layer(layer, x, reach.astype(np.int8)))


def test_the_type_of_d_is_exact() -> None:
    assert QuantType("int8", 1.0, 0) == DILATION_TYPE
