"""The recorder of a build: it compiles as strictly as the library, for whatever a build has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from builds import STRICT, lowered
from c_kernels import CC, needs_cc

from edgekit.graph.model import Model
from edgekit.runtime.recording_file import RecordingLayout
from edgekit.targets.c.program.recorder import recorder_files

PINNED = Path(__file__).parents[3] / "pinned"
XTENSA = "xtensa-lx106-elf-gcc"
FREESTANDING = ("-Os", "-mlongcalls", "-ffreestanding", "-fno-trapping-math", "-nostdlib", "-r")
# What gcc calls where a core has no FPU, no division or no wide shifts.
ARITHMETIC = re.compile(r"__[a-z]+(sf|si|di)[a-z]*\d?")


def folder_with_recorder(name: str, folder: Path, target: str = "c99", **own: str) -> str:
    """Write a build of a pinned network and its recorder; return the name in C."""
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    build = lowered(model, folder, target, **own)
    (folder / "recorder").mkdir()
    for file, content in recorder_files(build, build.manifest, model).items():
        (folder / file).write_bytes(content)
    return build.manifest.c_name


@pytest.mark.rows(3)
@needs_cc
@pytest.mark.parametrize(
    "network",
    [
        "gru_mask-w8a8",
        "raw-w8a8",
        "session-w8a8",
        "streamed-float32",
        "vision-w8a8",
        "plain-float32",
    ],
)
def test_a_recorder_compiles_without_a_warning(network: str, tmp_path: Path) -> None:
    name = folder_with_recorder(network, tmp_path)
    for define in ("-DNOTHING", f"-D{name.upper()}_RECORD_LAYERS"):
        command = [str(CC), *STRICT, "-Wmissing-prototypes", "-I.", define, "-fsyntax-only"]
        source = f"recorder/{name}_recorder.c"
        subprocess.run([*command, source], cwd=tmp_path, check=True)


@needs_cc
def test_weights_outside_of_the_program_have_a_recorder(tmp_path: Path) -> None:
    name = folder_with_recorder("gru_mask-w8a8", tmp_path, weights="external")
    command = [str(CC), *STRICT, "-I.", "-fsyntax-only", f"recorder/{name}_recorder.c"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_the_layout_has_every_state_layer_and_array_of_weights(tmp_path: Path) -> None:
    name = folder_with_recorder("gru_mask-w8a8", tmp_path)
    layout = RecordingLayout.load(tmp_path)
    ends = [row["offset"] + row["bytes"] for row in layout.states]
    assert (
        len(ends) == 2 and ends[0] <= layout.states[1]["offset"] and ends[1] <= layout.state_bytes
    )
    text = (tmp_path / f"{name}.c").read_text()
    assert text.count("EK_LAYER(") == len(layout.layers) and len(layout.weights) > 4
    named = {row["layer"] for row in layout.weights}
    assert named <= {row["node"] for row in layout.layers}


@pytest.mark.rows(1)
@pytest.mark.skipif(
    shutil.which(XTENSA) is None, reason=f"needs {XTENSA}: apt-get install gcc-xtensa-lx106"
)
@pytest.mark.parametrize("network", ["conv_recurrent-w8a8", "tcn-float32"])
def test_an_xtensa_core_gets_portable_c(network: str, tmp_path: Path) -> None:
    name = folder_with_recorder(network, tmp_path)
    library = [path.name for path in tmp_path.glob("*.c")]
    with_recorder = [file for file in library if file != f"{name}.c"] + [
        f"recorder/{name}_recorder.c"
    ]
    for sources in (library, with_recorder):
        command = [XTENSA, *STRICT, *FREESTANDING, "-I.", *sources, "-o", "whole.o"]
        subprocess.run(command, cwd=tmp_path, check=True)
        table = subprocess.run(
            ["xtensa-lx106-elf-nm", "-u", "whole.o"], cwd=tmp_path, capture_output=True, text=True
        )
        outside = set(table.stdout.split()) - {"U", "memcpy", "memmove", "memset"}
        assert all(ARITHMETIC.fullmatch(symbol) for symbol in outside), outside
