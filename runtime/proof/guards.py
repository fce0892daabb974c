"""What the functions that others may call refuse before all else, and what they return."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from edgekit.runtime.proof.program import Program
from edgekit.runtime.proof.syntax import NotUnderstood, Tree
from edgekit.runtime.proof.trees import NONE, NULL, operands

REFUSED = ("minus", ("number", 1))
# By the last words of a name: pointers that may be NULL or are compared in a hop, and the block that must be aligned.
PROMISES = {
    "process_s16": (("net",), "scratch"),
    "process": ((), "scratch"),
    "session": ((), "scratch"),
    "sample": (("user",), "scratch"),
    "check": ((), "net"),
    "init": ((), "state"),
}
WHOLE = ("process", "session", "sample")  # compare members of structs, too
RESULTS = {"init": ("name", "net"), "iterate": ("name", "calls")}


def wrong_guards(program: Program) -> Iterator[str]:
    """Yield what a function of a build lacks of its promises; nothing of one whose C cannot be read."""
    for name in program.functions:
        prefix = program.prefix(name)
        kind = name.removeprefix(f"{prefix}_")
        with suppress(NotUnderstood):
            yield from _wrong_guards(program, name, kind, prefix.upper())


def _wrong_guards(program: Program, name: str, kind: str, upper: str) -> Iterator[str]:
    statements, _ = program.statements(name)
    if kind in PROMISES:
        missing = {*_required_tests(program, name, kind)} - {*_tests(statements, kind)}
        yield from sorted(f"{name}: it does not test {text}" for text in missing)
    if program.functions[name].result != "void" and not _returns(statements, kind):
        yield f"{name}: it does not end with the result of a call that went well"
    if program.sizes.get(f"{upper}_ALIGN", 0) % 16:
        yield f"{name}: blocks that are aligned to less than 16 bytes"


def _returns(statements: Sequence[Tree], kind: str) -> bool:
    """Whether the last statement returns 0, or what this function promises."""
    return bool(statements) and statements[-1] == ("return", RESULTS.get(kind, NONE))


def _required_tests(program: Program, name: str, kind: str) -> Iterator[str]:
    """Yield the tests of a function as C: of its pointers, of their members, of alignment and size."""
    text, upper = program.functions[name], program.prefix(name).upper()
    may_be_null, aligned = PROMISES[kind]
    for parameter, type_ in zip(text.parameters, text.types, strict=True):
        if "*" in type_ and parameter not in may_be_null:
            yield f"{parameter} == NULL"
            own = [f for struct, f in program.fields if type_.split()[-1] == f"{struct}*"]
            yield from (f"{parameter}->{field} == NULL" for field in own if kind in WHOLE)
    yield f"(uintptr_t){aligned} % {upper}_ALIGN != 0"
    if kind == "init":
        yield f"size < {upper}_STATE_BYTES"


def _tests(statements: Sequence[Tree], kind: str) -> Iterator[str]:
    """Yield the tests of the first condition as C, if it ends the function before memory is used."""
    for statement in statements:
        if statement[0] == "declare" and not _uses_memory(statement[5]):
            continue
        result = NULL if kind == "init" else REFUSED
        if statement[0] == "if" and statement[2:] == (("block", [("return", result)]),):
            yield from map(_as_text, operands(statement[1]))
        return


def _as_text(condition: Tree) -> str:
    match condition:
        case ("op", "==", ("name", name), ("name", "NULL")):
            return f"{name} == NULL"
        case ("op", "==", ("member", ("name", name), field), ("name", "NULL")):
            return f"{name}->{field} == NULL"
        case ("op", "<", ("name", "size"), ("name", least)):
            return f"size < {least}"
        case ("op", "!=", ("op", "%", ("cast", "uintptr_t", False, ("name", name)), size), zero):
            return f"(uintptr_t){name} % {size[1]} != {zero[1]}"
    return ""


def _uses_memory(tree: Tree | Collection[Tree] | None) -> bool:
    """Whether an expression reads what a pointer points to."""
    if not isinstance(tree, tuple | list):
        return False
    return tree[:1] in (("member",), ("index",), ("deref",)) or any(map(_uses_memory, tree))
