"""Small blocks of the engine, proved for every input of so many cycles after a reset.

yosys-smtbmc and z3 prove them; ABC proves the reader of lines, for which z3 takes many minutes.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from slices import slow_except

from edgekit.fpga import rtl
from edgekit.fpga.spec import EngineSpec

HARNESSES = Path(__file__).parent / "fpga_formal"
TOOLS = ("yosys", "yosys-abc", "yosys-smtbmc", "z3")
SMT2 = "memory_map; async2sync; dffunmap; write_smt2 -wires model.smt2"
AIGER = (
    "memory_map; async2sync; chformal -cover -remove; dffunmap; opt -full; techmap; opt -fast; "
    "dfflegalize -cell $_DFF_P_ 01; abc -g AND -fast; opt_clean; setundef -undriven -anyseq; aigmap; "
    "write_aiger -zinit model.aig"
)
READER = ("ek_results.sv", "ek_reader.sv")
TAGS = "logic [TW+1:0] tags [LINES];"
CLEARED = f"{TAGS} initial for (int n = 0; n < LINES; n++) tags[n] = '0;"  # as a clear leaves them
pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS),
    reason="needs yosys, yosys-abc, yosys-smtbmc and z3: apt-get install yosys yosys-abc z3",
)


def model(
    harness: str,
    modules: tuple[str, ...],
    parameter: str,
    folder: Path,
    *changes: tuple[str, str],
    form: str = SMT2,
) -> Path:
    """The harness and its modules, of which texts are changed, in a solver's form."""
    for name, text in rtl.sources(EngineSpec()).items():
        for change in changes:
            text = text.replace(*change)
        (folder / name).write_text(text)
    script = (
        f"read_verilog -sv -D SYNTHESIS {' '.join(modules)}; "
        f"read_verilog -sv -formal {HARNESSES / harness}.sv; "
        f"{parameter} prep -flatten -top {harness}; {form}"
    )
    done = subprocess.run(
        ["yosys", "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / form.split()[-1]


def solved(smt2: Path, cycles: int, *options: str) -> tuple[int, str]:
    """What yosys-smtbmc returns and says."""
    command = ["yosys-smtbmc", "-s", "z3", "-t", str(cycles), *options, str(smt2)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def first_failure(aiger: Path, cycles: int) -> int | None:
    """The first cycle in which some input breaks an assertion, of cycles 0 to `cycles` - 1; None where none does."""
    command = ["yosys-abc", "-c", f"read_aiger {aiger}; bmc3 -F {cycles}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if f"No output asserted in {cycles} frames" in done.stdout:
        return None
    found = re.search(r"was asserted in frame (\d+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    return int(found[1])


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("harness", "modules", "parameter", "cycles"),
    slow_except(
        lambda row: row[0] in ("store", "port", "control"),
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
    ),
)
def test_a_block_holds_what_it_must(
    harness: str, modules: tuple[str, ...], parameter: str, cycles: int, tmp_path: Path
) -> None:
    """No input breaks an assertion, and what the harness covers is reached: its assumptions leave something."""
    smt2 = model(harness, modules, parameter, tmp_path)
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


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(("one", "cycles"), [(1, 17), (0, 14)], ids=["one slot", "two slots"])
def test_the_reader_gives_each_beat_its_own_bytes(
    lanes: int, one: int, cycles: int, tmp_path: Path
) -> None:
    """Whichever lines of a slot are asked for again, though the slot's tag is that of its newer line alone."""
    parameter = f"chparam -set LANES {lanes} -set ONE {one} slots;"
    made = model("slots", READER, parameter, tmp_path, (TAGS, CLEARED), form=AIGER)
    assert first_failure(made, cycles) is None


def test_the_proof_of_the_reader_reaches_a_line_that_is_read_anew(tmp_path: Path) -> None:
    """A beat of a slot's older line, which the tag does not know, leaves with the bytes that memory gave again."""
    made = model("slots", READER, "", tmp_path, (TAGS, CLEARED))
    code, text = solved(made, 14, "-c")
    assert code == 0, text


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (" && !newer[fill_slot];", ";"),
        ("hit ? newest : !newest", "newest"),
        ("miss && f_slot == asked_slot ?", "0 ?"),
        ("wire renewed = f_miss && f_slot == e_slot;", "wire renewed = 0;"),
    ],
    ids=["a line over one in use", "a slot of one line", "the tag of before", "a line asked twice"],
)
def test_a_reader_that_does_not_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    """Lines that come too early or go to the wrong place, and tags that are a request behind."""
    assert right in rtl.sources(EngineSpec())["ek_reader.sv"]
    changes = (TAGS, CLEARED), (right, wrong)
    parameter = "chparam -set ONE 1 slots;"
    made = model("slots", READER, parameter, tmp_path, *changes, form=AIGER)
    assert first_failure(made, 17) is not None
