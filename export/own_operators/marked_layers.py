"""Layers of ours that are one node of the domain ``edgekit``, and what torch's ONNX exporter needs to write it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, SupportsInt

from edgekit.graph.model import FRONTEND_DOMAIN, SSM

OSCILLATORS = "Oscillators"  # the operator that `edgekit.export.own_operators.oscillators` marks
SELECTIVE = "SelectiveSSM"  # that of `edgekit.export.own_operators.selective`
FILTERED_NOISE = "FilteredNoise"  # that of `edgekit.export.own_operators.filtered_noise`
PARTITIONED_FIR = "PartitionedFIR"  # that of `edgekit.export.own_operators.partitioned_fir`
CUM_MAX, LOG_SUM = (
    "CumMax",
    "LogCumSumExp",
)  # those of `edgekit.export.own_operators.cumulative_extremes`
# each gives what has the shape of its first input
MARKED = (SSM, OSCILLATORS, SELECTIVE, FILTERED_NOISE, PARTITIONED_FIR, CUM_MAX, LOG_SUM)


Emitter = Callable[..., object]  # writes the nodes of one operator of torch
Translations = dict[Callable[..., object], Emitter]  # operator of torch -> what writes its nodes


class TracedTensor(Protocol):
    """A tensor as torch's ONNX exporter hands it to an `Emitter`."""

    @property
    def shape(self) -> Sequence[SupportsInt]:
        """Its sizes."""


def opset() -> Any:
    """Return onnxscript's functions that append standard operators; their types know no `TracedTensor`."""
    from onnxscript import opset18

    return opset18


def node_of(
    name: str, inputs: Sequence[str], attribute: str | None = None
) -> Callable[..., object]:
    """A function that emits the node `name` with float `inputs` and one integer `attribute`.

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
