"""`if` statements of forward that depend on values of tensors: both ways are computed, and the results selected.

torch.export ends at ``if torch.all(n == 0): m = a`` as it cannot know the way. Where both ways only give values to
names or return one, ``m = torch.where(torch.all(n == 0), a, b)`` is the same. The function that torch.export has
ended in gets such code while it is traced; what it is compared with later is the module as it was written.
"""

import ast
import gc
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, TypeVar

from edgekit.base.user_code import EDGEKIT
from edgekit.export.onnx_file.messages import depends_on_values

if TYPE_CHECKING:
    import torch

HELPERS = "_edgekit_branches_"  # this module, as the code of a function calls it
MOST = 8  # statements that are rewritten in one module
Made = TypeVar("Made")


class TwoWays(Exception):
    """Raised if both ways of a branch give values that cannot be selected from."""


@dataclass
class _Patches:
    """Functions that have other code for a while.

    Attributes:
        functions: with the code that they had.
        origins: other code -> the code that it is made from.
        lines: code of the module -> its lines whose branches are rewritten.
    """

    functions: dict[FunctionType, CodeType] = field(default_factory=dict)
    origins: dict[CodeType, CodeType] = field(default_factory=dict)
    lines: dict[CodeType, set[int]] = field(default_factory=dict)


def with_selections(trace: Callable[[], Made], error: Exception) -> Made | None:
    """Trace again with the branches that depend on values rewritten; None where one cannot be.

    Args:
        trace: traces the module, and raises what torch.export raises.
        error: what it has raised.
    """
    done = _Patches()
    with _restore_after(done):
        for _ in range(MOST):
            if not depends_on_values(error) or not _rewrite(done, error):
                return None
            try:
                return trace()
            except Exception as other:
                error = other
    return None


@contextmanager
def _restore_after(done: _Patches) -> Iterator[None]:
    try:
        yield
    finally:
        for function, code in done.functions.items():
            function.__code__ = code
            function.__globals__.pop(HELPERS, None)


def _rewrite(done: _Patches, error: BaseException) -> bool:
    """Rewrite the innermost branch on the way to an error; returns whether there is one."""
    import torch

    for frame, line in reversed(_frames(error)):
        path = PurePath(frame.f_code.co_filename)
        if path.is_relative_to(EDGEKIT) or path.is_relative_to(PurePath(torch.__file__).parent):
            continue
        origin = done.origins.get(frame.f_code, frame.f_code)
        lines = done.lines.get(origin, set()) | {line}
        if lines == done.lines.get(origin):
            continue
        code = _code_with_selections(origin, lines)
        functions = [one for one in gc.get_referrers(frame.f_code) if isinstance(one, FunctionType)]
        if code is None or not functions:
            continue
        done.lines[origin], done.origins[code] = lines, origin
        for function in functions:
            done.functions.setdefault(function, origin)
            function.__code__ = code
            function.__globals__[HELPERS] = sys.modules[__name__]
        return True
    return False


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """Return the frames that led to an error and its causes, the outermost first."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    return [pair for one in chain for pair in traceback.walk_tb(one.__traceback__)]


def _code_with_selections(code: CodeType, lines: set[int]) -> CodeType | None:
    """Return a function's code with the branches in these lines rewritten; None where one cannot be."""
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    rewriter = _Selections(code, lines)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    if rewriter.found != lines:
        return None
    whole = compile(tree, code.co_filename, "exec", dont_inherit=True)
    return next((one for one in _inner_codes(whole) if _is_form_of(one, code)), None)


def _inner_codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _inner_codes(constant)


def _is_form_of(one: CodeType, other: CodeType) -> bool:
    places = [(code.co_qualname, code.co_firstlineno, code.co_freevars) for code in (one, other)]
    return places[0] == places[1]


