"""Tiles that XLS compiles equal the hand-written modules in every bit, with as many registers."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpga_rtl import (
    W4,
    W8,
    any_layer,
    deformable_case,
    expected,
    modelled_cycles,
    needs_verilator,
    simulated,
)
from fpga_tiles import both_forms, equal, needs_yosys, registers

from edgekit.base.errors import ToolError
from edgekit.fpga import rtl, tiles
from edgekit.fpga.cycles import tree_levels
from edgekit.fpga.simulate import Case
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.tiles import TILES, Pipeline
from edgekit.verbs import doctor
from edgekit.verbs.export.entry_points import check_tools
from edgekit.verbs.export.request import read_request

pytest.importorskip("xls", reason="needs xls: pip install xls-python==0.1.9934")
SMALL = EngineSpec(lanes=1, columns=3, weight_bits=4, groups=16, accumulator_bits=22)
VALUES = rtl.parameters(SMALL) | rtl.derived_parameters(SMALL)
SIZES = {
    "4 x 16, 4 bits": EngineSpec(lanes=4, columns=16, accumulator_bits=22),
    "3 x 6, 8 bits, d to 3": EngineSpec(
        lanes=3, columns=6, weight_bits=8, accumulator_bits=26, dmax=3
    ),
    "1 x 1, rows of a beat": EngineSpec(lanes=1, columns=1, line_beats=1, accumulator_bits=14),
    "9 x 9, 8 bits, sums of 32": EngineSpec(lanes=9, columns=9, weight_bits=8, accumulator_bits=32),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The modules of a small engine, in both forms."""
    return both_forms(SMALL, tmp_path_factory.mktemp("tiles"))


def latencies(spec: EngineSpec) -> dict[str, dict[str, int]]:
    """The registers of the operands of each tile."""
    return {
        "ek_requantize": dict.fromkeys(("acc", "mult", "shift"), 5),
        "ek_window": dict.fromkeys(("beat", "y", "x", "d"), 1),
        "ek_taps": dict.fromkeys(("banks", "rows", "inside_y", "inside_x", "weights"), 4)
        | {"bias": 1},
        "ek_array": dict.fromkeys(("data", "weights"), tree_levels(spec) + 2),
    }


def assert_equal(tile: str, spec: EngineSpec, folders: tuple[Path, Path], timeout_s: float) -> None:
    """The same function of operands, each as many registers away from the results."""
    assert equal(tile, folders, timeout_s)
    for folder in folders:
        found = registers(tile, folder, timeout_s)
        assert found == {name: {n} for name, n in latencies(spec)[tile].items()}


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize("tile", TILES)
def test_a_tile_is_the_hand_written_module(tile: str, small: tuple[Path, Path]) -> None:
    assert_equal(tile, SMALL, small, 60)


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize(
    ("tile", "right", "wrong"),
    [
        ("ek_requantize", "Value:1", "Value:2"),
        ("ek_window", "top >= Place:0", "top > Place:0"),
        ("ek_taps", "(t / u32:3, t % u32:3)", "(t % u32:3, t / u32:3)"),
        (
            "ek_array",
            "part<PB>(whole, u32:1) + ((whole >> (PB - u32:1)) as u1 as uN[PB])",
            "part<PB>(whole, u32:1)",
        ),
    ],
)
def test_a_tile_that_is_not_is_found(
    tile: str, right: str, wrong: str, small: tuple[Path, Path], tmp_path: Path
) -> None:
    source = tiles.dslx(tile, VALUES)
    assert source.count(right) == 1
    folder = tmp_path / "hls"
    folder.mkdir()
    pipelines = TILES[tile].pipelines
    write_tile(tile, folder, small[1], source.replace(right, wrong), pipelines)
    assert not equal(tile, (small[0], folder), 60)


@needs_yosys
def test_a_tile_with_a_register_too_many_is_found(small: tuple[Path, Path], tmp_path: Path) -> None:
    source, (pipeline,) = tiles.dslx("ek_requantize", VALUES), TILES["ek_requantize"].pipelines
    write_tile("ek_requantize", tmp_path, small[1], source, [replace(pipeline, registers=6)])
    assert registers("ek_requantize", tmp_path)["acc"] == {6}


def write_tile(
    tile: str, folder: Path, right: Path, source: str, pipelines: Iterable[Pipeline]
) -> None:
    """A tile of other content, with the ports and connections of the right one."""
    head = (right / f"{tile}.sv").read_text().partition("`default_nettype wire\n")[0]
    compiled = [tiles.verilog(tile, source, pipeline, VALUES) for pipeline in pipelines]
    (folder / f"{tile}.sv").write_text("".join([head, *compiled]))


def test_sources_stand_next_to_what_comes_of_them_and_are_reproducible(
    small: tuple[Path, Path],
) -> None:
    spec = replace(SMALL, datapath="hls")
    assert rtl.sources(spec) == rtl.sources(spec)
    assert rtl.sources(spec).keys() - rtl.sources(SMALL).keys() == {f"{name}.x" for name in TILES}
    assert "const ACC_BITS = u32:22;" in (small[1] / "ek_taps.x").read_text()
    for name in TILES:
        ports = [(folder / f"{name}.sv").read_text().partition(";")[0] for folder in small]
        assert ports[1].endswith(ports[0])


def test_an_export_says_that_the_compiler_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "missing_tools", lambda names: tuple({*names} & {"xls-python"}))
    plain = read_request("os:getcwd", "fpga", tmp_path / "new", {"goal": "fps"})
    check_tools(plain)
    hls = read_request("os:getcwd", "fpga", tmp_path / "new", {"datapath": "hls"})
    with pytest.raises(ToolError, match=r"xls-python is not installed; .*xls-python==0\.1\.9934"):
        check_tools(hls)


def test_a_compiler_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xls", None)
    with pytest.raises(
        ToolError, match=r"xls-python cannot be loaded .*; .*xls-python==.* glibc 2\.34"
    ):
        rtl.sources(replace(SMALL, datapath="hls"))


def test_what_the_compiler_refuses_is_told() -> None:
    with pytest.raises(ToolError, match=r"XLS refuses ek_window\.x: .*ParseError"):
        tiles.verilog("ek_window", "fn places(", TILES["ek_window"].pipelines[0], VALUES)


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tile", TILES)
def test_a_tile_of_any_size_is_the_hand_written_module(
    tile: str, size: str, tmp_path: Path
) -> None:
    assert_equal(tile, SIZES[size], both_forms(SIZES[size], tmp_path), 600)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("spec", [W8, W4])
def test_data_paths_of_tiles_equal_the_golden_model(spec: EngineSpec) -> None:
    """With stalls and without a reset between layers, in exactly the cycles of the hand-written ones."""
    hls, random = replace(spec, datapath="hls"), np.random.default_rng(spec.weight_bits)
    every_d: list[Case] = [deformable_case(d, d if d < 8 else None, 2, hls) for d in range(9)]
    for cases in (
        [*every_d, *[any_layer(random, hls, "depthwise") for _ in range(40)]],
        [any_layer(random, hls, "dense") for _ in range(40)],
    ):
        for case, found in zip(cases, simulated(hls, cases), strict=True):
            np.testing.assert_array_equal(found.y, expected(case))
            assert case.stall_seed or found.cycles == modelled_cycles(hls, case)
