"""Whether a build fits its microcontroller, and whether any usual part has so much memory."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_networks

from edgekit import api
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.c.plan.fit import beyond_parts
from edgekit.targets.describe import describe
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.export.importing import ImportOptions, load_model

BOARD = """
name = "eval"
core = "cortex-m4"
clock_hz = 168_000_000

[[memory]]
name = "QSPI"
kind = "xip"
start = 0x9000_0000
bytes = 0x100_0000
megabytes_per_s = 50

[[memory]]
name = "SRAM"
kind = "sram"
start = 0x2000_0000
bytes = 0x2_0000
wait_states = 0
"""
BARE = [name for name, device in profiles().items() if device.is_bare]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recurrent network with 2.5 MiB of weights in float32."""
    return tiny_networks.recurrent(tmp_path_factory.mktemp("wide") / "wide.onnx", width=800)


@pytest.fixture(scope="module")
def model(wide: Path) -> Model:
    """The same, imported."""
    return load_model(str(wide), ImportOptions()).model


def with_memory(model: Model, target: str, weights: int, ram: int) -> Manifest:
    """The manifest of a model whose build would take so many bytes."""
    manifest = describe(model, target)
    sizes = {"weights_bytes": weights, "state_bytes": ram // 2, "scratch_bytes": ram - ram // 2}
    return replace(manifest, memory={**manifest.memory, **sizes})


@pytest.mark.parametrize("target", BARE)
def test_every_microcontroller_lists_parts_with_a_source(target: str) -> None:
    parts = profile(target).parts
    assert parts and all(part.source and part.ram_bytes > 0 for part in parts)
    assert max(part.flash_bytes for part in parts) > 0


@pytest.mark.parametrize("target", BARE)
def test_more_than_the_largest_part_has_is_said(target: str, model: Model) -> None:
    device = profile(target)
    flash = max(part.flash_bytes for part in device.parts)
    ram = max(part.ram_bytes for part in device.parts)
    assert beyond_parts(with_memory(model, target, flash, ram), device, model, 32) == ()
    over = beyond_parts(with_memory(model, target, flash + 1, ram + 1), device, model, 32)
    assert [
        f"no usual {target} part has as much {kind}" in note
        for kind, note in zip(("flash", "RAM"), over, strict=True)
    ] == [True, True]


def test_the_recipes_that_are_named_are_narrower_and_said_to_fit_where_they_do(
    model: Model,
) -> None:
    device = profile("cortex-m4")
    large = with_memory(model, "cortex-m4", 3 << 20, 0)
    (said,) = beyond_parts(large, device, model, 32)
    assert said.endswith(
        "625 KiB with --recipe w8a8 and about 312 KiB with --recipe w4a8; w8a8 or w4a8 fits"
    )
    (said,) = beyond_parts(large, device, model, 8)
    assert "w8a8" not in said and said.endswith("w4a8; w4a8 fits")
    (said,) = beyond_parts(large, device, model, 4)
    assert "--recipe" not in said and said.endswith("or a smaller network")
    small = profile("cortex-m0plus")
    narrow = replace(small, parts=[replace(part, flash_bytes=1000) for part in small.parts])
    (said,) = beyond_parts(large, narrow, model, 32)
    assert said.endswith("none of these fits")


def test_an_export_says_it_in_its_output_its_manifest_and_its_report(
    wide: Path, tmp_path: Path
) -> None:
    exported = api.export(str(wide), "cortex-m4", tmp_path / "out")
    (said,) = [note for note in exported.notes if "no usual cortex-m4 part" in note]
    assert "2.4 MiB of weights" in said and "STM32L4R5, has 2.0 MiB" in said
    assert said in Manifest.load(tmp_path / "out").quantization["notes"]
    assert "no usual cortex-m4 part" in (tmp_path / "out" / "report.html").read_text()
    shown = api.inspect(tmp_path / "out")
    assert shown.page is not None and "no usual cortex-m4 part" in shown.page


def test_a_board_of_the_users_own_decides_by_itself(wide: Path, tmp_path: Path) -> None:
    file = tmp_path / "board.toml"
    file.write_text(BOARD)
    exported = api.export(str(wide), "cortex-m4", tmp_path / "out", board=file)
    assert not [note for note in exported.notes if "no usual" in note]
