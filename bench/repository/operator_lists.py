"""Count the literals that name three or more ONNX operators: each is a list kept by hand.

    python bench operator_lists            every literal with its place and names, then the count

A fact about operators has one home, a row of `graph/facts.py`; what an operator computes stands in
`operators/`. Elsewhere literal sets, lists, tuples and dicts, the patterns of a `match`, and strings that are
split count where they name three or more: each is to be a true choice of one stage, such as its table.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx.defs

ROOT = Path(__file__).parents[2]
FOLDERS = ("base", "graph", "operators", "export", "quantize", "targets", "fpga", "runtime", "src")
HOMES = ("graph/facts.py", "operators/")
MOST = 2  # names in a literal that make no list
OPERATORS = frozenset(schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain)


@dataclass(frozen=True)
class Found:
    """A literal that names operators: where it stands, and the names."""

    path: str
    line: int
    names: tuple[str, ...]


def found_in(path: Path) -> Iterator[Found]:
    """Yield the outermost literals of a Python file that name more than `MOST` operators."""
    yield from found_in_text(path.read_text(), path.relative_to(ROOT).as_posix())


def found_in_text(text: str, path: str) -> Iterator[Found]:
    """Yield the same of a text; `path` says where it is from."""
    yield from _below(ast.parse(text), path)


def _below(tree: ast.AST, path: str) -> Iterator[Found]:
    for node in ast.iter_child_nodes(tree):
        names = sorted({*_names(node)})
        if len(names) > MOST:
            yield Found(path, node.lineno, tuple(names))  # type: ignore[attr-defined]
        else:
            yield from _below(node, path)


def _names(node: ast.AST) -> Iterator[str]:
    """The operators that a literal names by itself, its parts of literals included."""
    if isinstance(node, ast.Set | ast.List | ast.Tuple):
        for item in node.elts:
            yield from _text(item)
            yield from _names(item)
    elif isinstance(node, ast.Dict):
        for part in (*node.keys, *node.values):
            if part is not None:
                yield from _text(part)
                yield from _names(part)
    elif isinstance(node, ast.Match):
        for case in node.cases:
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchValue):
                    yield from _text(part.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "split" and isinstance(node.func.value, ast.Constant):
            yield from (word for word in str(node.func.value.value).split() if word in OPERATORS)
    elif isinstance(node, ast.BinOp | ast.Starred):
        for part in ast.iter_child_nodes(node):
            yield from _names(part)


def _text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and node.value in OPERATORS:
        yield str(node.value)


def lists() -> list[Found]:
    """All such literals outside of `HOMES`, and outside tests, benchmarks and documentation."""
    files = sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(HOMES)
    )
    return [item for path in files for item in found_in(path)]


if __name__ == "__main__":
    all_found = lists()
    for item in all_found:
        sys.stdout.write(f"{item.path}:{item.line}: {' '.join(item.names)}\n")
    sys.stdout.write(f"{len(all_found)} lists in {len({item.path for item in all_found})} files\n")
