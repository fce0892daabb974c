"""A transposed convolution as a convolution: each phase of an output channel is an output channel.

Outputs whose positions, counted with the padding, have the same remainder by the stride are one phase. All phases read
the same window of inputs, with different taps: so a convolution of stride 1 with ``phases * channels`` outputs has all
sums. Its outputs are then interleaved. A phase that has fewer taps than the window has zeros in their place.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.loops.strides import Loops, merge

MOST_TOGETHER = 32  # taps of all groups: below this number a row's cost is mostly its output
Part = tuple[int, int, int, int, int]  # first block, blocks, first phase, phases, first output


@dataclass(frozen=True)
class Axis:
    """One axis: output n is in block ``(n + crop) // stride`` and phase ``(n + crop) % stride``.

    Attributes:
        stride: of the transposed convolution.
        window: inputs that a block reads.
        pad: of the convolution.
        blocks: its positions.
        crop: outputs of the first block that do not exist.
        phases: that have outputs; all of them where there are two blocks or more.
        rows: of each tap, its phase.
        columns: of each tap, the input of the window that it multiplies.
    """

    stride: int
    window: int
    pad: int
    blocks: int
    crop: int
    phases: range
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    def parts(self, outputs: int) -> list[Part]:
        """Blocks with all of their outputs, and those cut by the first or the last output."""
        if self.blocks == 1:
            return [(0, 1, 0, outputs, 0)]
        behind = (outputs + self.crop) % self.stride
        first, last = int(self.crop > 0), self.blocks - int(behind > 0)
        found = [(0, 1, self.crop, self.stride - self.crop, 0)] if first else []
        found.append((first, last - first, 0, self.stride, first * self.stride - self.crop))
        if behind:
            found.append((last, 1, 0, behind, last * self.stride - self.crop))
        return [part for part in found if part[1] > 0]


@dataclass(frozen=True)
class Phases:
    """The convolution of a transposed one.

    Attributes:
        w: its weights (outputs, inputs / groups, k_h, k_w), of the taps that read the input.
        shape: its sizes.
        channels: which channel of the transposed convolution each output is of.
        counts: phases of a channel, down and across.
        parts: blocks whose outputs lie alike, down and across.
        copies: loops that put its outputs side by side, with their steps in both and where they start; empty where
            they are so already.
        density: the part of its products that are not with zeros that stand for missing taps.
    """

    w: Array
    shape: ConvShape
    channels: NDArray[np.intp]
    counts: tuple[int, int]
    parts: tuple[list[Part], list[Part]]
    copies: tuple[tuple[Loops, int, int], ...]
    density: float


def axis_of(k: int, stride: int, dilation: int, pad: int, inputs: int, outputs: int) -> Axis | None:
    """Return an axis; None where its first outputs read nothing of the first input or of earlier ones."""
    taps = np.arange(k) * dilation
    window, first = int(taps[-1]) // stride + 1, pad // stride
    blocks, crop = (outputs - 1 + pad) // stride - first + 1, pad % stride
    if first >= window:
        return None
    phases = range(stride) if blocks > 1 else range(crop, crop + outputs)
    columns = window - 1 - taps // stride
    return Axis(stride, window, window - 1 - first, blocks, crop, phases, taps % stride, columns)


def phases_of(w: Array, s: ConvShape) -> Phases | None:
    """Return the convolution of a transposed one, w (in_c, out_c / groups, k_h, k_w); None where none is."""
    v = axis_of(s.k_h, s.stride_h, s.dil_h, s.pad_top, s.in_h, s.out_h)
    h = axis_of(s.k_w, s.stride_w, s.dil_w, s.pad_left, s.in_w, s.out_w)
    if v is None or h is None:
        return None
    counts = len(v.phases), len(h.phases)
    count = counts[0] * counts[1]
    shape = ConvShape(
        *(s.in_c, s.in_h, s.in_w, s.out_c * count, v.blocks, h.blocks, v.window, h.window),
        *(1, 1, 1, 1, v.pad, h.pad, s.groups),
    )
    rows, columns = shape.used_taps()
    used = np.ascontiguousarray(_rows(w, s, v, h)[:, :, rows, columns])
    density = s.k_h * s.k_w / (v.stride * h.stride * v.window * h.window)
    channels = np.repeat(np.arange(s.out_c), count)
    parts, copies = (v.parts(s.out_h), h.parts(s.out_w)), _copies(s, v, h)
    return Phases(*_together(used, shape.trimmed()), channels, counts, parts, copies, density)


def _together(w: Array, s: ConvShape) -> tuple[Array, ConvShape]:
    """Return a convolution of few groups of few taps as one of a single group, with zeros for the others' inputs."""
    if s.groups == 1 or s.groups * w[0].size > MOST_TOGETHER:
        return w, s
    whole = np.zeros((s.groups, len(w) // s.groups, s.groups, *w.shape[1:]), w.dtype)
    own = np.arange(s.groups)
    whole[own, :, own] = w.reshape(s.groups, -1, *w.shape[1:])
    return whole.reshape(s.out_c, s.in_c, *w.shape[2:]), replace(s, groups=1)


def _rows(w: Array, s: ConvShape, v: Axis, h: Axis) -> Array:
    """Return the weights of every phase (outputs, inputs / groups, k_h, k_w)."""
    grouped = w.reshape(s.groups, s.in_c // s.groups, s.out_c // s.groups, s.k_h, s.k_w)
    by_output = grouped.swapaxes(1, 2).reshape(s.out_c, -1, s.k_h, s.k_w)
    wide = np.zeros((s.out_c, v.stride, h.stride, by_output.shape[1], v.window, h.window), w.dtype)
    for y, (row, column) in enumerate(zip(v.rows, v.columns, strict=True)):
        taps = by_output[:, :, y].transpose(2, 0, 1)  # (k_w, out_c, inputs)
        wide[:, row, h.rows, :, column, h.columns] = taps
    chosen = wide[:, v.phases.start : v.phases.stop, h.phases.start : h.phases.stop]
    phases: Array = chosen.reshape(-1, *chosen.shape[3:])
    return phases


def _copies(s: ConvShape, v: Axis, h: Axis) -> tuple[tuple[Loops, int, int], ...]:
    """The copies from [channel][row phase][phase][row block][block] to [channel][row][column]."""
    plane, across, count = v.blocks * h.blocks, len(h.phases), len(v.phases) * len(h.phases)
    ours = count * plane, h.blocks, across * plane, 1, plane
    theirs = s.out_h * s.out_w, v.stride * s.out_w, s.out_w, h.stride, 1
    found = []
    for row, rows, down, downs, oy in v.parts(s.out_h):
        for column, columns, right, rights, ox in h.parts(s.out_w):
            sizes = s.out_c, rows, downs, columns, rights
            start = (down * across + right) * plane + row * h.blocks + column
            found.append((merge(sizes, (ours, theirs)), start, oy * s.out_w + ox))
    whole = [([(s.out_c * s.out_h * s.out_w, (1, 1))], 0, 0)]
    return () if found in (whole, [([], 0, 0)]) else tuple(found)
