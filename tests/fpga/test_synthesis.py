"""yosys confirms the closed forms, nextpnr places the smallest engine."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
from engines import fpga_ulx3s

from edgekit.fpga import resources, rtl
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.synthesis import SynthesisResult, place, synthesise

SPEC = EngineSpec(lanes=1, columns=2, groups=16, accumulator_bits=20)
needs_yosys = pytest.mark.skipif(
    shutil.which("yosys") is None, reason="needs yosys: apt-get install yosys"
)
needs_nextpnr = pytest.mark.skipif(
    shutil.which("nextpnr-ecp5") is None,
    reason="needs nextpnr-ecp5: apt-get install nextpnr-ecp5 fpga-trellis",
)
BOARD = ("litex", "litedram", "litex_boards", "pythondata_cpu_picorv32")
MISSING = [name for name in BOARD if importlib.util.find_spec(name) is None]
needs_litex = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: pip install")


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SynthesisResult]:
    folder = tmp_path_factory.mktemp("ecp5")
    return folder, synthesise(SPEC, "dense", "ecp5", folder)


@pytest.fixture(scope="module")
def both(dense: tuple[Path, SynthesisResult]) -> tuple[Path, dict[str, SynthesisResult]]:
    folder, found = dense
    return folder, {"dense": found, "depthwise": synthesise(SPEC, "depthwise", "ecp5", folder)}


@pytest.mark.slow
@needs_yosys
def test_multipliers_and_memories_of_the_array_are_those_of_the_closed_forms(
    dense: tuple[Path, SynthesisResult],
) -> None:
    _, found = dense
    requantization = -(-SPEC.accumulator_bits // 18)  # multipliers of each column's
    assert found.dsps == SPEC.lanes * SPEC.columns // 2 + SPEC.columns * requantization
    assert found.ram_halves == resources.block_rams(SPEC, "ecp5")["weights"]


@pytest.mark.slow
@needs_yosys
def test_multipliers_and_memories_are_those_of_the_closed_forms(
    both: tuple[Path, dict[str, SynthesisResult]],
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
@pytest.mark.parametrize("path", ["dense", "depthwise"])
def test_the_fits_hold_for_the_smallest_engine(
    path: str, both: tuple[Path, dict[str, SynthesisResult]]
) -> None:
    """Within a tenth, as `bench/engines/fpga_synthesis.py` allows."""
    found = both[1][path]
    modelled = resources.path_logic(SPEC, path, "ecp5")
    assert modelled == pytest.approx((found.luts, found.ffs), rel=0.1)


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
def test_the_smallest_engine_is_placed(both: tuple[Path, dict[str, SynthesisResult]]) -> None:
    folder, found = both
    for path in ("depthwise", "dense"):
        placed = place(SPEC, path, folder)
        assert placed.clock_mhz > 50
        assert placed.cells == pytest.approx(found[path].luts, rel=0.25)


@pytest.mark.slow
@needs_yosys
@needs_litex
def test_the_project_of_a_board_is_elaborated(tmp_path: Path) -> None:
    """LiteX's Verilog, core and engine: yosys finds every module, and ports of the widths that it connects."""
    spec = EngineSpec(lanes=2, columns=1, groups=16, accumulator_bits=20, port_bytes=4)
    (tmp_path / "rtl").mkdir()
    for name, text in (rtl.sources(spec) | rtl.simulation(spec)).items():
        (tmp_path / "rtl" / name).write_text(text)
    fpga_ulx3s.write(tmp_path / "rtl", tmp_path / "board")
    gateware = tmp_path / "board" / "gateware"
    script = (gateware / "radiona_ulx3s.ys").read_text()
    reads = "; ".join(line for line in script.splitlines() if line.startswith("read_verilog"))
    library = "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v"
    flow = f"{library}; {reads}; hierarchy -check -top radiona_ulx3s"
    command = ["yosys", "-q", "-e", "Resizing cell port .*ek_top", "-p", flow]
    done = subprocess.run(command, cwd=gateware, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "LOCATE COMP" in (gateware / "radiona_ulx3s.lpf").read_text()
