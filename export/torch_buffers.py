"""Buffers that forward writes, as a cache of past frames, become inputs and outputs: the states of one hop."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from edgekit.export.torch_calls import FORWARD_ERRORS, leaves


class BufferStates(nn.Module):
    """A module whose written buffers are inputs of forward, and outputs after its own.

    A state is float32 and starts at 0. It is the difference to what the buffer holds at first.
    """

    def __init__(self, module: nn.Module, paths: Mapping[str, str], outputs: int) -> None:
        """Store the module, the path of the buffer of each state, and the number of the module's own outputs."""
        super().__init__()
        self.module, self.paths = module, dict(paths)
        buffers = dict(module.named_buffers())
        self.start = {name: buffers[path].detach().clone() for name, path in paths.items()}
        named = getattr(module, "output_names", None)
        several = tuple(f"output{n}" for n in range(outputs))
        own = tuple(named) if named else several if outputs > 1 else ("output",)
        self.output_names = (*own, *(f"{name}_next" for name in paths))

    def forward(self, **given: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the module and the next states."""
        buffers: dict[str, Tensor] = {}
        for name, path in self.paths.items():
            start = self.start[name].to(given[name])
            value = given.pop(name) + start
            exact = self.start[name].is_floating_point()
            buffers[path] = value if exact else value.round().to(self.start[name].dtype)
        outputs = leaves(functional_call(self.module, buffers, kwargs=given))
        results = [output.clone() for output in outputs]  # one may be a buffer, which is written to
        for name, path in self.paths.items():
            state = buffers[path].to(torch.float32)
            results.append(state - self.start[name].to(state))
        return tuple(results)


def with_buffer_states(
    module: nn.Module, kwargs: dict[str, object]
) -> tuple[nn.Module, dict[str, object]]:
    """Return the module with written buffers as states, and its example inputs with theirs.

    Forward runs once on copies. A module that fails, or writes no buffer, is returned as it is.
    """
    before = dict(module.named_buffers())
    after = {path: buffer.clone() for path, buffer in before.items()}
    copies = {key: one.clone() if isinstance(one, Tensor) else one for key, one in kwargs.items()}
    try:
        with torch.no_grad():
            outputs = leaves(functional_call(module, after, kwargs=copies))
    except FORWARD_ERRORS:
        return module, kwargs
    changed = [path for path in before if _differs(before[path], after[path])]
    if not changed:
        return module, kwargs
    names = {_free_name(path.replace(".", "_"), kwargs): path for path in changed}
    states = {name: torch.zeros(before[path].shape) for name, path in names.items()}
    return BufferStates(module, names, len(outputs)).eval(), {**kwargs, **states}


def _differs(before: Tensor, after: Tensor) -> bool:
    return before.shape == after.shape and not torch.equal(
        before.nan_to_num() if before.is_floating_point() else before,
        after.nan_to_num() if after.is_floating_point() else after,
    )


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    return name if name not in taken else f"{name}_state"
