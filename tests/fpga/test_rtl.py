"""The RTL equals the golden model in every bit, and takes the cycles that the model says."""

import importlib.util
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpga_networks import random_layer, random_x
from fpga_rtl import (
    SEVERAL_BEATS,
    SHARED_BEAT,
    W4,
    W8,
    any_layer,
    deformable_case,
    expected,
    modelled_cycles,
    needs_verilator,
    simulated,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slices import slow_except

from edgekit.base.errors import VerificationError
from edgekit.fpga import rtl, simulate
from edgekit.fpga.simulate import Case
from edgekit.fpga.spec import EngineSpec

pytestmark = needs_verilator
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_equal(spec: EngineSpec, cases: list[Case]) -> None:
    """Every beat of every case."""
    for case, found in zip(cases, simulated(spec, cases), strict=True):
        assert found.cycles > 0
        np.testing.assert_array_equal(found.y, expected(case))


@pytest.mark.parametrize("spec", slow_except(lambda spec: spec is W4, [W8, W4]))
def test_every_d_at_every_border(spec: EngineSpec) -> None:
    assert_equal(spec, [deformable_case(d, d, spec=spec) for d in range(8)])


@pytest.mark.parametrize("spec", [W8, W4])
def test_random_d_frames_back_to_back_and_stalls(spec: EngineSpec) -> None:
    cases = [replace(deformable_case(s, None, 3, spec), stall_seed=s) for s in range(4)]
    assert_equal(spec, cases)


def test_a_lead_of_dmax_rows_is_one_too_few() -> None:
    """The published engine's line buffer: its tests ran d = 1 only, which is right."""
    short = [replace(deformable_case(d, d), lead=W8.dmax) for d in range(8)]
    wrong = [
        int((found.y != expected(case)).sum())
        for case, found in zip(short, simulated(W8, short), strict=True)
    ]
    assert wrong[:7] == [0] * 7
    assert wrong[7] > expected(short[7]).size // 10


def test_ties_are_rounded_half_up() -> None:
    random = np.random.default_rng(0)
    layer = random_layer(random, "depthwise", (4, 8, 8), 4)
    weights = np.zeros((4, 3, 3), np.int8)
    weights[:, 1, 1] = 1
    half = np.full(4, 2**15)
    layer = replace(
        layer,
        weights=weights,
        bias=np.zeros(4, np.int32),
        mult=half,
        shift=half * 0 + 16,
        y_zero=0,
        y_min=-128,
        y_max=127,
    )
    x = np.arange(-128, 128).reshape(1, 4, 8, 8).astype(np.int8)
    (found,) = simulated(W8, [Case(layer, x)])
    np.testing.assert_array_equal(found.y, np.floor(x / 2 + 0.5))


@PROPERTY
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 14),
    st.integers(1, 14),
    st.sampled_from([None, 1, 2, 4]),
    st.booleans(),
    st.booleans(),
)
def test_depthwise_layers_of_any_size(
    seed: int, channels: int, height: int, width: int, stride: int | None, four: bool, stalls: bool
) -> None:
    spec, random, shape = W4 if four else W8, np.random.default_rng(seed), (channels, height, width)
    layer = random_layer(
        random, "depthwise", shape, channels, spec.weight_bits, 1, stride or 1, stride is None
    )
    d = random.integers(0, 8, (2, height, width)).astype(np.int8) if stride is None else None
    x = random_x(random, (2, *shape))  # type: ignore[arg-type]
    assert_equal(spec, [Case(layer, x, d, int(stalls) * (seed % 1000 + 1))])


@pytest.mark.slow
@PROPERTY
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2, 4]),
    st.booleans(),
    st.booleans(),
)
def test_dense_layers_of_any_size(
    seed: int, channels: int, outputs: int, kernel: int, stride: int, four: bool, stalls: bool
) -> None:
    spec, random = W4 if four else W8, np.random.default_rng(seed)
    shape = (channels, int(random.integers(1, 9)), int(random.integers(1, 9)))
    layer = random_layer(random, "dense", shape, outputs, spec.weight_bits, kernel, stride)
    x = random_x(random, shape)[None]
    assert_equal(spec, [Case(layer, x, None, int(stalls) * (seed % 1000 + 1))])


@pytest.mark.rows(2)
@pytest.mark.parametrize("path", ["depthwise", "dense"])
@pytest.mark.parametrize("spec", [W8, W4])
def test_layers_of_all_kinds_follow_each_other_without_a_reset(spec: EngineSpec, path: str) -> None:
    random = np.random.default_rng(spec.weight_bits)
    assert_equal(spec, [any_layer(random, spec, path) for _ in range(40)])


@pytest.mark.parametrize("path", ["depthwise", "dense"])
def test_a_reset_in_the_middle_of_a_layer_leaves_nothing_behind(path: str) -> None:
    random = np.random.default_rng(3)
    cases = [any_layer(random, W8, path) for _ in range(12)]
    resets = random.integers(1, 200, len(cases))
    assert_equal(W8, [replace(c, reset_after=int(n)) for c, n in zip(cases, resets, strict=True)])


@pytest.mark.slow
def test_a_dense_layer_has_as_many_output_groups_as_it_wants() -> None:
    random = np.random.default_rng(4)
    spec = EngineSpec(lanes=2, columns=1, line_beats=64, weight_beats=16, accumulator_bits=22)
    cases = []
    for outputs in (64, 65, 70, 96, 200):
        layer = random_layer(random, "dense", (5, 3, 3), outputs, 4)
        cases.append(Case(layer, random_x(random, (5, 3, 3))[None]))
    assert_equal(spec, cases)


