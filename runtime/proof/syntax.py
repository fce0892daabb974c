"""The C that EdgeKit emits, as trees: tuples whose first entry names the kind.

Statements are (block, [statements]), (for, name, first, limit, step, body), (loop, condition, body, step),
(if, condition, body, else if there is one), (switch, value, cases),
(declare, name, type, pointer, dims, value), (return, value), (do, expression), (node, label, operator).
Expressions are (number, value), (float, value), (name, text), (cast, type, pointer, e), (sizeof, e), (fields, [e]),
(deref, e), (address, e), (member, e, field), (index, e, e), (call, name, [e]), (set, target, e), (choose, c, a, b),
(op, sign, a, b), (minus, e), (flip, e) and (not, e).
"""

import re
from typing import Any

Tree = tuple[Any, ...]
ITEMS = {
    "char": 1,
    "void": 1,
    "int8_t": 1,
    "uint8_t": 1,
    "int16_t": 2,
    "uint16_t": 2,
    "int32_t": 4,
    "uint32_t": 4,
    "int": 4,
    "float": 4,
    "int64_t": 8,
    "uint64_t": 8,
    "size_t": 8,
    "uintptr_t": 8,
}
QUALIFIERS = ("const", "static", "unsigned")
TOKEN = re.compile(
    r"^[ \t]*/\* (?P<node>[^*\n]*: [A-Za-z0-9]+|states of the next hop) \*/$|/\*.*?\*/|^#[^\n]*|"
    r"(?P<number>(?:0x[0-9a-fA-F]+|\d+\.?\d*(?:e[+-]?\d+)?)[uUlLfF]*)|(?P<name>[A-Za-z_]\w*)|"
    r"(?P<sign>->|[-+*/]=|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>=!&|?:;,.(){}\[\]~^])",
    re.MULTILINE | re.DOTALL,
)
FUNCTION = re.compile(
    r"^(?:static )?(?:int |void |\w+ \*)(\w+)\(([^)]*)\)\n\{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
LEVEL_OF = {sign: level for level, signs in enumerate(LEVELS) for sign in signs}


class NotUnderstood(Exception):
    """Text that is no C as EdgeKit emits it."""


def functions(text: str) -> dict[str, tuple[list[str], str]]:
    """Return the functions of a file by name: the names of their parameters, and their bodies."""
    return {
        name: ([part.split()[-1].lstrip("*") for part in parameters.split(",")], body)
        for name, parameters, body in FUNCTION.findall(text)
    }


class Reader:
    """Reads trees from the start of a text on."""

    def __init__(self, text: str) -> None:
        """Cut a text into tokens."""
        found = [m for m in TOKEN.finditer(text) if m.lastgroup]
        self.tokens = [*((str(m.lastgroup), m[m.lastgroup or 0]) for m in found), ("end", "")]
        self.starts = [m.start() for m in found]
        self.text, self.at = text, 0
        self.lines: dict[int, str] = {}  # where a statement begins, by its id

    def _peek(self, *texts: str) -> bool:
        kind, text = self.tokens[self.at]
        return text in texts and kind in ("sign", "name")

    def _take(self, *texts: str) -> str:
        text = self.tokens[self.at][1]
        if texts and text not in texts:
            near = " ".join(t for _, t in self.tokens[max(0, self.at - 6) : self.at + 3])
            raise NotUnderstood(f"{text!r} where {' or '.join(texts)} is expected, near {near!r}")
        self.at += 1
        return text

    def _skip(self, text: str) -> bool:
        found = self._peek(text)
        self.at += found
        return found

    def statements(self) -> list[Tree]:
        """All statements up to the end of a block or of the text."""
        found = []
        while self.tokens[self.at][0] != "end" and not self._peek("}"):
            found.append(self._statement())
        return found

    def _block(self) -> Tree:
        self._take("{")
        body = self.statements()
        self._take("}")
        return ("block", body)

    def _statement(self) -> Tree:
        start = self.starts[self.at]
        tree = self._one_statement()
        first, last = self.text.rfind("\n", 0, start) + 1, self.text.find("\n", start)
        self.lines[id(tree)] = self.text[first : last if last >= 0 else None].strip()
        return tree

    def _one_statement(self) -> Tree:
        kind, text = self.tokens[self.at]
        if kind == "node":
            self.at += 1
            return ("node", *text.rsplit(": ", 1)) if ": " in text else ("node", "", "")
        if text == "{":
            return self._block()
        if text in ("for", "while", "if", "switch", "return"):
            self.at += 1
            return getattr(self, f"_{text}_")()  # type: ignore[no-any-return]
        if self._is_type():
            return self._declarations()
        tree = ("do", self._expression())
        self._take(";")
        return tree

    def _while_(self) -> Tree:
        self._take("(")
        condition = self._expression()
        self._take(")")
        return ("loop", condition, self._statement(), None)

    def _for_(self) -> Tree:
        self._take("(")
        if self._skip(";"):
            condition = self._expression()
            self._take(";")
            step = self._expression()
            self._take(")")
            return ("loop", condition, self._statement(), step)
        _, name, _, _, _, first = self._declaration()
        self._take(";")
        self._take(name)
        is_up = self._take("<", ">=") == "<"
        limit = self._expression()
        self._take(";")
        self._take(name)
        by = self._step(is_up)
        self._take(")")
        return ("for", name, first, limit, by, self._statement())

    def _step(self, is_up: bool) -> int:
        """What a turn of a loop adds: a constant number upwards, one downwards."""
        if not is_up or self._peek("++"):
            return 1 if self._take("++" if is_up else "--") == "++" else -1
        self._take("+=")
        kind, text = self.tokens[self.at]
        step = number(self._take())[1] if kind == "number" else 0
        if type(step) is not int or step < 1:
            raise NotUnderstood(f"a loop in steps of {text!r}")
        return step

    def _if_(self) -> Tree:
        self._take("(")
        condition = self._expression()
        self._take(")")
        body = self._statement()
        return ("if", condition, body, *([self._statement()] if self._skip("else") else []))

    def _switch_(self) -> Tree:
        self._take("(")
        value, cases = self._expression(), []
        self._take(")")
        self._take("{")
        while self._skip("case"):
            self._expression()
            self._take(":")
            cases.append(self._statement())
        for text in ("default", ":", "break", ";", "}"):
            self._take(text)
        return ("switch", value, cases)

    def _return_(self) -> Tree:
        value = None if self._peek(";") else self._expression()
        self._take(";")
        return ("return", value)

    def _is_type(self, ahead: int = 0) -> bool:
        """Whether a type stands there: a known one, or a struct before a name or a star of a pointer."""
        (kind, text), after, *beyond = self.tokens[self.at + ahead : self.at + ahead + 3]
        if kind != "name" or text in (*QUALIFIERS, *ITEMS):
            return kind == "name"
        is_pointer = after[1] == "*" and beyond[0][1] in (")", "const")
        return text != "sizeof" and (after[0] == "name" or is_pointer)

    def _type_(self) -> tuple[str, bool]:
        """A type's name, and whether it is a pointer."""
        words: list[str] = []
        while self._peek(*QUALIFIERS) or (not words and self.tokens[self.at][0] == "name"):
            word = self._take()
            words += [] if word in QUALIFIERS else [word]
        pointer = False
        while self._skip("*"):
            pointer = True
            self._skip("const")
        return (words or ["int"])[0], pointer

    def _declarations(self) -> Tree:
        """One declaration, or a block of several of one type."""
        found = [self._declaration()]
        while self._skip(","):
            found.append(self._declarator(found[0][2], self._skip("*")))
        self._take(";")
        return found[0] if len(found) == 1 else ("block", found)

    def _declaration(self) -> Tree:
        return self._declarator(*self._type_())

    def _declarator(self, kind: str, pointer: bool) -> Tree:
        name, dims, value = self._take(), [], None
        while self._skip("["):
            dims.append(self._expression())
            self._take("]")
        if self._skip("="):
            value = self._fields() if self._peek("{") else self._expression()
        return ("declare", name, kind, pointer, dims, value)

    def _fields(self) -> Tree:
        self._take("{")
        found = []
        while not self._peek("}"):
            found.append(self._fields() if self._peek("{") else self._expression())
            self._skip(",")
        self._take("}")
        return ("fields", found)

    def _expression(self) -> Tree:
        left = self._choice()
        if self._skip("="):
            return ("set", left, self._expression())
        if self._peek("+=", "-=", "*=", "/="):
            sign = self._take()[0]
            return ("set", left, ("op", sign, left, self._expression()))
        if self._peek("++", "--"):
            return ("set", left, ("op", self._take()[0], left, ("number", 1)))
        return left

    def _choice(self) -> Tree:
        condition = self._binary(0)
        if not self._skip("?"):
            return condition
        yes = self._choice()
        self._take(":")
        return ("choose", condition, yes, self._choice())

    def _binary(self, level: int) -> Tree:
        left = self._unary()
        while True:
            kind, sign = self.tokens[self.at]
            own = LEVEL_OF.get(sign, -1) if kind == "sign" else -1
            if own < level:
                return left
            self.at += 1
            left = ("op", sign, left, self._binary(own + 1))

    def _unary(self) -> Tree:
        kind, text = self.tokens[self.at]
        if kind == "sign" and text in ("*", "&", "-", "!", "~"):
            self.at += 1
            kinds = {"*": "deref", "&": "address", "-": "minus", "!": "not", "~": "flip"}
            return (kinds[text], self._unary())
        if text == "(" and self._is_type(1):
            self._take("(")
            kind, pointer = self._type_()
            self._take(")")
            if self._peek("{"):
                return self._fields()
            return ("cast", kind, pointer, self._unary())
        if text == "sizeof":
            self.at += 1
            if self.tokens[self.at + 1][1] not in ITEMS:
                return ("sizeof", self._unary())
            self._take("(")
            kind, _ = self._type_()
            self._take(")")
            return ("sizeof", ("type", kind))
        return self._postfix()

    def _postfix(self) -> Tree:
        kind, text = self.tokens[self.at]
        self.at += 1
        if text == "(":
            tree = self._expression()
            self._take(")")
        elif kind == "number":
            tree = number(text)
        elif kind == "name":
            tree = ("name", text)
        else:
            raise NotUnderstood(f"{text!r} where a value is expected")
        while True:
            if self._skip("["):
                tree = ("index", tree, self._expression())
                self._take("]")
            elif self._skip("->") or self._skip("."):
                tree = ("member", tree, self._take())
            elif self._skip("("):
                arguments = []
                while not self._peek(")"):
                    arguments.append(self._expression())
                    self._skip(",")
                self._take(")")
                tree = ("call", tree[1], arguments)
            else:
                return tree


def number(text: str) -> Tree:
    """An integer with its value, or a float, with whether it is 0."""
    if text[:2] != "0x" and re.search(r"[.e]|f$", text):
        return ("float", float(text.rstrip("fFlL")))
    return ("number", int(text.rstrip("uUlL"), 0))
