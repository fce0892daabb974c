"""Fourier transforms and Einsum as products: without a kernel they become Gemm or MatMul."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.chain import Chain
from edgekit.graph.nodes import array_of, attribute, optional, static_shape

Sizes = Mapping[str, int]  # of an equation: letter -> elements along its axis
FAST_FROM = 32  # points from which a real transform is left to the fast kernel


@dataclass(frozen=True)
class _Transform:
    """A DFT of floats whose length and axis are constants.

    Attributes:
        node: the DFT.
        x: its input.
        shape: of `x`.
        axis: the transformed axis, counted from the front.
        points: its length.
        bins: elements of the result along `axis`.
    """

    node: ir.Node
    x: ir.Value
    shape: tuple[int, ...]
    axis: int
    points: int
    bins: int

    @staticmethod
    def of(node: ir.Node) -> "_Transform | None":
        """Return a DFT node's transform; None if something of it is computed."""
        x, result = node.inputs[0], static_shape(node.outputs[0])
        shape = static_shape(x)
        if x is None or shape is None or result is None or not _is_fixed(node):
            return None
        length, axis = (_scalar(node, index) for index in (1, 2))
        at = (-2 if axis is None else axis) % len(shape)
        return _Transform(node, x, shape, at, shape[at] if length is None else length, result[at])

    @property
    def is_fast(self) -> bool:
        """Whether the fast kernel computes it once its axis is the last but one."""
        return is_fast(self.node, self.points) and self.points == self.shape[self.axis]

    @property
    def is_plain(self) -> bool:
        """Whether the fast kernel computes it without changes."""
        plain = self.axis == len(self.shape) - 2 and _scalar(self.node, 1) is None
        return plain and is_fast(self.node, self.points)

    def matrix(self) -> Array:
        """Return the matrix (samples * parts, bins * parts of the result) by which it is a product."""
        samples, parts = self.shape[self.axis], self.shape[-1]
        inverse = bool(attribute(self.node, "inverse", 0))
        if inverse and attribute(self.node, "onesided", 0):
            return irfft_matrix(samples, self.bins)  # from half of a spectrum to real samples
        return dft_matrix(samples, self.points, self.bins, inverse, parts)


