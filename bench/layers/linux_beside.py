"""The same .tflite by EdgeKit, LiteRT and onnxruntime on an emulated Cortex-A: instructions of one inference.

    python bench linux_beside FILE... [--core CORE]... [--cache FOLDER] [--out TABLE.md]

QEMU runs Debian for arm64 with a clock that counts instructions, in it the aarch64 wheels of LiteRT and onnxruntime,
and EdgeKit's C, each with one thread. onnxruntime takes the ONNX form of the file. Inputs are random and the same.
The first run fetches some 300 MB into the cache folder.
"""

import argparse
import base64
import io
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from layers.debian_arm64 import CACHE
from layers.device_engines import Case, check_files, compile_files, equal_share
from layers.devices_beside import names_of
from layers.engine_edgekit import EdgeKit, real_calls, values_of_file
from layers.linux_machine import missing_tools, run_on
from tables import Table

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.devices import profile

CORES = ("cortex-a53", "cortex-a76")
LIBRARY = ("-shared", "-Wl,-Bsymbolic")
Job = dict[str, Any]


@dataclass(frozen=True)
class Count:
    """What an engine takes for one inference, or why it has no count.

    Attributes:
        equal: how many of its outputs are EdgeKit's, and the largest difference.
    """

    network: str
    core: str
    engine: str
    instructions: int | None
    equal: str
    error: str


def jobs_of(
    number: int, case: Case, core: Profile, folder: Path
) -> tuple[list[Job], dict[str, bytes]]:
    """Return what each engine runs, as `templates/linux_init.py` reads it, and the files of that.

    Raises:
        ModelError: the network has states.
        EdgeKitError: EdgeKit refuses the file, or the compiler failed.
    """
    network = to_onnx(case.content)
    if network.states:
        found = f"states {', '.join(source for source, _ in network.states)}"
        problem = Problem(case.name, found, "a network without states", "leave it out")
        raise ModelError(problem)
    program = EdgeKit().write(case, core)
    program.options = (*program.options, "-fPIC")
    library = compile_files(program, core, folder / str(number), {}, LIBRARY)
    reals = real_calls(case, [tensor.name for tensor in network.proto.graph.input])
    graph = case.graph
    engines: list[tuple[str, str, bytes, Sequence[Sequence[Array]], Job]] = [
        ("EdgeKit", "so", library.read_bytes(), program.calls, {"made": program.output_bytes}),
        ("onnxruntime", "onnx", network.proto.SerializeToString(), reals, {}),
        (
            "LiteRT",
            "tflite",
            case.data,
            case.feeds,
            {"numbers": graph.inputs, "made": graph.outputs},
        ),
    ]
    jobs, files = [], {}
    for engine, suffix, content, calls, own in engines:
        file, inputs = f"{number}.{suffix}", f"{number}.{suffix}.npz"
        files |= {file: content, inputs: _npz_of(calls)}
        shape = {"length": len(calls), "inputs": len(calls[0])}
        job = {"engine": engine, "network": number, "file": f"/{file}", "calls": f"/{inputs}"}
        jobs.append(job | shape | own)
    return jobs, files


def _npz_of(calls: Sequence[Sequence[Array]]) -> bytes:
    """Return the arrays of all calls as the content of a .npz, named CALL_INPUT."""
    content = io.BytesIO()
    arrays = {f"{n}_{i}": array for n, call in enumerate(calls) for i, array in enumerate(call)}
    np.savez(content, **arrays)
    return content.getvalue()


def counts_of(rows: Iterable[Job], cases: Sequence[Case], core: str) -> Iterator[Count]:
    """Return the counts of the rows of a run, with the outputs compared with those of EdgeKit, which come first."""
    ours: dict[int, list[list[Array]]] = {}
    for row in rows:
        case, name = cases[row["network"]], row["engine"]
        if "error" in row:
            yield Count(case.name, core, name, None, "", row["error"])
            continue
        made = [[base64.b64decode(text) for text in call] for call in row["outputs"]]
        outputs = [_values(case, name, call) for call in made]
        first = ours.setdefault(row["network"], outputs)
        equal = "" if name == "EdgeKit" else equal_share(outputs, first)
        yield Count(case.name, core, name, row["instructions"], equal, "")


def _values(case: Case, engine: str, made: Sequence[bytes]) -> list[Array]:
    """Return the outputs of a call in the types of the file: those of LiteRT have them already."""
    if engine != "LiteRT":
        return values_of_file(case, made)
    return [
        np.frombuffer(content, held.dtype).reshape(held.shape)
        for held, content in zip(case.outputs, made, strict=True)
    ]


def table_of(counts: Sequence[Count]) -> Table:
    """Return the page's table: thousands of instructions, and in parentheses the ratio to EdgeKit's."""
    found = {(count.network, count.engine, count.core): count for count in counts}
    cores = list(dict.fromkeys(count.core for count in counts))
    head = (f"`{core}`, k instructions" for core in cores)
    table = Table("network", "engine", *head, "equal to EdgeKit", numbers=len(cores) + 1)
    for network, engine in dict.fromkeys((count.network, count.engine) for count in counts):
        row = [found.get((network, engine, core)) for core in cores]
        base = [found.get((network, "EdgeKit", core)) for core in cores]
        table.add_row(network, engine, *map(_cell, row, base), _equal_of(row) or "-")
    return table


def _equal_of(row: Sequence[Count | None]) -> str:
    """Return what is equal on each core, once where that is the same."""
    return "; ".join(dict.fromkeys(count.equal for count in row if count is not None))


def _cell(count: Count | None, base: Count | None) -> str:
    if count is None or count.instructions is None:
        return "-"
    text = f"{count.instructions / 1000:,.1f}"
    if base is None or base.instructions is None or base.engine == count.engine:
        return text
    return f"{text} ({count.instructions / base.instructions:.2f})"


def main() -> int:
    """Build, run on each core, print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .tflite")
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable; else all")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of Debian's packages")
    parser.add_argument("--out", type=Path, metavar="TABLE.md")
    options = parser.parse_args()
    check_files(options.files)
    if missing := missing_tools():
        print(f"missing: as root, apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    names = names_of(options.files)
    cases = [Case(name, path.read_bytes()) for name, path in zip(names, options.files, strict=True)]
    counts = []
    for core in options.core or CORES:
        jobs, files = [], {}
        with tempfile.TemporaryDirectory() as folder:
            for number, case in enumerate(cases):
                own, needed = jobs_of(number, case, profile(core), Path(folder))
                jobs += own
                files |= needed
        files["job.json"] = json.dumps(jobs).encode()
        for count in counts_of(run_on(core, options.cache, files), cases, core):
            print(count, flush=True)
            counts.append(count)
    table = table_of(counts)
    table.show()
    if options.out is not None:
        options.out.write_text(table.markdown() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
