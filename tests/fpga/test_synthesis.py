"""yosys confirms the closed forms, nextpnr places the smallest engine."""

import shutil
from pathlib import Path

import pytest

from edgekit.fpga import resources
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.synthesis import Synthesised, place, synthesise

SPEC = EngineSpec(lanes=1, columns=2, groups=16, accumulator_bits=20)
needs_yosys = pytest.mark.skipif(
    shutil.which("yosys") is None, reason="needs yosys: apt-get install yosys"
)
needs_nextpnr = pytest.mark.skipif(
    shutil.which("nextpnr-ecp5") is None,
    reason="needs nextpnr-ecp5: apt-get install nextpnr-ecp5 fpga-trellis",
)


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Synthesised]:
    folder = tmp_path_factory.mktemp("ecp5")
    return folder, synthesise(SPEC, "dense", "ecp5", folder)


@pytest.fixture(scope="module")
def both(dense: tuple[Path, Synthesised]) -> tuple[Path, dict[str, Synthesised]]:
    folder, found = dense
    return folder, {"dense": found, "depthwise": synthesise(SPEC, "depthwise", "ecp5", folder)}


@needs_yosys
def test_multipliers_and_memories_of_the_array_are_those_of_the_closed_forms(
    dense: tuple[Path, Synthesised],
) -> None:
    _, found = dense
    assert found.dsps == SPEC.lanes * SPEC.columns // 2 + SPEC.columns
    assert found.ram_halves == resources.block_rams(SPEC, "ecp5")["weights"]


@pytest.mark.slow
@needs_yosys
def test_multipliers_and_memories_are_those_of_the_closed_forms(
    both: tuple[Path, dict[str, Synthesised]],
) -> None:
    _, found = both
    assert sum(row.dsps for row in found.values()) == (
        resources.multipliers(SPEC, "ecp5") - resources.SEQUENCER_PRODUCTS
    )
    rams = resources.block_rams(SPEC, "ecp5")
    assert found["depthwise"].ram_halves == rams["line buffer"]
    assert found["dense"].ram_halves == rams["weights"]


@pytest.mark.slow
@needs_yosys
def test_the_closed_forms_hold_for_xilinx(tmp_path: Path) -> None:
    spec = EngineSpec(lanes=2, columns=4, groups=16, accumulator_bits=20)
    found = synthesise(spec, "dense", "xilinx", tmp_path)
    assert found.dsps == spec.lanes * spec.columns // 2 + spec.columns
    assert -(-found.ram_halves // 2) == resources.block_rams(spec, "xilinx")["weights"]


@pytest.mark.slow
@needs_yosys
@needs_nextpnr
def test_the_smallest_engine_is_placed(both: tuple[Path, dict[str, Synthesised]]) -> None:
    folder, found = both
    for path in ("depthwise", "dense"):
        placed = place(SPEC, path, folder)
        assert placed.clock_mhz > 50
        assert placed.cells == pytest.approx(found[path].luts, rel=0.25)
