"""Second moments are those of what layers read."""

import numpy as np
import pytest
from builds import float_model, noise
from rounding_networks import output_parts

from edgekit.export.hop_runner import run_hops
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.rounding import moments
from edgekit.quantize.rounding.moments import gather, is_layer, row_stride
from edgekit.quantize.types.weights import weight_inputs


@pytest.mark.rows(2)
@pytest.mark.parametrize("name", ["conv_recurrent", "dual_path", "lstm_vad", "tcn"])
def test_moments_are_those_of_what_a_layer_computes(name: str) -> None:
    """The mean square of a linear layer's output follows from its weights and the moments of its input."""
    model = float_model(name)
    layers = [n for n in model.ir.graph if is_layer(n) and n.inputs[1].const_value is not None]
    names = [str(n.name) for n in layers]
    inputs = noise(model, 20)
    found = gather(model, model, names, Calibration((inputs,), "noise"))
    assert set(found) == {(str(n.name), i) for n in layers for i in weight_inputs(n)}
    for node in layers:
        if node.op_type not in ("Conv", "Gemm", "ConvTranspose"):
            continue
        own = found[str(node.name), 1]
        np.testing.assert_allclose(own.own, own.cross)
        weight, bias = output_parts(model, node.name)
        output = run_hops(model, inputs, tap=[node.outputs[0].name])[node.outputs[0].name]
        groups = len(own.own)
        rows = weight.reshape(groups, len(weight) // groups, -1)
        predicted = np.einsum("gok,gkl,gol->", rows, own.own, rows) / own.count
        axis = -1 if node.op_type == "Gemm" else 2
        plain = np.moveaxis(output, axis, 0).reshape(len(bias), -1) - bias[:, None]
        np.testing.assert_allclose(predicted, np.square(plain).mean(1).sum(), rtol=0.02)


@pytest.mark.parametrize("width", [7, 14, 28, 60])
def test_a_few_rows_are_of_every_column(width: int) -> None:
    rows = np.arange(32 * 28 * width, dtype=np.float32).reshape(1, -1, 1)
    kept = rows[:, row_stride(rows.shape[1])]
    assert moments.ROWS <= kept.shape[1] < 2 * moments.ROWS
    assert set(kept.ravel() % width) == set(range(width))
    assert row_stride(499) == slice(None, None, 1)


def test_calls_without_states_are_taken_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A denoiser's calls lie step by step: the last ones count as the first do."""
    monkeypatch.setattr(moments, "HOPS", 4)
    model = float_model("vision")
    (name,) = (str(value.name) for value in model.stream_inputs)
    images = noise(model, 8)[name]
    images[:6] = 0
    first = next(node for node in model.ir.graph if is_layer(node))
    calibration = Calibration(({name: images},), "late")
    (found,) = gather(model, model, [str(first.name)], calibration).values()
    assert np.trace(found.own[0]) > 0
