"""Pooling in torch, with gradients: the windows are those of the twins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import ConvShape, dims
from edgekit.operators.pooling.twin import pool_of

if TYPE_CHECKING:
    from torch import Tensor


def max_pool(node: ir.Node, x: "Sequence[Tensor]") -> "list[Tensor]":
    """Return the largest value of each window."""
    import torch.nn.functional as nn

    s = pool_of(node).shape
    size, step, dilation = (s.k_h, s.k_w), (s.stride_h, s.stride_w), (s.dil_h, s.dil_w)
    rows = nn.max_pool2d(_windows_of(x[0], s, float("-inf")), size, step, 0, dilation)
    return [_result(node, rows, s)]


def average_pool(node: ir.Node, x: "Sequence[Tensor]") -> "list[Tensor]":
    """Return the mean of each window."""
    import torch
    import torch.nn.functional as nn

    pool = pool_of(node)
    s = pool.shape
    ones = torch.ones(1, 1, s.k_h, s.k_w)
    steps: JsonObject = {"stride": (s.stride_h, s.stride_w), "dilation": (s.dil_h, s.dil_w)}
    sums = nn.conv2d(_windows_of(x[0], s, 0.0)[:, None], ones, **steps)[:, 0]
    counts = torch.from_numpy(pool.counts().astype(np.float32))
    return [_result(node, sums[..., : s.out_h, : s.out_w] / counts, s)]


def _windows_of(x: "Tensor", s: ConvShape, fill: float) -> "Tensor":
    """Images (channels, height, width) with all that the windows read beyond them."""
    import torch.nn.functional as nn

    ends = [
        max((out - 1) * stride + (k - 1) * dil + 1 - size - before, 0)
        for out, stride, k, dil, size, before in (
            (s.out_w, s.stride_w, s.k_w, s.dil_w, s.in_w, s.pad_left),
            (s.out_h, s.stride_h, s.k_h, s.dil_h, s.in_h, s.pad_top),
        )
    ]
    image = x.reshape(s.in_c, s.in_h, s.in_w)
    return nn.pad(image, (s.pad_left, ends[0], s.pad_top, ends[1]), value=fill)


def _result(node: ir.Node, rows: "Tensor", s: ConvShape) -> "Tensor":
    return rows[..., : s.out_h, : s.out_w].reshape(dims(node.outputs[0]))
