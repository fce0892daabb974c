"""The layout rules: one-way imports, a package list that matches the folders, a complete wheel."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tiny_build
import tiny_networks
import typer
from slices import slow_except
from structure import decisions

from edgekit.cli import app

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "edgekit"
# What each part may import besides itself, whether at the top of a file, in a function or for types.
MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "runtime": {"base"},
    "graph": {"base"},
    "export": {"base", "graph"},
    "operators": {"base", "graph"},
}
MAY_IMPORT["quantize"] = MAY_IMPORT["export"] | {"export", "operators"}
MAY_IMPORT["targets"] = MAY_IMPORT["quantize"] | {"quantize", "runtime"}
MAY_IMPORT["fpga"] = MAY_IMPORT["targets"] | {"targets"}
MAY_IMPORT["peers"] = MAY_IMPORT["targets"] | {"targets"}
MAY_IMPORT["judge"] = MAY_IMPORT["fpga"] | {"fpga"}
MAY_IMPORT["verbs"] = MAY_IMPORT["judge"] | {"judge", "peers"}
MAY_IMPORT["demos"] = MAY_IMPORT["verbs"] | {"verbs", "frontend", "search"}
MAY_IMPORT["frontend"] = MAY_IMPORT["export"] | {"export"}
MAY_IMPORT["red_diff"] = {"base"}
MAY_IMPORT["level"] = set()
MAY_IMPORT["sparsity"] = {"base", "graph"}
MAY_IMPORT["adapt"] = {"base", "runtime"}
MAY_IMPORT["search"] = {"base", "runtime"}
MAY_IMPORT["build"] = MAY_IMPORT["verbs"] | {"verbs"}
MAY_IMPORT["api"] = MAY_IMPORT["demos"] | {"build", "demos"}
MAY_IMPORT["cli"] = MAY_IMPORT["api"] | {"api"}
MAY_IMPORT["deployment"] = MAY_IMPORT["cli"]
MAY_IMPORT["__main__"] = {"cli"}
PAGES = {f"edgekit.pages.{folder}" for folder in ("guides", "reference", "tutorials")}
# What `import edgekit` lists and imports when it is asked for.
LISTED = {"api", "base", "build", "deployment", "runtime"} | {
    *("adapt", "frontend", "level", "red_diff", "search", "sparsity")
}
LINKED = {"export", "fpga", "graph", "operators", "quantize", "runtime", "targets"}
SHIPPED = (
    "*.c",
    "*.sv",
    "*.cpp",
    "*.h",
    "*.tcl",
    "*.ld",
    "*.py",
    "py.typed",
    "*.onnx",
    "*.npz",
    "include/*",
    "*.toml",
    "src/**/*.[ch]",
    "replay/*",
    "templates/**/*",
)
DENOISE_CLIPS = SOURCE / "demos" / "clips"
LARGEST_WHEEL_BYTES = 6_000_000
# Of no one module: these test files stand at the top of tests/.
SUITES = {
    "arguments",
    "bench",
    "bench_cycles",
    "c_check",
    "command_mistakes",
    "costs",
    "deform_same_bits",
    "device_networks",
    "devices_beside",
    "diffusers",
    "digests",
    "docs_commands",
    "docs_streaming",
    "faults",
    "fpga_formal",
    "fpga_hls",
    "fpga_random",
    "fuzz",
    "mistakes",
    "compatibility",
    "hearable_streams",
    "hearables",
    "hostile",
    "installs",
    "keras",
    "kernel_defects",
    "kernel_devices",
    "kernel_proofs",
    "kernel_times",
    "safety",
    "kernel_wasm",
    "kernels",
    "keyword_spotter",
    "layout",
    "litert_micro",
    "onnx_backend",
    "operator_cases",
    "operator_devices",
    "ports",
    "privacy",
    "processors",
    "prose",
    "published",
    "seeds.systems",
    "soak_states",
    "stream_authors",
    "stream_hour",
    "stream_lengths",
    "stream_random",
    "site",
    "structure",
    "supply",
    "synthesiser",
}
NETWORKS = {"onnx", "onnx_ir", "onnxruntime", "onnxscript", "sympy"}  # what reads and runs them
HEAVY = NETWORKS | {
    "asyncio",
    "cryptography",
    "distributed",
    "http",
    "jinja2",
    "matplotlib",
    "numpy",
    "PIL",
    "scipy",
    "sounddevice",
    "soundfile",
    "soxr",
    "torch",
    "wasmtime",
}
# A command -> the heavy modules that it may load. `nothing` is no module, file or folder; net.onnx, build, in.npz are.
MAY_LOAD: dict[str, set[str]] = {
    "--version": set(),
    "--help": set(),
    **{
        f"{verb} --help": set()
        for verb in (
            *("bench", "bundle", "clips", "demo", "doctor", "export", "finetune", "inspect"),
            *("help", "invert", "prune", "quantize", "replay", "run", "sample", "serve", "stream"),
            "targets",
        )
    },
    "export nothing:net --target host -o new": {"numpy"},
    "export nothing.onnx --target host -o new": {"numpy"},
    "export nothing.pt2 --target host -o new": {"numpy"},
    "export nothing:net --time-axis x:2 --hop 4 --target host -o new": {"numpy"},
    "export nothing:net --target host --recipe w8a8 --calibration . -o new": {"numpy"},
    "stream nothing:net --time-axis x:2 -o new.onnx": {"numpy"},
    "quantize nothing:net --recipe w8a8 --calibration . -o new.onnx": {"numpy"},
    "prune nothing:net --pattern 2:4 -o new.onnx": {"numpy"},
    "finetune nothing:net --recipe w8a8 --calibration . --steps 1 -o new.onnx": {"numpy"},
    "inspect nothing:net": {"numpy"},
    "inspect build": {"numpy"},
    "inspect net.onnx": NETWORKS | {"numpy", "jinja2"},
    "export net.onnx --target host -o new": NETWORKS | {"numpy", "jinja2"},
    "run build in.npz out.npz": {"numpy"},
    "run nothing in.npz out.npz": {"numpy"},
    "bench build --hops 8": {"numpy", "jinja2"},
    "bench nothing": {"numpy", "jinja2"},
    "sample nothing -n 1 --seed 1": {"numpy"},
    "invert nothing in.npz -o new.npz": {"numpy"},
    "replay nothing build": {"numpy"},
    "bundle nothing -o new --key nothing --release 1": {"numpy"},
    "serve nothing": {"http"},
    "targets": {"numpy"},
    "doctor": {"numpy"},
    "demo nothing": {"numpy"},
    "help": set(),
    "help ports": set(),
    "demo": {"numpy"},
    "clips build": {"numpy"},
}


def modules() -> dict[str, Path]:
    """Map every module to its file, through the links."""
    found = {}
    for part in sorted(SOURCE.iterdir()):
        files = sorted(part.resolve().rglob("*.py")) if part.is_dir() else [part]
        for path in files:
            if path.suffix == ".py":
                inside = path.relative_to(part.resolve()).parts if part.is_dir() else ()
                parts = ("edgekit", part.stem, *inside)
                name = ".".join(parts).removesuffix(".py").removesuffix(".__init__")
                found["edgekit" if name == "edgekit.__init__" else name] = path
    return found


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of the syntax tree of a file."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imported(path: Path, known: dict[str, Path]) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for every import of EdgeKit in a file, wherever in it."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name in known)
        elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "edgekit":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if inner in known else str(node.module)


def test_no_module_imports_one_that_imports_it() -> None:
    known = modules()
    rest = {
        module: {name for _, name in imported(path, known)} - {module}
        for module, path in known.items()
        if module != "edgekit"  # which imports `LISTED` when that is asked for
    }
    while free := {module for module, names in rest.items() if not names & rest.keys()}:
        rest = {module: names for module, names in rest.items() if module not in free}
    wanted: set[str] = set().union(*rest.values()) if rest else set()
    assert not wanted & rest.keys(), sorted(wanted & rest.keys())


def test_no_function_takes_more_than_20_decisions() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {decisions(node)}"
        for path in modules().values()
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef) and decisions(node) > 20
    ]
    assert not found, "\n".join(found)


def test_every_part_imports_only_what_is_below_it() -> None:
    known = modules()
    bad = []
    for module, path in known.items():
        part = module.split(".")[1] if "." in module else ""
        allowed = MAY_IMPORT[part] | {part, ""} if part else LISTED
        bad += [
            f"{path.relative_to(ROOT)}:{line} imports {name}"
            for line, name in imported(path, known)
            if (name.split(".")[1] if "." in name else "") not in allowed
        ]
    assert not bad, "\n".join(bad)
    assert {m.split(".")[1] for m in known if "." in m} == set(MAY_IMPORT)


def heavy_modules(code: str, folder: Path, **more: str) -> set[str]:
    """The heavy modules that a program loads."""
    shown = f"import sys; print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    program = f"import atexit; atexit.register(lambda: exec({shown!r}))\n{code}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("edgekit.cli", set()),
        ("edgekit.api", set()),
        ("edgekit.runtime.stream", {"numpy"}),
        ("edgekit.runtime.audio.files", {"numpy"}),
    ],
)
def test_the_runtime_and_the_command_line_load_without_heavy_packages(
    module: str, may: set[str]
) -> None:
    assert heavy_modules(f"import {module}", ROOT) <= may


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, a build and hops for it."""
    made = tmp_path_factory.mktemp("verbs")
    tiny_networks.recurrent(made / "net.onnx")
    tiny_build.write(made / "build")
    np.savez(made / "in.npz", pcm=np.zeros((4, 1, tiny_build.HOP), np.float32))
    return made


