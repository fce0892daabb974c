"""A spelled-out step of an LSTM becomes the operator."""

import numpy as np
from fused_networks import WIDTH, lstm_cell, operators

from edgekit.export.hop_runner import run_hops
from edgekit.export.verify import compare
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import stored_type
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.fuse import fuse


def test_a_spelled_out_lstm_step_becomes_the_operator_with_a_wide_memory() -> None:
    model = lstm_cell()
    fused = fuse(model)
    found = operators(fused)
    assert found["LSTM"] == 1 and not found.keys() & {"Gemm", "Split", "Sigmoid", "Tanh", "Mul"}
    inputs = {"x": np.random.default_rng(0).standard_normal((40, 1, WIDTH)).astype(np.float32)}
    expected = run_hops(model, inputs)
    compare(expected, run_hops(fused, inputs), what="cell")
    quantized = quantize(model, Calibration((inputs,), "noise"), "w8a16")
    kinds = [stored_type(value) for value in to_integer(quantized).ir.graph.inputs]
    assert sorted(kind.dtype for kind in kinds if kind is not None) == ["int16", "int32"]
    found_y = Oracle(quantized).run_hops(inputs)["y"]
    assert np.abs(found_y - expected["y"]).max() < 0.02
