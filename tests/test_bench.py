"""The map of bench/, and the tables and files of rows that its scripts write."""

import importlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tables import ResultFile, Table, rows_between

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "bench"
BEGIN, END = "<!-- table -->", "<!-- end -->"


@dataclass(frozen=True)
class Row:
    network: str
    ratios: list[float]


def test_the_map_is_what_the_docstrings_say() -> None:
    command = [sys.executable, str(BENCH)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written = (BENCH / "README.md").read_text(encoding="utf-8")
    how = "python bench > bench/README.md"
    assert shown == written, f"bench/README.md is older than the code: {how}"
    held = {path.stem for path in BENCH.glob("*/*.py") if "__main__" in path.read_text()}
    assert held <= set(re.findall(r"^\| `(\w+)` \|", written, re.M))


@pytest.mark.parametrize("words", [["operator_list"], ["tables"]])
def test_another_name_is_refused_with_those_that_there_are(words: list[str]) -> None:
    command = [sys.executable, str(BENCH), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"no script '{words[0]}'; allowed: " in done.stderr
    assert "operator_lists" in done.stderr


def test_a_script_gets_its_arguments() -> None:
    command = [sys.executable, str(BENCH), "release"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "no script" not in done.stderr


def test_a_table_is_written_between_its_marks_and_read_back(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    table = Table("network", "dB", numbers=1)
    assert table.add_row("a", "1.5") == "| a | 1.5 |"
    table.add_row("b", "")
    table.put(page, BEGIN, END)
    rows = "| network | dB |\n|---|--:|\n| a | 1.5 |\n| b |  |"
    assert page.read_text() == f"before\n{BEGIN}\n{rows}\n{END}\nbehind\n"
    assert rows_between(page, BEGIN, END) == [["a", "1.5"], ["b", ""]]
    with pytest.raises(ValueError, match="not enough values"):
        table.put(page, "<!-- another -->", END)


def test_rows_of_a_file_go_on_where_they_stopped(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "new" / "rows.jsonl", Row)
    assert file.read() == []
    for name in ("a", "b"):
        file.append(Row(name, [1.0]))
    assert file.read() == [Row("a", [1.0]), Row("b", [1.0])]
    plain = ResultFile[dict[str, object]](file.path, dict)
    plain.append({"network": "c", "ratios": []})
    assert file.read()[2] == Row("c", [])


def test_no_file_keeps_no_rows() -> None:
    file = ResultFile(None, Row)
    file.append(Row("a", []))
    assert file.read() == []


def test_every_factory_that_a_source_names_is_there() -> None:
    """``module:factory``, which an export imports by name: no import of Python's says that it is gone."""
    named = re.compile(r"\"([a-z_]\w*(?:\.\w+)*):([a-z_]\w*)\"")
    texts = {path: path.read_text(encoding="utf-8") for path in BENCH.rglob("*.py")}
    found = [pair for text in texts.values() for pair in named.findall(text)]
    found = [pair for pair in found if not pair[0].startswith(("__main__", "edgekit."))]
    assert len(found) > 50
    gone = [
        f"{module}:{factory}"
        for module, factory in found
        if f"def {factory}(" not in texts.get(BENCH / f"{module.replace('.', '/')}.py", "")
    ]
    assert gone == []


def test_what_edgekit_refuses_ends_a_script_with_its_exit_code() -> None:
    words = ["architectures", "--target", "toaster", "--units", "4", "--recipes", "float32"]
    done = subprocess.run([sys.executable, str(BENCH), *words], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("target 'toaster': unknown; allowed: ")


def test_pages_name_scripts_that_there_are() -> None:
    """The changelog tells what was."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Makefile"]
    text = "\n".join(page.read_text() for page in pages if page.name != "CHANGELOG.md")
    run = set(re.findall(r"python bench (\w+)", text))
    known = {path.stem for path in BENCH.rglob("*.py")}
    assert len(run) > 40 and run - known == {"NAME"}
    files = set(re.findall(r"(?<![\w/])bench/[\w/]+\.\w+", text))
    assert {name for name in files if not (ROOT / name).exists()} == set()
    assert not re.search(r"python bench/\w+\.py", text)


WRITES = re.compile(r"\.?put(?:_between)?\((\w*PAGE), (\w*BEGIN), (\w*END)")
WRITERS = [
    (path, names)
    for path in sorted(BENCH.glob("*/*.py"))
    for names in WRITES.findall(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    ("path", "names"), WRITERS, ids=[f"{path.stem}-{names[0]}" for path, names in WRITERS]
)
def test_the_page_of_a_table_has_its_marks(path: Path, names: tuple[str, str, str]) -> None:
    module = importlib.import_module(f"{path.parent.name}.{path.stem}")
    page, begin, end = (getattr(module, name) for name in names)
    assert end in page.read_text(encoding="utf-8").split(begin, 1)[1], f"no marks in {page.name}"
