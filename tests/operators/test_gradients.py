"""Operators in torch, which networks are trained through, against their forms in NumPy."""

import pytest
from gradient_cases import as_tensor, is_float
from operator_cases import CASES, FUSED, Case
from operator_models import draw, imported

from edgekit.export.hop_runner import snr_db
from edgekit.graph.facts import FACTS
from edgekit.graph.nodes import named_outputs
from edgekit.operators.gradients import form_of
from edgekit.operators.oracle import Oracle
from edgekit.quantize.prepare.fuse import fuse

SNR_DB = 90.0


# No gradient goes through these: a training compares what they read with the float network.
WITHOUT = {
    *("CenterCropPad", "CumSum", "DFT", "DeformConv", "DequantizeLinear", "GlobalLpPool"),
    *("GatherND", "GridSample", "Hardmax", "LRN", "LpPool", "Mod", "Pad", "ReduceProd", "Resize"),
    *("ScatterElements", "ScatterND", "Trilu"),
}


@pytest.mark.parametrize(
    ("name", "fused"), [*((n, False) for n in CASES), *((case.name, True) for case in FUSED)]
)
def test_torch_computes_what_the_oracle_does(name: str, fused: bool) -> None:
    case: Case = CASES[name]
    model = imported(case, "gradient")
    oracle = Oracle(fuse(model) if fused else model)
    oracle.process({key: array[0] for key, array in draw(case, 1).items()})
    for node in oracle.graph:
        floats = [value for value in named_outputs(node) if is_float(value)]
        form = form_of(node) if floats and node.domain != "edgekit.int" else None
        if form is None:
            continue
        found = form(
            node,
            [None if v is None else as_tensor(oracle.values[str(v.name)]) for v in node.inputs],
        )
        for value, result in zip(node.outputs, found, strict=False):
            if value in floats:
                expected = oracle.values[str(value.name)]
                assert snr_db(expected, result.numpy().reshape(expected.shape)) > SNR_DB


def test_what_has_no_gradient_is_known_by_name() -> None:
    """A new operator has a form in torch, or is listed here."""
    unknown = set()
    for case in CASES.values():
        for node in imported(case, "gradient").ir.graph:
            if any(map(is_float, named_outputs(node))) and form_of(node) is None:
                unknown.add(node.op_type)
    assert {name for name in unknown if name in FACTS} == WITHOUT
