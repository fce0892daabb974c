"""The cause of another output on a second call: random numbers, or an attribute that forward writes."""

import linecache
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from edgekit.base.errors import Problem
from edgekit.base.user_code import is_users
from edgekit.export.torch_calls import leaves, with_leaves
from edgekit.export.torch_source import TorchModule, TorchSource
from edgekit.export.torch_training import BEFORE_EXPORT, STATISTICS

if TYPE_CHECKING:
    import torch


def call_on_copies(loaded: "TorchSource | TorchModule") -> object:
    """Call the module with copies of its example inputs, as forward may write to what it gets."""
    tree = loaded.args, loaded.kwargs
    args, kwargs = with_leaves(tree, (tensor.clone() for tensor in leaves(tree)))
    return loaded.call(*args, **kwargs)


def are_close(first: object, second: object) -> bool:
    """Whether outputs for equal inputs are equal: an export does not see a state in an attribute of the module."""
    import torch

    pairs = zip(leaves(first), leaves(second), strict=True)
    return all(torch.allclose(a, b, 1e-3, 1e-5, equal_nan=True) for a, b in pairs)


def hidden_state_problem(buffer: str) -> Problem:
    """Return the problem of a buffer of a .pt2 that forward changes; that of a batch norm changes in training."""
    where = f"buffer '{buffer}'"
    if buffer.rpartition(".")[2] in STATISTICS:
        found = "changed by forward: a batch normalization in training mode"
        return Problem(where, found, "one in eval mode", BEFORE_EXPORT)
    step = "pass it in and return it: forward(x, *states) -> (y, *states)"
    allowed = "states that are inputs and outputs of forward"
    return Problem(where, "changed by forward: a hidden state", allowed, step)


def two_results_problem(loaded: "TorchSource | TorchModule") -> Problem:
    """Return the problem of a module whose second call with the same inputs gives another output.

    It names the line that draws random numbers, or the attributes that forward writes.
    """
    found = "another output on the second call with the same inputs"
    before = dict(_tensor_attributes(loaded.call))
    draws = _random_draws(loaded)
    after = dict(_tensor_attributes(loaded.call))
    if draws:
        kind, place, step = draws[0]
        return Problem("the module", f"{found}: {kind}{place}", "no random numbers", step)
    changed = [name for name, kept in after.items() if kept is not before.get(name)]
    allowed = "no state but buffers, and inputs and outputs of forward"
    if changed:
        step = "make it a buffer that is there from the start: self.register_buffer(name, torch.zeros(...))"
        where = f"the module's attribute '{changed[0]}'"
        return Problem(where, f"{found}: forward writes it", allowed, step)
    step = "keep what forward remembers in buffers, or pass it in and return it: forward(x, *states) -> (y, *states)"
    return Problem("the module", found, allowed, step)


def _tensor_attributes(module: "torch.nn.Module") -> Iterator[tuple[str, object]]:
    """Yield path and value of all attributes of modules that are tensors, or lists and tuples of them, or None."""
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if not name.startswith("_") and (leaves(value) or value is None):
                yield f"{path}.{name}".lstrip("."), value


Draw = tuple[str, str, str]  # what draws, the line of the user's that calls it, and the next step


def _random_draws(loaded: "TorchSource | TorchModule") -> list[Draw]:
    """Return what draws random numbers in forward, as messages name it."""
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    draws: list[Draw] = []
    callers: list[str] = []  # the functions of torch that are running

    class Callers(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Any,
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            callers.append(getattr(func, "__name__", ""))
            try:
                return func(*args, **(kwargs or {}))
            finally:
                callers.pop()

    class Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self,
            func: Any,
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            if torch.Tag.nondeterministic_seeded in func.tags:
                draws.append(_describe_draw([*callers, func.__name__]))
            return func(*args, **(kwargs or {}))

    with torch.no_grad(), Callers(), Draws():  # type: ignore[no-untyped-call]
        call_on_copies(loaded)
    return draws


def _describe_draw(operators: Sequence[str]) -> Draw:
    """Return what draws, by the names of the operators that are running, the outermost first."""
    place = _calling_line()
    if any(name.startswith("scaled_dot_product") for name in operators):
        step = f"write dropout_p=p if self.training else 0.0; of a .pt2, {BEFORE_EXPORT}"
        return "dropout of attention", place, step
    if any("dropout" in name for name in operators):
        step = f"write F.dropout(x, p, training=self.training); of a .pt2, {BEFORE_EXPORT}"
        return "dropout in training mode", place, step
    return "random numbers", place, "draw them outside and pass them in; see --noise"


def _calling_line() -> str:
    """Return the innermost line of the user's code on the stack."""
    frame = sys._getframe(1)
    while frame is not None:
        path = PurePath(frame.f_code.co_filename)
        if is_users(path):
            text = linecache.getline(str(path), frame.f_lineno).strip()
            return f", in {path.name} line {frame.f_lineno}: {text}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
