"""Weights in the order in which a device's kernels read them.

The rows of a matrix are packed as ``runtime/src/<isa>/ek_rows.h`` says: `rows` rows side by side, in groups of taps,
filled up with zeros. Where an instruction takes its operand unsigned, what that adds is folded into the bias.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.operators.geometry import ConvShape


@dataclass(frozen=True)
class Packing:
    """How the kernels of one folder read weights.

    Attributes:
        rows: rows side by side, ``EK_PANEL``.
        panels: so many panels of rows take turns, ``EK_ROWS / EK_PANEL``.
        taps: taps in a group by the bits of the operand, ``EK_GROUP``.
        offset: what int8 operands gain before they are multiplied.
        columns: columns side by side of a float matrix, ``EK_COLUMNS``; 0 leaves it as it is.
        windows: integer convolutions are those of ``runtime/src/x86``.
        line: bytes to which arrays are aligned, where a vector across two lines of the cache takes longer.
    """

    rows: int = 1
    panels: int = 1
    taps: tuple[tuple[int, int], ...] = ((8, 1), (16, 1))
    offset: int = 0
    columns: int = 0
    windows: bool = False
    line: int = 0

    def int_rows(self, w: NDArray[Any], bits: int) -> NDArray[np.int8]:
        """Pack w (n, k) for operands of so many bits."""
        group, (n, k) = dict(self.taps)[bits], w.shape
        wide = np.zeros((-(-n // self.rows) * self.rows, -(-k // group) * group), np.int8)
        wide[:n, :k] = w
        panels = wide.reshape(-1, self.rows, wide.shape[1] // group, group)
        return np.concatenate(
            [
                panels[first : first + self.panels].transpose(2, 0, 1, 3).reshape(-1)
                for first in range(0, len(panels), self.panels)
            ]
        )

    def int_bias(self, w: NDArray[Any], bias: NDArray[Any], bits: int) -> NDArray[Any]:
        """Fold the offset of the operand into the bias of w (n, k), modulo 2^32."""
        if bits != 8 or self.offset == 0:
            return bias
        folded: NDArray[Any] = bias - self.offset * w.sum(axis=1, dtype=np.int64)
        return folded.astype(np.int32)

    def float_rows(self, w: NDArray[Any]) -> NDArray[np.float32]:
        """Pack w (k, n)."""
        k, n = w.shape
        wide = np.zeros((k, -(-n // self.columns) * self.columns), np.float32)
        wide[:, :n] = w
        panels = wide.reshape(k, -1, self.columns).swapaxes(0, 1)
        return np.ascontiguousarray(panels).reshape(-1)


PORTABLE = Packing()
INT4 = "w4"  # what the names of kernels with int4 weights end in
PACKINGS: dict[str, Packing] = {
    "avx512vnni": Packing(
        rows=16, panels=4, taps=((8, 4), (16, 2)), offset=128, columns=16, windows=True, line=64
    ),
    "avx2": Packing(rows=8, panels=4, taps=((8, 2), (16, 2)), columns=8, windows=True),
    "neon": Packing(columns=4),
    "mve": PORTABLE,
    "dsp": Packing(rows=4, taps=((8, 4), (16, 4))),
}


def int4_bytes(kernel: str, arrays: Sequence[NDArray[Any]]) -> list[NDArray[np.int8]]:
    """Two to a byte, low nibble first: the weights among a kernel's arrays, each row from a whole byte on."""
    family = kernel.split("_")[1]
    count = 2 if family in ("gru", "lstm") else 1
    one_row = kernel.startswith("ek_conv_transpose")
    packed = []
    for array in arrays[:count]:
        rows = array.astype(np.int8).reshape(1 if one_row else len(array), -1)
        even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        pairs = (even[:, 0::2] & 15) | (even[:, 1::2] << 4)
        packed.append(pairs.astype(np.int8).reshape(-1))
    return packed


def packing(folders: Sequence[str]) -> Packing:
    """Return how the first of some kernel folders that packs weights reads them."""
    return next((PACKINGS[name] for name in folders if name in PACKINGS), PORTABLE)


