"""Complex tensors of a torch program, as pairs of real ones; and torch.istft by an overlap-add.

torch's ONNX exporter supports few complex operators. A program with others is run node by node, complex values as real
and imaginary part, and traced again. The results on the parts are compared with torch's results on complex numbers, on
the example inputs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.fx.node import Target

from edgekit.base.errors import ModelError, Problem
from edgekit.export.torch_pairs import (
    CASTS,
    FILLED,
    FORMS,
    MAKERS,
    PRODUCTS,
    Pair,
    by_parts,
    has_pair,
    istft,
    map_pairs,
    product,
)

WHOLE = {"istft": istft, **MAKERS}  # that real numbers have forms of, too
TOLERANCE = 1e-4  # of the peak, in float32
EXPORTED = frozenset(("stft", "view_as_real"))  # complex values between these torch exports itself


def needs_pairs(program: torch.export.ExportedProgram) -> bool:
    """Whether a program has complex values that torch cannot export."""
    return any(
        _name(node) not in EXPORTED or any(_name(user) not in EXPORTED for user in node.users)
        for node in program.graph.nodes
        if node.users and _is_complex(node.meta.get("val"))
    )


def in_pairs(
    program: torch.export.ExportedProgram, flat: Sequence[Tensor]
) -> torch.export.ExportedProgram:
    """Return the same program on real tensors alone; it takes its inputs by position.

    Args:
        program: the result of ``torch.export``.
        flat: its example inputs, in order.

    Raises:
        ModelError: an input or output that is complex, or an operator that has no form for pairs.
    """
    if any(tensor.is_complex() for tensor in flat):
        where, step = "a complex input", "take real and imaginary part as two inputs, or on an axis"
        raise ModelError(Problem("the torch module", where, "real inputs", step))
    module = program.module()
    assert isinstance(module, GraphModule)
    with torch.no_grad():
        _ComplexComparison(module).run(*flat, enable_io_processing=False)
        return torch.export.export(_Real(module), tuple(flat), strict=False)


def _is_complex(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_complex()


def _as_pair(value: object) -> object:
    """Return torch's result; complex numbers as a pair."""
    return Pair.of(value) if isinstance(value, Tensor) and value.is_complex() else value


def _operator_name(target: object) -> str:
    """Return the name of torch's operator, without its library; empty if it is none."""
    schema = getattr(target, "_schema", None)
    return "" if schema is None else str(schema.name.split("::")[-1])


def _name(node: Node) -> str:
    return _operator_name(node.target) or str(node.target)


class _Real(nn.Module):
    """Runs a program with complex values as pairs; its own complex tensors are kept as real ones."""

    def __init__(self, module: GraphModule) -> None:
        super().__init__()
        self.module = module
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_complex():
                parts = torch.view_as_real(tensor.detach().resolve_conj())
                self.register_buffer(_flat(name), parts.clone())
                _remove_complex_buffers(module, name)

    def forward(self, *flat: Tensor) -> tuple[object, ...]:
        """Run it."""
        results = _PairInterpreter(self.module, self).run(*flat, enable_io_processing=False)
        if any(isinstance(result, Pair) for result in results):
            step = "give torch.view_as_real of it, or real and imaginary part"
            raise ModelError(Problem("the torch module", "a complex output", "real outputs", step))
        return tuple(results)


def _flat(name: str) -> str:
    return "complex_" + name.replace(".", "_")


def _remove_complex_buffers(module: nn.Module, name: str) -> None:
    """Remove complex buffers, so that the exporter does not find them."""
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part)
    delattr(module, last)
    module.register_buffer(last, torch.zeros(1))