def dft(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a DFT on the last but one axis: unchanged if a kernel has it, else a product with its matrix."""
    transform = _Transform.of(node)
    if transform is None or transform.is_plain:
        return False
    shape, axis, rank = transform.shape, transform.axis, len(transform.shape)
    chain, perm = Chain(graph, node), [i for i in range(rank) if i != axis]
    perm.insert(rank - 2, axis)
    data = chain.transpose(transform.x, perm)
    if transform.is_fast:
        spectrum = chain.add("DFT", data, onesided=1)
    else:
        outer, matrix = tuple(shape[i] for i in perm[:-2]), transform.matrix()
        rows = chain.reshape(data, (int(np.prod(outer)), len(matrix)))
        product = chain.add("MatMul", rows, chain.constant(matrix))
        bins = transform.bins
        spectrum = chain.reshape(product, (*outer, bins, matrix.shape[1] // bins))
    chain.transpose(spectrum, [int(i) for i in np.argsort(perm)])
    return chain.finish()


def _is_fixed(node: ir.Node) -> bool:
    """Whether a transform is of floats, and its length and axis are constants."""
    x, *rest = node.inputs
    is_float = x is not None and x.dtype == ir.DataType.FLOAT
    return is_float and all(v is None or array_of(v) is not None for v in rest)


def is_fast(node: ir.Node, points: int) -> bool:
    """Whether the kernel of the PCM front end computes it: real, one-sided, of even 5-smooth length."""
    shape, rest = static_shape(node.inputs[0]) or (0,), points
    for factor in (2, 3, 5):
        while rest > 1 and rest % factor == 0:
            rest //= factor
    forward = attribute(node, "onesided", 0) and not attribute(node, "inverse", 0)
    return (
        bool(forward) and shape[-1] == 1 and points >= FAST_FROM and points % 2 == 0 and rest == 1
    )


def dft_matrix(samples: int, points: int, bins: int, inverse: bool, parts: int) -> Array:
    """Return the matrix (samples * parts, bins * 2) of a transform of real or complex samples.

    Samples after `points` do not count. Angles are reduced in integers, so that they are exact.
    """
    n, k = np.arange(samples)[:, None], np.arange(bins)
    cosine, sine = _waves((n * k) % points, points)
    sine = sine * (1 if inverse else -1)
    rows = [np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)][:parts]
    full = np.stack(rows, axis=1) / (points if inverse else 1)
    full[points:] = 0
    return full.reshape(samples * parts, bins * 2).astype(np.float32)


def _waves(turns: Array, points: int) -> tuple[Array, Array]:
    """Return cosine and sine of ``turns / points`` of a cycle, exact zeros kept, so real bins have angle 0 or pi."""
    angle = 2 * np.pi * turns / points
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.where(4 * turns % (2 * points) == points, 0, cosine), np.where(
        2 * turns % points == 0, 0, sine
    )


def irfft_matrix(bins: int, samples: int) -> Array:
    """Return the matrix (bins * 2, samples) from the first bins of a real signal's spectrum to the signal.

    The missing bins are the conjugates of these, so all but the first and the middle one count twice.
    """
    k, n = np.arange(bins)[:, None], np.arange(samples)
    cosine, sine = _waves((n * k) % samples, samples)
    twice = np.where((k == 0) | (2 * k == samples), 1, 2) * (2 * k <= samples)
    rows = np.stack([cosine, -sine], axis=1) * twice[:, None] / samples
    return np.asarray(rows.reshape(bins * 2, samples), np.float32)


def stft(graph: ir.Graph, node: ir.Node) -> bool:
    """STFT of a real signal: its frames by constant indices, the window, and a DFT."""
    signal, result, window = node.inputs[0], static_shape(node.outputs[0]), optional(node, 2)
    shape, step, length = static_shape(signal), _scalar(node, 1), _frame_length(node)
    if signal is None or shape is None or result is None or step is None or length is None:
        return False
    if (len(shape) == 3 and shape[2] != 1) or signal.dtype != ir.DataType.FLOAT:
        return False
    chain, batch, frames = Chain(graph, node), shape[0], result[1]
    places = np.arange(frames)[:, None] * step + np.arange(length)
    flat = chain.reshape(signal, (batch, shape[1]))
    framed = chain.add("Gather", flat, chain.constant(places, np.int64), axis=1)
    if window is not None:
        framed = chain.add("Mul", framed, window)
    column = chain.reshape(framed, (batch, frames, length, 1))
    axis = chain.constant(2, np.int64)
    chain.add("DFT", column, None, axis, onesided=attribute(node, "onesided", 1))
    return chain.finish()


def _frame_length(node: ir.Node) -> int | None:
    """Return the samples of a frame of an STFT: its own input, or else those of its window."""
    length, window = _scalar(node, 3), static_shape(optional(node, 2))
    return window[0] if length is None and window else length


def _sizes(terms: list[str], output: str, shapes: list[tuple[int, ...]]) -> dict[str, int] | None:
    """Return each letter's size; None if one repeats in a term, or has dimension 1 and a longer one."""
    if any(len(set(term)) != len(term) for term in (*terms, output)):
        return None
    pairs = {
        pair for term, s in zip(terms, shapes, strict=True) for pair in zip(term, s, strict=True)
    }
    sizes = dict(pairs)
    return sizes if len(sizes) == len(pairs) else None


@dataclass(frozen=True)
class _Operand:
    """An operand of an Einsum, and the letters of its axes."""

    value: ir.Value
    letters: str

    def sum_over_others(self, chain: Chain, needed: str) -> "_Operand":
        """Return the operand summed over the axes whose letters are not `needed`."""
        dead = [axis for axis, c in enumerate(self.letters) if c not in needed]
        if not dead:
            return self
        total = chain.add("ReduceSum", self.value, chain.constant(dead, np.int64), keepdims=0)
        return _Operand(total, "".join(c for c in self.letters if c in needed))

    def as_matrices(self, chain: Chain, axes: tuple[str, str, str], sizes: Sizes) -> ir.Value:
        """Return the operand as (*batch, rows, columns); `axes` are the letters of the three."""
        data = chain.transpose(self.value, [self.letters.index(c) for c in "".join(axes)])
        batch, *rest = axes
        extents = [math.prod(sizes[c] for c in letters) for letters in rest]
        return chain.reshape(data, (*(sizes[c] for c in batch), *extents))


def einsum(graph: ir.Graph, node: ir.Node) -> bool:
    """Einsum without repeated letters in a term: sums, a product of two operands after another, transpositions."""
    shapes = [static_shape(value) for value in node.inputs]
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes):
        return False
    ranks = [len(shape) for shape in known]
    terms, output = _expand_ellipsis(attribute(node, "equation", ""), ranks)
    sizes = _sizes(terms, output, known)
    if sizes is None:
        return False
    chain = Chain(graph, node)
    operands = _summed_operands(chain, terms, output)
    while len(operands) > 1:
        first, second = min(combinations(operands, 2), key=_letters_of_both)
        operands = [one for one in operands if one is not first and one is not second]
        needed = output + "".join(one.letters for one in operands)
        operands.append(_product(chain, [first, second], needed, sizes))
    (result,) = operands
    value = chain.transpose(result.value, [result.letters.index(c) for c in output])
    if not chain.new:
        chain.add("Identity", value)
    return chain.finish()