@pytest.mark.parametrize(
    "command",
    slow_except(lambda command: command.startswith(("export", "run", "help")), MAY_LOAD),
)
def test_a_verb_loads_only_what_it_needs(command: str, folder: Path) -> None:
    words = ["edgekit", *command.split()]
    code = f"import sys; sys.argv = {words!r}; from edgekit.__main__ import main; main()"
    assert heavy_modules(code, folder) - MAY_LOAD[command] == set()


def test_every_verb_has_a_row_of_what_it_loads() -> None:
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {command.split()[0] for command in MAY_LOAD} == {"--version", "--help", *verbs}


def test_completion_loads_nothing_heavy(folder: Path) -> None:
    code = "import sys; sys.argv = ['edgekit']; from edgekit.__main__ import main; main()"
    for words, number in (("edgekit ex", "1"), ("edgekit export --ta", "2")):
        asked = {"COMP_WORDS": words, "COMP_CWORD": number, "_EDGEKIT_COMPLETE": "complete_bash"}
        assert heavy_modules(code, folder, **asked) == set()


def packages() -> dict[str, Path]:
    """Map every package that has a folder here to that folder."""
    return {
        ("edgekit" if path.parent == SOURCE else module.removesuffix(f".{path.stem}")): path.parent
        for module, path in modules().items()
        if path.name != "__init__.py"
    } | {module: path.parent for module, path in modules().items() if path.name == "__init__.py"}


