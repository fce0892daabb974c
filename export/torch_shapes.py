"""Shapes of recurrent layers while torch traces: known at once, where torch runs the cell frame by frame."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def quick_recurrent_shapes() -> Iterator[None]:
    """Let torch's tracer know what a GRU or LSTM gives without a loop over its frames.

    torch 2.13 learns the shape behind a recurrent layer by 7 operators a frame on tensors without content, in
    every one of five passes. The layers themselves stay single operators of the graph. Where torch has no
    such functions, nothing changes.
    """
    from torch._decomp import decompositions

    with ExitStack() as changed:
        for name, make in MAKERS.items():
            if hasattr(decompositions, name):
                layer = make(getattr(decompositions, name))
                changed.enter_context(patch.object(decompositions, name, layer))
        yield


def _gru(original: Callable[..., Any]) -> Callable[..., Any]:
    from torch._decomp.decompositions import gru_cell
    from torch._subclasses.fake_tensor import FakeTensor

    def layer(
        inp: Any, hidden: Any, params: Any, has_biases: bool, hidden_fn: Any, **more: Any
    ) -> Any:
        if hidden_fn is not gru_cell or not isinstance(inp, FakeTensor):
            return original(inp, hidden, params, has_biases, hidden_fn, **more)
        return inp.new_empty((*inp.shape[:-1], hidden.shape[-1])), hidden.new_empty(hidden.shape)

    return layer


def _lstm(original: Callable[..., Any]) -> Callable[..., Any]:
    from torch._subclasses.fake_tensor import FakeTensor

    def layer(inp: Any, hidden: Any, params: Any, has_biases: bool, **more: Any) -> Any:
        projected = len(params) % 2
        if projected or not isinstance(inp, FakeTensor):
            return original(inp, hidden, params, has_biases, **more)
        out = inp.new_empty((*inp.shape[:-1], hidden[0].shape[-1]))
        return out, tuple(state.new_empty(state.shape) for state in hidden)

    return layer


MAKERS = {"one_layer_rnn": _gru, "one_layer_lstm": _lstm}
