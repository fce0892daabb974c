"""Run a script of this folder by its name; without a name, print the map of all: `bench/README.md`.

    python bench NAME [ARGUMENT ...]

The scripts lie in a folder for each subject. What stands beside this file belongs to no script: scripts and tests
share it and import it by its name, since Python puts this folder on the path.
"""

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUBJECTS = {
    "conformance": "Is what others wrote taken, and equal?",
    "demonstrations": "What do the bundled networks do with recordings that are not in their training?",
    "engines": "What does an FPGA engine compute, how fast, and how large is it?",
    "layers": "What does one layer or one kernel cost?",
    "quality": "What do integers cost a network?",
    "repository": "What does this checkout hold, and what does it release?",
    "robustness": "What do hostile inputs, faults, analyzers and hours of sound find?",
    "speed": "What does a network cost, beside other engines?",
}


def scripts() -> dict[str, Path]:
    """The scripts by name, in the order of their folders."""
    found = sorted(path for path in HERE.glob("*/*.py") if "__main__" in path.read_text("utf-8"))
    return {path.stem: path for path in [HERE / "published_networks.py", *found]}


def question(path: Path) -> str:
    """The first line of a module's docstring."""
    return str(ast.get_docstring(ast.parse(path.read_text("utf-8")))).splitlines()[0]


def page() -> str:
    """The map, as Markdown."""
    lines = [
        "# The benches",
        "",
        "`python bench NAME` runs a script from the top of a checkout, `python bench NAME --help` says what it takes,",
        "and `python bench > bench/README.md` makes this page. What scripts and tests share stands",
        "at the top of `bench/` and imports no script.",
    ]
    for folder, about in SUBJECTS.items():
        found = [path for path in scripts().values() if path.parent.name == folder]
        lines += [
            "",
            f"## {folder}: {about[0].lower()}{about[1:]}",
            "",
            "| script | what it does |",
            "|---|---|",
        ]
        lines += [f"| `{path.stem}` | {question(path)} |" for path in found]
    lines += ["", "## What scripts and tests share", "", "| module | what it has |", "|---|---|"]
    lines += [f"| `{path.stem}` | {question(path)} |" for path in sorted(HERE.glob("*.py"))]
    return "\n".join(lines)


def main() -> None:
    """Run what the command line names."""
    if len(sys.argv) < 2:
        print(page())
        return
    name, known = sys.argv[1], scripts()
    if name not in known:
        sys.exit(f"bench: no script {name!r}; allowed: {', '.join(sorted(known))}")
    del sys.argv[1]
    module = ".".join(known[name].relative_to(HERE).with_suffix("").parts)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception as error:  # of EdgeKit, which not every environment that a script runs in has
        if (code := getattr(error, "exit_code", None)) is None:
            raise
        print(error, file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
