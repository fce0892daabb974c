"""Every .tflite of some folders through the reader: its form, its states, and how near it is to the runtimes.

    python bench tflite_files FOLDER_OR_FILE... [--out TABLE.md]

The files are those of others; none is in this repository. Each is read as `edgekit export` reads it, and runs in
ai-edge-litert and tflite-micro, where they are installed, on random inputs with states carried. A signature of a
file with several is a row of its own. A second table counts the files of each folder.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tables import Table

from edgekit.base.errors import EdgeKitError
from edgekit.export.from_tflite import from_tflite
from edgekit.export.tflite_file.file import Graph, TfliteFile, read_tflite
from edgekit.judge.tflite_runtimes import compare_runtimes

LEAST_DB = {100.0: "SNR of 100 dB or more", 30.0: "30 to 100 dB", 0.0: "below 30 dB"}
RUNTIMES = ("ai-edge-litert", "tflite-micro")
REFUSED, EQUAL = "refused", "all equal"
OUTCOMES = ("all values equal", *LEAST_DB.values(), REFUSED)


def form(graph: Graph) -> str:
    """Say how numbers are stored: int8, hybrid, and the others of the format."""
    weights = {t.dtype for t in graph.tensors if t.data is not None and len(t.shape) > 1}
    computed = {t.dtype for t in graph.tensors if t.data is None and t.grid is not None}
    floats = any(t.dtype == "float32" and t.data is None and t.shape for t in graph.tensors)
    if "int16" in computed:
        return "int16 x int8"
    if computed & {"int8", "uint8"}:
        return "islands of int8" if floats else "int8"
    if "float16" in weights:
        return "float16 weights"
    return "hybrid" if "int8" in weights else "float32"


def states(graph: Graph) -> str:
    """Say which kind of states a graph has."""
    resources = sum(o.builtin == "READ_VARIABLE" for o in graph.operators)
    variables = sum(t.is_variable for t in graph.tensors)
    kinds = {"resource": resources, "variable": variables}
    return ", ".join(f"{n} {kind}" for kind, n in kinds.items() if n) or "-"


def cases(paths: list[Path]) -> Iterator[tuple[Path, str | None]]:
    """Yield the files, and the signatures of those with several."""
    for path in paths:
        for file in sorted(path.rglob("*.tflite")) if path.is_dir() else [path]:
            keys = _signatures(file)
            yield from ((file, key) for key in keys or [None])


def _signatures(file: Path) -> list[str]:
    try:
        found = read_tflite(file.read_bytes()).signatures
    except EdgeKitError:
        return []
    return [entry.key for entry in found] if len({entry.graph for entry in found}) > 1 else []


def row(file: Path, signature: str | None) -> tuple[str, str, str, str, str]:
    """Read a file and say how that went: in each runtime, or why it was refused."""
    name = file.stem if signature is None else f"{file.stem}, {signature}"
    try:
        content: TfliteFile = read_tflite(file.read_bytes())
        numbers = {entry.key: entry.graph for entry in content.signatures}
        graph = content.graphs[0 if signature is None else numbers[signature]]
        model = from_tflite(file, name=file.stem, signature=signature)
        found = compare_runtimes(file, signature, model)
    except EdgeKitError as error:
        first = str(error).splitlines()[0]
        return name, "-", "-", f"{REFUSED}: {first.split('; allowed')[0]}", "-"
    cells = [brief(text) for runtime in RUNTIMES for text in found if text.startswith(runtime)]
    return name, form(graph), states(graph), *[*cells, "-", "-"][:2]


def brief(sentence: str) -> str:
    """Return the numbers of a sentence on a runtime."""
    if "cannot run" in sentence:
        return "does not run it"
    told = re.search(r"(\d+) of (\d+) values equal", sentence)
    if told is None:
        found = re.search(r"(\S+) dB", sentence)
        return "?" if found is None else EQUAL if found[1] == "inf" else f"{found[1]} dB"
    steps = re.search(r"difference (\d+) steps, (\S+) dB", sentence)
    more = f", {steps[1]} steps, {steps[2]} dB" if steps else ""
    return f"{int(told[1]):,} of {int(told[2]):,}{more}"


def outcome(cells: tuple[str, ...]) -> str:
    """Say in which column a file counts: by how near it is to the runtime that it is nearest to."""
    if cells[0].startswith(REFUSED):
        return REFUSED
    if any(cell == EQUAL or re.fullmatch(r"(\S+) of \1", cell) for cell in cells):
        return OUTCOMES[0]
    nearest = max(float(n) for cell in (*cells, "0 dB") for n in re.findall(r"([\d.]+) dB", cell))
    return next(text for least, text in LEAST_DB.items() if nearest >= least)


def outcome_table(outcomes: Counter[tuple[str, str]]) -> Table:
    """Return a row for each folder."""
    table = Table("folder", "files", *OUTCOMES)
    for folder in dict.fromkeys(folder for folder, _ in outcomes):
        numbers = [outcomes[folder, text] for text in OUTCOMES]
        table.add_row(folder, str(sum(numbers)), *map(str, numbers))
    return table


def main() -> None:
    """Read all and print the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER_OR_FILE")
    parser.add_argument("--out", type=Path, metavar="TABLE.md")
    options = parser.parse_args()
    table = Table("file", "numbers", "states", *RUNTIMES)
    outcomes: Counter[tuple[str, str]] = Counter()
    for file, signature in cases(options.paths):
        cells = row(file, signature)
        outcomes[file.parent.name, outcome(cells[3:])] += 1
        print(table.add_row(*cells), flush=True)
    content = f"{outcome_table(outcomes).markdown()}\n\n{table.markdown()}\n"
    print(content.partition("\n\n")[0])
    if options.out is not None:
        options.out.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
