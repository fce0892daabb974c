"""What a shell completes is what there is, and it is there at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli import completion
from edgekit.cli.completion import COMPLETIONS, builds, files, folders, page_names
from edgekit.cli.help import pages
from edgekit.demos.table import DEMOS
from edgekit.quantize.recipe import AUTO, RECIPES
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.targets import TARGETS


def test_names_are_those_of_the_tables() -> None:
    assert tuple(TARGETS) == completion.TARGETS
    assert tuple(DEMOS) == completion.DEMOS
    assert {*RECIPES, AUTO.name} == set(completion.RECIPES)
    assert COMPLETIONS.keys() <= option_specs(ExportOptions).keys()


@pytest.mark.parametrize("name", ["wrap", "weights", "part", "goal", "datapath"])
def test_values_of_options_are_those_of_their_targets(name: str) -> None:
    allowed = {value for target in TARGETS.values() for value in target.choices().get(name, ())}
    assert allowed == set(COMPLETIONS[name](""))


def test_files_of_a_kind_and_folders_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("build", "nets", ".hidden"):
        Path(name).mkdir()
    Path("build/manifest.json").write_text("{}")
    for name in ("net.onnx", "notes.txt", "nets/a.pt2"):
        Path(name).write_text("")
    complete = files(".onnx", ".pt2", first=("auto",))
    assert complete("") == ["auto", "build/", "net.onnx", "nets/"]
    assert complete("nets/") == ["nets/a.pt2"] and complete("no/such/") == []
    assert builds("") == ["build", "nets/"] and folders("n") == ["nets/"]
    assert folders(".") == [".hidden/"]


def test_pages_are_those_of_help() -> None:
    assert set(page_names("")) == {name.rpartition("/")[2] for name in pages()}


@pytest.mark.rows(3)
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("edgekit exp", {"export"}),
        ("edgekit export --target ri", {"riscv64", "riscv64-v", "riscv32imc"}),
        ("edgekit demo den", {"denoise"}),
        ("edgekit bench b --device q", {"qemu"}),
        ("edgekit export --max-f", {"--max-flash"}),  # hidden in --help
        ("edgekit frobnicate x", set()),
    ],
)
def test_a_shell_gets_its_answer_without_numpy(words: str, answer: set[str]) -> None:
    program = (
        "import sys\nsys.argv = ['edgekit']\ntry:\n    import edgekit.cli; edgekit.cli.main()\nfinally:\n"
        "    heavy = {'numpy', 'onnx', 'torch', 'onnxruntime'} & sys.modules.keys()\n"
        "    assert not heavy, heavy"
    )
    environment = {
        **os.environ,
        "_EDGEKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "" and set(done.stdout.split()) == answer
