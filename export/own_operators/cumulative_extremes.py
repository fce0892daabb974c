"""`CumMax` and `LogCumSumExp`: running results along the last axis, from its start.

``torch.cummax`` and ``torch.cummin`` become the first, ``torch.logcumsumexp`` the second in a network to be streamed.
torch's own form of it subtracts the maximum over all of time, so that exponentials far below it become 0;
`edgekit.export.stream.length_free_forms` finds it in .onnx files.
"""

from edgekit.export.own_operators.marked_layers import (
    CUM_MAX,
    LOG_SUM,
    TracedTensor,
    Translations,
    node_of,
    opset,
)


def translations(offline: bool) -> Translations:
    """Return the ``custom_translation_table`` for ``torch.onnx.export``.

    The indices are not those of torch: an import that reads them is refused, as it is not the same network. Parameters
    have torch's names, by which its exporter finds a translation.
    """
    import torch

    table: Translations = {
        torch.ops.aten.cummax.default: lambda self, dim: _cummax_and_indices(
            self, dim, lowest=False
        ),
        torch.ops.aten.cummin.default: lambda self, dim: _cummax_and_indices(
            self, dim, lowest=True
        ),
    }
    if offline:
        table[torch.ops.aten.logcumsumexp.default] = lambda self, dim: _running_node(
            LOG_SUM, self, dim, len(self.shape)
        )
    return table


def _cummax_and_indices(x: TracedTensor, dim: int, *, lowest: bool) -> tuple[object, object]:
    op = opset()
    values = _running_node(CUM_MAX, op.Neg(x) if lowest else x, dim, len(x.shape))
    values = op.Neg(values) if lowest else values
    return values, op.Cast(values, to=7)


def _running_node(name: str, x: object, dim: int, rank: int) -> object:
    op = opset()
    order = list(range(rank))
    order[dim], order[-1] = order[-1], order[dim]  # the same way back
    if dim % rank == rank - 1:
        return node_of(name, ("x",))(x)
    return op.Transpose(node_of(name, ("x",))(op.Transpose(x, perm=order)), perm=order)