def _parts(
    each: Callable[[NDArray[Any]], NDArray[Any]], r: NDArray[Any], whole: bool, axis: int
) -> NDArray[Any]:
    """Pack a recurrent matrix as one, or its last third by itself."""
    if whole:
        return each(r)
    first, last = np.split(r, [r.shape[axis] * 2 // 3], axis)
    return np.concatenate([each(first), each(last)])


def pack_conv(
    own: Packing,
    kernel: str,
    w: NDArray[Any],
    bias: NDArray[Any],
    x_zero: int,
    shape: ConvShape,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return weights and bias of an integer convolution as its kernel reads them.

    Where int8 operands gain an offset, that and the zero point are folded into the bias. With `windows` the
    weights of a transposed convolution are those of one convolution after the other,
    [phase][out_c][inputs][taps], and so are the biases; those of a convolution with few positions are packed as
    rows, and the zero point is always folded.
    """
    if kernel.endswith(INT4):
        return int4_bytes(kernel, [w])[0], bias
    transposed = kernel.startswith("ek_conv_transpose")
    bits = int(kernel.removeprefix("ek_conv_").removeprefix("transpose_").split("_")[0][1:])
    if not own.windows:
        return w, bias
    offset = own.offset if bits == 8 else 0
    if not transposed and few_positions(shape):
        rows = w.reshape(len(w), -1)
        fold = (offset + x_zero) * rows.sum(1, np.int64)
        return own.int_rows(rows, bits), (bias - fold).astype(bias.dtype)
    parts = transposed_phases(w, shape) if transposed else [w.reshape(len(w), -1)]
    folds = [(offset + x_zero) * part.sum(1, np.int64) if offset else 0 for part in parts]
    biases = [(bias - fold).astype(bias.dtype) for fold in folds]
    return np.concatenate([part.reshape(-1) for part in parts]), np.concatenate(biases)


def few_positions(s: ConvShape) -> bool:
    """Whether outputs are taken position by position: ``ek_conv_has_few_positions``."""
    return s.groups == 1 and s.out_h * s.out_w <= 8 and s.out_c >= 16


def transposed_phases(w: NDArray[Any], s: ConvShape) -> list[NDArray[Any]]:
    """Return w (in_c, out_c / groups, k_h, k_w) by remainders of output positions: each (out_c, inputs * taps)."""
    grouped = w.reshape(s.groups, s.in_c // s.groups, s.out_c // s.groups, s.k_h, s.k_w)
    by_output = grouped.swapaxes(1, 2).reshape(s.out_c, -1, s.k_h, s.k_w)

    def taps(k: int, stride: int, dilation: int, pad: int) -> list[list[int]]:
        return [
            [i for i in range(k) if (phase + pad - i * dilation) % stride == 0]
            for phase in range(stride)
        ]

    rows = taps(s.k_h, s.stride_h, s.dil_h, s.pad_top)
    columns = taps(s.k_w, s.stride_w, s.dil_w, s.pad_left)
    return [
        by_output[:, :, row][:, :, :, column].reshape(s.out_c, -1)
        for row in rows
        for column in columns
    ]


def pack(
    own: Packing, kernel: str, arrays: Sequence[NDArray[Any]], whole: bool = True
) -> list[NDArray[Any]]:
    """Return the weights of a kernel as its device reads them.

    Args:
        own: the device's.
        kernel: its name.
        arrays: the leading arrays among its arguments that are weights and biases: (w, bias) of ``ek_fc``,
            (w, r, w_bias, r_bias) of a recurrent cell in integers, (w, r) of one in float, (w) of ``ek_fc_f32``;
            others have none to pack.
        whole: whether the recurrent product is one; else (a GRU that resets before) its last third is apart.
    """
    family, *kinds = kernel.split("_")[1:]
    if kinds[-1] == INT4:
        narrow = int4_bytes(kernel, arrays)
        return [*narrow, *arrays[len(narrow) :]]
    if own is PORTABLE or (kinds[0] == "f32" and own.columns == 0):
        return list(arrays)
    if family not in ("fc", "gru", "lstm", "rnn"):
        return list(arrays)
    if kinds[0] == "f32":
        w, *r = arrays
        return [own.float_rows(w), *(_parts(own.float_rows, part, whole, axis=1) for part in r)]
    matrices, biases = arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]
    widths = [int(kind[1:]) for kind in kinds]
    packed = [own.int_rows(matrices[0], widths[0])]
    for recurrent in matrices[1:]:
        packed.append(_parts(partial(own.int_rows, bits=widths[1]), recurrent, whole, axis=0))
    return packed + [own.int_bias(*both) for both in zip(matrices, biases, widths, strict=False)]