def test_every_package_folder_is_listed_and_has_an_init() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert set(config["packages"]) == set(packages()) | PAGES
    assert [name for name, path in packages().items() if not (path / "__init__.py").is_file()] == []


def test_links_lead_type_checkers_to_the_stages() -> None:
    links = {path.name: path.resolve() for path in SOURCE.iterdir() if path.is_symlink()}
    assert links == {stage: ROOT / stage for stage in LINKED}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert set(listed["ruff"]["extend-exclude"]) == {f"src/edgekit/{stage}" for stage in LINKED}
    banned = listed["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == LINKED


def links_and_caches(folder: str, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if (Path(folder) / name).is_symlink() or name == "__pycache__" or name.endswith(".egg-info")
    ]


def test_the_wheel_holds_every_module_kernel_and_clip(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"  # without the links: as where a checkout has none
    for name in ("src", "docs", *LINKED):
        shutil.copytree(ROOT / name, copy / name, ignore=links_and_caches)
    for name in ("pyproject.toml", "PYPI.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-c", "import setuptools.build_meta as b; b.build_wheel('wheel')"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    (wheel,) = (copy / "wheel").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"{package.replace('.', '/')}/{path.relative_to(folder)}"
        for package, folder in packages().items()
        for pattern in SHIPPED
        for path in folder.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
        # Most data of demos are a wheel of their own.
        if path.suffix == ".py" or not package.startswith("edgekit.demos")
    }
    expected |= {
        f"{package.replace('.', '/')}/{path.name}"
        for package in PAGES
        for path in (ROOT / "docs" / package.rpartition(".")[2]).glob("*.md")
    }
    expected |= {f"edgekit/{path.relative_to(SOURCE)}" for path in DENOISE_CLIPS.rglob("*.*")}
    assert expected <= held, sorted(expected - held)
    assert "edgekit/runtime/include/edgekit.h" in held
    assert {f"edgekit/demos/denoise{end}" for end in (".onnx", ".npz", "_w8a8.zip")} <= held
    assert wheel.stat().st_size <= LARGEST_WHEEL_BYTES


def test_what_imports_onnxruntime_imports_edgekit_before() -> None:
    """Else its telemetry is on; tests come after `conftest.py`, what is inside functions after the rest."""
    late = []
    for path in (file for folder in ("bench", "docs") for file in (ROOT / folder).rglob("*.py")):
        names = [
            node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        roots = [name.partition(".")[0] for name in names]
        if "onnxruntime" in roots and "edgekit" not in roots[: roots.index("onnxruntime")]:
            late.append(str(path))
    assert late == []
    assert "import edgekit" in (ROOT / "tests" / "conftest.py").read_text()


def test_no_file_is_longer_than_400_lines() -> None:
    """But tables and tests."""
    tables = {ROOT / "graph/facts.py", ROOT / "targets/c/stubs.py"}
    long = {path: len(path.read_text().splitlines()) for path in modules().values()}
    assert {path: lines for path, lines in long.items() if lines > 400 and path not in tables} == {}


def test_the_formatter_is_followed_but_for_a_few_tables() -> None:
    mark = "# fmt: " + "skip"
    marks = [
        f"{path.relative_to(ROOT)}"
        for folder in ("bench", "docs", "tests", *LINKED, "src")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if line.endswith(mark)
    ]
    assert len(marks) <= 40, marks


def test_no_test_file_imports_another() -> None:
    bad = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        for node in nodes_of(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        if name.rpartition(".")[2].startswith("test_")
    ]
    assert not bad, "\n".join(bad)


def test_every_test_file_has_the_name_of_a_module_or_of_a_suite() -> None:
    known, tests = {*modules(), *packages()}, ROOT / "tests"
    named = {
        ".".join((*path.relative_to(tests).parts[:-1], path.stem.removeprefix("test_")))
        for path in tests.rglob("test_*.py")
    }
    assert {name for name in named if f"edgekit.{name}" not in known} == SUITES


def roots(path: Path) -> set[str]:
    """The first parts of the names of all modules that a file imports."""
    nodes = nodes_of(path)
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in whole | parts}


def test_scripts_and_tests_share_the_top_of_bench_and_make_no_circle() -> None:
    bench, tests = ROOT / "bench", ROOT / "tests"
    shared, scripts = set(bench.glob("*.py")), set(bench.glob("*/*.py"))
    subjects = {path.parent.name for path in scripts}
    helpers = {path.stem for path in tests.iterdir()} - {path.stem for path in shared}
    bad = {path: roots(path) & (helpers - subjects) for path in shared | scripts}
    bad |= {path: bad[path] | roots(path) & subjects for path in shared}
    files = [path for path in tests.rglob("*.py") if not path.stem.startswith("test_")]
    bad |= {path: roots(path) & subjects for path in files}
    assert {path: names for path, names in bad.items() if names} == {}
    assert {path.stem for path in tests.glob("*.py")} & {path.stem for path in shared} == set()
    assert max(len(list(folder.glob("*.py"))) for folder in (bench, *bench.glob("*/"))) <= 28


def test_nothing_edits_the_path_of_modules() -> None:
    """But the import of a user's own factory."""
    found = {
        path
        for folder in (*LINKED, "src", "bench", "docs", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute)
        and node.attr in {"path", "addsitedir"}
        and ast.unparse(node) in {"sys.path", "site.addsitedir"}
    }
    assert {path.resolve() for path in found} == {SOURCE / "base" / "user_code.py"}
