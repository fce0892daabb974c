"""Answers to torch's questions while it traces and exports: known at once, or not decided by values."""

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.onnx._internal.exporter._registration import ONNXRegistry

Layer = Callable[..., object]  # runs one recurrent layer, as torch decomposes it


@contextmanager
def quick_recurrent_shapes() -> Iterator[None]:
    """Give torch's tracer the output shapes of a GRU or LSTM without a loop over its frames.

    torch 2.13 finds the shape after a recurrent layer by 7 operators per frame on tensors without content, in each of
    five passes. The layers themselves stay single operators of the graph. Where torch has no such functions, nothing
    changes.
    """
    from torch._decomp import decompositions

    with ExitStack() as changed:
        for name, make in MAKERS.items():
            if hasattr(decompositions, name):
                layer = make(getattr(decompositions, name))
                changed.enter_context(patch.object(decompositions, name, layer))
        yield


@contextmanager
def plain_transformers() -> Iterator[None]:
    """Let torch's Transformer layers be traced with any mask, by their plain operators.

    They ask whether a mask is the causal one, to choose a kernel; while tracing there are no values to decide it. The
    mask itself defines what is attended to, so the answer is no. The fused kernel of a whole layer has no ONNX form.
    """
    import torch
    from torch.nn.modules import transformer

    def told(mask: object, is_causal: bool | None = None, size: int | None = None) -> bool:
        return bool(is_causal)

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with patch.object(transformer, "_detect_is_causal_mask", told):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextmanager
def one_table_of_operators() -> Iterator[None]:
    """Let torch's ONNX exporter build its table of about 500 operators once per process.

    torch 2.13 builds it in every export, and parses the source of each function for it: a third of the export time of
    a small network. It needs none of these sources. An export adds custom operators to its copy. Without such a table
    in torch, nothing changes.
    """
    from torch.onnx._internal.exporter import _registration

    table = getattr(_registration, "ONNXRegistry", None)
    make = getattr(table, "from_torchlib", None)
    if make is None:
        yield
        return

    def known(*args: Any, **kwargs: Any) -> "ONNXRegistry":
        key = ("torchvision" in sys.modules, *args, *sorted(kwargs.items()))
        if key not in TABLES:
            with _domains_alone():
                TABLES[key] = make(*args, **kwargs)
        made = copy.copy(TABLES[key])
        made.functions = {target: list(rows) for target, rows in made.functions.items()}
        return made

    with patch.object(table, "from_torchlib", staticmethod(known)):
        yield


@contextmanager
def _domains_alone() -> Iterator[None]:
    """Let functions of torch's ONNX table return their domain without parsing sources; the table needs no more."""
    from onnxscript import values

    traced = getattr(values, "TracedOnnxFunction", None)
    if not isinstance(getattr(traced, "function_ir", None), property):
        yield
        return

    def head(function: Any) -> SimpleNamespace:
        return SimpleNamespace(domain=function.opset.domain)

    with patch.object(traced, "function_ir", property(head)):
        yield


def _gru(original: Layer) -> Layer:
    from torch._decomp.decompositions import gru_cell
    from torch._subclasses.fake_tensor import FakeTensor

    def layer(
        inp: "Tensor",
        hidden: "Tensor",
        params: object,
        has_biases: bool,
        hidden_fn: object,
        **more: object,
    ) -> object:
        if hidden_fn is not gru_cell or not isinstance(inp, FakeTensor):
            return original(inp, hidden, params, has_biases, hidden_fn, **more)
        return inp.new_empty((*inp.shape[:-1], hidden.shape[-1])), hidden.new_empty(hidden.shape)

    return layer


def _lstm(original: Layer) -> Layer:
    from torch._subclasses.fake_tensor import FakeTensor

    def layer(
        inp: "Tensor",
        hidden: Sequence["Tensor"],
        params: Sequence["Tensor"],
        has_biases: bool,
        **more: object,
    ) -> object:
        projected = len(params) % 2
        if projected or not isinstance(inp, FakeTensor):
            return original(inp, hidden, params, has_biases, **more)
        out = inp.new_empty((*inp.shape[:-1], hidden[0].shape[-1]))
        return out, tuple(state.new_empty(state.shape) for state in hidden)

    return layer


TABLES: dict[tuple[object, ...], "ONNXRegistry"] = {}
MAKERS = {"one_layer_rnn": _gru, "one_layer_lstm": _lstm}
