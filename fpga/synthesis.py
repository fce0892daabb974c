"""Synthesis of an engine's data paths with yosys, and their placement on an ECP5 with nextpnr."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import ToolError
from edgekit.fpga import rtl
from edgekit.fpga.simulate import MODULE
from edgekit.fpga.spec import EngineSpec

SEQUENCER = "sequencer"  # the engine but for its data paths
SYNTHESIS = {"xilinx": "synth_xilinx -family xcup", "ecp5": "synth_ecp5"}
APT = {"yosys": "yosys", "nextpnr-ecp5": "nextpnr-ecp5 fpga-trellis"}
LUT_RAM = {"RAM64M8": 8, "RAM32M16": 8, "TRELLIS_DPR16X4": 4}  # LUTs of a LUT memory
CARRY = {"CCU2C": 2}  # and of a carry cell where it is made of LUTs
RAMS = {"RAMB36E2": 2, "RAMB18E2": 1, "DP16KD": 1}  # as `edgekit.fpga.resources` counts them


@dataclass(frozen=True)
class SynthesisResult:
    """The cells that synthesis counts for a data path; `ram_halves` are RAMB18 or DP16KD."""

    luts: int
    ffs: int
    dsps: int
    ram_halves: int


@dataclass(frozen=True)
class PlacementResult:
    """A placed and routed data path: the clock that its longest path allows, and the cells that it takes."""

    clock_mhz: float
    cells: int


def synthesise(spec: EngineSpec, path: str, family: str, folder: Path) -> SynthesisResult:
    """Synthesise a data path, the whole ``engine``, or its ``sequencer``, for ``xilinx`` or ``ecp5``.

    The sequencer is all but the data paths, which are boxes of unknown content there.

    `folder` gets the sources and the netlist. Raises `ToolError` where yosys is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rtl.sources(spec).items():
        (folder / name).write_text(text)
    boxes = rtl.PATHS if path == SEQUENCER else ()
    whole = "engine" if path == SEQUENCER else path
    module = MODULE[whole]
    files = [name for name in rtl.MODULES[whole] if name not in boxes]
    boxed = f"read_verilog -sv -lib -D SYNTHESIS {' '.join(boxes)}; " if boxes else ""
    script = (
        f"{boxed}read_verilog -sv -D SYNTHESIS {' '.join(files)}; {SYNTHESIS[family]} -top {module}; "
        f"flatten; write_json {module}.json; tee -q -o {module}.txt stat"
    )
    _run(["yosys", "-q", "-p", script], folder)
    return _count_cells((folder / f"{module}.txt").read_text())


def _count_cells(report: str) -> SynthesisResult:
    """Return the cells in a report of yosys."""
    cells = dict(re.findall(r"^\s+(\w+)\s+(\d+)\s*$", report, re.M))
    counts = {name: int(count) for name, count in cells.items()}

    def total(weights: dict[str, int]) -> int:
        return sum(weight * counts.get(name, 0) for name, weight in weights.items())

    luts = sum(count for name, count in counts.items() if re.fullmatch(r"LUT\d", name))
    return SynthesisResult(
        luts + total(LUT_RAM) + total(CARRY),
        total({"FDRE": 1, "FDSE": 1, "TRELLIS_FF": 1}),
        total({"DSP48E2": 1, "MULT18X18D": 1}),
        total(RAMS),
    )


def place(spec: EngineSpec, path: str, folder: Path, seed: int = 1) -> PlacementResult:
    """Place and route a data path that was synthesised for ``ecp5`` in `folder` on an LFE5UM5G-85F, speed 8.

    Its ports stay inside of the part. Raises `ToolError` where nextpnr is missing or fails.
    """
    module = MODULE[path]
    report = folder / f"{module}.report.json"
    command = [
        "nextpnr-ecp5", "--um5g-85k", "--package", "CABGA381", "--speed", "8", "--out-of-context", "--quiet",
        "--json", f"{module}.json", "--write", f"{module}.placed.json", "--report", report.name, "--freq", "100",
        "--timing-allow-fail", "--seed", str(seed),
    ]  # fmt: skip
    _run(command, folder)
    found = json.loads(report.read_text())
    (clock,) = found["fmax"].values()
    return PlacementResult(
        round(float(clock["achieved"]), 1), int(found["utilization"]["TRELLIS_COMB"]["used"])
    )


def _run(command: Sequence[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise ToolError(f"no {command[0]}: apt-get install {APT[command[0]]}")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
