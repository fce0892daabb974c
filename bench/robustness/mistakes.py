"""Makes mistakes at the command line, and sees that each is answered with a short message that helps, and soon.

    python bench mistakes [--only REGEX] [--show]

Each command of `bench/robustness/mistakes.toml` runs as a process of its own. Prints how many were answered well and
the slowest; exits with 1 where one ends in a traceback, with another exit code than 2, at length, or without what
the message must name, or takes more than 2 s of a processor where no network and no factory had to be imported.
"""

import argparse
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import tiny_networks
from onnx import TensorProto, helper
from tables import Table

from edgekit import api
from edgekit.base.wav import write_wav

TABLE = Path(__file__).with_suffix(".toml")
SHORT = {
    "E": ["export", "net.onnx", "--target", "host", "-o", "b"],
    "O": ["export", "open.onnx", "--target", "host", "-o", "b"],
}
WIDTH = 64
MOST_LINES = 12
FACTORIES = """
import torch

def factory():
    return torch.nn.Linear(8, 8), torch.zeros(1, 8)
"""
BROKEN = """
number = 3

def raises():
    return {"a": 1}["b"]

def missing():
    import nosuchpackage

def text():
    return "a network"

def needs(size):
    return size

def examples():
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.map = torch.nn.Linear(8, 8)

        def forward(self, x):
            return self.map(x)

    return Net(), torch.zeros(1, 9)
"""


@dataclass(frozen=True)
class Mistake:
    """A command that cannot work, and what the answer must name, as a regular expression."""

    group: str
    arguments: str
    wants: str

    def words(self) -> list[str]:
        """The words of the command line; ``%FF`` is a byte that is no UTF-8."""
        first, *rest = shlex.split(self.arguments)
        words = [*SHORT.get(first, [first]), *rest]
        return [word.replace("%FF", "\udcff") for word in words]


