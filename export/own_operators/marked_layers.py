"""EdgeKit's layers that are one node of the domain ``edgekit``, with the data that torch's ONNX exporter needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, SupportsInt

from edgekit.graph.model import FRONTEND_DOMAIN

CUM_MAX, LOG_SUM = "CumMax", "LogCumSumExp"


@dataclass(frozen=True)
class MarkedLayer:
    """An EdgeKit operator that a layer leaves in a network; its rows follow the bodies.

    Attributes:
        name: of the operator, whose result has the shape of its first input.
        body: its computation, an ONNX function.
        module: the file of `edgekit.export.own_operators` with the layer of torch and its `translations`; None of
            functions that torch has itself.
    """

    name: str
    body: str
    module: str | None = None


Emitter = Callable[..., object]  # writes the nodes of one operator of torch
Translations = dict[Callable[..., object], Emitter]  # operator of torch -> what writes its nodes


class TracedTensor(Protocol):
    """A tensor that torch's ONNX exporter passes to an `Emitter`."""

    @property
    def shape(self) -> Sequence[SupportsInt]:
        """Sizes of the tensor."""


def opset() -> Any:
    """Return onnxscript's functions that append standard operators; their types do not include `TracedTensor`."""
    from onnxscript import opset18

    return opset18


def node_of(
    name: str, inputs: Sequence[str], attribute: str | None = None
) -> Callable[..., object]:
    """Return a function that emits the node `name` with float `inputs` and one integer `attribute`.

    (torch's exporter inlines functions where it changes the opset, so that it is given a plain node.)
    """
    import onnx
    import onnxscript

    schema = onnx.defs.OpSchema
    attributes = [] if attribute is None else [schema.Attribute(attribute, schema.AttrType.INT)]
    described = schema(
        name,
        FRONTEND_DOMAIN,
        1,
        inputs=[schema.FormalParameter(parameter, "T") for parameter in inputs],
        outputs=[schema.FormalParameter("y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")],
        attributes=attributes,
    )
    return onnxscript.values.Op(onnxscript.values.Opset(FRONTEND_DOMAIN, 1), name, described)
