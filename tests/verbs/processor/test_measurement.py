"""Measured times choose kernels: what was faster in a measurement is chosen in later exports to `host`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from c_kernels import needs_cc
from kernel_choices import network

from edgekit.base.errors import UsageError
from edgekit.runtime.bench.measure import ByLayer
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.instruction_sets import INSTRUCTION_SETS
from edgekit.targets.kernel_costs import generic_costs
from edgekit.verbs.backends.c import lower
from edgekit.verbs.processor import cost_rows, measurement
from edgekit.verbs.processor.measurement import fit_costs, measure_layers, measure_processor
from edgekit.verbs.processor.sample_layers import sample_network

FOLDERS = INSTRUCTION_SETS["avx2"].folders
DEVICE = Profile("host", "", kernels=FOLDERS)
PROCESSOR = "GenuineIntel family 6 model 143"
ROWS, CHANNELS = "ek_conv_f32", "ek_conv_channels_f32"


@pytest.fixture(autouse=True)
def _laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor than this machine's, and an empty cache."""
    for module in (measurement, cost_rows):
        monkeypatch.setattr(module, "processor", lambda: PROCESSOR)
        monkeypatch.setattr(module, "profile", lambda _: DEVICE)
    monkeypatch.setattr(cost_rows, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(measurement, "LAYERS", {"float32": 16, "w8a8": 8})
    monkeypatch.setattr("edgekit.verbs.backends.c.profile", lambda _: DEVICE)


def let_be_fast(monkeypatch: pytest.MonkeyPatch, fast: str) -> None:
    """Measurements in which one kernel takes half of the others' time."""

    def measured(builds: Sequence[Build], *_: object) -> list[ByLayer]:
        return [
            ByLayer("us", tuple((c.node, "", 1.0 + (c.kernel != fast)) for c in build.choices))
            for build in builds
        ]

    monkeypatch.setattr(measurement, "measure_builds", measured)


def float_kernels() -> dict[str, str]:
    """The kernel of each layer of a build for this machine."""
    return {choice.node: choice.kernel for choice in lower(network(), "host").choices}


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("fast", [ROWS, CHANNELS])
def test_what_was_faster_is_chosen(monkeypatch: pytest.MonkeyPatch, fast: str) -> None:
    let_be_fast(monkeypatch, fast)
    found = measure_processor()
    assert found.wrong <= found.wrong_generic and found.layers >= 16
    assert float_kernels()["point"] == fast
    first, again = (lower(network(), "host").manifest for _ in range(2))
    assert first.digest == again.digest
    assert first.kernels is not None
    assert {row["by"] for row in first.kernels} == {
        f"by the cost model, costs measured for {PROCESSOR}, avx2"
    }


@needs_cc
def test_without_a_measurement_the_generic_row_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    generic = lower_c(network(), "host", DEVICE)
    assert float_kernels() == {choice.node: choice.kernel for choice in generic.choices}
    rows = lower(network(), "host").manifest.kernels
    assert rows is not None and {row["by"] for row in rows} == {
        "by the cost model, costs generic avx2"
    }
    let_be_fast(monkeypatch, ROWS)
    measure_processor()
    with monkeypatch.context() as patch:  # builds that name a device take no row of this machine
        patch.setattr(cost_rows, "_measured_costs", None)
        assert lower_c(network(), "host", DEVICE).manifest.digest == generic.manifest.digest


def test_measured_integers_move_the_border_of_few_positions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_be_fast(monkeypatch, "ek_conv_bands_s8_s8")
    layers = measure_layers(sample_network(32, "w8a8"), DEVICE)
    generic = generic_costs(FOLDERS)
    by_positions = [
        layer.node.name
        for layer in layers
        if layer.excess(measurement._selection(DEVICE, generic)) > 1
        and "ek_conv_bands_s8_s8" in layer.times
    ]
    costs = replace(generic, **fit_costs(layers, DEVICE, generic))
    assert by_positions and costs.few_windows < generic.few_windows


def test_costs_that_fit_already_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    let_be_fast(monkeypatch, "none of them")
    layers, generic = measure_layers(sample_network(8, "float32"), DEVICE), generic_costs(FOLDERS)
    assert replace(generic, **fit_costs(layers, DEVICE, generic)) == generic


@needs_cc
def test_other_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    neon = replace(DEVICE, kernels=INSTRUCTION_SETS["neon"].folders)
    monkeypatch.setattr(measurement, "profile", lambda _: neon)
    with pytest.raises(UsageError, match="kernels: neon; allowed: an x86 processor under Linux"):
        measure_processor()
