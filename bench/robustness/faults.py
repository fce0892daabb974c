"""Kills verbs at random moments, fills the disk, lets two exports race for one folder: what is left is nothing.

    python bench faults [--moments 200] [--only REGEX] [--seed S] [--state FILE.json]

Verbs: export at w8a8, export with recipe auto, sample, bench. Each of the moments is one process that gets SIGINT,
SIGTERM or SIGKILL after a random part of the time that it takes alone. Behind the first two nothing new may lie in
its folder or in the temporary folder; behind SIGKILL nothing that has the name of a result, and what is hidden goes
with the next export. A result that is there is whole. Prints the counts; exits with 1 where something is left. With
``--state`` the counts go on from those of earlier runs, moment by moment.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from resource import RLIMIT_FSIZE, setrlimit

import numpy as np
import tiny_networks

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.files import open_build

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# while Python itself starts or ends, SIGINT ends it as SIGTERM does: shells say 130 of both
CODES = {signal.SIGINT: {130, -2}, signal.SIGTERM: {143, -15}, signal.SIGKILL: {-9}}
EXPORT = ("export", "net.onnx", "--target", "host", "--force", "-o", "out")
VERBS: dict[str, tuple[str, ...]] = {
    "export": (*EXPORT, "--recipe", "w8a8", "--calibration", "clips"),
    "auto": (*EXPORT, "--recipe", "auto", "--calibration", "clips"),
    "sample": (
        "sample",
        "sampler",
        "-n",
        "2",
        "--seed",
        "1",
        "-o",
        "out.npz",
        "--condition",
        "label=1",
    ),
    "bench": ("bench", "build", "--hops", "2000", "--append", "results.jsonl"),
}
FILE_SIZES = (0, 200, 4_000, 30_000, 100_000)  # bytes that a file may have on a full disk


def prepare(folder: Path, verbs: Sequence[str]) -> None:
    """Write a network, clips and the builds that verbs read."""
    folder.mkdir()
    tiny_networks.recurrent(folder / "net.onnx")
    (folder / "clips").mkdir()
    noise = np.random.default_rng(0).standard_normal((40, 1, tiny_networks.WIDTH))
    np.savez(folder / "clips" / "noise.npz", x=noise.astype(np.float32))
    if "bench" in verbs:
        edgekit(folder, (*EXPORT[:-1], "build")).check_returncode()
    if "sample" in verbs:
        export_sampler(folder)


def export_sampler(folder: Path) -> None:
    """The build of a small diffusion model, from the tests."""
    text = 'prediction = "v"\nsteps = 5\n[schedule]\nkind = "cosine"\n'
    (folder / "sampler.toml").write_text(text)
    command = (
        "export",
        "diffusion_networks:tiny_unet",
        "--target",
        "host",
        "--sampler",
        "sampler.toml",
    )
    edgekit(folder, (*command, "-o", "sampler")).check_returncode()


def start(
    folder: Path, arguments: Sequence[str], limit: int | None = None
) -> subprocess.Popen[str]:
    """Start a verb in a folder with a temporary folder and a cache of its own; no file beyond `limit` bytes."""
    places = {name: str(folder.with_name(f"{folder.name}-{name}")) for name in ("tmp", "cache")}
    for place in places.values():
        Path(place).mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "TMPDIR": places["tmp"],
        "EDGEKIT_CACHE": places["cache"],
        "CCACHE_DISABLE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'bench'}",
    }
    full = None if limit is None else partial(setrlimit, RLIMIT_FSIZE, (limit, limit))
    return subprocess.Popen(
        [sys.executable, "-m", "edgekit", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=full,
    )


def edgekit(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    process = start(folder, arguments)
    said, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, said, said)


def files(folder: Path) -> dict[str, int]:
    """Every file of a folder, with its size, and every empty folder."""
    return {
        str(p.relative_to(folder)): p.stat().st_size if p.is_file() else -1
        for p in folder.rglob("*")
    }


def left(folder: Path, before: Mapping[str, int], is_killed: bool) -> list[str]:
    """What a process left that it may not: beside what was there, but for whole results."""
    found = []
    for name in files(folder).keys() - before.keys():
        top = name.split("/")[0]
        if top == "out":
            try:
                open_build(folder / "out")
            except UsageError as error:
                found.append(f"{name}: {error}")
        elif top == "out.npz":
            np.load(folder / top)["x"]
        elif not (top == "results.jsonl" or (is_killed and top.startswith("."))):
            found.append(name)
    if not is_killed:
        found += [
            f"temporary {path.name}" for path in folder.with_name(f"{folder.name}-tmp").iterdir()
        ]
    return found


def clean(folder: Path, before: Mapping[str, int]) -> None:
    """Remove what is new, and what is temporary."""
    for name in sorted({name.split("/")[0] for name in files(folder).keys() - before.keys()}):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(folder.with_name(f"{folder.name}-tmp"), ignore_errors=True)
    shutil.rmtree(folder.with_name(f"{folder.name}-cache"), ignore_errors=True)


def moments(
    verb: str,
    count: int,
    folder: Path,
    draw: random.Random,
    signals: Sequence[signal.Signals] = SIGNALS,
    seen: Callable[[str], None] = lambda end: None,
) -> tuple[Counter[str], list[str]]:
    """Kill a verb at `count` random moments; returns how the processes ended, and what was left or said amiss.

    `seen` is told how each ended as soon as it did, and the faults as ``fault``.
    """
    before = files(folder)
    begun = time.monotonic()
    edgekit(folder, VERBS[verb]).check_returncode()
    whole = time.monotonic() - begun
    clean(folder, before)
    ends, faults = Counter[str](), list[str]()
    for _ in range(count):
        number = draw.choice(signals)
        process = start(folder, VERBS[verb])
        after = draw.uniform(0.2, 1.05) * whole
        try:
            said, _unused = process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            said, _unused = process.communicate(timeout=120)
        where = f"{verb}, {number.name} after {after:.2f} of {whole:.2f} s"
        end, known = "ended before" if process.returncode == 0 else number.name, len(faults)
        ends[end] += 1
        if process.returncode not in CODES[number] | {0}:
            faults.append(f"{where}: exit code {process.returncode}: {said[-300:]}")
        if "Traceback" in said:
            faults.append(f"{where}: {said[-900:]}")
        killed = number == signal.SIGKILL
        faults += [f"{where}: {name} is left" for name in left(folder, before, killed)]
        if killed and verb in ("export", "auto"):
            edgekit(folder, EXPORT)
            faults += [
                f"{where}, next: {name} is left"
                for name in left(folder, before, False)
                if name[0] == "."
            ]
        clean(folder, before)
        for told in (end, *("fault" for _ in faults[known:])):
            seen(told)
    return ends, faults


def full_disk(folder: Path) -> tuple[Counter[str], list[str]]:
    """Export and draw where no file may grow beyond some sizes."""
    before, ends, faults = files(folder), Counter[str](), list[str]()
    for verb in ("export", "sample"):
        for size in FILE_SIZES if (folder / "sampler").is_dir() or verb == "export" else ():
            process = start(folder, VERBS[verb], size)
            said, _ = process.communicate(timeout=300)
            ends[f"exit code {process.returncode}"] += 1
            if process.returncode not in (0, 1, 2) or "Traceback" in said:
                faults.append(
                    f"{verb} with files of {size} bytes: {process.returncode}: {said[-900:]}"
                )
            faults += [
                f"{verb} with files of {size} bytes: {name} is left"
                for name in left(folder, before, False)
            ]
            clean(folder, before)
    return ends, faults


def race(folder: Path) -> tuple[Counter[str], list[str]]:
    """Two exports at once into one folder: one wins, whole, the other one is refused."""
    before, faults = files(folder), list[str]()
    command = tuple(word for word in VERBS["export"] if word != "--force")
    both = [start(folder, command) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    codes = sorted(process.returncode for process in both)
    if codes != [0, 2]:
        faults.append(f"two exports: exit codes {codes}: {said}")
    faults += [f"two exports: {name} is left" for name in left(folder, before, False)]
    clean(folder, before)
    return Counter({f"exit codes {codes}": 1}), faults


class Total:
    """Counts of how verbs ended, in a file that runs add to."""

    def __init__(self, path: Path | None) -> None:
        """Take the counts of earlier runs, where there are any."""
        self.path = path
        held = json.loads(path.read_text()) if path and path.exists() else {}
        self.counts = Counter[str](held)

    def add(self, verb: str, end: str) -> None:
        """Count an end of a verb, and write the file."""
        self.counts[f"{verb}: {end}"] += 1
        if self.path:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(dict(sorted(self.counts.items())), indent=1))
            new.replace(self.path)


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--moments", type=int, default=200, help="of all verbs together")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of verbs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path, metavar="FILE.json", help="counts that runs add to")
    given = parser.parse_args()
    verbs = [verb for verb in VERBS if re.search(given.only, verb)]
    total = Total(given.state)
    draw, bad = random.Random(given.seed + sum(total.counts.values())), 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "work"
        prepare(folder, verbs)
        parts: dict[str, Callable[[], tuple[Counter[str], list[str]]]] = {
            verb: partial(
                moments,
                verb,
                given.moments // len(verbs),
                folder,
                draw,
                seen=partial(total.add, verb),
            )
            for verb in verbs
        }
        parts |= {"full disk": lambda: full_disk(folder), "two exports": lambda: race(folder)}
        for name, part in parts.items():
            ends, faults = part()
            bad += len(faults)
            print(f"{name}: {dict(ends)}; {len(faults)} faults", *faults, sep="\n  ", flush=True)
    if given.state:
        print("with earlier runs:", dict(total.counts))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
