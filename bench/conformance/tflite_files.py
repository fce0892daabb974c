"""Every .tflite of some folders through the reader: its form, its states, and how near it is to the runtimes.

    python bench tflite_files FOLDER_OR_FILE... [--out TABLE.md]

The files are those of others; none is in this repository. Each is read as `edgekit export` reads it, and runs in
ai-edge-litert and tflite-micro, where they are installed, on random inputs with states carried. A signature of a
file with several is a row of its own.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tables import Table

from edgekit.base.errors import EdgeKitError
from edgekit.export.from_tflite import from_tflite
from edgekit.export.tflite_file.file import Graph, TfliteFile, read_tflite
from edgekit.judge.tflite_runtimes import compare_runtimes


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


def row(file: Path, signature: str | None) -> tuple[str, str, str, str]:
    """Read a file and say how that went."""
    name = file.stem if signature is None else f"{file.stem}, {signature}"
    try:
        content: TfliteFile = read_tflite(file.read_bytes())
        numbers = {entry.key: entry.graph for entry in content.signatures}
        graph = content.graphs[0 if signature is None else numbers[signature]]
        model = from_tflite(file, name=file.stem, signature=signature)
        found = compare_runtimes(file, signature, model)
    except EdgeKitError as error:
        first = str(error).splitlines()[0]
        return name, "-", "-", f"refused: {first.split('; allowed')[0]}"
    return name, form(graph), states(graph), "; ".join(found)


def main() -> None:
    """Read all and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER_OR_FILE")
    parser.add_argument("--out", type=Path, metavar="TABLE.md")
    options = parser.parse_args()
    table = Table("file", "form", "states", "beside the runtimes")
    for file, signature in cases(options.paths):
        print(table.add_row(*row(file, signature)), flush=True)
    if options.out is not None:
        options.out.write_text(table.markdown() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
