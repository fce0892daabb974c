"""Small blocks of the engine, proved with yosys-smtbmc and z3 for every input of so many cycles after a reset."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgekit.fpga import rtl
from edgekit.fpga.spec import EngineSpec

HARNESSES = Path(__file__).parent / "fpga_formal"
TOOLS = ("yosys", "yosys-smtbmc", "z3")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS),
    reason="needs yosys, yosys-smtbmc and z3: apt-get install yosys z3",
)


def model(
    harness: str, modules: tuple[str, ...], parameter: str, folder: Path, change: tuple[str, str]
) -> Path:
    """The harness and its modules, of which a text is changed, for the solver."""
    for name, text in rtl.sources(EngineSpec()).items():
        (folder / name).write_text(text.replace(*change))
    script = (
        f"read_verilog -sv -D SYNTHESIS {' '.join(modules)}; "
        f"read_verilog -sv -formal {HARNESSES / harness}.sv; "
        f"{parameter} prep -flatten -top {harness}; memory_map; async2sync; dffunmap; write_smt2 -wires model.smt2"
    )
    done = subprocess.run(
        ["yosys", "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "model.smt2"


def solved(smt2: Path, cycles: int, *options: str) -> tuple[int, str]:
    """What yosys-smtbmc returns and says."""
    command = ["yosys-smtbmc", "-s", "z3", "-t", str(cycles), *options, str(smt2)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("harness", "modules", "parameter", "cycles"),
    [
        ("queue", ("ek_results.sv",), "", 11),
        ("reader", ("ek_results.sv", "ek_words.sv"), "", 9),
        ("rows", ("ek_rows.sv",), "chparam -set BITS 12 rows;", 9),
        ("rows", ("ek_rows.sv",), "chparam -set BITS 40 rows;", 9),
        ("store", ("ek_store.sv",), "", 12),
        ("port", ("ek_results.sv", "ek_lines.sv"), "", 8),
        ("bursts", ("ek_results.sv", "ek_writer.sv"), "", 10),
        ("control", ("ek_control.sv",), "", 10),
    ],
)
def test_a_block_holds_what_it_must(
    harness: str, modules: tuple[str, ...], parameter: str, cycles: int, tmp_path: Path
) -> None:
    """No input breaks an assertion, and what the harness covers is reached: its assumptions leave something."""
    smt2 = model(harness, modules, parameter, tmp_path, ("", ""))
    code, text = solved(smt2, cycles)
    assert code == 0, text
    code, text = solved(smt2, cycles + 3, "-c")
    assert code == 0, text


@pytest.mark.parametrize(
    ("harness", "right", "wrong"),
    [
        ("queue", "assign room = !reserved[DEPTH_LOG2];", "assign room = reserved <= 4;"),
        ("control", "if (write && !busy)", "if (write)"),
        ("control", "if (start) pending <= 1'b0;", "if (start && !was_busy) pending <= 1'b0;"),
    ],
)
def test_a_block_that_does_not_is_found(
    harness: str, right: str, wrong: str, tmp_path: Path
) -> None:
    """A queue that gives a place too many; addresses that change during a run; an end that outlives the next start."""
    module = {"queue": "ek_results.sv", "control": "ek_control.sv"}[harness]
    assert right in rtl.sources(EngineSpec())[module]
    smt2 = model(harness, (module,), "", tmp_path, (right, wrong))
    code, text = solved(smt2, 10)
    assert code == 1 and f"Assert failed in {harness}" in text
