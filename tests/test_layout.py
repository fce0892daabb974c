"""The layout rules: one-way imports, a package list that matches the folders, a complete wheel."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each stage may import besides itself and the leaves.
MAY_IMPORT: dict[str, set[str]] = {
    "runtime": set(),
    "export": set(),
    "quantize": {"export"},
    "targets": {"export", "quantize", "runtime"},
    "fpga": {"export", "quantize", "targets", "runtime"},
}
LEAVES = {
    "errors",
    "noise",
    "npz",
    "steps",
    "__version__",
}  # import nothing of EdgeKit but each other
SHIPPED = (
    "*.sv",
    "*.cpp",
    "*.h",
    "*.tcl",
    "*.py",
    "py.typed",
    "*.onnx",
    "*.npz",
    "clips/**/*",
    "include/*",
    "*.toml",
    "src/**/*.[ch]",
    "replay/*",
)
HEAVY = {"torch", "onnx", "onnx_ir", "onnxscript", "onnxruntime", "matplotlib", "soundfile", "soxr"}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for every absolute import of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module == "edgekit":
                yield from ((node.lineno, f"edgekit.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def test_stages_import_only_upstream_stages() -> None:
    bad = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for stage, allowed in MAY_IMPORT.items()
        for path in (ROOT / stage).rglob("*.py")
        for line, module in imported(path)
        if module.startswith("edgekit.") and module.split(".")[1] not in allowed | LEAVES | {stage}
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    "module", ["edgekit.cli", "edgekit.api", "edgekit.runtime.stream", "edgekit.runtime.audio"]
)
def test_the_runtime_and_the_command_line_load_without_heavy_packages(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    )
    assert done.stdout.strip() == ""


def packages() -> dict[str, Path]:
    """Map every package that has a folder here to that folder."""
    folders = {"edgekit": ROOT / "src" / "edgekit"}
    inside = ("cli", "demos", "peers", "peers/workers")
    folders |= {f"edgekit.{sub.replace('/', '.')}": folders["edgekit"] / sub for sub in inside}
    for stage in MAY_IMPORT:
        for source in (ROOT / stage).rglob("*.py"):
            parts = source.parent.relative_to(ROOT).parts
            folders[".".join(["edgekit", *parts])] = source.parent
    return folders


def test_every_package_folder_is_listed_and_has_an_init() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert set(config["packages"]) == set(packages())
    assert [name for name, path in packages().items() if not (path / "__init__.py").is_file()] == []


def test_links_lead_type_checkers_to_the_stages() -> None:
    links = {stage: ROOT / "src" / "edgekit" / stage for stage in MAY_IMPORT}
    assert {stage: link.resolve() for stage, link in links.items()} == {
        stage: ROOT / stage for stage in MAY_IMPORT
    }


def links_and_caches(folder: str, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if (Path(folder) / name).is_symlink() or name in {"__pycache__", "edgekit.egg-info"}
    ]


def test_the_wheel_holds_every_module_kernel_and_clip(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"  # without the links: as where a checkout has none
    for name in ("src", *MAY_IMPORT):
        shutil.copytree(ROOT / name, copy / name, ignore=links_and_caches)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-c", "import setuptools.build_meta as b; b.build_wheel('wheel')"],
        cwd=copy, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (wheel,) = (copy / "wheel").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"{package.replace('.', '/')}/{path.relative_to(folder)}"
        for package, folder in packages().items()
        for pattern in SHIPPED
        for path in folder.glob(pattern)
        if path.is_file()
    }
    assert expected <= held, sorted(expected - held)
    assert "edgekit/runtime/include/edgekit.h" in held
    assert "edgekit/demos/denoise.onnx" in held


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
