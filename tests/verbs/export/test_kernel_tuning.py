"""Kernels are measured, kept, written to schedule.toml and read back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from c_kernels import needs_cc
from devices import missing
from kernel_choices import integers, network

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.progress import silent
from edgekit.graph.model import Model
from edgekit.runtime.bench.measure import ByLayer
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import profile
from edgekit.verbs.export import kernel_tuning
from edgekit.verbs.export.kernel_tuning import schedule_of, tune
from edgekit.verbs.export.schedule import Schedule, read_schedule
from edgekit.verbs.replay import look

DEVICE = "cortex-m55"
COSTS = {"ek_fc_f32": 3.0, "ek_conv_f32": 2.0, "ek_fc_s8_s8": 2.0, "ek_conv_s8_s8": 1.0}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_tuning, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The builds of each measurement, whose costs are `COSTS`; 5 for other kernels."""
    counts: list[int] = []

    def fake(builds: Sequence[Build], _: object) -> list[ByLayer]:
        counts.append(len(builds))
        return [
            ByLayer("us", tuple((c.node, "", COSTS.get(c.kernel, 5)) for c in build.choices))
            for build in builds
        ]

    monkeypatch.setattr(kernel_tuning, "measure_builds", fake)
    return counts


def exported(folder: Path, **options: object) -> Manifest:
    """The network, built for c99: the kernels of which are the same on every machine."""
    source = folder.parent / "choices.onnx"
    network().save(source)
    return api.export(str(source), "c99", folder, **options).manifest  # type: ignore[arg-type]


@needs_cc
def test_a_tuned_build_is_the_same_from_its_schedule(measured: list[int], tmp_path: Path) -> None:
    plain = exported(tmp_path / "plain")
    tuned = exported(tmp_path / "tuned", tune=True)
    path = tmp_path / "tuned" / "schedule.toml"
    assert measured == [2] and not (tmp_path / "plain" / "schedule.toml").exists()
    assert read_schedule(path) == {"whole": "ek_conv_f32"}
    assert "ek_fc_f32 3, ek_conv_f32 2 us" in path.read_text()
    again = exported(tmp_path / "again", schedule=path)
    assert again.digest == tuned.digest != plain.digest
    assert again.kernels == tuned.kernels
    assert [row["by"] for row in plain.kernels or ()] == ["by the cost model"] * 3
    assert tuned.schedule == {"whole": "ek_conv_f32"} and plain.schedule == {}
    assert "ek_conv_f32" in (tmp_path / "tuned" / "report.html").read_text()
    folder = tmp_path / "tuned"
    seen = look(folder, tuned, Model.from_bytes((folder / "model.onnx").read_bytes()))
    assert seen.changed == ()


def of(model: Model) -> Callable[[Schedule], Build]:
    return lambda rows: lower_c(model, "c99", schedule=rows)


@needs_cc
def test_what_was_measured_is_kept_by_form(measured: list[int]) -> None:
    found = tune(of(network()), profile("c99"), silent)
    assert tune(of(network()), profile("c99"), silent) == found
    assert measured == [2]
    tune(of(integers()), profile("c99"), silent)  # other forms
    assert measured == [2, 2]


@needs_cc
def test_without_a_cache_everything_is_measured_each_time(
    measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_tuning, "cache_folder", lambda: None)
    found = [tune(of(network()), profile("c99"), silent) for _ in range(2)]
    assert found[0] == found[1] and measured == [2, 2]


@needs_cc
def test_little_gain_changes_nothing(measured: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COSTS, "ek_conv_f32", 2.95)
    assert schedule_of(tune(of(network()), profile("c99"), silent)) == {"whole": "ek_fc_f32"}
    assert measured == [2]


@needs_cc
def test_layers_are_timed_on_this_machine() -> None:
    (row,) = tune(of(network()), profile("c99"), silent)
    assert row.unit == "us" and row.costs.keys() == {"ek_fc_f32", "ek_conv_f32"}
    assert all(cost > 0 for cost in row.costs.values())


@pytest.mark.slow
@pytest.mark.skipif(missing(DEVICE) is not None, reason=missing(DEVICE) or "")
def test_layers_are_counted_on_an_emulated_device() -> None:
    def lower(rows: Schedule) -> Build:
        return lower_c(integers(), DEVICE, schedule=rows)

    found = tune(lower, profile(DEVICE), silent)
    assert {name for row in found for name in row.layers} == {"body", "point", "whole", "fc"}
    assert all(row.unit == "instructions" for row in found)
    assert all(row.costs[row.chosen] == min(row.costs.values()) > 100 for row in found)


def test_entries_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "schedule.toml"
    path.write_text('[layers]\nhole = "ek_fc_f32"\nbody = "ek_fc_f32"\n')
    with pytest.raises(UsageError) as refused:
        exported(tmp_path / "out", schedule=path)
    first, second = refused.value.problems
    assert "as whole" in first.allowed and second.allowed == "ek_conv_f32"
    assert not (tmp_path / "out").exists()


def test_only_c_targets_have_schedules_and_one_source_of_them(tmp_path: Path) -> None:
    source = tmp_path / "choices.onnx"
    network().save(source)
    with pytest.raises(UsageError) as refused:
        api.export(str(source), "litert", tmp_path / "a", tune=True)
    assert "--tune" in str(refused.value)
    path = tmp_path / "schedule.toml"
    path.write_text("[layers]\n")
    with pytest.raises(UsageError) as refused:
        api.export(str(source), "host", tmp_path / "a", tune=True, schedule=path)
    assert "leave out --schedule" in str(refused.value)


def test_a_damaged_cache_is_named(tmp_path: Path) -> None:
    path = kernel_tuning._cache(profile("c99"))
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text("[1]")
    with pytest.raises(UsageError) as refused:
        tune(of(network()), profile("c99"), silent)
    assert str(path) in str(refused.value)
