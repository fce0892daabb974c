"""Builds wheels and sdist of this checkout, the same bytes wherever and whenever it is done, and prints their SHA-256.

    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) python bench release DIR

The second wheel, edgekit-deploy-demos, holds the networks and recordings of demos that the first leaves out. The
sdist of setuptools keeps owners and times of the files: it is packed anew without them.
"""

import argparse
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES = ("export", "fpga", "graph", "operators", "quantize", "runtime", "targets")
FOLDERS = ("src", *STAGES, ".ci", "bench", "docs", "tests")  # the last four are in the sdist alone
FILES = (
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "PYPI.md",
    "LICENSE",
    "LICENCES.md",
    "CHANGELOG.md",
)
FILES += ("CONTRIBUTING.md", "Dockerfile", "Makefile", "constraints.txt", "mkdocs.yml")
BUILD = "import setuptools.build_meta as b; b.build_wheel('made')"
BUILD_BOTH = f"{BUILD}; b.build_sdist('made')"
DEMOS = "src/edgekit/demos"
DEMOS_PROJECT = Path(__file__).parents[1] / "templates" / "demos_pyproject.toml"


def epoch() -> int:
    """The time that all files get: SOURCE_DATE_EPOCH, or 1980, the first that a .zip can hold."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))


def _ignored(folder: str, names: list[str]) -> list[str]:
    return [
        n
        for n in names
        if (Path(folder) / n).is_symlink() or n == "__pycache__" or n.endswith(".egg-info")
    ]


def build(out: Path) -> dict[str, str]:
    """Build into a folder; returns the digest of each file by name."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy, demos = Path(scratch) / "edgekit", Path(scratch) / "demos"
        for name in FOLDERS:
            shutil.copytree(ROOT / name, copy / name, ignore=_ignored)
        for name in FILES:
            shutil.copy(ROOT / name, copy / name)
        made = run_setuptools(copy, BUILD_BOTH)
        (wheel,) = (path for path in made if path.suffix == ".whl")
        lay_out_demos(demos, wheel)
        digests = {}
        for path in [*made, *run_setuptools(demos, BUILD)]:
            content = path.read_bytes()
            content = repacked(content) if path.name.endswith(".tar.gz") else content
            (out / path.name).write_bytes(content)
            digests[path.name] = hashlib.sha256(content).hexdigest()
    return digests


def lay_out_demos(folder: Path, wheel: Path) -> None:
    """Fill a folder with the project of the second wheel: data of demos that are not in the first."""
    with zipfile.ZipFile(wheel) as archive:
        held = {f"src/{name}" for name in archive.namelist()}
    for path in sorted((ROOT / DEMOS).rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and path.suffix not in (".py", ".pyc") and name not in held:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)
    for name in ("LICENSE", "LICENCES.md"):
        shutil.copy(ROOT / name, folder / name)
    version = wheel.name.split("-")[1]
    project = DEMOS_PROJECT.read_text().replace("{version}", version)
    (folder / "pyproject.toml").write_text(project)


def run_setuptools(project: Path, code: str) -> list[Path]:
    """Give all files of a project one time, and run code that builds it into its folder ``made``; returns the files."""
    for path in sorted(project.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (epoch(), epoch()))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)
    return sorted((project / "made").iterdir())


def repacked(content: bytes) -> bytes:
    """A .tar.gz with its members in order of their names, without owners, all of one time."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=epoch()) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda m: m.name):
            held = old.extractfile(member) if member.isfile() else None
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch(), 0, 0, "", ""
            member.pax_headers = {}
            new.addfile(member, held)
    return packed.getvalue()


def main() -> None:
    """Build and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("out", type=Path, metavar="DIR")
    for name, digest in build(parser.parse_args().out).items():
        print(digest, name)


if __name__ == "__main__":
    main()