def mistakes() -> list[Mistake]:
    """All mistakes, in the order of the table."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    return [
        Mistake(group, arguments, wants)
        for group, rows in table.items()
        for arguments, wants in rows.items()
    ]


def faults(mistake: Mistake, code: int, printed: str, errors: str) -> list[str]:
    """What is wrong with an answer: its exit code, a traceback, its length, or that it does not help."""
    found = []
    if code != 2:
        found.append(f"exit code {code}")
    if "Traceback" in errors or "InternalError" in errors or "defect" in errors:
        found.append("traceback")
    if len(lines := errors.splitlines()) > MOST_LINES:
        found.append(f"{len(lines)} lines")
    if not re.search(mistake.wants, " ".join(errors.split())):
        found.append(f"does not name {mistake.wants}")
    if printed:
        found.append("prints to stdout")
    return found


def make_files(folder: Path) -> None:
    """Write the files that the mistakes name."""
    make_networks(folder)
    make_sounds(folder)
    make_foreign_files(folder)
    make_builds(folder)


def make_networks(folder: Path) -> None:
    """Networks and factories."""
    shape = [1, WIDTH]
    tensors = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("x", "h", "y", "h_next")
    }
    nodes = [
        helper.make_node("Add", ["x", "h"], ["h_next"], name="sum"),
        helper.make_node("Tanh", ["h_next"], ["y"], name="squash"),
    ]
    graph = helper.make_graph(
        nodes, "net", [tensors["x"], tensors["h"]], [tensors["y"], tensors["h_next"]]
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "net.onnx")
    tiny_networks.offline(folder / "open.onnx")
    (folder / "mine.py").write_text(FACTORIES)
    (folder / "folder").mkdir()
    (folder / "folder" / "mine.py").write_text(FACTORIES)
    (folder / "broken.py").write_text(BROKEN)
    (folder / "syntax.py").write_text("def factory(:\n")


def make_sounds(folder: Path) -> None:
    """Recordings, and folders that are none."""
    for name in ("clips", "empty", "films", "hollow", "garbage"):
        (folder / name).mkdir()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32)
    for path in (folder / "in.wav", folder / "clips" / "a.wav"):
        write_wav(path, noise, 16000, "PCM_16")
    write_wav(folder / "hollow" / "hollow.wav", noise[:0], 16000, "PCM_16")
    (folder / "garbage" / "text.wav").write_text("no sound\n")
    (folder / "films" / "film.mp4").write_bytes(b"\0\0\0 ftypisom" + bytes(64))
    np.savez(folder / "other.npz", other=np.zeros((4, 1, WIDTH), np.float32))


def make_foreign_files(folder: Path) -> None:
    """Files of other programs, and files that lie."""
    data = (folder / "net.onnx").read_bytes()
    for name, content in {
        "model.h5": b"\x89HDF\r\n\x1a\n" + bytes(64),
        "model.pb": b"\x08\x01\x12\x04saved" + bytes(64),
        "model.safetensors": b"\x02\0\0\0\0\0\0\0{}",
        "model.tflite": b"\x1c\0\0\0TFL3" + bytes(64),
        "film.mp4": b"\0\0\0 ftypisom" + bytes(64),
        "text.onnx": b"this is no network\n",
        "hollow.onnx": b"",
        "cut.onnx": data[: len(data) // 2],
        "bad.toml": b"this is = no [toml\n",
        "schedule.toml": b"",
        "key.pem": b"",
    }.items():
        (folder / name).write_bytes(content)
    for name in ("model.keras", "model.pth", "model.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02}q\0.")


def make_builds(folder: Path) -> None:
    """A build, and builds that were damaged."""
    done = folder / "done"
    api.export(
        folder / "net.onnx",
        "onnxruntime",
        done,
        frontend=f"frame:{WIDTH}:{WIDTH}",
        sample_rate=16000,
    )
    manifest = (done / "manifest.json").read_text("utf-8")
    for name in ("changed", "cut", "newer"):
        (folder / name).mkdir()
        for path in done.rglob("*"):
            if path.is_file():
                copy = folder / name / path.relative_to(done)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    with (folder / "changed" / "model.onnx").open("ab") as file:
        file.write(b"changed")
    (folder / "cut" / "manifest.json").write_text(manifest[: len(manifest) // 2])
    newer = re.sub(r'"schema": \d+', '"schema": 99', manifest)
    (folder / "newer" / "manifest.json").write_text(newer)


SECONDS = 2.0  # of a processor
IMPORTS = re.compile(r"^(import|stream) \.\.\.$", re.MULTILINE)  # the stage that loads a network


def answer(mistake: Mistake, folder: Path) -> tuple[int, str, str, float]:
    """Run a command; returns exit code, stdout, stderr and seconds of a processor."""
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", *mistake.words()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return done.returncode, done.stdout, done.stderr, seconds


def main() -> int:
    """Make the mistakes and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of commands")
    parser.add_argument("--show", action="store_true", help="print each answer")
    given = parser.parse_args()
    table = Table("mistakes of", "answered well", "of", "slowest\ns", "after an import\ns")
    bad = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        rows: dict[str, list[tuple[bool, bool, float]]] = {}
        for mistake in mistakes():
            if not re.search(given.only, mistake.arguments):
                continue
            code, printed, errors, seconds = answer(mistake, folder)
            found = faults(mistake, code, printed, errors)
            imported = mistake.group == "factories" or IMPORTS.search(errors) is not None
            if seconds > SECONDS and not imported:
                found.append(f"{seconds:.1f} s")
            rows.setdefault(mistake.group, []).append((not found, imported, seconds))
            if found or given.show:
                bad += [mistake] * bool(found)
                print(
                    f"$ edgekit {mistake.arguments}\n{printed}{errors}=> {'; '.join(found) or 'good'}\n"
                )
    for group, results in rows.items():
        good = sum(is_good for is_good, _, _ in results)
        slowest = [
            max((seconds for _, was, seconds in results if was is imported), default=None)
            for imported in (False, True)
        ]
        cells = ("-" if seconds is None else f"{seconds:.1f}" for seconds in slowest)
        table.add_row(group, str(good), str(len(results)), *cells)
    table.show()
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
