"""What a tree of C has in it."""

from collections.abc import Collection

from edgekit.runtime.proof.syntax import Tree
from edgekit.runtime.proof.values import Value

NULL, NONE = ("name", "NULL"), ("number", 0)
NO_SESSION = ("op", "==", ("name", "ready"), NONE)


def operands(condition: Tree) -> list[Tree]:
    """The conditions of which one must hold, joined by `||`."""
    is_joined = condition[:2] == ("op", "||")
    return [x for side in condition[2:] for x in operands(side)] if is_joined else [condition]


def is_guard(condition: Tree, arguments: Collection[str]) -> bool:
    """Whether a condition says that an argument, or what a member points to, is NULL or not aligned."""
    match condition:
        case ("op", "==", ("member", ("name", name), _) | ("name", name), ("name", "NULL")):
            return name in arguments
        case ("op", "!=", ("op", "%", ("cast", "uintptr_t", False, place), ("name", size)), zero):
            known = [("name", name) for name in arguments]
            return zero == NONE and size.endswith("_ALIGN") and place in known
    return False


def is_stop(condition: Tree, arguments: Collection[str]) -> bool:
    """Whether a condition says that a function of the caller, if there is one, wants no more."""
    match condition:
        case ("op", "&&", ("op", "!=", ("name", name), null), ("op", "!=", called, zero)):
            is_called = (null, zero, called[:2]) == (NULL, NONE, ("call", name))
            return is_called and name in arguments
    return False


def has_effects(tree: Value, calls: Collection[str]) -> bool:
    """Whether an expression changes a variable, or calls another function than these."""
    if not isinstance(tree, tuple | list):
        return False
    is_call = tree[:1] == ("call",) and tree[1] not in calls
    return is_call or tree[:1] == ("set",) or any(has_effects(part, calls) for part in tree)


def changed_names(tree: Value) -> set[str]:
    """The variables that statements change."""
    if not isinstance(tree, tuple | list):
        return set()
    own = {tree[1][1]} if tree and tree[0] == "set" and tree[1][0] == "name" else set()
    return own.union(*map(changed_names, tree))


def levels(tree: Value) -> int:
    """Loops inside of each other, at most."""
    if not isinstance(tree, tuple | list):
        return 0
    own = 1 if tree and tree[0] == "for" else 0
    return own + max(map(levels, tree), default=0)
