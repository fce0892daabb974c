"""The commands that install more: of packages that exist, into this environment."""

import re
import sys
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from edgekit import __version__
from edgekit.base import installation
from edgekit.base.installation import (
    DEMO_DISTRIBUTION,
    DISTRIBUTION,
    EXTRAS,
    extra_packages,
    find_namesake,
    install,
    install_extra,
)

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = re.compile(rf"{DISTRIBUTION}\[(.*)\]")
# `edgekit` is another project on the package index, and our names are not registered there.
FOREIGN = re.compile(
    rf"(?:(?:pip|tool) install|inject|uvx|--from|--with)(?: -{{1,2}}[\w-]+)* +['\"]?"
    rf"(?:edgekit|{DISTRIBUTION}|{DEMO_DISTRIBUTION})(?:\[[\w,-]+\])?['\"]?(?= *(?:$|[\s`;,.)]))(?! @)"
)
TEXTS = {".py", ".md", ".toml", ".txt", ".yml", ".ipynb", ""}


def packages_of(extra: str) -> set[str]:
    """The packages of an extra of pyproject.toml, those of its own extras as well; bounds from below are left out."""
    found = set()
    for requirement in PROJECT["optional-dependencies"][extra]:
        if own := OWN.fullmatch(requirement):
            found |= set().union(*map(packages_of, own[1].split(",")))
        else:
            found.add(re.sub(r">=[\d.]+$", "", requirement))
    return found


def test_the_extras_are_those_of_the_project() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    assert {name: set(packages) for name, packages in EXTRAS.items()} == {
        name: packages_of(name) for name in EXTRAS
    }
    inner = {
        "train",
        "bench",
        "test",
    }  # of those who train and change EdgeKit: no message names them
    assert EXTRAS.keys() == PROJECT["optional-dependencies"].keys() - inner


def test_packages_of_several_extras_are_named_once() -> None:
    assert extra_packages("audio", "audio", "mic") == ("soundfile", "soxr", "sounddevice")
    assert install_extra("torch").endswith("onnxscript 'torch>=2.8,<3'")
    assert "(without CUDA, much smaller), then" in install_extra("audio", "torch")
    assert install_extra("audio") == install("soundfile", "soxr")


@pytest.mark.parametrize(
    ("pip", "spec", "start"),
    [
        ("pip", None, "pip install"),
        ("pip.exe", None, "pip install"),
        (None, "pip", "{python} -m pip install"),
        (None, None, "uv pip install --python {python}"),
    ],
)
def test_the_command_installs_into_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip: str | None, spec: str | None, start: str
) -> None:
    python = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(installation, "find_spec", lambda name: spec)
    if pip:
        (tmp_path / pip).touch()
    assert install("soxr", "a<2") == f"{start.format(python=python)} soxr 'a<2'"


def distribution(folder: Path, version: str, entry_point: str) -> PathDistribution:
    """An installed distribution `edgekit` with one command."""
    info = folder / f"edgekit-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: edgekit\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\nedgekit = {entry_point}\n")
    return PathDistribution(info)


def test_another_edgekit_is_told_from_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = distribution(tmp_path / "other", "0.1.1", "edgekit.cli:main")
    former = distribution(tmp_path / "former", "0.2.0", "edgekit.__main__:main")
    for found, said in (([other], ("0.1.1", False)), ([former], ("0.2.0", True)), ([], None)):
        monkeypatch.setattr(installation, "distributions", lambda name, found=found: found)
        assert find_namesake() == said


def test_nothing_tells_to_install_what_is_not_ours() -> None:
    folders = (
        "src",
        "export",
        "quantize",
        "targets",
        "fpga",
        "runtime",
        "docs",
        "bench",
        ".github",
    )
    files = [p for name in folders for p in (ROOT / name).rglob("*") if p.suffix in TEXTS]
    files += [p for p in ROOT.iterdir() if p.suffix in TEXTS and p.name != "CHANGELOG.md"]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        if path.is_file()
        for match in FOREIGN.finditer(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not found, "\n".join(found)


def test_pages_name_the_wheels_of_this_version() -> None:
    pages = [ROOT / "README.md", ROOT / "PYPI.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"edgekit_deploy\w*-\d[\w.]*", page.read_text())
    }
    assert named == {f"edgekit_deploy{end}-{__version__}" for end in ("", "_demos")}


@pytest.mark.parametrize(
    "text",
    [
        "pip install edgekit",
        "pip install 'edgekit[audio]'",
        "`pip install --no-deps edgekit`",
        'pip install "edgekit-deploy[demo]"',
        "uv tool install edgekit-deploy",
        "uvx edgekit demo denoise",
    ],
)
def test_the_search_finds_such_commands(text: str) -> None:
    assert FOREIGN.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install dist/edgekit_deploy-0.3.0-py3-none-any.whl",
        "pip install 'edgekit-deploy[audio] @ git+ADDRESS'",
        "uvx --from edgekit_deploy-0.3.0-py3-none-any.whl edgekit demo denoise",
        "pip uninstall edgekit",
    ],
)
def test_files_and_addresses_are_no_names(text: str) -> None:
    assert not FOREIGN.search(text)