class _Selections(ast.NodeTransformer):
    """Rewrites the branches in some lines of one function.

    Attributes:
        found: the lines that have one.
    """

    def __init__(self, code: CodeType, lines: set[int]) -> None:
        self.code, self.lines = code, lines
        self.found: set[int] = set()
        self._count = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Rewrite the statements of each block, the inner ones first."""
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, self._block(block))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Rewrite ``a if test else b``."""
        super().generic_visit(node)
        if not self._holds(node.test):
            return node
        made = _call("select", _Test().visit(node.test), node.body, node.orelse)
        return ast.copy_location(made, node)

    def _holds(self, test: ast.expr) -> bool:
        """Whether a test is in one of the lines; notes the line."""
        first, last = test.lineno, test.end_lineno or test.lineno
        held = {line for line in self.lines if first <= line <= last}
        if not held or first < self.code.co_firstlineno:
            return False
        self.found |= held
        return True

    def _block(self, block: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for place, node in enumerate(block):
            if not isinstance(node, ast.If) or not _can_be_selected(node, block[place + 1 :]):
                made.append(node)
            elif self._holds(node.test):
                if _ends(node.body, ast.Return) and not node.orelse:
                    node.orelse = block[place + 1 :]
                    return made + self._selection_of(node)
                made += self._selection_of(node)
            else:
                made.append(node)
        return made

    def _selection_of(self, node: ast.If) -> list[ast.stmt]:
        """Return the statements that compute both ways of a branch, where its test is a tensor, and select."""
        self._count += 1
        test = f"_edgekit_test_{self._count}_"
        plain = ast.If(ast.Name(test, ast.Load()), node.body, node.orelse)
        goes_on = _ends(node.body, ast.Raise)
        both = node.orelse or [ast.Pass()] if goes_on else _both_ways(node, test)
        choice = ast.If(_expression(f"{HELPERS}.is_undecided({test})"), both, [plain])
        made = [_assign(test, _Test().visit(node.test)), choice]
        return [ast.copy_location(one, node) for one in made]


def _both_ways(node: ast.If, test: str) -> list[ast.stmt]:
    """Return the statements of both ways, each from the values before, and the selections from what they gave."""
    names = sorted(_names(node.body) | _names(node.orelse))
    before, one, other = (f"{test}{word}_" for word in ("before", "one", "other"))
    again = [_statement(f"if {n!r} in {before}: {n} = {before}[{n!r}]") for n in names]
    made = [_statement(f"{before} = dict(locals())"), *_without_return(node.body, one)]
    made += [_statement(f"{one}names = dict(locals())"), *again]
    made += _without_return(node.orelse, other)
    made += [_statement(f"{other}names = dict(locals())")]
    for n in names:
        values = f"{one}names.get({n!r}), {other}names.get({n!r})"
        made.append(_statement(f"{n} = {HELPERS}.select({test}, {values})"))
    if _ends(node.body, ast.Return):
        made.append(_statement(f"return {HELPERS}.select({test}, {one}, {other})"))
    return made


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value, type_comment=None)


