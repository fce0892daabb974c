"""The commands of the pages are those of the command line, and those that a page marks run as they stand there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import forked
import pytest
import tiny_networks
import typer
from installs import KEY
from published_networks import CACHE, NETWORKS, path_of
from tiny_build import needs_cc

from edgekit.cli import app
from edgekit.demos.clip_folder import clips

ROOT = Path(__file__).parent.parent
INDEX_PAGE = ROOT / "PYPI.md"
PAGES = sorted([ROOT / "README.md", INDEX_PAGE, *(ROOT / "docs").rglob("*.md")])
PROGRAM = re.compile(
    r"(?:[A-Z0-9_]+=\S+ )?((?:edgekit|python|pip|make|cp|cmake|g\+\+|qemu-\S+|lv2apply)(?= )|\./\S+)"
)
RUN, RUN_SLOW = "<!-- run in the tests -->", "<!-- run in the tests, slow -->"
FILE = re.compile(r"^<!-- file (\S+) -->\n((?:(?:    .*)?\n)+)", re.MULTILINE)
OFFLINE = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv1d(2, 4, 5, padding=2), torch.nn.ReLU())

    def forward(self, x):
        return self.layers(x)


def factory():
    return Net(), (torch.rand(1, 2, 40),)
"""


def blocks(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the line before each indented or fenced block, and the commands in it: lines joined, comments cut."""
    before, block = "", list[str]()
    fenced = False
    for line in [*page.read_text(encoding="utf-8").splitlines(), "end"]:
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            block.append(line.strip())
        elif block:
            yield before, commands(block)
            before, block = line or before, []
        elif line:
            before = line


def commands(block: list[str]) -> list[str]:
    """The shell commands among the lines of a block."""
    joined = "\n".join(re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in block)
    lines = joined.replace("\\\n", " ").splitlines()
    return [line for line in lines if PROGRAM.match(line)]


def marked(page: Path, marks: tuple[str, ...] = (RUN, RUN_SLOW)) -> list[tuple[str, list[str]]]:
    """The blocks of a page that run, each with its mark."""
    return [(before, lines) for before, lines in blocks(page) if before in marks]


def save_files(page: Path, folder: Path) -> None:
    """Save the files that a page shows."""
    for name, text in FILE.findall(page.read_text(encoding="utf-8")):
        (folder / name).write_text(re.sub(r"^    ", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_line_knows_every_verb_and_flag_of_a_page(page: Path) -> None:
    group = typer.main.get_command(app)
    for _, lines in blocks(page):
        for line in lines:
            program, *words = shlex.split(re.sub(r"[][]", " ", line))
            if program == "edgekit":
                words = [word.partition("|")[0] if "://" not in word else word for word in words]
                with group.make_context("edgekit", words):  # type: ignore[attr-defined]
                    verb = group.commands[words[0]]  # type: ignore[attr-defined]
                    verb.make_context(words[0], words[1:])


def test_the_page_of_the_command_line_has_every_verb_and_flag() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `edgekit (\S+)`$(.*?)(?=^## |\Z)", page, re.M | re.S))
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    flags = {
        verb: {o for p in row.params for o in p.opts if o[0] == "-"} for verb, row in verbs.items()
    }
    shown = {verb: set(re.findall(r"(?<![\w-])--?[\w-]+", text)) for verb, text in sections.items()}
    lacking = {verb: missing for verb in flags if (missing := flags[verb] - shown.get(verb, set()))}
    how = "python docs/make_cli.py > docs/reference/cli.md"
    assert (shown.keys(), lacking) == (flags.keys(), {}), (
        f"docs/reference/cli.md is older than the code: {how}"
    )


def board_of(page: Path) -> str:
    """The board.toml that a page shows, whole."""
    block = re.search(r"^    .*\n(?:    .*\n|\n)*", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None
    return "\n".join(line.removeprefix("    ") for line in block[0].splitlines())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with all that the marked commands name; `python` is that of this environment."""
    (tmp_path / "package").mkdir()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(
        r"(?:^    .*\n|^\n)*^    class Net\(.*\n(?:(?:    .*)?\n)*", text, re.MULTILINE
    )
    assert code is not None
    own = "\n".join(line.removeprefix("    ") for line in code[0].splitlines())
    (tmp_path / "package" / "module.py").write_text(f"import torch\n\n{own}\n")
    (tmp_path / "package" / "offline.py").write_text(OFFLINE)
    tiny_networks.offline(tmp_path / "offline.onnx")
    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "board.toml").write_text(board_of(ROOT / "docs" / "guides" / "boards.md"))
    clips(tmp_path / "clips")
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "python"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    shim.chmod(0o755)
    return tmp_path


@needs_cc
@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(
            page,
            number,
            id=f"{page.stem}-{number}",
            marks=pytest.mark.slow if mark == RUN_SLOW else (),
        )
        for page in PAGES
        for number, (mark, _) in enumerate(marked(page))
    ],
)
def test_the_marked_commands_run_as_they_stand_in_a_page(
    page: Path, number: int, place: Path
) -> None:
    _, lines = marked(page)[number]
    save_files(page, place)
    if any(" bundle " in line for line in lines) and find_spec("cryptography") is None:
        pytest.skip("needs cryptography: pip install cryptography")
    if any("networks/" in line for line in lines):
        packaged = [name for name, network in NETWORKS.items() if "@" not in network.package]
        if not all(path_of(name, CACHE).is_file() for name in packaged):
            pytest.skip("needs published networks: python bench published_networks")
        (place / "networks").symlink_to(CACHE)
    for program in (match[1] for line in lines if (match := PROGRAM.match(line))):
        if not program.startswith(("./", "edgekit", "python")) and shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    for line in lines:
        code, said = (forked.run if line.startswith("edgekit ") else in_a_shell)(line, place)
        assert code == 0, f"{line}\n{said}"


def in_a_shell(line: str, place: Path) -> tuple[int, str]:
    """Run a line of a page."""
    done = subprocess.run(
        line,
        shell=True,
        cwd=place,
        env={**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def slug(heading: str) -> str:
    """The anchor that Markdown makes of a heading."""
    text = re.sub(r"[^\w\s-]", "", heading.strip().lower())
    return re.sub(r"[\s]+", "-", text).strip("-")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if "://" not in link):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} links to {link}"


def test_the_page_of_a_package_index_needs_no_file_beside_it() -> None:
    text = INDEX_PAGE.read_text(encoding="utf-8")
    assert "](" not in text and "<img" not in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["readme"] == INDEX_PAGE.name


def test_the_site_lists_every_page() -> None:
    listed = set(re.findall(r"(\S+\.md)\b", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "docs").rglob("*.ipynb")}
    assert listed - {"index.md", "contributing.md", "CONTRIBUTING.md"} == pages | notebooks


def test_blocks_and_comments_are_told_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n    edgekit a \\\n        --b c   # why\n    printed\n\n"
        f"{RUN}\n    python x.py\n\n```sh\nmake demo\n```\n"
    )
    assert [[line.split() for line in lines] for _, lines in blocks(page)] == [
        [["edgekit", "a", "--b", "c"]],
        [["python", "x.py"]],
        [["make", "demo"]],
    ]
    assert marked(page)[0] == (RUN, ["python x.py"])
    page.write_text(
        f"<!-- file a.py -->\n    import b\n\n    b.c()\n\nText\n\n{RUN}\n    python a.py\n"
    )
    save_files(page, tmp_path)
    assert (tmp_path / "a.py").read_text() == "import b\n\nb.c()\n\n"
