"""The same .tflite by EdgeKit and by other engines on emulated cores: instructions of one inference, flash and RAM.

    python bench devices_beside FILE... [--tflm CHECKOUT --cmsis-nn CHECKOUT --flatbuffers CHECKOUT --gemmlowp CHECKOUT
        --ruy CHECKOUT] [--emx] [--core CORE]... [--layers] [--rows ROWS.jsonl] [--out TABLE.md]

One engine is TFLM's interpreter with the kernels of CMSIS-NN, from checkouts of yours: tensorflow/tflite-micro,
ARM-software/CMSIS-NN, google/flatbuffers in the version that TFLM wants, google/gemmlowp and google/ruy. --emx adds the
C of emx-onnx-cgen, of PyPI, in an environment that the script names. One compiler makes all programs with one level of
optimization. QEMU counts the last call, so that what the first one sets up stays out, and instructions by kind, the
mean of a call. Outputs are compared with tflite-micro and LiteRT on this machine. With --layers each layer is counted.
With --rows a run that was cut goes on where it stopped. Debian's compiler for C++ is libstdc++-arm-none-eabi-newlib.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layers.device_engines import Case, Engine, Figures, check_files, equal_share, measure
from layers.engine_edgekit import EdgeKit
from layers.engine_emx import Emx
from layers.engine_tflm import CHECKOUTS, Tflm, library_functions
from tables import ResultFile, Table

from edgekit.base.errors import ToolError
from edgekit.judge.tflite_runtimes import outputs_in_runtime
from edgekit.judge.tflite_worker import CALLS as RUNTIMES
from edgekit.targets.devices import profile

CORES = ("cortex-m4", "cortex-m33", "cortex-m55")
KERNELS = 6  # that are named
KINDS = ("load", "store", "branch", "multiply", "divide", "float", "vector", "other")
JOINED = {"load_after_load": "load", "float_fused": "float", "float_divide": "float"}


@dataclass(frozen=True)
class Row:
    """One engine with one network on one core.

    Attributes:
        equal: a text for each runtime that it was compared with.
        kinds: instructions by kind.
    """

    network: str
    core: str
    engine: str
    instructions: int
    cycles: int | None
    flash_bytes: int
    ram_bytes: int
    equal: dict[str, str]
    kinds: dict[str, int] = field(default_factory=dict)


def names_of(files: Sequence[Path]) -> list[str]:
    """Return a name for each file: with its folder where another one is called the same."""
    stems = Counter(path.stem for path in files)
    return [
        path.stem if stems[path.stem] == 1 else f"{path.resolve().parent.name}/{path.stem}"
        for path in files
    ]


def row_of(case: Case, core: str, engine: Engine, figures: Figures) -> Row:
    """Return the row of some figures, with the agreement with each runtime that is installed."""
    each = profile(core).cycles_of(figures.kinds)
    references = {
        runtime: outputs_in_runtime(runtime, case.data, None, case.graph, case.feeds)
        for runtime in RUNTIMES
    }
    return Row(
        case.name,
        core,
        engine.name,
        figures.instructions,
        None if each is None else round(each * figures.instructions),
        figures.flash_bytes,
        figures.ram_bytes,
        {
            runtime: equal_share(figures.outputs, made)
            for runtime, made in references.items()
            if made is not None
        },
        dict(figures.kinds),
    )


def show(engine: Engine, figures: Figures) -> None:
    """Print the kernels of the library that an engine called, and its layers where they were counted."""
    used = library_functions(figures.functions).most_common(KERNELS)
    if used:
        print(f"  {engine.name}:", ", ".join(f"{name} {n:,}" for name, n in used))
    for name, instructions in figures.layers:
        print(f"  {engine.name}: {name}: {instructions:,}")


def table_of(rows: Sequence[Row]) -> Table:
    """Return the page's table: a row for each network and engine, with the ratio to EdgeKit's instructions."""
    found = {(row.network, row.engine, row.core): row for row in rows}
    cores = [core for core in CORES if any(row.core == core for row in rows)]
    table = Table(
        *("network", "engine"),
        *(f"`{core}`, k instructions" for core in cores),
        *("flash, KB", "RAM, KB", "equal to tflite-micro"),
        numbers=len(cores) + 3,
    )
    for network, engine in dict.fromkeys((row.network, row.engine) for row in rows):
        own = [found.get((network, engine, core)) for core in cores]
        base = [found.get((network, EdgeKit.name, core)) for core in cores]
        first = next(row for row in own if row is not None)
        table.add_row(
            network,
            engine,
            *map(_cell, own, base),
            f"{first.flash_bytes / 1000:.1f}",
            f"{first.ram_bytes / 1000:.1f}",
            first.equal.get("tflite-micro", "-"),
        )
    return table


def table_of_kinds(rows: Sequence[Row]) -> Table:
    """Return thousands of instructions by kind, a row for each network, core and engine."""
    head = (f"{kind}, k" for kind in KINDS)
    table = Table("network", "core", "engine", *head, numbers=len(KINDS))
    for row in rows:
        counts: Counter[str] = Counter()
        for kind, number in row.kinds.items():
            counts[JOINED.get(kind, kind)] += number
        cells = (f"{counts[kind] / 1000:,.1f}" for kind in KINDS)
        table.add_row(row.network, f"`{row.core}`", row.engine, *cells)
    return table


def _cell(row: Row | None, base: Row | None) -> str:
    if row is None:
        return "-"
    text = f"{row.instructions / 1000:,.1f}"
    if base is None or base.engine == row.engine:
        return text
    return f"{text} ({row.instructions / base.instructions:.2f})"


def chosen_engines(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> tuple[Engine, ...]:
    """Return EdgeKit and the engines that are asked for; exits where one is half named.

    Raises:
        UsageError: folders that are not the checkouts.
    """
    folders = {name: getattr(options, name.replace("-", "_")) for name in CHECKOUTS}
    given = {name: path for name, path in folders.items() if path is not None}
    others: list[Engine] = []
    if given:
        if len(given) < len(CHECKOUTS):
            parser.error(f"TFLM takes all of {', '.join(f'--{name}' for name in CHECKOUTS)}")
        tflm = Tflm(given)
        tflm.check()
        others.append(tflm)
    if options.emx:
        others.append(Emx())
    return EdgeKit(), *others


def main() -> None:
    """Build, count and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .tflite")
    for name, (repository, _) in CHECKOUTS.items():
        parser.add_argument(f"--{name}", type=Path, help=f"of {repository}")
    parser.add_argument("--emx", action="store_true", help="emx-onnx-cgen, too")
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable; else all")
    parser.add_argument("--layers", action="store_true", help="count each layer, too")
    parser.add_argument("--rows", type=Path, metavar="ROWS.jsonl", help="keeps the rows")
    parser.add_argument("--out", type=Path, metavar="TABLE.md")
    options = parser.parse_args()
    engines = chosen_engines(parser, options)
    check_files(options.files)
    kept = ResultFile(options.rows, Row)
    rows = kept.read()
    for core in options.core or CORES:
        for name, path in zip(names_of(options.files), options.files, strict=True):
            for engine in engines:
                key = name, core, engine.name
                if any((row.network, row.core, row.engine) == key for row in rows):
                    continue
                case = Case(name, path.read_bytes())
                try:
                    with tempfile.TemporaryDirectory() as folder:
                        figures = measure(engine, case, profile(core), Path(folder), options.layers)
                except ToolError as error:  # too large for the board, say: its cells stay empty
                    print(f"{name}, {core}, {engine.name}: {str(error)[:200]}", flush=True)
                    continue
                rows.append(row := row_of(case, core, engine, figures))
                kept.append(row)
                print(row, flush=True)
                show(engine, figures)
    tables = table_of(rows), table_of_kinds(rows)
    for table in tables:
        table.show()
    if options.out is not None:
        text = "\n\n".join(table.markdown() for table in tables)
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
