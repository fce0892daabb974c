"""Calibration along trajectories: what is recorded, which calls are kept, and scales per group of steps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from diffusion_networks import NULL, SAMPLER, SHAPE, labels, tiny_model

from edgekit.base.errors import CalibrationError, UsageError
from edgekit.base.sampler_loop import Network, one_by_one, sample
from edgekit.base.sampler_table import StepTable
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.graph.model import Model
from edgekit.graph.step_groups import select_group
from edgekit.judge import sampling
from edgekit.judge.sampling import own_trajectories
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate import clips, trajectory
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.calibrate.trajectory import (
    Kept,
    diverse,
    normal,
    of_rows,
    record,
    rows_of,
    uniform,
)
from edgekit.quantize.diffusion.step_groups import groups_of_rows, quantize_groups
from edgekit.quantize.recipe import RECIPES

W8A8 = RECIPES["w8a8"]


@cache
def denoiser() -> Model:
    return fold_steps(attach(tiny_model(), SAMPLER))


def network_of(model: Model) -> Network:
    running = in_onnxruntime(model.to_bytes())
    types = {str(v.name): v.dtype.numpy() for v in model.stream_inputs if v.dtype is not None}
    shapes = {str(v.name): tuple(v.shape) for v in model.stream_inputs if v.shape is not None}
    return one_by_one(
        lambda inputs, step: list(
            running(
                {n: inputs[n].astype(kind).reshape(shapes[n]) for n, kind in types.items()}
            ).values()
        )
    )


def record_calls(kept: Kept, seed: int = 5) -> Clip:
    model = denoiser()
    (calls,) = record(model, network_of(model), kept, seed, labels(len(kept))).clips
    return calls


def table_of(model: Model) -> StepTable:
    assert model.sampler is not None
    return model.sampler


def test_calls_are_those_that_the_network_had() -> None:
    model, calls = denoiser(), []
    network = network_of(model)
    table = table_of(model)

    def listening(inputs, step):  # type: ignore[no-untyped-def]
        calls.append((step, {name: array.copy() for name, array in inputs.items()}))
        return network(inputs, step)

    kept = uniform(table, 3 * table.rows * table.calls)
    assert kept.shape == (3, table.rows) and kept.all()
    sample(table, listening, SHAPE, 3, 5, labels(3))
    found = record_calls(kept)
    for name, array in found.items():
        heard = np.concatenate([inputs[name] for _, inputs in calls])
        np.testing.assert_array_equal(np.ravel(array), np.ravel(heard), err_msg=name)
    assert rows_of(found, table).tolist() == [step.row for step, _ in calls for _ in range(3)]
    unconditional = found["label"].reshape(table.rows, 2, 3)[:, 1]
    assert (unconditional == NULL).all()


def test_the_same_seed_records_the_same_calls_and_another_does_not() -> None:
    kept = uniform(SAMPLER.table(), 20)
    first, same, other = record_calls(kept), record_calls(kept), record_calls(kept, 6)
    np.testing.assert_array_equal(first["x"], same["x"])
    assert not np.array_equal(first["x"], other["x"])


def test_ndtc_keeps_more_calls_near_the_image() -> None:
    table = SAMPLER.table()
    kept = normal(table, 2000, 0)
    counts = kept.sum(0)
    assert counts.sum() == 1000
    assert counts[-1] > counts[0] > 0  # what lies outside goes to the ends
    assert counts[table.rows // 2 :].sum() > 1.2 * counts[: table.rows // 2].sum()
    np.testing.assert_array_equal(kept, normal(table, 2000, 0))


def test_diverse_keeps_more_of_rows_that_differ_and_some_of_each() -> None:
    table = SAMPLER.table()
    features = np.ones((table.rows, 4))
    features[-1] = [-1, 1, -1, 1]
    counts = diverse(table, features, 200).sum(0)
    assert counts.min() >= 1 and counts[-1] == counts.max()
    assert abs(int(counts.sum()) * table.calls - 200) <= table.rows * table.calls


def test_only_kept_calls_are_recorded() -> None:
    kept = np.zeros((4, SAMPLER.steps), bool)
    kept[[0, 2], 1] = kept[3, 4] = True
    whole, some = record_calls(np.ones_like(kept)), record_calls(kept)
    assert rows_of(some, table_of(denoiser())).tolist() == [1, 1, 1, 1, 4, 4]
    row = whole["x"].reshape(SAMPLER.steps, 2, 4, *SHAPE)
    np.testing.assert_array_equal(some["x"][:2, 0], row[1, 0, [0, 2]])


def test_calls_too_large_for_memory_lie_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = uniform(SAMPLER.table(), 20)
    expected = record_calls(kept)["x"]
    monkeypatch.setattr(trajectory, "IN_MEMORY", 100)
    found = record_calls(kept)["x"]
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, expected)


def test_calls_of_another_schedule_are_refused() -> None:
    table, calls = table_of(denoiser()), record_calls(uniform(SAMPLER.table(), 20))
    other = table.with_(time=table.time + 0.5)
    with pytest.raises(CalibrationError, match="no time of the sampler"):
        rows_of(calls, other)
    calls = {name: array for name, array in calls.items() if name != table.roles.time}
    with pytest.raises(CalibrationError, match="without a time input"):
        rows_of(calls, table)


def test_groups_are_of_neighbours() -> None:
    assert groups_of_rows(7, 3).tolist() == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.slow
def test_every_step_has_the_ranges_of_its_group_and_the_weights_of_all() -> None:
    model = denoiser()
    table = table_of(model)
    calls = record_calls(uniform(table, 40))
    grouped = quantize_groups(
        model, Calibration((calls,), ""), replace(W8A8, step_groups=table.rows)
    )
    assert grouped.sampler is not None
    assert grouped.sampler.group.tolist() == list(range(table.rows))
    static = quantize(model, Calibration((calls,), ""), W8A8)
    exact = network_of(model)
    errors = {"groups": 0.0, "static": 0.0}
    for row in range(table.rows):
        own = select_group(grouped, row)
        inputs = dict(of_rows(calls, table, [row]))
        reference = np.concatenate([np.ravel(v) for v in of_float(exact, inputs)])
        for name, network in (("groups", own), ("static", static)):
            (output,) = Oracle(network).run_hops(inputs).values()
            errors[name] += float(np.sum((np.ravel(output) - reference) ** 2))
        for key in (k for k in static.ir.graph.initializers if k.endswith("weight_q")):
            weights = [m.ir.graph.initializers[key].const_value for m in (own, static)]
            np.testing.assert_array_equal(*(w.numpy() for w in weights if w is not None))
    assert errors["groups"] < errors["static"]


def of_float(network: Network, inputs: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
    return network({n: a.reshape(len(a), *a.shape[2:]) for n, a in inputs.items()}, None)  # type: ignore[arg-type]


def test_what_the_rows_add_up_is_16_bits_wide() -> None:
    calls = record_calls(uniform(SAMPLER.table(), 20))
    made = quantize(denoiser(), Calibration((calls,), ""), W8A8)
    graph = made.ir.graph
    first = next(node for node in graph if node.op_type == "QuantizeLinear")
    output = graph.outputs[0].producer()
    assert first.outputs[0].dtype is ir.DataType.INT16
    assert output is not None and output.op_type == "DequantizeLinear"
    stored = output.inputs[0]
    assert stored is not None and stored.dtype is ir.DataType.INT16


def test_more_groups_than_steps_are_refused() -> None:
    calls = record_calls(uniform(SAMPLER.table(), 10))
    with pytest.raises(UsageError, match="at most 5"):
        quantize_groups(denoiser(), Calibration((calls,), ""), replace(W8A8, step_groups=6))


def test_conditions_alone_get_calls_of_their_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", label=np.array([[2], [5]]))
    np.savez(tmp_path / "b.npz", label=np.array([[7]]))
    model = denoiser()
    table = table_of(model)
    given = clips.load_calibration(str(tmp_path), model)
    (calls,) = own_trajectories(model, None, 4 * table.rows * table.calls, given.clips).clips
    exact = record_calls(uniform(table, 4 * table.rows * table.calls), sampling.NOISE_SEED)
    assert np.ravel(calls["label"])[:8].tolist() == [2, 5, 7, 2] + 4 * [NULL]
    np.testing.assert_array_equal(calls["x"][:8], exact["x"][:8])  # the same noise

    np.savez(tmp_path / "c.npz", **{name: array[:3] for name, array in calls.items()})
    with pytest.raises(CalibrationError, match="conditions without calls"):
        clips.load_calibration(str(tmp_path), model)


def test_large_images_take_fewer_calls_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = denoiser()
    table = table_of(model)
    one = table.rows * table.calls
    monkeypatch.setattr(sampling, "CALIBRATION_VALUES", 2 * one * int(np.prod(SHAPE)))
    found = own_trajectories(model, None, 10 * one)
    assert len(found.clips[0]["x"]) == 2 * one
    exact = clips.observe(model, found)
    monkeypatch.setattr(clips, "BLOCK_VALUES", 1)
    for name, observer in clips.observe(model, found).items():
        assert (observer.minimum, observer.maximum) == (exact[name].minimum, exact[name].maximum)
