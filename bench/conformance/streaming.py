"""Offline networks that others wrote, through the streaming rewrite: the table of docs/results/streaming.md.

    python bench streaming [--only REGEX] [--sources FOLDER] [--jobs N] [--seconds N] [--megabytes N]
                              [--environment DIR] [--results FILE] [--again] [--write]

The networks are those of `streaming_networks.py`: of PyPI packages as they are, with seeded weights
(stream_packages.py), in an environment of their own made from `streaming.txt` beside the running one;
others written anew from their descriptions (stream_authors*.py). Each runs in a process with a limit of
time and memory. Rows go to a results file, and a network that has one is not measured again.

`--sources FOLDER` measures the networks of `author_networks.py` instead: their authors' own source, in checkouts
that the user has, a folder ``owner+name`` for each repository. Nothing of them is in this repository. A missing
checkout, or one at another commit than the table's, is said by name.

`--write` renews the table in docs/results/streaming.md. Exits with 1 where a streamed network is not right.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.author_networks import AUTHORS, COMMITS, FOLDERS
from conformance.streaming_networks import LIMIT, NETWORKS, Network
from quick_build import compile_kernels
from tables import ResultFile, Table, put_between

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
PINNED, PAGE = BENCH / "conformance" / "streaming.txt", ROOT / "docs" / "results" / "streaming.md"
CACHE = Path.home() / ".cache" / "edgekit" / "streaming"
BEGIN, END = "<!-- table of bench/conformance/streaming.py -->", "<!-- end of the table -->"
BEGIN_AUTHORS, END_AUTHORS = "<!-- table of authors' sources -->", "<!-- end of that table -->"
C_LIMIT = 2e-5  # C sums in another order than onnxruntime
Row = dict[str, Any]


def environment(folder: Path) -> Path:
    """Return the Python of an environment with the pinned packages, made where it is not there."""
    python, stamp = folder / "bin" / "python", folder / "made-from.txt"
    if stamp.is_file() and stamp.read_text() == PINNED.read_text():
        return python
    venv.create(folder, with_pip=True, clear=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = [str(python), "-m", "pip", "install", "--no-deps", "-r", str(PINNED)]
    subprocess.run(command, check=True)
    # torchaudio's extension wants the torch of PyPI's wheel; its models do without
    for library in packages.glob("torchaudio/lib/_torchaudio*"):
        library.unlink()
    stamp.write_text(PINNED.read_text())
    return python


def checkout_problem(network: Network, sources: Path) -> str | None:
    """What a network's checkout lacks; None where it is there, at the table's commit as far as git knows."""
    repository = str(network.repository)
    folder, commit = sources / repository.replace("/", "+"), COMMITS[repository]
    if not folder.is_dir():
        clone = f"git clone https://github.com/{repository} {folder}"
        return f"no checkout {folder}: {clone} && git -C {folder} checkout {commit}"
    if (folder / ".git").exists():
        asked = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        if found != commit:
            return f"{folder} is at {found}: git -C {folder} checkout {commit}"
    return None


def measure(python: Path, network: Network, kernels: Path, given: argparse.Namespace) -> Row:
    """Measure one network in a process of its own."""
    if given.sources is not None and (problem := checkout_problem(network, given.sources)):
        return {"network": network.name, "failed": problem}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (given.seconds, given.seconds))
        size = given.megabytes << 20
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))

    command = [str(python), str(BENCH), "streaming_one", network.name, str(kernels)]
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    if given.sources is not None:
        command.append("--sources")
        repository = str(network.repository)
        folder = given.sources.resolve() / repository.replace("/", "+")
        paths.insert(0, str(folder / FOLDERS.get(repository, "")))
    made = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    lines = made.stdout.strip().splitlines()
    if made.returncode == 0 and lines:
        return dict(json.loads(lines[-1]))
    last = (made.stderr.strip().splitlines() or [f"ended with {made.returncode}"])[-1]
    return {"network": network.name, "failed": last}


def wrong(row: Row) -> str | None:
    """What is not right about a row; None where it is right, or refused."""
    if "failed" in row:
        return str(row["failed"])
    if "refused" in row:
        return None
    own = 2 * row.get("rounding", 0.0)  # each of both rounds
    if row["error"] > max(LIMIT, own):
        return f"differs from torch by {row['error']:.1e}"
    if "c_refused" in row:
        return f"no C: {row['c_refused']}"
    if row["c_error"] > max(C_LIMIT, own) or not row["c_exact"]:
        return f"C differs: {row['c_error']:.1e}, equal to the oracle: {row['c_exact']}"
    return None


def reason(text: str) -> str:
    """A refusal's first problem: where and what was found, in sentences."""
    first = text.strip().splitlines()[0].strip("- ")
    parts = first.split("; allowed:")[0].replace("|", "/").split("; ")
    return ". ".join(part[:1].upper() + part[1:] if n else part for n, part in enumerate(parts))


