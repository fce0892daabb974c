"""An emulated Cortex-A under Linux whose clock counts instructions, with Python, onnxruntime and LiteRT for aarch64.

QEMU's system emulator with ``-icount shift=0`` lets the clock go on by a nanosecond with each instruction, so a
program reads from the clock how many instructions it took. Those of the kernel's own ticks are in that, 0.2 % of them.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from layers.debian_arm64 import fetch_kernel, fetch_python, fetch_wheels

from edgekit.base.errors import ToolError

INIT = Path(__file__).parent / "templates" / "linux_init.py"
TOOLS = {"qemu-system-aarch64": "qemu-system-arm", "apt-get": "apt", "dpkg-deb": "dpkg"}
RUNTIMES = ("numpy", "onnxruntime", "ai-edge-litert")
NEEDED = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "packaging", "ai_edge_litert")
LEFT_OUT = {"share", "var", "__pycache__", "ensurepip", "idlelib", "pip", "test", "tests"}
SITE = "usr/lib/python3/dist-packages"
MEMORY = "2048"  # MB
TIMEOUT_S = 3600
MARK = "ROW "  # before each line of results
DIRECTORY, LINK, PROGRAM, FILE = 0o40755, 0o120777, 0o100755, 0o100644


def missing_tools() -> list[str]:
    """Return the packages of Debian that bring what is missing here."""
    return [package for tool, package in TOOLS.items() if shutil.which(tool) is None]


def run_on(core: str, cache: Path, files: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    """Boot a core with files in its root folder; yields the rows that its first program prints.

    Args:
        core: as QEMU names it, such as ``cortex-a53``.
        cache: where Debian's packages and the wheels are, or come to be.
        files: content by name; ``job.json`` says what `templates/linux_init.py` runs.

    Raises:
        ToolError: QEMU failed, or the program did.
        SystemExit: apt or pip failed.
    """
    python, image = fetch_python(cache), fetch_kernel(cache)
    base, whole = cache / "base.cpio", cache / "whole.cpio"
    if not base.exists():
        _write_base(cache, python, base)
    shutil.copyfile(base, whole)
    with whole.open("ab") as archive:
        for name, content in files.items():
            add_entry(archive, name, FILE, content)
        add_entry(
            archive, "init", PROGRAM, f"#!/usr/bin/{python.name}\n".encode() + INIT.read_bytes()
        )
        add_entry(archive, "TRAILER!!!", 0)
    command = ["qemu-system-aarch64", "-M", "virt", "-cpu", core, "-m", MEMORY, "-nographic"]
    command += ["-nic", "none", "-no-reboot", "-icount", "shift=0,sleep=off"]
    command += ["-kernel", str(image), "-initrd", str(whole)]
    command += ["-append", "console=ttyAMA0 rdinit=/init panic=-1 loglevel=4"]
    rest = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith(MARK):
                yield json.loads(line.removeprefix(MARK))
            else:
                rest.append(line)
    if run.returncode or not any("done" in line for line in rest):
        raise ToolError(f"the emulated {core} failed: {''.join(rest)[-800:].strip()}")


def _write_base(cache: Path, python: Path, path: Path) -> None:
    """Write what every run has: folders, Debian's Python, the wheels."""
    wheels = fetch_wheels(cache, "runtimes", RUNTIMES)
    part = path.with_suffix(".part")
    with part.open("wb") as archive:
        for name in ("dev", "proc", "sys", "tmp"):
            add_entry(archive, name, DIRECTORY)
        _add_tree(archive, python.parents[2], "")
        for name in NEEDED:
            add_entry(archive, f"{SITE}/{name}", DIRECTORY)
            _add_tree(archive, wheels / name, f"{SITE}/{name}/")
    part.replace(path)


def _add_tree(archive: BinaryIO, folder: Path, prefix: str) -> None:
    """Add all below a folder, but what no run needs."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        name = prefix + inside.as_posix()
        if LEFT_OUT & set(inside.parts):
            continue
        if path.is_symlink():
            add_entry(archive, name, LINK, os.readlink(path).encode())
        elif path.is_dir():
            add_entry(archive, name, DIRECTORY)
        else:
            add_entry(
                archive, name, PROGRAM if os.access(path, os.X_OK) else FILE, path.read_bytes()
            )


def add_entry(archive: BinaryIO, name: str, mode: int, content: bytes = b"") -> None:
    """Add an entry of a cpio archive in the form that Linux unpacks at its start (newc)."""
    number = archive.tell()  # of the entry: no other one has it
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    archive.write(head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4))
