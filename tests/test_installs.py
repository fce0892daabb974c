"""Every verb in an install of its own; `make test-installs` has pip make them all."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import installs
import pytest
from installs import BARE, README, ROOT

from edgekit.base.installation import install, install_extra


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installs.build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    installs.files(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("extras", [BARE, README], ids=lambda names: "+".join(names) or "bare")
def test_every_verb_works_or_names_what_to_install(
    extras: tuple[str, ...], wheel: Path, files: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    edgekit = installs.linked(tmp_path / "venv", wheel, extras)
    work = shutil.copytree(files, tmp_path / "work")
    assert list(installs.faults(edgekit, extras, work, slow=False)) == []


def test_all_that_is_missing_is_named_at_once() -> None:
    code = (
        "from edgekit.verbs import doctor as tools\n"
        "tools.missing_tools = lambda names: tuple(names)\n"
        "tools.require(['matplotlib', 'soundfile', 'cc', 'yosys'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src"
    )
    said = done.stderr.partition("ToolError: ")[2].splitlines()
    assert said[0] == f"matplotlib, soundfile are not installed; {install_extra('demo', 'audio')}"
    assert said[1].startswith(f"no C compiler; {install('ziglang')}")
    assert said[2] == "yosys is not installed; as root: apt-get install yosys"
