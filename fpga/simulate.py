"""Run RTL: Verilator programs built of an engine's modules, fed with beats of single layers or with whole programs."""

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Int8, Int64
from edgekit.base.errors import VerificationError
from edgekit.fpga import rtl, tiles
from edgekit.fpga.network import Layer
from edgekit.fpga.spec import EngineSpec
from edgekit.runtime.runners.rtl import verilate, verilator_command

S8 = Int8
Int = TypeVar("Int", bound=np.signedinteger)
NOTHING = -1  # cycles of a case that gave other beats than it must
README = """# RTL

`ek_top.sv` is the top: registers behind AXI4-Lite, and a port of AXI4 to memory, from which it reads
`../hls/data/program.bin` and pictures. In this folder,

    {command}
    build_engine/sim_engine ../hls/data

compiles it with Verilator and runs the golden vectors of `../hls/data`: pictures, bytes compared, bytes that differ,
the cycles of a picture, and how many of them a data path waited. It returns 1 where a byte differs. Memory is ideal;
with `--dram` it is DRAM of banks and rows with refresh, and with `--stalls 1` every channel of the bus waits at random.
`--resets 1`, `--aborts 1` and `--faults 1` first reset or abort every run, or answer it with errors, and begin it
again. Options stand before the folder.
"""
MODULE = {path: Path(files[-1]).stem for path, files in rtl.MODULES.items()}


@dataclass(frozen=True)
class Case:
    """One layer to run.

    Attributes:
        layer: the one to compute; its view is not used.
        x: pictures ``(frames, channels, height, width)``, one right after another; dense takes one.
        d: ``(frames, height, width)`` of a deformable layer.
        stall_seed: 0, or the seed of random stalls on both sides.
        reset_after: 0, or the cycles after which the first frame is reset, and begun again.
        lead: rows that the line buffer leads; None for the layer's own need.
    """

    layer: Layer
    x: S8
    d: S8 | None = None
    stall_seed: int = 0
    reset_after: int = 0
    lead: int | None = None


@dataclass(frozen=True)
class SimulationResult:
    """The results of a case: y ``(frames, channels, height, width)``, and its cycles.

    They count from a frame's first beat in to its last out; `NOTHING` means that beats were missing, or left over.
    """

    y: S8
    cycles: int


