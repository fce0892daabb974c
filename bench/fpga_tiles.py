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
from edgekit.fpga.spec import EngineSpec

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
    folders = folder / "rtl", folder / "hls"
    for path, datapath in zip(folders, ("rtl", "hls"), strict=True):
        path.mkdir(parents=True)
        for name, text in rtl.sources(replace(spec, datapath=datapath)).items():
            (path / name).write_text(text)
    return folders


def equal(tile: str, folders: tuple[Path, Path], timeout_s: float) -> bool:
    """Whether the functions of a tile's two forms are equal for every operand; the registers let all through.

    Raises `subprocess.TimeoutExpired` where ABC does not end.
    """
    place = folders[0].parent
    (place / "transparent.v").write_text(TRANSPARENT)
    reads = "".join(
        f"read_verilog -sv -D SYNTHESIS {path.name}/{tile}.sv; hierarchy -top {tile}; {SIMPLIFY}; "
        f"techmap -map transparent.v; {OPTIMISE}; rename {tile} {path.name}; design -stash {path.name}; "
        for path in folders
    )
    copies = "".join(f"design -copy-from {path.name} {path.name}; " for path in folders)
    script = (
        f"{reads}{copies}miter -equiv -flatten {folders[0].name} {folders[1].name} miter; "
        f"hierarchy -top miter; flatten; opt -full; wreduce; opt -full; check -assert; "
        f"setundef -undriven -anyseq; techmap; opt -full; aigmap; write_aiger {tile}.aig"
    )
    _run(["yosys", "-q", "-p", script], place, timeout_s)
    said = _run(["yosys-abc", "-c", f"read_aiger {tile}.aig; iprove"], place, timeout_s)
    assert ("UNSATISFIABLE" in said) != ("SATISFIABLE" in said.replace("UNSATISFIABLE", "")), said
    return "UNSATISFIABLE" in said


def registers(tile: str, folder: Path, timeout_s: float = 60) -> dict[str, set[int]]:
    """The registers on the paths from each operand of a tile to its results; settings are left out."""
    script = (
        f"read_verilog -sv -D SYNTHESIS {tile}.sv; hierarchy -top {tile}; {SIMPLIFY}; "
        f"techmap; simplemap; {OPTIMISE}; write_json {tile}.json"
    )
    _run(["yosys", "-q", "-p", script], folder, timeout_s)
    return _depths(json.loads((folder / f"{tile}.json").read_text())["modules"][tile])


def _depths(module: Any) -> dict[str, set[int]]:
    """Follow a netlist from its operands, a register at a time."""
    readers = defaultdict(list)
    for cell in module["cells"].values():
        nets, is_register = cell["connections"], "Q" in cell["connections"]
        outputs = nets.get("Q" if is_register else "Y", [])
        for port in nets.keys() - {"Q", "Y", "C"}:
            for bit in nets[port]:
                readers[bit].append((outputs, is_register))
    ports = module["ports"].items()
    results = {b for _, port in ports if port["direction"] == "output" for b in port["bits"]}
    found = {}
    for name, port in ports:
        if port["direction"] == "output" or name in SETTINGS | {"clk"}:
            continue
        front, depth, found[name] = {*port["bits"]}, 0, set[int]()
        while front:
            reached, later, waiting = {*front}, set(), [*front]
            while waiting:
                for outputs, is_register in readers[waiting.pop()]:
                    into = later if is_register else reached
                    new = {*outputs} - into
                    into |= new
                    waiting += () if is_register else new
            if reached & results:
                found[name].add(depth)
            front, depth = later, depth + 1
    return found


def _run(command: list[str], folder: Path, timeout_s: float) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout
