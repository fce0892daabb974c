"""A part of `bench/robustness/c_check.py`, and that each of its proofs can fail."""

from dataclasses import replace
from pathlib import Path

import pytest
from robustness.c_check import PINNED, check, written
from robustness.c_check_harness import structs
from robustness.c_check_misra import DEVIATIONS, OTHERS
from robustness.c_check_tools import TOOLS, Failed, Folder

from edgekit.graph.model import Model

QUICK = ("warnings", "symbols", "stack", "sanitizers", "threads", "seccomp")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A recurrent network at w8a8 with its program."""
    if missing := [need for name in QUICK for need in TOOLS[name].missing()]:
        pytest.skip(f"needs {missing[0]}")
    model = Model.from_bytes((PINNED / "gru_mask-w8a8.onnx").read_bytes())
    return written(model, "c99", tmp_path_factory.mktemp("c") / "build", 12, 1)


@pytest.mark.slow
def test_a_network_passes_the_quick_tools(folder: Folder) -> None:
    found = check(folder, QUICK)
    assert [row for row in found if row[1].startswith("FAILED")] == []
    assert "no recursion" in dict((name, told) for name, told, _ in found)["stack"]


WRONG = {
    "symbols": (
        "#include <stdlib.h>\nvoid *f(void);\nvoid *f(void) { return malloc(3); }",
        "malloc",
    ),
    "stack": (
        "int f(int);\nint f(int n) { volatile int x = n; return n ? f(n - 1) + x : x; }",
        "recursion",
    ),
    "warnings": ("int f(long);\nint f(long x) { return x; }", "conversion"),
}


@pytest.mark.parametrize("tool", WRONG)
def test_what_no_build_may_do_is_found(tool: str, folder: Folder) -> None:
    text, told = WRONG[tool]
    (folder.path / "wrong.c").write_text(text)
    with pytest.raises(Failed, match=told):
        TOOLS[tool].check(replace(folder, sources=(*folder.sources, "wrong.c")))


def test_a_call_of_the_system_and_a_race_are_found(folder: Folder, tmp_path: Path) -> None:
    """The program itself is changed: a hop that asks for the time, and one that counts for all instances."""
    text = (folder.path / "main.c").read_text()
    for name in (*folder.sources, *(path.name for path in folder.path.glob("*.h"))):
        (tmp_path / name).write_bytes((folder.path / name).read_bytes())
    marked = "    for (int hop = 0; hop < of->hops; hop++) {"
    assert text.count(marked) == 1
    for tool, line in (("seccomp", "getppid();"), ("threads", "{ static int calls; calls++; }")):
        (tmp_path / "main.c").write_text(text.replace(marked, f"{marked} {line}"))
        with pytest.raises(Failed):
            TOOLS[tool].check(replace(folder, path=tmp_path))


def test_structs_of_a_header_are_read_or_refused() -> None:
    text = "typedef struct {\n    const float *x; /* [1][4] */\n    int8_t *y; /* [3] */\n} net_inputs;"
    assert [(f.kind, f.name, f.count) for f in structs(text)["inputs"]] == [
        ("float", "x", 4),
        ("int8_t", "y", 3),
    ]
    with pytest.raises(ValueError, match="net_inputs"):
        structs(text.replace("const float *x; /* [1][4] */", "float x;"))


def test_the_page_lists_every_deviation() -> None:
    page = (ROOT / "docs" / "reference" / "misra.md").read_text()
    for name, reason in (DEVIATIONS | OTHERS).items():
        assert f"| {name} | {reason} |" in page, name