def build(spec: EngineSpec, path: str, folder: Path) -> Path:
    """Compile the simulation of a data path (``depthwise`` or ``dense``), or of the ``engine``; return the program.

    Warnings are errors, assertions are on, and unset values begin as random bits.

    Raises `ToolError` where verilator is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (rtl.sources(spec) | rtl.simulation(spec)).items():
        (folder / name).write_text(text)
    verilate(folder, build_command(path))
    return folder / f"build_{path}" / f"sim_{path}"


def build_command(path: str) -> list[str]:
    """The command that compiles a simulation in the folder of its sources; ``build_<path>/sim_<path>`` comes of it."""
    return verilator_command(MODULE[path], rtl.MODULES[path], f"sim_{path}", f"build_{path}")


def readme(spec: EngineSpec) -> str:
    """Return the text for the files next to the RTL of a build."""
    text = README.format(command=shlex.join(build_command("engine")))
    return text + (tiles.README if spec.datapath == "hls" else "")


def run(program: Path, spec: EngineSpec, cases: Sequence[Case]) -> list[SimulationResult]:
    """Run cases of one data path, one after another in one program, without a reset between them.

    Raises `VerificationError` where an assertion of the RTL fails.
    """
    path = cases[0].layer.path
    encode = _depthwise_case if path == "depthwise" else _dense_case
    source, results = program.parent / "cases.bin", program.parent / "results.bin"
    source.write_bytes(b"".join(encode(case, spec).astype("<i4").tobytes() for case in cases))
    command = [str(program), str(source), str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VerificationError(f"RTL simulation: {(done.stdout + done.stderr).strip()[-2000:]}")
    numbers = np.fromfile(results, "<i4")
    found = []
    for case in cases:
        frames, channels, height, width = output_shape(case)
        lanes = spec.lanes if path == "depthwise" else spec.columns
        groups = -(-channels // lanes)
        count = frames * groups * height * width * lanes
        cycles, beats, numbers = int(numbers[0]), numbers[1 : 1 + count], numbers[1 + count :]
        if path == "depthwise":
            y = beats.reshape(frames, height, width, groups * lanes).transpose(0, 3, 1, 2)
        else:
            y = beats.reshape(groups, height, width, lanes).transpose(0, 3, 1, 2)
            y = y.reshape(1, groups * lanes, height, width)
        found.append(SimulationResult(y[:, :channels].astype(np.int8), cycles))
    return found


@dataclass(frozen=True)
class Ran:
    """The results of an engine for a folder of golden vectors.

    Attributes:
        pictures: the number that ran.
        compared: bytes of outputs.
        different: bytes of these that differ.
        cycles: of the picture that took the most.
        stalls: cycles of it in which a data path waited.
        cut: runs that ended with an abort or an error of the bus, and were begun again.
        error: of the error register; then all else is empty.
    """

    pictures: int = 0
    compared: int = 0
    different: int = 0
    cycles: int = 0
    stalls: int = 0
    cut: int = 0
    error: int = 0


def run_engine(
    program: Path,
    folders: Sequence[Path],
    *,
    dram: bool = False,
    stalls: int = 0,
    resets: int = 0,
    aborts: int = 0,
    faults: int = 0,
) -> list[Ran]:
    """Run golden vectors, a folder of hls/data each, one after another without a reset between them.

    Memory is ideal, or, with `dram`, DRAM. `stalls`, `resets`, `aborts` and `faults` are seeds, 0 for none. With stalls
    the channels of the bus wait at random. With the others every run is reset or aborted in the middle, or memory
    answers it with errors, and it is begun again. Raises `VerificationError` where an assertion of the RTL fails, or a
    layer does not end.
    """
    seeds = {"--stalls": stalls, "--resets": resets, "--aborts": aborts, "--faults": faults}
    options = [word for name, seed in seeds.items() if seed for word in (name, str(seed))]
    command = [str(program), *(["--dram"] if dram else []), *options, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 1, 2) or len(lines) != len(folders):
        raise VerificationError(f"RTL simulation: {(done.stdout + done.stderr).strip()[-2000:]}")
    found = []
    for line in lines:
        if match := re.search(r"error (\d+) in layer", line):
            found.append(Ran(error=int(match[1])))
        else:
            numbers = re.findall(r"(\d+) (?:pictures|bytes|differ|cycles|stalls|cut)", line)
            found.append(Ran(*map(int, numbers)))
    return found


def output_shape(case: Case) -> tuple[int, int, int, int]:
    """Frames, channels, height, width of y."""
    frames, _, height, width = case.x.shape
    stride = case.layer.stride
    return frames, case.layer.out_channels, -(-height // stride), -(-width // stride)


def to_beats(x: NDArray[Int], lanes: int, fill: int = 0) -> NDArray[Int]:
    """Channels ``(channels, ...)`` as groups of lanes: ``(groups, lanes, ...)``."""
    groups = -(-len(x) // lanes)
    padded = np.pad(
        x, ((0, groups * lanes - len(x)), *[(0, 0)] * (x.ndim - 1)), constant_values=fill
    )
    return padded.reshape(groups, lanes, *x.shape[1:])


def _tables(layer: Layer, lanes: int) -> list[Int64]:
    """Bias, multiplier and shift, each ``(groups * lanes)``; lanes without a channel compute something."""
    rows = (layer.bias.astype(np.int64), layer.mult, layer.shift)
    return [to_beats(row, lanes, fill).ravel() for row, fill in zip(rows, (0, 0, 1), strict=True)]


def _depthwise_case(case: Case, spec: EngineSpec) -> Int64:
    layer, lanes = case.layer, spec.lanes
    frames, channels, height, width = case.x.shape
    groups = -(-channels // lanes)
    if width * groups > spec.line_beats or groups > spec.groups:
        raise ValueError(f"{channels} channels of {width} pixels do not fit the line buffer")
    reach = spec.dmax if layer.dilation else 1
    lead = reach + 1 if case.lead is None else case.lead
    outputs = groups * -(-height // layer.stride) * -(-width // layer.stride)
    head = [
        height, width, groups, lead, int(layer.dilation is not None), layer.stride.bit_length() - 1, layer.x_zero,
        layer.y_zero, layer.y_min, layer.y_max, case.stall_seed, case.reset_after, frames, outputs,
    ]  # fmt: skip
    taps = to_beats(layer.weights.reshape(channels, 9), lanes).transpose(2, 0, 1).ravel()
    parts = [np.array(head), taps, *_tables(layer, lanes)]
    for frame in range(frames):
        parts.append(to_beats(case.x[frame], lanes).transpose(2, 3, 0, 1).ravel())
        if case.d is not None:
            parts.append(case.d[frame].ravel())
    return np.concatenate([part.astype(np.int64) for part in parts])


def _dense_case(case: Case, spec: EngineSpec) -> Int64:
    layer = case.layer
    x = to_beats(case.x[0], spec.lanes)
    k, half, stride = layer.kernel, layer.kernel // 2, layer.stride
    padded = np.pad(x, ((0, 0), (0, 0), (half, half), (half, half)), constant_values=layer.x_zero)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))
    beats = windows[:, :, ::stride, ::stride].transpose(2, 3, 4, 5, 0, 1)  # y x ky kx group lane
    pixels, per_pixel = beats.shape[0] * beats.shape[1], k * k * len(x)
    columns = -(-layer.out_channels // spec.columns)
    if per_pixel > spec.bank_beats:
        raise ValueError(f"{per_pixel} rows of weights do not fit a bank of {spec.bank_beats}")
    rows = dense_rows(layer.weights, spec)
    head = [
        per_pixel,
        pixels,
        columns,
        layer.y_zero,
        layer.y_min,
        layer.y_max,
        case.stall_seed,
        case.reset_after,
    ]
    stream = np.broadcast_to(beats, (columns, *beats.shape)).ravel()
    parts = [np.array(head), rows.ravel(), *_tables(layer, spec.columns), stream]
    return np.concatenate([part.astype(np.int64) for part in parts])


def dense_rows(weights: S8, spec: EngineSpec) -> S8:
    """Weights ``(out, in, k, k)`` as the array's memory holds them: ``(groups * beats, columns, lanes)``."""
    by_lane = to_beats(weights.transpose(1, 0, 2, 3), spec.lanes)  # in_group lane out ky kx
    by_both = to_beats(by_lane.transpose(2, 0, 1, 3, 4), spec.columns)  # og column ig lane ky kx
    ordered = by_both.transpose(0, 4, 5, 2, 1, 3)  # og ky kx ig column lane
    return ordered.reshape(-1, spec.columns, spec.lanes)
