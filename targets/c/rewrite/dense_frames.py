"""Dense convolutions with one output position, and transposed ones of one new frame, as layers over frames of a ring.

Such a layer is a matrix over all frames of its window. In a ring the elements of a frame are contiguous. A matrix for
each block of frames, in their order, reads them in place. Strided encoders of sound, and decoders that overlap and add,
are such layers.
"""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, conv_shape, dims, ints, optional
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.roles import constant
from edgekit.targets.c.rewrite.frames import INT32_LIMIT, MOST_TAPS, OUTPUTS, Attributes, tensors

FC, POSITIONS = "RingFc", "positions"
LEAST = 8  # elements of a block: below, the calls cost more than the window's way


@dataclass(frozen=True)
class Matrices:
    """Rows over `count` blocks of `frames` frames, (outputs, blocks, elements).

    The first begins with frame `first` of the window, which may be below 0 where its weights are 0. Each other one
    begins `step` frames after the one before. The layer is applied `positions` times, each one block further on.
    """

    rows: Array
    first: int
    step: int
    frames: int
    positions: int = 1

    @property
    def count(self) -> int:
        """Blocks."""
        return int(self.rows.shape[1])


def dense(layer: ir.Node, axis: int, fresh: int) -> tuple[Matrices, Attributes] | None:
    """Return the layer over frames that equals a convolution; None where there is none, or it would not move less.

    The attributes are `w` (blocks, outputs, elements), `bias` (outputs,), and an integer layer's attributes of its
    outputs. A float layer has `w` (blocks, elements, outputs). `bias` contains the zero point.
    """
    found = _convolution(layer, axis)
    if found is None:
        return None
    w, s = found
    if s.groups != 1 or s.in_w < 3 * fresh:
        return None
    matrices = (_of_conv if layer.op_type == "Conv" else _of_transposed)(w, s, fresh)
    if matrices is None or matrices.rows.shape[2] < LEAST or matrices.count + fresh > MOST_TAPS:
        return None
    attributes = (_integer if layer.domain == INTEGER_DOMAIN else _float)(layer, matrices, s)
    if attributes is None:
        return None
    return matrices, attributes | {POSITIONS: ir.AttrInt64(POSITIONS, matrices.positions)}


def _convolution(layer: ir.Node, axis: int) -> tuple[Array, ConvShape] | None:
    """Weights (.., .., k_h, k_w) and sizes of a convolution whose columns are time; None where it is none."""
    known = layer.op_type in ("Conv", "ConvTranspose") and layer.domain in ("", INTEGER_DOMAIN)
    if not known or axis < 2 or dims(layer.inputs[0])[0] != 1:
        return None
    is_int = layer.domain == INTEGER_DOMAIN
    w = layer.attributes["w"].as_tensor().numpy() if is_int else constant(layer.inputs[1])
    if w is None or (is_int and w.dtype != np.int8):
        return None
    s = ConvShape.of(ints(layer, "shape", [])) if is_int else conv_shape(layer, list(w.shape[2:]))
    w = np.asarray(w).reshape(*w.shape[:2], s.k_h, s.k_w)
    is_turned = len(dims(layer.inputs[0])) == 4 and axis == 2
    return (w.swapaxes(2, 3), _swap_height_and_width(s)) if is_turned else (w, s)


def _swap_height_and_width(s: ConvShape) -> ConvShape:
    """Its rows as its columns."""
    sizes = s.__dict__
    names = {"h": "w", "w": "h", "top": "left", "left": "top"}
    both = [name for name in sizes if name.rpartition("_")[2] in names]
    other = {name: f"{name.rpartition('_')[0]}_{names[name.rpartition('_')[2]]}" for name in both}
    return replace(s, **{name: sizes[other[name]] for name in both})


def _of_conv(w: Array, s: ConvShape, fresh: int) -> Matrices | None:
    """One position: the kernel is as high as the picture."""
    if (s.out_h, s.out_w, s.pad_top, s.pad_left) != (1, 1, 0, 0) or s.k_h != s.in_h:
        return None
    frames = w.transpose(0, 3, 1, 2).reshape(
        s.out_c, s.k_w, -1
    )  # (outputs, taps, elements of a frame)
    if s.dil_w > 1:
        return Matrices(frames, 0, s.dil_w, 1)
    if s.in_w != s.k_w:
        return None
    missing = -s.k_w % fresh
    whole = np.pad(frames, ((0, 0), (missing, 0), (0, 0)))
    blocks = whole.reshape(s.out_c, (s.k_w + missing) // fresh, -1)
    return Matrices(blocks, -missing, fresh, fresh)


def _of_transposed(w: Array, s: ConvShape, fresh: int) -> Matrices | None:
    """Return one row of frames, of which one is new: each gives `out_w` positions a part of its kernel, or none."""
    if (s.in_h, s.k_h, s.out_h, s.dil_w, fresh) != (1, 1, 1, 1, 1):
        return None
    rows = np.zeros((s.out_c, s.out_w, s.in_w, s.in_c), w.dtype)
    for position in range(s.out_w):
        for frame in range(s.in_w):
            tap = position + s.pad_left - frame * s.stride_w
            if 0 <= tap < s.k_w:
                rows[:, position, frame] = w[:, :, 0, tap].T
    return Matrices(rows.reshape(-1, s.in_w, s.in_c), 0, 1, 1)


def _integer(layer: ir.Node, matrices: Matrices, s: ConvShape) -> Attributes | None:
    bias, mult, shift = (
        np.repeat(
            np.asarray(layer.attributes[name].as_tensor().numpy()), len(matrices.rows) // s.out_c
        )
        for name in ("bias", "mult", "shift")
    )
    rows = matrices.rows.reshape(len(matrices.rows), -1).astype(np.int64)
    folded = bias - layer.attributes["x_zero"].as_int() * rows.sum(1)
    if bias.dtype == np.int32 and (abs(folded) + 255 * abs(rows).sum(1)).max() >= INT32_LIMIT:
        return None
    arrays = {"w": matrices.rows.swapaxes(0, 1), "bias": folded.astype(bias.dtype)}
    arrays |= {"mult": mult, "shift": shift}
    return {name: layer.attributes[name] for name in OUTPUTS} | tensors(arrays)


def _float(layer: ir.Node, matrices: Matrices, s: ConvShape) -> Attributes | None:
    """Return the float layer of frames with one element, as sound; other frames would change the order of sums."""
    bias = constant(optional(layer, 2))
    known = bias is not None or optional(layer, 2) is None
    if layer.op_type != "Conv" or s.in_c * s.in_h != 1 or not known:
        return None
    w = matrices.rows.transpose(1, 2, 0)
    return tensors({"w": w} if bias is None else {"w": w, "bias": bias})
