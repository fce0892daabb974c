"""Offsets that are one bounded integer per pixel are found."""

import onnx_ir as ir
from fpga_networks import calibration

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


def test_the_type_of_d_is_exact() -> None:
    assert QuantType("int8", 1.0, 0) == DILATION_TYPE