class _PairInterpreter(Interpreter):
    """Runs the nodes of a program; complex values are pairs."""

    def __init__(self, module: GraphModule, kept: _Real | None = None) -> None:
        super().__init__(module, garbage_collect_values=True)
        self.extra_traceback = False  # torch adds lines about its graph to the message of an error
        self.kept = kept

    def run_node(self, n: Node) -> object:
        """Run one node; traced nodes keep the module of the original."""
        mode = get_proxy_mode()
        before = 0 if mode is None else len(mode.tracer.graph.nodes)
        result = super().run_node(n)
        stack = n.meta.get("nn_module_stack")
        if mode is not None and stack:
            for made in list(mode.tracer.graph.nodes)[before:]:
                made.meta["nn_module_stack"] = dict(stack)
        return result

    def get_attr(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Return a parameter or buffer."""
        parts = None if self.kept is None else getattr(self.kept, _flat(str(target)), None)
        if parts is not None:
            return Pair(*parts.unbind(-1))
        value = super().get_attr(target, args, kwargs)
        return _as_pair(value)

    def call_module(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Skip the checks that torch.export leaves in a module, which have no use here."""
        return None

    def call_function(
        self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Run one operator."""
        assert callable(target)
        name = _operator_name(target)
        if name in WHOLE:
            return WHOLE[name](*args, **kwargs)
        if name in CASTS and not has_pair(args) and _to_complex(args, kwargs):
            return Pair.of(args[0].clone())  # a complex tensor may be written to
        if not _is_of_complex(args, kwargs):
            if name in FILLED and _to_complex(args, kwargs):
                real = {**kwargs, "dtype": kwargs["dtype"].to_real()}
                return Pair.of(super().call_function(target, args, real))
            return _as_pair(super().call_function(target, args, kwargs))
        if name.startswith(("fft_", "_fft")):
            given = [value.joined() if isinstance(value, Pair) else value for value in args]
            return _as_pair(target(*given, **kwargs))
        if name in FORMS:
            return FORMS[name](*args, **kwargs)
        if name in PRODUCTS:
            return product(target, args, kwargs)
        return by_parts(target, args, kwargs)


class _ComplexComparison(_PairInterpreter):
    """Runs every node on complex numbers as well, and checks that pairs give the same."""

    def run_node(self, n: Node) -> object:
        """Run one node."""
        complex_operands = has_pair(self.args_of(n))
        before = self._operands(n)  # the run may write to them
        try:
            result = super().run_node(n)
        except ModelError:
            raise
        except Exception as error:
            if not complex_operands:
                raise
            raise _without_form(n) from error
        if n.op != "call_function" or not (complex_operands or isinstance(result, Pair)):
            return result
        try:
            args, kwargs = before or map_pairs(self.args_of(n), _whole)
            same = _close(n.target(*args, **kwargs), map_pairs(result, _whole))  # type: ignore[operator]
        except (RuntimeError, TypeError):
            same = False
        if not same:
            raise _without_form(n)
        return result

    def _operands(self, n: Node) -> Any:
        """Return the operands of a node as torch's complex tensors, copied; None where vmap does not let them out."""
        try:
            return map_pairs(self.args_of(n), _whole)
        except RuntimeError:
            return None

    def args_of(self, n: Node) -> Any:
        """Return the positional and the named operands of a node."""
        return self.fetch_args_kwargs_from_env(n)


def _without_form(n: Node) -> ModelError:
    """Return the error for an operator without a form for pairs, or with another result than torch."""
    found = f"{n.target} of complex numbers ('{n.name}')"
    step = "write it with real and imaginary parts"
    allowed = "complex products, sums, movements, transforms, abs, angle, exp, log, pow, conj and division"
    return ModelError(Problem(_place(n), found, allowed, step))


def _place(n: Node) -> str:
    """Return the module of a node, as messages name it."""
    stack = list((n.meta.get("nn_module_stack") or {}).values())
    return f"module '{stack[-1][0]}'" if stack and stack[-1][0] else "the torch module"


def _whole(value: Pair) -> Tensor:
    return value.joined().clone()  # torch detaches no view in place


def _close(expected: object, found: object) -> bool:
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return all(_close(a, b) for a, b in zip(expected, found, strict=True))
    if not isinstance(expected, Tensor) or not isinstance(found, Tensor):
        return True
    if expected.shape != found.shape or expected.is_complex() != found.is_complex():
        return False
    peak = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.allclose(
        found, expected, rtol=0, atol=TOLERANCE * max(peak, 1e-30), equal_nan=True
    )


def _is_of_complex(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """Whether an operand is a complex tensor or number."""
    return has_pair((args, kwargs)) or any(isinstance(operand, complex) for operand in args)


def _to_complex(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    kinds = [item for item in (*args[1:], *kwargs.values()) if isinstance(item, torch.dtype)]
    return any(kind.is_complex for kind in kinds)
