"""Operators that torch's ONNX exporter would decompose into forms that are harder to read."""

from typing import Any, Protocol

from edgekit.export.own_operators.marked_layers import TracedTensor, Translations, opset

BOOL = 9  # of TensorProto.DataType


class _Numbers(Protocol):
    """A list of numbers from torch."""

    def __getitem__(self, index: int) -> float: ...


def translations(offline: bool = False) -> Translations:
    """Return the ``custom_translation_table`` for ``torch.onnx.export``; `offline`: for a network to be streamed.

    Parameters have torch's names: up to torch 2.8 its exporter finds a translation by them.
    """
    import torch

    from edgekit.export.own_operators import cumulative_extremes
    from edgekit.export.own_operators.functions import layer_modules

    return {
        **dict(row for module in layer_modules() for row in module.translations().items()),
        **cumulative_extremes.translations(offline),
        torch.ops.aten.atan2.default: _atan2,
        torch.ops.aten.upsample_linear1d.vec: _lines if offline else _upsample_linear1d,
        torch.ops.aten.cat.default: _cat,
        torch.ops.aten.scaled_dot_product_attention.default: _attention,
    }


def _upsample_linear1d(
    input: TracedTensor, output_size: _Numbers, align_corners: bool, scale_factors: _Numbers | None
) -> object:
    """Interpolation between frames, one Resize; torch would pick frames at computed places."""
    import numpy as np

    op = opset()
    mode = "align_corners" if align_corners else "pytorch_half_pixel"
    if scale_factors is None:
        kept = (int(dim) for dim in input.shape[:-1])
        sizes = op.Constant(value_ints=[*kept, int(output_size[-1])])
        return op.Resize(
            input, None, None, sizes, mode="linear", coordinate_transformation_mode=mode
        )
    scales = np.array([1, 1, scale_factors[0]], np.float32).tolist()
    factors = op.Constant(value_floats=scales)
    return op.Resize(input, None, factors, mode="linear", coordinate_transformation_mode=mode)


def _lines(
    input: TracedTensor, output_size: _Numbers, align_corners: bool, scale_factors: _Numbers | None
) -> object:
    """Interpolate as `_upsample_linear1d`, with ends included, by a transposed convolution.

    At every length it is the same, and exact, while onnxruntime rounds each point's place to float32.
    """
    import numpy as np

    op = opset()
    frames = int(input.shape[-1]) - 1
    made = -1 if scale_factors is not None else int(output_size[-1]) - 1
    if not align_corners or frames < 1 or made < 1 or made % frames:
        return _upsample_linear1d(input, output_size, align_corners, scale_factors)
    channels, factor = int(input.shape[1]), made // frames
    triangle = 1 - np.abs(np.arange(1 - factor, factor)) / factor
    flat = op.Constant(value_floats=np.tile(triangle.astype(np.float32), channels).tolist())
    shape = op.Constant(value_ints=[channels, 1, 2 * factor - 1])
    sides = [factor - 1] * 2
    weights = op.Reshape(flat, shape)
    return op.ConvTranspose(input, weights, strides=[factor], pads=sides, group=channels)


def _atan2(self: object, other: object) -> object:
    """Return the angle of (other, self) in [-pi, pi]: pi for 0 and other < 0, as of real bins, and 0 at the origin."""
    import math

    op = opset()
    zero, turn = op.Constant(value_float=0.0), op.Constant(value_float=math.pi)
    slope = op.Atan(op.Div(self, other))
    left = op.Where(op.GreaterOrEqual(self, zero), op.Add(slope, turn), op.Sub(slope, turn))
    angle = op.Where(op.Less(other, zero), left, slope)
    return op.Where(op.IsNaN(angle), zero, angle)


def _cat(tensors: Any, dim: int = 0) -> object:
    """Concatenate tensors without the empty ones of one axis, which torch allows next to any others."""
    op = opset()
    kept = [one for one in tensors if list(one.shape or ()) != [0]]
    return op.Concat(*(kept or tensors[:1]), axis=dim) if len(kept) != 1 else op.Identity(kept[0])


def _attention(
    query: TracedTensor,
    key: TracedTensor,
    value: TracedTensor,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> object:
    """Attention of tensors of any rank, as windows of heads have; torch's exporter has a form for four axes alone."""
    from onnxscript.function_libs.torch_lib.ops import nn

    op, rank = opset(), len(key.shape)
    if rank == len(query.shape) == len(value.shape) == 4 or enable_gqa:
        given = attn_mask, dropout_p, is_causal, scale, enable_gqa
        form: object = nn.aten_scaled_dot_product_attention(query, key, value, *given)
        return form
    factor = float(int(query.shape[-1]) ** -0.5 if scale is None else scale)
    turned = op.Transpose(key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = op.MatMul(op.Mul(query, op.Constant(value_float=factor)), turned)
    if is_causal:
        sizes = int(query.shape[-2]), int(key.shape[-2])
        ones = op.Constant(
            value_ints=[int(k <= q) for q in range(sizes[0]) for k in range(sizes[1])]
        )
        shaped = op.Reshape(ones, op.Constant(value_ints=list(sizes)))
        scores = op.Where(op.Cast(shaped, to=BOOL), scores, op.Constant(value_float=float("-inf")))
    if attn_mask is not None and attn_mask.dtype == BOOL:
        scores = op.Where(attn_mask, scores, op.Constant(value_float=float("-inf")))
    elif attn_mask is not None:
        scores = op.Add(scores, attn_mask)
    return op.MatMul(op.Softmax(scores, axis=-1), value)