@pytest.mark.parametrize("deform", [False, True])
def test_what_the_path_cannot_hold_stops_the_simulation(deform: bool) -> None:
    random = np.random.default_rng(6)
    shape = (4, 3, 3)
    layer = random_layer(random, "depthwise", shape, 4, deform=deform)
    x = random_x(random, shape)[None]
    d = np.full((1, 3, 3), 8, np.int8) if deform else None
    case = Case(layer, x, d, lead=None if deform else 1)
    found = "d = 8, at most 7" if deform else "a lead of 1 rows"
    with pytest.raises(VerificationError, match=found):
        simulated(W8, [case])


@pytest.mark.parametrize("path", ["depthwise", "dense"])
@pytest.mark.parametrize("spec", [W8, W4])
def test_cycles_are_those_of_the_model(spec: EngineSpec, path: str) -> None:
    random = np.random.default_rng(7)
    cases = [replace(any_layer(random, spec, path), stall_seed=0) for _ in range(30)]
    found = [result.cycles for result in simulated(spec, cases)]
    assert found == [modelled_cycles(spec, case) for case in cases]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "shape", "values"),
    [
        ("depthwise", (3, 5, 1), {"line_beats": 1, "groups": 1}),
        ("dense", (33, 4, 4), {"weight_beats": 2, "lanes": 33, "columns": 1}),
    ],
)
def test_the_smallest_memories_are_right(
    path: str, shape: tuple[int, int, int], values: dict[str, int]
) -> None:
    """And an adder tree of four levels."""
    random = np.random.default_rng(8)
    spec = replace(W4, **values)  # type: ignore[arg-type]
    layer = random_layer(random, path, shape, 3 if path == "depthwise" else 5, 4)
    case = Case(layer, random_x(random, shape)[None])
    assert_equal(spec, [case])
    assert simulated(spec, [case])[0].cycles == modelled_cycles(spec, case)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("dense", "WEIGHT_BEATS=1"),
        ("dense", "WEIGHT_BEATS=6"),
        ("dense", "ACC_BITS=33"),
        ("depthwise", "ROWS=12"),
        ("depthwise", "LINE_BEATS=0"),
        ("depthwise", "GROUPS=0"),
        ("depthwise", "WEIGHT_BITS=9"),
    ],
)
def test_parameters_that_no_module_can_have_are_refused(
    path: str, parameter: str, tmp_path: Path
) -> None:
    for name, text in rtl.sources(W8).items():
        (tmp_path / name).write_text(text)
    top = simulate.MODULE[path]
    command = [
        "verilator",
        "--lint-only",
        "--top-module",
        top,
        f"-G{parameter}",
        f"{top}.sv",
        *rtl.SHARED,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{top}: " in done.stderr and parameter.partition("=")[0] in done.stderr


@pytest.mark.parametrize(("size", "channels"), [(8, 256), (16, 128), (32, 64)])
def test_layers_of_the_size_of_codenet_a_pass_by_pass(size: int, channels: int) -> None:
    random = np.random.default_rng(size)
    step = W8.line_beats // size * W8.lanes
    cases = []
    for _ in range(0, channels, step):
        shape = (min(step, channels), size, size)
        layer = random_layer(random, "depthwise", shape, shape[0], deform=True)
        d = random.integers(0, 8, (1, size, size)).astype(np.int8)
        cases.append(Case(layer, random_x(random, shape)[None], d))
    assert_equal(W8, cases)


def test_the_modules_carry_the_parameters_of_the_engine() -> None:
    text = rtl.sources(EngineSpec(lanes=8, columns=2, dmax=3))["ek_depthwise.sv"]
    assert "parameter int LANES = 8," in text
    assert "parameter int ROWS = 8," in text


def accepted(spec: EngineSpec, folder: Path, change: tuple[str, str] = ("", "")) -> bool:
    """Whether slang, a strict front end, takes an engine's sources without a warning but of shifts."""
    slang = pytest.importorskip("pyslang", reason="needs pyslang: pip install pyslang")
    folder.mkdir()
    for name, text in rtl.sources(spec).items():
        (folder / name).write_text(text.replace(*change))
    files = " ".join(map(str, sorted(folder.glob("*.sv"))))
    driver = slang.driver.Driver()
    driver.addStandardArgs()
    options = (
        "-Werror -Wno-shift-count-overflow"  # a parameter may shift all bits out, which gives 0
    )
    assert driver.parseCommandLine(f"slang {options} --top ek_top -I {folder} {files}")
    read = driver.processOptions() and driver.parseAllSources()
    compilation = driver.createCompilation()
    driver.reportCompilation(compilation, True)
    driver.runAnalysis(compilation)  # who writes what
    return bool(driver.reportDiagnostics(True) and read)


def test_a_strict_front_end_takes_the_sources(tmp_path: Path) -> None:
    compiled = [replace(SHARED_BEAT, datapath="hls")] if importlib.util.find_spec("xls") else []
    for number, spec in enumerate((SHARED_BEAT, SEVERAL_BEATS, EngineSpec(), *compiled)):
        assert accepted(spec, tmp_path / str(number))
    line = "  wire read = arvalid && !rvalid;"
    assert line in rtl.sources(W8)["ek_control.sv"]
    twice = (
        f"{line}\n  always_ff @(posedge clk) enabled <= 1'b0;"  # a register that two blocks write
    )
    assert not accepted(W8, tmp_path / "two", (line, twice))
