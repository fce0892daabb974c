"""Facts from a run of a torch module before its import: its slowest frames, and loops along time."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


def frames_of_slowest(short: Calls, long: Calls) -> int:
    """Return the growth in frames of the slowest growing tensor between two lengths; 0 if none grows."""
    grown = [
        large - small
        for before, after in zip(short.shapes, long.shapes, strict=False)
        if len(before) == len(after)
        for small, large in zip(before, after, strict=True)
        if large > small
    ]
    return min(grown, default=0)


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