class _Test(ast.NodeTransformer):
    """Lets a test stay a tensor: ``bool(t)`` and ``t.item()`` become t, and ``not``, ``and``, ``or`` functions."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return the tensor of a call that reads it."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "bool" and len(node.args) == 1:
            return node.args[0]
        is_read = isinstance(node.func, ast.Attribute) and node.func.attr == "item"
        return node.func.value if is_read and isinstance(node.func, ast.Attribute) else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Return a ``not`` as a function."""
        self.generic_visit(node)
        return _call("negate", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Return an ``and`` or ``or`` as functions, whose second operand may not be needed."""
        self.generic_visit(node)
        name = "both_hold" if isinstance(node.op, ast.And) else "either_holds"
        result, *more = node.values
        for other in more:
            later = _expression("lambda: 0")
            assert isinstance(later, ast.Lambda)
            later.body = other
            result = _call(name, result, later)
        return result


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    function = ast.Attribute(ast.Name(HELPERS, ast.Load()), name, ast.Load())
    return ast.Call(function, list(arguments), [])


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _ends(block: list[ast.stmt], kind: type[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], kind)


def _without_return(block: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Return a block whose last value goes to a name."""
    if not _ends(block, ast.Return):
        return list(block)
    last = block[-1]
    assert isinstance(last, ast.Return)
    value = last.value or ast.Constant(None)
    return [*block[:-1], _assign(name, value)]


def _names(block: list[ast.stmt]) -> set[str]:
    """Return the names to which a block gives values."""
    nodes = (node for statement in block for node in ast.walk(statement))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _can_be_selected(node: ast.If, rest: list[ast.stmt]) -> bool:
    """Whether both ways only give values to names, or both return one, or one is an error."""
    if _ends(node.body, ast.Raise):
        return all(map(_gives_values, node.orelse))
    other = node.orelse or (rest if _ends(node.body, ast.Return) else [])
    returns = [_ends(block, ast.Return) for block in (node.body, other)]
    if returns[0] != returns[1]:
        return False
    ways = [block[:-1] if returns[0] else block for block in (node.body, other)]
    return all(_gives_values(one) for way in ways for one in way)


def _gives_values(node: ast.stmt) -> bool:
    """Whether a statement does nothing but give values to names."""
    if isinstance(node, ast.If):
        return all(map(_gives_values, [*node.body, *node.orelse]))
    if isinstance(node, ast.Assign):
        return all(_is_name(target) for target in node.targets) and not _writes(node.value)
    if isinstance(node, ast.AnnAssign):
        return _is_name(node.target) and (node.value is None or not _writes(node.value))
    return isinstance(node, ast.Pass)


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name)


def _writes(value: ast.expr) -> bool:
    """Whether an expression calls a method that writes its tensor in place."""
    calls = (node.func for node in ast.walk(value) if isinstance(node, ast.Call))
    names = [call.attr for call in calls if isinstance(call, ast.Attribute)]
    walrus = any(isinstance(node, ast.NamedExpr) for node in ast.walk(value))
    return walrus or any(name.endswith("_") and not name.endswith("__") for name in names)


def is_undecided(test: object) -> bool:
    """Whether a test is a tensor, whose value a trace does not know."""
    import torch

    return isinstance(test, torch.Tensor)


def negate(test: object) -> object:
    """Return ``not test``."""
    return _as_tensor(test).logical_not() if is_undecided(test) else not test


def both_hold(test: object, later: Callable[[], object]) -> object:
    """Return ``test and later()``."""
    if not is_undecided(test):
        return later() if test else test
    return _as_tensor(test).logical_and(_as_tensor(later()))


def either_holds(test: object, later: Callable[[], object]) -> object:
    """Return ``test or later()``."""
    if not is_undecided(test):
        return test if test else later()
    return _as_tensor(test).logical_or(_as_tensor(later()))


def _as_tensor(test: object) -> "torch.Tensor":
    import torch

    return torch.as_tensor(test)


def select(test: object, one: object, other: object) -> object:
    """Return what one way of a branch has given where the test holds, else what the other has.

    Raises:
        TwoWays: they are no tensors of one shape and type, and differ.
    """
    if one is other:
        return one
    if not is_undecided(test):
        return one if test else other
    if isinstance(one, tuple | list) and isinstance(other, tuple | list) and len(one) == len(other):
        return type(one)(select(test, a, b) for a, b in zip(one, other, strict=True))
    if one is None:  # a name that this way does not give a value to
        return other
    return one if other is None else _choose(_as_tensor(test), one, other)


def _choose(test: "torch.Tensor", one: object, other: object) -> object:
    """Return one of two values that may be tensors."""
    import torch

    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        if one == other:
            return one
        raise TwoWays(f"one way gives {one!r}, the other {other!r}")
    if one.shape != other.shape or one.dtype != other.dtype:
        raise TwoWays(f"one way gives {tuple(one.shape)}, the other {tuple(other.shape)}")
    return torch.where(test.reshape(()), one, other)
