"""The HLS of an engine: other compilers and headers, processes as threads, rules of synthesis, cycles of its loops."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hls_syntax
import numpy as np
import pytest
import torch
from engines import fpga_hls_cycles
from fpga_hls import (
    FOREIGN,
    HEADERS,
    THREADS,
    clang,
    compiled,
    counted_cycles,
    needs_cxx,
    needs_headers,
    written,
)
from fpga_networks import calibration, imported, one_layer, random_layer, random_x, tiny
from fpga_random import lowered, random_spec
from fpga_rtl import needs_verilator
from torch import Tensor, nn

from edgekit import api
from edgekit.base.npz import write_npz
from edgekit.fpga import SquareDeformConv2d, project, simulate
from edgekit.fpga.lower import lower
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.schedule import network_cycles
from edgekit.fpga.spec import Datapath, EngineSpec, Goal
from edgekit.verbs.export.options import ExportOptions

pytestmark = needs_cxx
SYNTHESISED = [
    name for name in project.SOURCES if name.endswith(".cpp") and name not in project.BENCHES
]
needs_libclang = pytest.mark.skipif(
    importlib.util.find_spec("clang") is None, reason="needs libclang: pip install libclang"
)
needs_xls = pytest.mark.skipif(
    importlib.util.find_spec("xls") is None, reason="needs xls: pip install xls-python==0.1.9934"
)
needs_clang = pytest.mark.skipif(clang() is None, reason="needs clang++ or ziglang")
WITH_HEADERS = [pytest.param(name, marks=needs_headers(name)) for name in HEADERS]
TINY = EngineSpec(lanes=8, columns=4, weight_bits=8, line_beats=24, buffer_beats=60)


def tiny_program(spec: EngineSpec = TINY) -> tuple[Program, list[np.ndarray]]:  # type: ignore[type-arg]
    """The program of `tiny`, and two pictures."""
    model = imported(tiny)
    clips = calibration(model, 2)
    network = lower(model, clips, spec)
    ((name, stored),) = network.inputs.items()
    kind = network.tensors[stored].kind
    images = [kind.quantize(x[0]).astype(np.int8) for x in clips.clips[0][name]]
    bits = max(layer.accumulator_bits for layer in network.layers)
    return assemble(network, replace(spec, accumulator_bits=bits)), images


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of `tiny`, written once."""
    folder = tmp_path_factory.mktemp("tiny")
    program, images = tiny_program()
    written(program, folder, images)
    return folder


@pytest.mark.rows(2)
@pytest.mark.parametrize("headers", WITH_HEADERS)
def test_gcc_with_headers_of_ours_and_of_others(headers: str, tiny_folder: Path) -> None:
    bench = compiled(tiny_folder, headers, ("-O0",), at_once=True)
    assert project.run_test_bench(bench, tiny_folder / "data").endswith(" 0 differ")


@pytest.mark.slow
@needs_clang
def test_clang(tiny_folder: Path) -> None:
    bench = compiled(tiny_folder, compiler=clang() or ())
    assert project.run_test_bench(bench, tiny_folder / "data").endswith(" 0 differ")


@pytest.mark.slow
@needs_clang
@pytest.mark.parametrize("headers", WITH_HEADERS[1:])
def test_clang_with_headers_of_others(headers: str, tiny_folder: Path) -> None:
    """With the C++ library of g++: AMD's integers declare std::complex, which libc++ has in another namespace."""
    command = clang() or ()
    library = [f"-I{path}" for path in hls_syntax.standard_folders() if "/c++/" in path]
    options = ("-O1", "-nostdinc++", *library, "-c")
    objects = tiny_folder / "objects"
    objects.mkdir(exist_ok=True)
    for name in (*SYNTHESISED, *project.BENCHES):
        flags = [flag.replace("-Iheaders", f"-I{tiny_folder}/headers") for flag in HEADERS[headers]]
        source = [f"-I{tiny_folder}", str(tiny_folder / name)]
        command_line = [
            *command,
            "-std=c++17",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unknown-pragmas",
        ]
        subprocess.run([*command_line, *options, *flags, *source], cwd=objects, check=True)
    parts = sorted(path.name for path in objects.glob("*.o"))
    subprocess.run(["g++", *parts, "-o", "tb"], cwd=objects, check=True)
    assert project.run_test_bench(objects / "tb", tiny_folder / "data").endswith(" 0 differ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        "-I headers -I.",
        pytest.param("/ap_types", marks=needs_headers("ap_types")),
        pytest.param("headers/ac", marks=needs_headers("ac_types")),
    ],
)
def test_the_commands_of_the_readme_run_in_an_empty_environment(
    headers: str, tiny_folder: Path
) -> None:
    if not (tiny_folder / "foreign").is_symlink():
        (tiny_folder / "foreign").symlink_to(FOREIGN.parents[1])
    text = (tiny_folder / "README.md").read_text()
    commands = re.findall(r"^    (g\+\+ .*)$", text, re.MULTILINE)
    assert len(commands) == 4
    for command in [command for command in commands if headers in command]:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tiny_folder,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.startswith("2 pictures") and done.stdout.endswith(" 0 differ\n")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_streams_of_their_depth_between_threads(seed: int, tmp_path: Path) -> None:
    """Random networks; neither a deadlock nor another byte."""
    found = lowered(seed, 8, tmp_path)
    assert found is not None and not found[0].cpu
    network, images = found
    bits = max(layer.accumulator_bits for layer in network.layers)
    written(assemble(network, random_spec(seed, 8, bits)), tmp_path, images[:1])
    bench = compiled(tmp_path, options=("-O1", *THREADS))
    assert project.run_test_bench(bench, tmp_path / "data").endswith(" 0 differ")


@pytest.mark.slow
def test_a_stream_that_is_too_short_is_a_deadlock(tiny_folder: Path, tmp_path: Path) -> None:
    """A process that waits for an end that does not come is found; the sources are changed for it."""
    for path in (*tiny_folder.glob("*.[ch]*"), tiny_folder / "headers", tiny_folder / "data"):
        (tmp_path / path.name).symlink_to(path)
    fetch = tmp_path / "ek_fetch.cpp"
    text = fetch.read_text().replace(
        "if (has_d && slot == 0) {", "if (has_d && slot == 0 && y != lead) {"
    )
    fetch.unlink()
    fetch.write_text(text)
    bench = compiled(tmp_path, options=("-O0", *THREADS))
    done = subprocess.run(
        [bench, "data"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3 and "deadlock" in done.stderr


@pytest.fixture(scope="module")
def syntax(tiny_folder: Path) -> hls_syntax.Syntax:
    """The syntax tree of what is synthesised."""
    return hls_syntax.Syntax(tiny_folder, SYNTHESISED)


RULES = (
    hls_syntax.forbidden,
    hls_syntax.recursion,
    hls_syntax.foreign_calls,
    hls_syntax.unbounded_loops,
    hls_syntax.loops_without_pragma,
    hls_syntax.wrong_pragmas,
)


@pytest.mark.slow
@needs_libclang
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_synthesised_keeps_the_rules(
    rule: Callable[[hls_syntax.Syntax], list[str]], syntax: hls_syntax.Syntax
) -> None:
    assert len(syntax.functions) > 25
    assert rule(syntax) == []


BROKEN = """#include <cstdlib>
struct base_t { virtual int f() { return 1; } };
static int again(int n) { return n ? again(n - 1) : 0; }
int top(int n)
{
#pragma HLS PIPELINE II=1 fast=1
#pragma HLS UNROLL variable=nothing
    int *p = new int;
    while (n) { n--; }
    for (int i = 0; i < n; i++) { n++; }
    for (int i = 0; i != n; i++) { *p += std::abs(i); }
    return *p + again(n);
}
"""


@needs_libclang
def test_the_rules_find_what_breaks_them(tmp_path: Path) -> None:
    (tmp_path / "ek_broken.cpp").write_text(BROKEN)
    syntax = hls_syntax.Syntax(tmp_path, ["ek_broken.cpp"])
    lines = {rule.__name__: [one.split(":")[1] for one in rule(syntax)] for rule in RULES}
    assert lines["forbidden"] == ["2", "8", "9"]
    assert lines["recursion"] == ["3"]
    assert lines["foreign_calls"] == ["11"]
    assert lines["unbounded_loops"] == ["10", "11"]
    assert lines["loops_without_pragma"] == ["10", "11"]
    assert lines["wrong_pragmas"] == ["6", "7", "7"]


def data_path_cycles(program: Program) -> int:
    """The model's cycles of a picture: data paths, and tables that are loaded before them."""
    return sum(row.compute + row.tables for row in network_cycles(program))


@pytest.mark.slow
def test_the_cycles_of_the_loops_are_those_of_the_model(tiny_folder: Path) -> None:
    program, images = tiny_program()
    modelled = data_path_cycles(program)
    assert counted_cycles(tiny_folder) / len(images) == pytest.approx(modelled, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [2, 8])
def test_the_cycles_of_a_detector_are_those_of_its_walk(lanes: int, tmp_path: Path) -> None:
    """With all that the model walks with ideal memory: records, words of the program, starts and ends of layers."""
    counted, walked = fpga_hls_cycles.detector_cycles(lanes, lanes // 2, tmp_path)
    assert counted == pytest.approx(walked, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["dense", "depthwise"])
def test_the_cycles_of_a_layer_are_those_of_its_data_path(path: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shape = (16, 40, 36)
    layer = random_layer(random, path, shape, 16, 8, kernel=3 if path == "dense" else 1)
    spec = replace(TINY, line_beats=512, accumulator_bits=28)
    program = assemble(one_layer(layer, 8), spec)
    written(program, tmp_path / "layer", [random_x(random, shape)])
    cycles = counted_cycles(tmp_path / "layer")
    assert cycles == pytest.approx(data_path_cycles(program), rel=0.05)


class TwoDeformable(nn.Module):
    """Deformable layers of odd channels on odd pictures, the second on half the size; d reaches both bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 11, 3, 1, 1)
        self.first = SquareDeformConv2d(11, bias=True)
        self.down = nn.Conv2d(11, 13, 3, 2, 1)
        self.second = SquareDeformConv2d(13)
        self.head = nn.Conv2d(13, 5, 1)
        with torch.no_grad():
            for layer in (self.first, self.second):
                layer.offset.weight.normal_(0, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.relu(self.first(torch.relu(self.stem(x))))
        return self.head(torch.relu(self.second(torch.relu(self.down(y))))), y


def two_deformable() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """`TwoDeformable` and a picture of odd sides."""
    torch.manual_seed(0)
    return TwoDeformable(), (torch.randn(1, 3, 23, 37),)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("datapath", ["rtl", pytest.param("hls", marks=needs_xls)])
@pytest.mark.parametrize("goal", ["small", "fps"])
def test_hls_and_rtl_of_an_export_agree_on_twenty_pictures(
    goal: Goal, datapath: Datapath, tmp_path: Path
) -> None:
    """Both with the commands that stand next to them, on every byte of both outputs."""
    (tmp_path / "clips").mkdir()
    x = np.random.default_rng(3).normal(size=(20, 1, 3, 23, 37)).astype(np.float32)
    write_npz(tmp_path / "clips" / "a.npz", {"x": x})
    engine = tmp_path / "engine"
    source, clips = f"{__name__}:two_deformable", str(tmp_path / "clips")
    given: ExportOptions = {"recipe": "w8a8", "goal": goal, "datapath": datapath}
    api.export(source, "fpga", engine, calibration=clips, **given)
    assert (engine / "rtl" / "ek_taps.x").is_file() == (datapath == "hls")
    bench = compiled(engine / "hls")
    line = project.run_test_bench(bench, engine / "hls" / "data")
    subprocess.run(simulate.build_command("engine"), cwd=engine / "rtl", check=True)
    program = engine / "rtl" / "build_engine" / "sim_engine"
    (ran,) = simulate.run_engine(program, [engine / "hls" / "data"], dram=True)
    assert (ran.error, ran.pictures, ran.different) == (0, 20, 0)
    assert line == f"20 pictures, {ran.compared} bytes compared, 0 differ"
