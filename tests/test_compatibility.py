"""What docs/reference/compatibility.md promises: files, programs and commands of version 0.2.0 work with this one.

`tests/pinned` holds the files as 0.2.0 wrote them; tests/runtime/build_folder/test_manifest.py reads its manifest.
"""

import inspect
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_build
import tiny_networks
import typer
from jsonschema import Draft202012Validator
from make_schema import SCHEMAS, texts
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.export.diffusion.description import read_sampler
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import parse_recipe, read_recipe
from edgekit.runtime.devices.board import parse_board
from edgekit.runtime.runners.toolchain import compilers
from edgekit.runtime.stream import Stream

ROOT = Path(__file__).parent.parent
PINNED = ROOT / "tests" / "pinned"
COMMANDS = (
    "export m.onnx --target host -o out --hop 4 --sample-rate 16000 --shape x=1,2 --constant c=1 --time-axis x:2"
    " --state h:h_next --frontend stft:512:128:sqrt_hann --recipe w8a8 --calibration clips --min-snr 20 --then b.onnx"
    " --sampler s.toml --until y:0.1:5 --strict --part XC7Z020 --goal small --cpu-fallback --stateful"
    " --allow-oversize --force --json",
    "stream m.onnx --hop 4 -o out.onnx --time-axis x:2 --json",
    "quantize m.onnx --recipe w8a8 --calibration clips -o out.onnx --min-snr 20 --json",
    "run build in.wav out.wav --constants c.npz --json",
    "run build --mic",
    "sample build -n 2 --seed 3 -o out.npz --condition label=1 --start a.npz --noise b.npz --json",
    "invert build images.npz -o out.npz --seed 3 --condition label=1 --json",
    "bench build --device qemu --against onnxruntime,litert --hops 5 --layers --append r.jsonl --json",
    "bench --compare r.jsonl -o page.html",
    "inspect build --html page.html --json",
    "targets --json",
    "doctor --json",
    "demo denoise --target c99 -o out",
)
FUNCTIONS = {
    "export": "source target out progress",
    "stream": "source out progress",
    "quantize": "source recipe calibration out min_snr_db progress",
    "run": "directory source out constants progress",
    "sample": "directory n seed conditions start noise out progress",
    "invert": "directory images seed conditions out progress",
    "bench": "directory device hops layers against append progress",
    "compare": "results out",
    "inspect": "source",
    "targets": "",
    "doctor": "",
    "demo": "name target out progress",
}
# A program as it was written for the header of a build of 0.2.0.
PROGRAM = """
#include "small.h"
static unsigned char state[SMALL_STATE_BYTES + SMALL_ALIGN], scratch[SMALL_SCRATCH_BYTES + SMALL_ALIGN];
int main(void) {
    static float x[8], y[8];
    const small_inputs in = {x};
    small_outputs out = {y};
    small *self = small_init(state, sizeof state);
    small_reset(self);
    return small_process(self, scratch, &in, &out);
}
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_an_earlier_version_are_understood(command: str) -> None:
    group = typer.main.get_command(app)
    verb, *words = command.split()
    with group.make_context("edgekit", [verb]):  # type: ignore[attr-defined]
        group.commands[verb].make_context(verb, words)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_what_they_took(name: str) -> None:
    taken = inspect.signature(getattr(api, name)).parameters
    assert set(FUNCTIONS[name].split()) <= set(taken)
    needed = [p.name for p in taken.values() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    assert set(needed) <= set(FUNCTIONS[name].split())


def test_a_recipe_of_an_earlier_version_is_read() -> None:
    recipe = read_recipe(PINNED / "recipe-1.toml")
    assert (recipe.name, recipe.weights, recipe.range_margin) == ("mine", "int8", 1.5)
    assert recipe.layers == {"out.weight": "int4"} and recipe.tensors == {"h": "int16"}
    new = Recipe("mine")
    assert recipe.hop_scales == new.hop_scales and recipe.sparse == new.sparse


def test_a_sampler_of_an_earlier_version_is_read() -> None:
    sampler = read_sampler(PINNED / "sampler-1.toml")
    assert sampler.problems() == [] and sampler.roles.null == {"label": 10}


@needs_cc
def test_a_build_of_an_earlier_version_runs(tmp_path: Path) -> None:
    build = tiny_build.write(tmp_path / "build")
    facts = json.loads((build / "manifest.json").read_text())
    facts |= {"schema": 1, "edgekit": "0.1.0"}
    for row in (*facts["inputs"], *facts["outputs"]):
        for key in (
            "layout",
            "rate",
            "frames_per_hop",
            "channels",
            "delay_samples",
            "sample_rate_hz",
        ):
            del row[key]
    (build / "manifest.json").write_text(json.dumps(facts))
    pcm = np.random.default_rng(0).standard_normal((3, 1, tiny_build.HOP)).astype(np.float32)
    out = Stream.open(build).run({"pcm": pcm})["pcm_out"]
    np.testing.assert_array_equal(out.ravel(), tiny_build.expected(pcm.ravel()))


@needs_cc
def test_a_program_for_an_earlier_header_compiles(tmp_path: Path) -> None:
    api.export(str(tiny_networks.recurrent(tmp_path / "small.onnx")), "c99", tmp_path / "build")
    (tmp_path / "main.c").write_text(PROGRAM)
    command = [*compilers()[0].command, "-std=c99", "-Wall", "-Werror", "-fsyntax-only"]
    subprocess.run([*command, f"-I{tmp_path / 'build'}", str(tmp_path / "main.c")], check=True)


def test_the_published_schemas_are_those_of_the_readers() -> None:
    for path, text in texts().items():
        assert path.read_text() == text, (
            f"{path.name} is older than the code: python docs/make_schema.py"
        )
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema())


RECIPES = (
    'name = "a"',
    "weights = 8",
    'name = "a"\nweights = "int9"',
    'name = "a"\nrange_margin = 9',
    'name = "a"\nequalize = "auto"',
    'name = "a"\nequalize = "yes"',
    'name = "a"\nquiet_copies = "auto"',
    'name = "a"\nbias_correction = 1',
    'name = "a"\nunknown = 1',
    'name = "a"\n[tensors]\nx = "int4"',
    'name = "a"\n[layers]\nx = "int4"',
    'name = ""',
    'name = "a"\nstep_groups = 1.5',
    'name = "a"\nweights = "int8"\nactivations = "int8"',
)
MEMORY = '[[memory]]\nname = "{}"\nkind = "{}"\nstart = {}\nbytes = 65536\nwait_states = 0\n'
BOARD = 'name = "mine"\ncore = "cortex-m4"\nclock_hz = {}\n'
CHIP = MEMORY.format("flash", "flash", 0) + MEMORY.format("ram", "sram", 2**29)
BOARDS = (
    BOARD.format(10**8) + CHIP,
    BOARD.format(0) + CHIP,
    BOARD.format(1.5) + CHIP,
    BOARD.format(10**8),
    BOARD.format(10**8) + "extra = 1\n" + CHIP,
    BOARD.format(10**8) + CHIP.replace("sram", "dram"),
    BOARD.format(10**8) + CHIP.replace('"ram"', '"1ram"'),
    BOARD.format(10**8) + CHIP.replace("start = 0", "start = -1"),
    BOARD.format(10**8) + CHIP.replace("wait_states = 0", "wait_states = -1"),
)
SAMPLER = (PINNED / "sampler-1.toml").read_text()
SAMPLERS = (
    SAMPLER,
    SAMPLER.replace("steps", "stepps"),
    SAMPLER.replace("20", '"20"'),
    SAMPLER.replace("clip = 1.0", 'clip = "one"'),
    SAMPLER.replace("label = 10", 'label = "ten"'),
    SAMPLER.replace("timesteps = 1000", "timesteps = 1000.5"),
    'kind = "bridge"\nsteps = 4\n',
    'kind = "bridge"\nstepps = 4\n',
    'kind = "ouve"\nsolver = 3\n',
)


def read_sampler_text(text: str, folder: Path) -> Any:
    (folder / "sampler.toml").write_text(text)
    return read_sampler(folder / "sampler.toml")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("recipe", text) for text in RECIPES),
        *(("board", text) for text in BOARDS),
        *(("sampler", text) for text in SAMPLERS),
    ],
)
def test_a_schema_and_its_reader_refuse_the_same(kind: str, text: str, tmp_path: Path) -> None:
    readers = {
        "recipe": lambda: parse_recipe(text, "r"),
        "board": lambda: parse_board(text, "b"),
        "sampler": lambda: read_sampler_text(text, tmp_path),
    }
    try:
        readers[kind]()
        taken = True
    except UsageError:
        taken = False
    validator = Draft202012Validator(SCHEMAS[kind]())
    assert validator.is_valid(tomllib.loads(text)) == taken
