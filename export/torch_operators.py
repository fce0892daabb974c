"""Operators of torch that its own ONNX exporter takes apart into forms that are harder to read."""

from typing import Any


def translations(offline: bool = False) -> dict[Any, Any]:
    """Return the ``custom_translation_table`` for ``torch.onnx.export``; `offline`, of what is to be streamed."""
    import torch

    from edgekit.export.own_operators import (
        filtered_noise,
        oscillators,
        partitioned_fir,
        running,
        selective,
        ssm,
    )

    return {
        **ssm.translations(),
        **oscillators.translations(),
        **selective.translations(),
        **filtered_noise.translations(),
        **partitioned_fir.translations(),
        **running.translations(offline),
        torch.ops.aten.atan2.default: _atan2,
        torch.ops.aten.upsample_linear1d.vec: _lines if offline else _upsample_linear1d,
        torch.ops.aten.cat.default: _cat,
    }


def _upsample_linear1d(x: Any, size: Any, align_corners: bool, scales: Any) -> Any:
    """Interpolation between frames, one Resize; torch would pick frames at computed places."""
    import numpy as np
    from onnxscript import opset18 as op

    mode = "align_corners" if align_corners else "pytorch_half_pixel"
    if scales is None:
        sizes: Any = op.Constant(value_ints=[*(int(dim) for dim in x.shape[:-1]), int(size[-1])])
        return op.Resize(x, None, None, sizes, mode="linear", coordinate_transformation_mode=mode)
    factors: Any = op.Constant(value_floats=np.array([1, 1, scales[0]], np.float32).tolist())
    return op.Resize(x, None, factors, mode="linear", coordinate_transformation_mode=mode)


def _lines(x: Any, size: Any, align_corners: bool, scales: Any) -> Any:
    """As `_upsample_linear1d`; points on the lines between frames, ends included, by a transposed convolution.

    At every length it is the same, and exact, while onnxruntime rounds each point's place to float32.
    """
    import numpy as np
    from onnxscript import opset18 as op

    frames, made = int(x.shape[-1]) - 1, -1 if scales is not None else int(size[-1]) - 1
    if not align_corners or frames < 1 or made < 1 or made % frames:
        return _upsample_linear1d(x, size, align_corners, scales)
    channels, factor = int(x.shape[1]), made // frames
    triangle = 1 - np.abs(np.arange(1 - factor, factor)) / factor
    flat: Any = op.Constant(value_floats=np.tile(triangle.astype(np.float32), channels).tolist())
    shape: Any = op.Constant(value_ints=[channels, 1, 2 * factor - 1])
    sides = [factor - 1] * 2
    weights = op.Reshape(flat, shape)
    return op.ConvTranspose(x, weights, strides=[factor], pads=sides, group=channels)


def _atan2(y: Any, x: Any) -> Any:
    """The angle of (x, y) in [-pi, pi]: pi for y = 0 and x < 0, as of a spectrum's real bins, and 0 at the origin."""
    import math

    from onnxscript import opset18 as op

    zero, turn = op.Constant(value_float=0.0), op.Constant(value_float=math.pi)
    slope = op.Atan(op.Div(y, x))
    left = op.Where(op.GreaterOrEqual(y, zero), op.Add(slope, turn), op.Sub(slope, turn))
    angle = op.Where(op.Less(x, zero), left, slope)
    return op.Where(op.IsNaN(angle), zero, angle)


def _cat(tensors: Any, dim: int = 0) -> Any:
    """Concatenation, without the empty tensors of one axis that torch lets stand beside any others."""
    from onnxscript import opset18 as op

    kept = [one for one in tensors if list(one.shape or ()) != [0]]
    return op.Concat(*(kept or tensors[:1]), axis=dim) if len(kept) != 1 else op.Identity(kept[0])
