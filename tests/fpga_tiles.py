"""Tiles of XLS and the modules of an engine that they replace: proved equal by yosys and ABC."""

import json
import shutil
import subprocess
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.fpga import rtl
from edgekit.fpga.spec import DATAPATHS, EngineSpec

TOOLS = ("yosys", "yosys-abc")
needs_yosys = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)), reason="needs yosys and yosys-abc: apt-get install yosys"
)
OPTIMISE = "opt -full -nodffe -nosdff"  # registers stay what they are
SIMPLIFY = f"proc; flatten; {OPTIMISE}; wreduce; {OPTIMISE}"
# A register that lets its input through: what is left of a pipeline is its function of operands that do not change.
TRANSPARENT = """
(* techmap_celltype = "$dff" *)
module transparent (CLK, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;
  input CLK;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""
SETTINGS = {"y_zero", "y_min", "y_max", "x_zero", "height", "width", "groups"}
"""Ports that hold a layer's configuration, which does not change while a beat is under way."""


def both_forms(spec: EngineSpec, folder: Path) -> tuple[Path, Path]:
    """The modules of an engine in two folders: hand-written, and with tiles of XLS."""
    for form in DATAPATHS:
        (folder / form).mkdir(parents=True)
        for name, text in rtl.sources(replace(spec, datapath=form)).items():
            (folder / form / name).write_text(text)
    return folder / "rtl", folder / "hls"


def equal(tile: str, folders: tuple[Path, Path], timeout_s: float) -> bool:
    """Whether the functions of a tile's two forms are equal for every operand; the registers let all through.

    Raises `subprocess.TimeoutExpired` where ABC does not end.
    """
    place = folders[1]
    (place / "transparent.v").write_text(TRANSPARENT)
    reads = "".join(
        f"read_verilog -sv -D SYNTHESIS {folder}/{tile}.sv; hierarchy -top {tile}; {SIMPLIFY}; "
        f"techmap -map transparent.v; {OPTIMISE}; rename {tile} {form}; design -stash {form}; "
        for form, folder in zip(DATAPATHS, folders, strict=True)
    )
    copies = "".join(f"design -copy-from {form} {form}; " for form in DATAPATHS)
    script = (
        f"{reads}{copies}miter -equiv -flatten {' '.join(DATAPATHS)} miter; "
        f"hierarchy -top miter; flatten; opt -full; wreduce; opt -full; check -assert; "
        f"setundef -undriven -anyseq; techmap; opt -full; aigmap; write_aiger {tile}.aig"
    )
    _run(["yosys", "-q", "-p", script], place, timeout_s)
    said = _run(["yosys-abc", "-c", f"read_aiger {tile}.aig; iprove"], place, timeout_s)
    verdict = {word for word in ("UNSATISFIABLE", "SATISFIABLE") if word in said.split()}
    assert len(verdict) == 1, said
    return verdict == {"UNSATISFIABLE"}


def registers(tile: str, folder: Path, timeout_s: float = 60) -> dict[str, set[int]]:
    """The registers on the paths from each operand of a tile to its results; settings are left out."""
    script = (
        f"read_verilog -sv -D SYNTHESIS {tile}.sv; hierarchy -top {tile}; {SIMPLIFY}; "
        f"write_json {tile}.json"
    )
    _run(["yosys", "-q", "-p", script], folder, timeout_s)
    return _depths(json.loads((folder / f"{tile}.json").read_text())["modules"][tile])


def _depths(module: Any) -> dict[str, set[int]]:
    """Follow a netlist from its operands, a register at a time; a cell's results depend on all that it reads."""
    cells = [cell["connections"] for cell in module["cells"].values()]
    readers = defaultdict(set)
    for number, nets in enumerate(cells):
        for port in nets.keys() - {"Q", "Y", "CLK"}:
            for bit in nets[port]:
                readers[bit].add(number)
    ports = module["ports"].items()
    results = {b for _, port in ports if port["direction"] == "output" for b in port["bits"]}
    found = {}
    for name, port in ports:
        if port["direction"] == "output" or name in SETTINGS | {"clk"}:
            continue
        front, depth, found[name] = {*port["bits"]}, 0, set[int]()
        while front:
            later, seen, waiting = set[object](), set[int](), {*front}
            while waiting:
                if waiting & results:
                    found[name].add(depth)
                new = set().union(*(readers[bit] for bit in waiting)) - seen
                seen |= new
                waiting = {bit for number in new for bit in cells[number].get("Y", ())}
                later |= {bit for number in new for bit in cells[number].get("Q", ())}
            front, depth = later, depth + 1
    return found


def _run(command: list[str], folder: Path, timeout_s: float) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout
