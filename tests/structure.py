"""Measures of the product's structure, held by `tests/test_structure.py`; ``python tests/structure.py`` prints them.

Counted are the modules of the stage folders and of ``src/edgekit``, without their ``__init__.py`` where names count.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
STAGES = ("export", "quantize", "runtime", "fpga", "targets", "graph", "operators", "src/edgekit")
DOORS = ("api.py", "deployment.py", "cli")  # what may import the rest when it is asked for
# Words that tell nothing alone: prepositions, pronouns and participles that do not end in -ed or -ing.
BARE_WORDS = """
of for to in on at by as with without beside behind before after along around about above below within between from
into over under here there these those them they it this that other others own same such which what who where when
how why all any some each every both many few only most more less last first next alike aside away apart back done
given gone heard kept known left let made meant met moved picked put read said saved seen sent set shown taken told
tried used was were worn written held had has is are be been
"""
BARE = frozenset(BARE_WORDS.split())
TRAILING = frozenset(("for", "to", "in", "on", "at", "by", "as", "with", "from", "is", "are"))
LONG_FUNCTION, MANY_DECISIONS, MOST_ARGUMENTS = 40, 10, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A product module: its path below `ROOT`, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The package folder, as ``edgekit.verbs.export``."""
        parts = [part for part in self.path.parts[:-1] if part != "src"]
        return ".".join(parts if parts[0] == "edgekit" else ["edgekit", *parts])


@cache
def modules() -> tuple[Module, ...]:
    """Every product module, once: links into the stage folders are not followed."""
    found = []
    for stage in STAGES:
        for path in sorted((ROOT / stage).rglob("*.py")):
            below = path.relative_to(ROOT)
            linked = any((ROOT / parent).is_symlink() for parent in below.parents)
            if not linked and "templates" not in below.parts:
                text = path.read_text(encoding="utf-8")
                found.append(Module(below, text, ast.parse(text)))
    return tuple(found)


def functions() -> Iterator[tuple[Module, Function]]:
    """Every function and method, nested ones too."""
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                yield module, node


def words(name: str) -> list[str]:
    """The words of a name in snake or camel case, in lower case."""
    parts = re.split(r"_+|(?<=[a-z0-9])(?=[A-Z])", name.strip("_"))
    return [part.lower() for part in parts if part]


def is_bare(name: str) -> bool:
    """Whether a name is a bare participle, pronoun or preposition, or ends in a preposition."""
    found = words(name)
    if len(found) == 1:
        return found[0] in BARE or re.fullmatch(r"\w{3,}(ed|ing)", found[0]) is not None
    return bool(found) and found[-1] in TRAILING


def names() -> Iterator[tuple[Path, str]]:
    """Every module and every function or class at the top of one."""
    for module in modules():
        if module.path.name == "__init__.py":
            continue
        yield module.path, module.path.stem
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef | Function):
                yield module.path, node.name


def decisions(function: ast.AST) -> int:
    """Cyclomatic complexity: branches, loops, conditions joined, comprehensions and what they leave out."""
    count = 1
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.For | ast.While | ast.IfExp | ast.ExceptHandler):
            count += 1
        if isinstance(node, ast.Assert | ast.match_case):
            count += 1
        if isinstance(node, ast.For | ast.While | ast.Try) and node.orelse:
            count += 1
        if isinstance(node, ast.comprehension):
            count += 1 + len(node.ifs)
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
    return count


def lines(function: Function) -> int:
    """The lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def arguments(function: Function) -> int:
    """How many arguments a function takes by position or by name, without ``self``."""
    taken = function.args
    count = len(taken.posonlyargs) + len(taken.args)
    first = next(iter([*taken.posonlyargs, *taken.args]), None)
    return count - (first is not None and first.arg in {"self", "cls"})


def inner_imports(part: str) -> int:
    """Imports of EdgeKit inside functions, in the modules below ``src/edgekit/<part>``."""
    count = 0
    for module in modules():
        if module.path.parts[:3] == ("src", "edgekit", part):
            for node in ast.walk(module.tree):
                if isinstance(node, Function):
                    count += sum(
                        isinstance(inner, ast.ImportFrom)
                        and str(inner.module).startswith("edgekit")
                        for inner in ast.walk(node)
                    )
    return count


def mutual_folders() -> list[tuple[str, str]]:
    """Pairs of package folders whose modules import each other; a folder and one inside it do not count."""
    imports = set[tuple[str, str]]()
    packages = {module.folder for module in modules()}
    files = {f"{m.folder}.{m.path.stem}": m.folder for m in modules()}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("edgekit"):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    target = files.get(inner) or files.get(str(node.module), str(node.module))
                    if target in packages and target != module.folder:
                        imports.add((module.folder, target))
    nested = {(a, b) for a, b in imports if a.startswith(f"{b}.") or b.startswith(f"{a}.")}
    return sorted((a, b) for a, b in imports - nested if a < b and (b, a) in imports)


def any_per_1000_lines() -> float:
    """How often the type `Any` is written, for 1,000 lines."""
    uses = sum(len(re.findall(r"\bAny\b", module.text)) for module in modules())
    return 1000 * uses / product_lines()


def product_lines() -> int:
    """Lines of the product's Python."""
    return sum(len(module.text.splitlines()) for module in modules())


def kernel_lines() -> int:
    """Lines of the runtime's C: sources, and the header."""
    files = [*(ROOT / "runtime/src").rglob("*.[ch]"), *(ROOT / "runtime/include").glob("*.h")]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def mirrored_share() -> float:
    """The share in % of modules that have a test file of their own."""
    product = [m for m in modules() if m.path.name != "__init__.py"]
    tests = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    own = [Path(*m.folder.split(".")[1:]) / f"test_{m.path.stem}.py" in tests for m in product]
    return 100 * sum(own) / len(own)


def main() -> None:
    """Print every measure."""
    every = list(functions())
    named = list(names())
    bare = sum(is_bare(name) for _, name in named)
    complex_ = [decisions(function) for _, function in every]
    long = sum(lines(function) > LONG_FUNCTION for _, function in every)
    many = sum(arguments(function) > MOST_ARGUMENTS for _, function in every)
    share = 100 / len(every)
    rows = {
        "names that are a bare participle, pronoun or preposition, %": 100 * bare / len(named),
        "functions with more than 10 decisions, %": share
        * sum(n > MANY_DECISIONS for n in complex_),
        "functions with more than 15 decisions": sum(n > 15 for n in complex_),
        "functions of more than 40 lines, %": share * long,
        "functions of more than 8 arguments": many,
        "imports of EdgeKit inside functions of verbs": inner_imports("verbs"),
        "imports of EdgeKit inside functions of judge": inner_imports("judge"),
        "pairs of folders that import each other": len(mutual_folders()),
        "Any in 1,000 lines": any_per_1000_lines(),
        "modules with a test file of their own, %": mirrored_share(),
        "lines of the product's Python": product_lines(),
        "lines of kernels and header": kernel_lines(),
    }
    for name, value in rows.items():
        print(f"{value:10,.1f}  {name}" if isinstance(value, float) else f"{value:10,}  {name}")
    for pair in mutual_folders():
        print("            " + " <-> ".join(pair))


if __name__ == "__main__":
    main()
