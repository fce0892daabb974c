"""Count the places that name three or more ONNX operators: each is a list kept by hand.

    python bench operator_lists            every place with its names, then the count

A fact about operators has one home, a row of `graph/facts.py`; what an operator computes stands in
`operators/`. Elsewhere a place that names three or more is to be a true choice of one stage, such as its table:
a literal set, list, tuple or dict, the patterns of a `match`, a string that is split, and comparisons of one
expression that are joined by `and` or `or`, or that follow each other as `if` and `elif`.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx.defs

ROOT = Path(__file__).parents[2]
FOLDERS = ("base", "graph", "operators", "export", "quantize", "targets", "fpga", "runtime", "src")
HOMES = ("graph/facts.py", "operators/")
MOST = 2  # names in one place that make no list
OPERATORS = frozenset(schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain)


@dataclass(frozen=True)
class Found:
    """A place that names operators, and the names."""

    path: str
    line: int
    names: tuple[str, ...]


def found_in(path: Path) -> Iterator[Found]:
    """Yield the outermost places of a Python file that name more than `MOST` operators."""
    yield from found_in_text(path.read_text(), path.relative_to(ROOT).as_posix())


def found_in_text(text: str, path: str) -> Iterator[Found]:
    """Yield the same of a text; `path` says where it is from."""
    yield from _below(ast.parse(text), path)


def _below(tree: ast.AST, path: str) -> Iterator[Found]:
    inner = set[ast.AST]()  # the later branches of a chain that was counted
    for chain in _chains(tree):
        names = _most_names(chain)
        if len(names) > MOST:
            inner.update(chain)
            yield Found(path, chain[0].lineno, names)
    for node in ast.iter_child_nodes(tree):
        names = tuple(sorted({*_names(node)}))
        if len(names) > MOST and node not in inner:
            yield Found(path, node.lineno, names)  # type: ignore[attr-defined]
        else:
            yield from _below(node, path)


def _chains(tree: ast.AST) -> Iterator[list[ast.expr]]:
    """The tests of conditions that follow each other: a block's, with each ``elif``; joined; of nested choices."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(tree, field, None)
        if isinstance(block, list) and not _is_branch(tree, field):
            run: list[ast.expr] = []
            for statement in block:
                if isinstance(statement, ast.If):
                    run += _tests(statement)
                elif run:
                    yield run
                    run = []
            if run:
                yield run
    if isinstance(tree, ast.BoolOp):
        yield tree.values
    if isinstance(tree, ast.IfExp):
        yield list(_tests(tree))


def _is_branch(tree: ast.AST, field: str) -> bool:
    """Whether a block is an ``elif``, which is counted with its ``if``."""
    return isinstance(tree, ast.If) and field == "orelse" and _elif(tree) is not None


def _elif(statement: ast.If) -> ast.If | None:
    first = statement.orelse[0] if len(statement.orelse) == 1 else None
    return first if isinstance(first, ast.If) else None


def _tests(node: ast.If | ast.IfExp | None) -> Iterator[ast.expr]:
    while node is not None:
        yield node.test
        other = _elif(node) if isinstance(node, ast.If) else node.orelse
        node = other if isinstance(other, ast.If | ast.IfExp) else None


def _most_names(tests: Sequence[ast.expr]) -> tuple[str, ...]:
    """The operators that one expression is compared with, of the expression with most."""
    found = defaultdict[str, set[str]](set)
    for test in tests:
        for node in ast.walk(test):
            if isinstance(node, ast.Compare):
                for part in node.comparators:
                    found[ast.unparse(node.left)].update([*_text(part), *_names(part)])
    return tuple(sorted(max(found.values(), key=len, default=set())))


def _names(node: ast.AST) -> Iterator[str]:
    """The operators that a literal names by itself, its parts of literals included."""
    if isinstance(node, ast.Set | ast.List | ast.Tuple):
        yield from _names_of_parts(node.elts)
    elif isinstance(node, ast.Dict):
        yield from _names_of_parts(part for part in (*node.keys, *node.values) if part is not None)
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


def _names_of_parts(parts: Iterable[ast.expr]) -> Iterator[str]:
    for part in parts:
        yield from _text(part)
        yield from _names(part)


def _text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and node.value in OPERATORS:
        yield str(node.value)


def lists() -> list[Found]:
    """All such places outside of `HOMES`, and outside tests, benchmarks and documentation."""
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
