"""Weights in the order in which a device's kernels read them.

The rows of a matrix are packed as in ``runtime/src/<isa>/ek_rows.h``: `rows` rows interleaved, in groups of taps,
filled up with zeros. Where an instruction takes its operand unsigned, the added offset is folded into the bias.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from edgekit.base.arrays import Array, Int8
from edgekit.graph.sparsity import Pattern
from edgekit.targets.c.packing.sparse import sparse_rows
from edgekit.targets.instruction_sets import PORTABLE, Packing

INT4 = "w4"  # suffix of the names of kernels with int4 weights
SPARSE = "sparse"  # and of those with N:M sparse weights


def int4_bytes(kernel: str, arrays: Sequence[Array]) -> list[Int8]:
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


def _parts(each: Callable[[Array], Array], r: Array, whole: bool, axis: int) -> Array:
    """Pack a recurrent matrix as one, or its last third by itself."""
    if whole:
        return each(r)
    first, last = np.split(r, [r.shape[axis] * 2 // 3], axis)
    return np.concatenate([each(first), each(last)])


def pack(
    own: Packing,
    kernel: str,
    arrays: Sequence[Array],
    whole: bool = True,
    patterns: Sequence[Pattern | None] = (),
) -> list[Array]:
    """Return the weights of a kernel as its device reads them.

    Args:
        own: the device's.
        kernel: its name.
        arrays: the leading arrays among its arguments that are weights and biases: (w, bias) of ``ek_fc``,
            (w, r, w_bias, r_bias) of a recurrent cell in integers, (w, r) of one in float, (w) of ``ek_fc_f32``;
            of ``ek_frame_fc`` w has a first axis of blocks; others have none to pack.
        whole: whether the recurrent product is one; else (a GRU that resets before) its last third is apart.
        patterns: of a sparse kernel, that of each matrix.
    """
    if kernel.startswith("ek_frame_fc"):
        return _by_blocks(own, kernel.replace("frame_fc", "fc"), *arrays)
    family, *kinds = kernel.split("_")[1:]
    if kinds[-1] == SPARSE:
        return _sparse(own, [int(kind[1:]) for kind in kinds[:-1]], arrays, whole, patterns)
    int4 = kinds[-1] == INT4
    if int4 and not own.nibbles:
        narrow = int4_bytes(kernel, arrays)
        return [*narrow, *arrays[len(narrow) :]]
    plain = own == PORTABLE or (kinds[0] == "f32" and own.columns == 0)
    if plain or family not in ("fc", "gru", "lstm", "rnn"):
        return list(arrays)
    if kinds[0] == "f32":
        w, *r = arrays
        return [own.float_rows(w), *(_parts(own.float_rows, part, whole, axis=1) for part in r)]
    widths = [int(kind[1:]) for kind in kinds if kind != INT4]
    return _integer_rows(own, own.int4_rows if int4 else own.int_rows, arrays, widths, whole)


def _integer_rows(
    own: Packing,
    rows: Callable[..., Array],
    arrays: Sequence[Array],
    widths: Sequence[int],
    whole: bool,
) -> list[Array]:
    """The matrices in rows, each for inputs of its bits, and their biases."""
    matrices, biases = arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]
    packed = [rows(matrices[0], widths[0])]
    for recurrent in matrices[1:]:
        packed.append(_parts(partial(rows, bits=widths[1]), recurrent, whole, axis=0))
    return packed + [own.int_bias(*both) for both in zip(matrices, biases, widths, strict=False)]


def _sparse(
    own: Packing,
    bits: Sequence[int],
    arrays: Sequence[Array],
    whole: bool,
    patterns: Sequence[Pattern | None],
) -> list[Array]:
    """Pack matrices of which some keep patterns, followed by the biases."""
    matrices, biases = arrays[: len(patterns)], arrays[len(patterns) :]
    packed = [
        sparse_rows(own, w, pattern, width, whole or i == 0)
        for i, (w, pattern, width) in enumerate(zip(matrices, patterns, bits, strict=False))
    ]
    return packed + [own.int_bias(*both) for both in zip(matrices, biases, bits, strict=False)]


def _by_blocks(own: Packing, kernel: str, w: Array, *biases: Array) -> list[Array]:
    """Pack each block by itself; their packings' contributions to the bias are added."""
    nothing = [np.zeros_like(bias) for bias in biases]
    parts = [pack(own, kernel, [block, *nothing]) for block in w]
    folded = [
        (bias + sum(part[1 + i] for part in parts)).astype(bias.dtype)
        for i, bias in enumerate(biases)
    ]
    return [np.concatenate([part[0].reshape(-1) for part in parts]), *folded]