def _letters_of_both(pair: tuple[_Operand, _Operand]) -> int:
    return len({*pair[0].letters, *pair[1].letters})


def _summed_operands(chain: Chain, terms: list[str], output: str) -> list[_Operand]:
    """Return the operands, summed over the axes that neither the output nor another one has."""
    operands = []
    for i, (value, term) in enumerate(zip(chain.node.inputs, terms, strict=True)):
        assert value is not None
        needed = output + "".join(terms[:i] + terms[i + 1 :])
        operands.append(_Operand(value, term).sum_over_others(chain, needed))
    return operands


def _expand_ellipsis(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """Return the terms of an equation, and its output, with a letter in the place of each axis of ``...``."""
    left, arrow, output = "".join(equation.split()).partition("->")
    terms = left.split(",")
    if not arrow:
        single = sorted(c for c in set(left) - {",", "."} if left.count(c) == 1)
        output = "".join(["..." if "..." in left else "", *single])
    widths = [
        rank - len(term) + 3 if "..." in term else 0
        for term, rank in zip(terms, ranks, strict=True)
    ]
    axes = "".join(chr(ord("0") + i) for i in range(max(widths)))  # no letters of equations
    spelled = [
        term.replace("...", axes[len(axes) - width :])
        for term, width in zip(terms, widths, strict=True)
    ]
    return spelled, output.replace("...", axes)


def _product(chain: Chain, operands: list[_Operand], output: str, sizes: Sizes) -> _Operand:
    """Transpose both to (batch, rows, sum) and (batch, sum, columns), multiply, and split the axes again.

    Operands of the same axes, none of which is summed, are multiplied element by element.
    """
    left, right = operands
    if set(left.letters) == set(right.letters) <= set(output):
        turned = chain.transpose(right.value, [right.letters.index(c) for c in left.letters])
        return _Operand(chain.add("Mul", left.value, turned), left.letters)
    shared = _common_letters(left.letters, right.letters)
    batch = _common_letters(shared, output)
    inner, rows, columns = (
        "".join(c for c in letters if c not in others)
        for letters, others in ((shared, output), (left.letters, shared), (right.letters, shared))
    )
    product = chain.add(
        "MatMul",
        left.as_matrices(chain, (batch, rows, inner), sizes),
        right.as_matrices(chain, (batch, inner, columns), sizes),
    )
    letters = batch + rows + columns
    return _Operand(chain.reshape(product, tuple(sizes[c] for c in letters)), letters)


def _common_letters(letters: str, others: str) -> str:
    return "".join(c for c in letters if c in others)


def _scalar(node: ir.Node, index: int) -> int | None:
    array = array_of(optional(node, index))
    return None if array is None else int(np.ravel(array)[0])
