"""Depthwise convolutions at one position whose taps are frames of a ring: they are read where they lie.

In a ring the channels of a frame lie side by side. With weights in the same order no frame is moved to be read.
"""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, conv_shape, dims, ints, optional
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.roles import constant

MOST_TAPS = 1024  # their places are kept on the stack, four bytes each
INT32_LIMIT = 2**31
OUTPUTS = ("mult", "shift", "y_zero", "y_min", "y_max")
Attributes = dict[str, ir.Attr]


def frame_attributes(layer: ir.Node, taps: int) -> Attributes | None:
    """Return ``ek_frames``'s attributes of a layer whose kernel reads this number of frames; None for other layers.

    ``w`` is (taps, channels); ``bias`` (channels,) contains the zero point, and is missing where the layer has none.
    """
    if layer.op_type != "Conv" or dims(layer.inputs[0])[0] != 1 or taps > MOST_TAPS:
        return None
    return (_integer if layer.domain == INTEGER_DOMAIN else _float)(layer, taps)


def _is_frame(s: ConvShape, taps: int) -> bool:
    depthwise = s.in_c == s.out_c == s.groups
    return depthwise and s.out_h == s.out_w == 1 and s.k_h * s.k_w == taps


def _integer(layer: ir.Node, taps: int) -> Attributes | None:
    w, bias = (np.asarray(layer.attributes[name].as_tensor().numpy()) for name in ("w", "bias"))
    if not _is_frame(ConvShape.of(ints(layer, "shape", [])), taps) or w.dtype != np.int8:
        return None
    rows = w.reshape(len(w), taps).astype(np.int64)
    folded = bias - layer.attributes["x_zero"].as_int() * rows.sum(1)
    if bias.dtype == np.int32 and (abs(folded) + 128 * abs(rows).sum(1)).max() >= INT32_LIMIT:
        return None
    arrays = {"w": rows.T.astype(np.int8), "bias": folded.astype(bias.dtype)}
    return tensors(arrays) | {name: layer.attributes[name] for name in OUTPUTS}


def _float(layer: ir.Node, taps: int) -> Attributes | None:
    w, bias = constant(layer.inputs[1]), constant(optional(layer, 2))
    if w is None or (bias is None and optional(layer, 2) is not None):
        return None
    if not _is_frame(conv_shape(layer, list(w.shape[2:])), taps):
        return None
    return tensors({"w": w.reshape(len(w), taps).T} | ({} if bias is None else {"bias": bias}))


def tensors(arrays: dict[str, Array]) -> Attributes:
    """Arrays as attributes."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return {name: ir.AttrTensor(name, ir.tensor(array)) for name, array in contiguous.items()}