def write(rows: list[Row], networks: Sequence[Network], begin: str, end: str) -> None:
    """Renew the networks' table of the page, and what is refused below it."""
    written = {network.name: network.written for network in networks}
    heads = ("network", "code", "hop", "delay", "error", "C error", "C is oracle", "import, s")
    table, refused = Table(*heads), list[str]()
    for row in rows:
        cells = [row["network"], written[row["network"]]]
        if "refused" in row:
            refused.append(f"- {row['network']}: {reason(row['refused'])}")
            cells += ["refused", "", "", "", ""]
        else:
            delay = f"{row['delay']}" + (f", {row['crop']} of crop" if row["crop"] else "")
            own = f", torch float32 - float64: {row['rounding']:.0e}" if "rounding" in row else ""
            cells += [str(row["hop"]), delay, f"{row['error']:.0e}{own}", f"{row['c_error']:.0e}"]
            cells.append("yes" if row["c_exact"] else "no")
        table.add_row(*cells, f"{row['seconds']:.1f}")
    said = f"\n{len(rows) - len(refused)} of {len(rows)} networks stream.\n"
    why = "\nEdgeKit refuses these networks, with this reason:\n"
    put_between(PAGE, begin, end, "\n".join([said, table.markdown(), why, *refused, ""]))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--sources", type=Path, metavar="FOLDER", help="authors' checkouts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--seconds", type=int, default=300, metavar="N", help="of CPU for each")
    parser.add_argument("--megabytes", type=int, default=4000, metavar="N", help="for each")
    parser.add_argument("--environment", type=Path, default=CACHE / "environment", metavar="DIR")
    parser.add_argument("--results", type=Path, metavar="FILE", help="rows that are measured")
    parser.add_argument("--again", action="store_true", help="measure those that have a row, too")
    parser.add_argument(
        "--write", action="store_true", help="the table into docs/results/streaming.md"
    )
    return parser.parse_args()


def chosen(given: argparse.Namespace) -> list[Network]:
    """The networks that the command line asks for."""
    networks = NETWORKS if given.sources is None else AUTHORS
    return [one for one in networks if re.search(given.only, one.name)]


def main() -> int:
    """Measure what has no row yet, print and write; returns the exit code."""
    given = arguments()
    results = given.results or CACHE / ("authors.jsonl" if given.sources else "results.jsonl")
    file = ResultFile[Row](results, dict)
    rows = {row["network"]: row for row in file.read()}
    wanted = chosen(given)
    python = environment(given.environment)
    due = [one for one in wanted if given.again or "failed" in rows.get(one.name, {"failed": ""})]
    with TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        kernels = Path(folder) / "kernels.so"
        if due:
            compile_kernels(kernels)
        jobs = [pool.submit(measure, python, one, kernels, given) for one in due]
        for done in as_completed(jobs):
            row = done.result()
            rows[row["network"]] = row
            print(json.dumps(row), flush=True)
            file.append(row)
    measured = [rows[one.name] for one in wanted if one.name in rows]
    failed = {row["network"]: wrong(row) for row in measured if wrong(row)}
    for name, what in failed.items():
        print(f"{name}: {what}", file=sys.stderr)
    if given.write and not failed:
        marks = (BEGIN, END) if given.sources is None else (BEGIN_AUTHORS, END_AUTHORS)
        write(measured, wanted, *marks)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
