"""Facts from a run of a torch module before its import: its slowest frames, and loops along time."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from edgekit.export.torch_calls import leaves

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Calls:
    """The calls of torch in one run of a module.

    Attributes:
        shapes: of their output tensors, in order.
        modules: number of tensors that the calls of each module return, by its path; the root's is "".
    """

    shapes: tuple[Shape, ...]
    modules: Mapping[str, int]


def record(module: "torch.nn.Module", given: Mapping[str, "torch.Tensor"]) -> Calls:
    """Run a module and return its calls; a layer of torch, as a GRU, is one call. Errors of the module pass through."""
    import torch
    from torch.nn.modules.module import (
        register_module_forward_hook,
        register_module_forward_pre_hook,
    )
    from torch.overrides import TorchFunctionMode

    paths = {part: path for path, part in module.named_modules()}
    stack, shapes, counts = [""], [tuple(one.shape) for one in given.values()], Counter[str]()

    class Recording(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., object],
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            result = function(*args, **(kwargs or {}))
            made = leaves(result)
            shapes.extend(tuple(one.shape) for one in made)
            counts[stack[-1]] += len(made)
            return result

    def enter(part: "torch.nn.Module", _: object) -> None:
        stack.append(paths.get(part, stack[-1]))

    def leave(*_: object) -> None:
        stack.pop()

    hooks = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
    try:
        with torch.no_grad(), Recording():
            module(**given)
    finally:
        for hook in hooks:
            hook.remove()
    return Calls(tuple(shapes), counts)


@dataclass(frozen=True)
class SlowestTensor:
    """The tensor that grows least between two lengths.

    Attributes:
        call: its number among the calls' outputs.
        axis: its axis that grows.
        frames: by which it grows.
    """

    call: int
    axis: int
    frames: int

    def size(self, calls: Calls) -> int:
        """Return its frames in another run; IndexError if that has no such tensor."""
        return calls.shapes[self.call][self.axis]


def find_slowest(short: Calls, long: Calls) -> SlowestTensor | None:
    """Return the slowest growing tensor between two lengths; None if none grows.

    Where the longer run has more calls, as of a loop, only those before it are compared.
    """
    pairs = list(zip(short.shapes, long.shapes, strict=False))
    if len(short.shapes) != len(long.shapes):
        pairs = list(takewhile(_are_of_one_call, pairs))
    grown = [
        SlowestTensor(call, axis, large - small)
        for call, (before, after) in enumerate(pairs)
        if len(before) == len(after)
        for axis, (small, large) in enumerate(zip(before, after, strict=True))
        if large > small
    ]
    return min(grown, key=lambda one: one.frames, default=None)


def _are_of_one_call(pair: tuple[Shape, Shape]) -> bool:
    """Whether two shapes may be of the same call: they differ in one axis at most, and there the second is larger."""
    before, after = pair
    sizes = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    return len(before) == len(after) and len(sizes) < 2 and all(a < b for a, b in sizes)


def reached_nodes(program: "torch.export.ExportedProgram") -> int:
    """Return the number of nodes of an exported program that depend on an input."""
    inputs = set(program.graph_signature.user_inputs)
    reached: set[torch.fx.Node] = set()
    for node in program.graph.nodes:
        if node.name in inputs or any(one in reached for one in node.all_input_nodes):
            reached.add(node)
    return sum(node.op == "call_function" for node in reached)


def most_grown(short: Calls, long: Calls) -> str:
    """Return the module whose calls grow most, as messages name it."""
    grown = Counter(long.modules)
    grown.subtract(short.modules)
    path = max(grown, key=lambda one: grown[one], default="")
    return f"module '{path}'" if path else "the network"
