"""What every call of a user's torch module needs: the tensors of nested results, its errors, and silence."""

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

# What the code of a module raises of inputs that it does not take; a length is often asserted.
FORWARD_ERRORS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)


def leaves(tree: object) -> list[Any]:
    """Return the tensors of nested tuples, lists and dictionaries, in order."""
    if isinstance(tree, Mapping):
        return [leaf for item in tree.values() for leaf in leaves(item)]
    if isinstance(tree, list | tuple):
        return [leaf for item in tree for leaf in leaves(item)]
    return [tree] if hasattr(tree, "detach") else []


def with_leaves(tree: Any, tensors: Iterator[object]) -> Any:
    """Return `tree` with its tensors replaced, in order, by the next ones of `tensors`."""
    if isinstance(tree, Mapping):
        return {key: with_leaves(item, tensors) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        items = [with_leaves(item, tensors) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(tensors) if hasattr(tree, "detach") else tree


@contextmanager
def silent() -> Iterator[None]:
    """Suppress torch's output and logs of an export that ends in an error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


@contextmanager
def unchecked_distributions() -> Iterator[None]:
    """Let torch's distributions take any parameters: their checks are branches on values, and change no value."""
    from torch.distributions import Distribution

    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)
