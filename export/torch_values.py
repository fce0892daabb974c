"""Numbers that forward reads from tensors that no input's values reach: constants, though torch.export sees none.

A length in a tensor, as ``torch.full((1,), x.shape[1])``, has no value while torch.export traces, so that
``int(lengths.max())`` ends it. One run with real tensors shows which such numbers follow from shapes and weights alone.
The trace then gets them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgekit.export.onnx_file.messages import depends_on_values
from edgekit.export.torch_calls import leaves, silent, unchecked_distributions

if TYPE_CHECKING:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

# of a tensor: they return numbers of Python
ITEMS = frozenset(("item", "__bool__", "__int__", "__float__", "__index__"))
READS = ITEMS | {"tolist"}
# operators whose result holds no element of their operands
SHAPED_LIKE = ("empty_like", "zeros_like", "ones_like", "full_like", "new_")


@dataclass
class ConstantReads:
    """The numbers that one run of forward reads from tensors, in order.

    Attributes:
        numbers: what was read, and whether it is the same for all inputs of these shapes.
        place: of the next one, while forward is traced.
    """

    numbers: list[tuple[object, bool]] = field(default_factory=list)
    place: int = 0

    @property
    def some_constant(self) -> bool:
        """Whether a number was read that is the same for all inputs of these shapes."""
        return any(constant for _, constant in self.numbers)


@dataclass
class ReachedStorages:
    """The storages of tensors that the values of inputs reach, by their addresses."""

    storages: "dict[int, torch.UntypedStorage]" = field(default_factory=dict)

    def add(self, tree: object) -> None:
        """Add the tensors of a tree; their storages are kept, so that no other one gets their place."""
        for tensor in leaves(tree):
            storage = tensor.untyped_storage()
            self.storages[storage._cdata] = storage

    def reach(self, tree: object) -> bool:
        """Whether a tensor of a tree has one of the storages."""
        return any(tensor.untyped_storage()._cdata in self.storages for tensor in leaves(tree))


def record_reads(module: "torch.nn.Module", kwargs: Mapping[str, object]) -> ConstantReads:
    """Run forward on real tensors and return what it reads from tensors. Errors of the module pass through."""
    import torch
    from torch.overrides import TorchFunctionMode

    reads, storages = ConstantReads(), ReachedStorages()

    class Reading(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., object],
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            result = function(*args, **(kwargs or {}))
            if getattr(function, "__name__", "") in READS:
                # a tensor without values reads a list item by item
                constant = not storages.reach(args)
                reads.numbers += [(number, constant) for number in _flat(result)]
            return result

    copies = _copy_tensors(kwargs)
    storages.add(copies)
    with torch.no_grad(), _mark_results(storages), Reading():
        module(**copies)
    return reads


def _mark_results(storages: ReachedStorages) -> "TorchDispatchMode":
    """Return a mode in which the results of operators on reached tensors are reached too."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Reach(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self,
            func: Any,
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            result = func(*args, **(kwargs or {}))
            name = str(func._schema.name).split("::")[-1]
            if storages.reach((args, kwargs)) and not _is_shaped_like(name):
                storages.add(result)
            return result

    return Reach()  # type: ignore[no-untyped-call]


def _copy_tensors(kwargs: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments, the tensors among them as copies."""
    return {
        key: value.clone() if hasattr(value, "clone") else value for key, value in kwargs.items()
    }


def _flat(numbers: object) -> Iterator[object]:
    if isinstance(numbers, list):
        for number in numbers:
            yield from _flat(number)
    else:
        yield numbers


def _is_shaped_like(name: str) -> bool:
    return name.endswith(SHAPED_LIKE[:-1]) or name.startswith(SHAPED_LIKE[-1])


@contextmanager
def constant_reads(module: "torch.nn.Module", reads: ConstantReads) -> Iterator[None]:
    """Give the trace of a module the numbers that are constant; all others it asks its tensors for."""
    from torch.overrides import TorchFunctionMode

    class Known(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., object],
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            if getattr(function, "__name__", "") in ITEMS and reads.place < len(reads.numbers):
                number, constant = reads.numbers[reads.place]
                reads.place += 1
                if constant:
                    return number
            return function(*args, **(kwargs or {}))

    def restart(*_: object) -> None:
        reads.place = 0

    hook = module.register_forward_pre_hook(restart)
    try:
        with Known():
            yield
    finally:
        hook.remove()


def export_with_constant_reads(
    module: "torch.nn.Module", kwargs: Mapping[str, object], error: Exception
) -> "torch.export.ExportedProgram | None":
    """Export again if numbers that forward reads from tensors stopped it, and some are constants."""
    import torch

    if not depends_on_values(error):
        return None
    try:
        reads = record_reads(module, kwargs)
        if not reads.some_constant:
            return None
        with torch.no_grad(), silent(), unchecked_distributions(), constant_reads(module, reads):
            return torch.export.export(module, (), dict(kwargs), strict=False)
    except Exception:  # the first error names the line
        return None
