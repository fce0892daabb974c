"""The C that EdgeKit emits, read by pycparser, as trees: tuples whose first entry names the kind.

Statements are (block, [statements]), (for, name, first, limit, step, body), (loop, condition, body, step),
(if, condition, body, else if there is one), (switch, value, cases), (break),
(declare, name, type, pointer, dims, value), (return, value), (do, expression), (node, label, operator).
Expressions are (number, value), (float, value), (name, text), (cast, type, pointer, e), (sizeof, e), (fields, [e]),
(deref, e), (address, e), (member, e, field), (index, e, e), (call, name, [e]), (set, target, e), (choose, c, a, b),
(op, sign, a, b), (minus, e), (flip, e) and (not, e).
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pycparser import CParser
from pycparser.c_parser import ParseError

Tree = tuple[Any, ...]
Syntax = Any  # a node of pycparser
ITEMS = {"char": 1, "void": 1, "int": 4, "float": 4, "size_t": 8, "uintptr_t": 8}
ITEMS |= {f"{sign}int{bits}_t": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)}
COMMENT = re.compile(
    r"^[ \t]*/\* ([^*\n]*: [A-Za-z0-9]+|states of the next hop) \*/$|/\*.*?\*/|#",
    re.M | re.S,
)
FUNCTION = re.compile(
    r"^(?:static )?(int |void |\w+ \*)(\w+)\(([^)]*)\)\n\{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
UNARY = {"*": "deref", "&": "address", "-": "minus", "!": "not", "~": "flip", "sizeof": "sizeof"}


class NotUnderstood(Exception):
    """Text that is no C as EdgeKit emits it."""


class FunctionText(NamedTuple):
    """A function: the names of its parameters, its body, the type of each parameter, and that of its result."""

    parameters: list[str]
    body: str
    types: list[str]
    result: str


def functions(text: str) -> dict[str, FunctionText]:
    """Return the functions of a file by name."""
    found = {}
    for result, name, parameters, body in FUNCTION.findall(text):
        words = [part.replace(" *", "* ").split() for part in parameters.split(",")]
        types = [" ".join(row[:-1]) for row in words]
        found[name] = FunctionText([row[-1] for row in words], body, types, result.strip())
    return found


class Reader:
    """Makes trees of the statements of a function. `lines` has the line where each begins, by its id."""

    def __init__(self, text: str, types: Iterable[str] = ()) -> None:
        """Read a text, in which these names are types, too."""
        self.lines: dict[int, str] = {}
        self.rows = ["", *text.split("\n")]
        known = ", ".join([*(name for name in ITEMS if name.endswith("_t")), *types])
        plain = COMMENT.sub(_without_text, text)
        try:
            file: Syntax = CParser().parse(f"typedef int {known};\nvoid f(void) {{\n{plain}\n}}")
        except ParseError as error:
            place = re.search(r":(\d+):", str(error))
            row = self.row(int(place[1])) if place else ""
            raise NotUnderstood(f"`{row}`" if row else str(error)) from error
        bodies = [part.body for part in file.ext if hasattr(part, "body")]
        if len(bodies) > 1:
            raise NotUnderstood("a function that ends before its last line")
        self.statements = self.trees(bodies[0].block_items)

    def row(self, line: int) -> str:
        """The text at a line of what pycparser reads."""
        return self.rows[min(max(line - 2, 0), len(self.rows) - 1)].strip()

    def trees(self, statements: Iterable[Syntax] | None) -> list[Tree]:
        """The statements of a block."""
        return [self.statement(statement) for statement in statements or ()]

    def statement(self, node: Syntax) -> Tree:
        """A statement; an expression is one, too."""
        form = STATEMENTS.get(type(node).__name__)
        row = "" if node.coord is None else self.row(node.coord.line)
        try:
            tree = ("do", expression(node)) if form is None else form(node, self)
        except (KeyError, ValueError, AttributeError) as error:
            raise NotUnderstood(f"`{row}`") from error
        if row:
            self.lines[id(tree)] = row
        return tree


def expression(node: Syntax) -> Tree:
    """The tree of an expression."""
    form = EXPRESSIONS.get(type(node).__name__)
    if form is None:
        raise NotUnderstood(f"a {type(node).__name__}")
    return form(node)


def _without_text(comment: re.Match[str]) -> str:
    """A line that names a node, or nothing but the ends of lines.

    Raises:
        NotUnderstood: the preprocessor would read it.
    """
    if comment[0] == "#":
        raise NotUnderstood("a line of the preprocessor")
    return f"#pragma {comment[1]}" if comment[1] else "\n" * comment[0].count("\n")


def _optional(node: Syntax | None) -> Tree | None:
    return None if node is None else expression(node)


def _type(node: Syntax) -> tuple[str, bool, list[Tree]]:
    """The name of a type, whether it is a pointer, and the sizes of an array.

    Raises:
        NotUnderstood: it is volatile, say, or the type of a function.
    """
    kinds, dims = [], []
    while hasattr(node, "type"):
        kinds.append(type(node).__name__)
        dims += [expression(node.dim)] if kinds[-1] == "ArrayDecl" else []
        words = [*getattr(node, "quals", ())]
        if {*words} - {"const"} or kinds[-1] == "FuncDecl":
            raise NotUnderstood(" ".join(words) or "the type of a function")
        node = node.type
    name = "char" if node.names == ["unsigned", "char"] else " ".join(node.names)
    return name, "PtrDecl" in kinds, dims


def _declaration(node: Syntax) -> Tree:
    """A variable; a static one must be a constant.

    Raises:
        NotUnderstood: it lives longer than its block, or elsewhere.
    """
    name, is_pointer, dims = _type(node.type)
    words = [*node.storage, *node.funcspec, *getattr(node, "align", [])]
    is_table = words == ["static"] and "const" in node.quals and dims and not is_pointer
    if words and not is_table:
        raise NotUnderstood(f"{' '.join(map(str, words))} {node.name}")
    return ("declare", node.name, name, is_pointer, dims, _optional(node.init))


def _unary(node: Syntax) -> Tree:
    if node.op in ("p++", "p--"):
        target = expression(node.expr)
        return ("set", target, ("op", node.op[1], target, ("number", 1)))
    if type(node.expr).__name__ == "Typename":
        return ("sizeof", ("type", _type(node.expr)[0]))
    return (UNARY[node.op], expression(node.expr))


def _assignment(node: Syntax) -> Tree:
    target, value = expression(node.lvalue), expression(node.rvalue)
    return ("set", target, value if node.op == "=" else ("op", node.op[:-1], target, value))


def _counted_loop(node: Syntax, reader: Reader) -> Tree:
    """A loop; one that declares its counter goes up by a constant number, or down by one."""
    condition, step = expression(node.cond), expression(node.next)
    body = reader.statement(node.stmt)
    if node.init is None:
        return ("loop", condition, body, step)
    (declared,) = node.init.decls
    name = ("name", declared.name)
    if _declaration(declared)[2:5] != ("int32_t", False, []):
        raise NotUnderstood(f"the type of {declared.name}")
    match condition, step:
        case (("op", "<", a, limit), ("set", b, ("op", "+", c, ("number", int(by))))) if by > 0:
            counters = [a, b, c]
        case (("op", ">=", a, limit), ("set", b, ("op", "-", c, ("number", 1)))):
            counters, by = [a, b, c], -1
        case _:
            raise NotUnderstood(f"a loop over {declared.name}")
    if counters != [name] * 3:
        raise NotUnderstood(f"a loop over {declared.name}")
    return ("for", declared.name, expression(declared.init), limit, by, body)


def _switch(node: Syntax, reader: Reader) -> Tree:
    *cases, _ = node.stmt.block_items
    return ("switch", expression(node.cond), reader.trees(s for case in cases for s in case.stmts))


def _if(node: Syntax, reader: Reader) -> Tree:
    blocks = [block for block in (node.iftrue, node.iffalse) if block is not None]
    return ("if", expression(node.cond), *reader.trees(blocks))


STATEMENTS: dict[str, Callable[[Syntax, Reader], Tree]] = {
    "Pragma": lambda n, _: ("node", *(*n.string.rsplit(": ", 1), "")[:2]),
    "Compound": lambda n, reader: ("block", reader.trees(n.block_items)),
    "While": lambda n, reader: ("loop", expression(n.cond), reader.statement(n.stmt), None),
    "For": _counted_loop,
    "If": _if,
    "Switch": _switch,
    "Break": lambda _, __: ("break",),
    "Return": lambda n, _: ("return", _optional(n.expr)),
    "Decl": lambda n, _: _declaration(n),
}
EXPRESSIONS: dict[str, Callable[[Syntax], Tree]] = {
    "Constant": lambda n: number(n.value),
    "ID": lambda n: ("name", n.name),
    "Cast": lambda n: ("cast", *_type(n.to_type)[:2], expression(n.expr)),
    "CompoundLiteral": lambda n: expression(n.init),
    "InitList": lambda n: ("fields", [*map(expression, n.exprs)]),
    "UnaryOp": _unary,
    "BinaryOp": lambda n: ("op", n.op, expression(n.left), expression(n.right)),
    "TernaryOp": lambda n: ("choose", *map(expression, (n.cond, n.iftrue, n.iffalse))),
    "ArrayRef": lambda n: ("index", expression(n.name), expression(n.subscript)),
    "StructRef": lambda n: ("member", expression(n.name), n.field.name),
    "FuncCall": lambda n: ("call", n.name.name, [*map(expression, n.args or ())]),
    "Assignment": _assignment,
}


def number(text: str) -> Tree:
    """An integer with its value, or a float, with whether it is 0."""
    if text[:2] != "0x" and re.search(r"[.e]|f$", text):
        return ("float", float(text.rstrip("fFlL")))
    return ("number", int(text.rstrip("uUlL"), 0))
