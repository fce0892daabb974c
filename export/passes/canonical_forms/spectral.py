"""Fourier transforms and Einsum as products: what no kernel computes becomes Gemm or MatMul."""

from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.chain import Chain
from edgekit.graph.nodes import array_of, attribute, static_shape

FAST_FROM = 32  # points from which a real transform is left to the fast kernel


def dft(graph: ir.Graph, node: ir.Node) -> bool:
    """DFT on the last but one axis: as it is where a kernel has it, else a product with its matrix."""
    x, shape, result = node.inputs[0], static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if x is None or shape is None or result is None or not _is_fixed(node):
        return False
    length, axis = (_scalar(node, index) for index in (1, 2))
    rank = len(shape)
    at = (-2 if axis is None else axis) % rank
    points = shape[at] if length is None else length
    onesided, inverse = attribute(node, "onesided", 0), attribute(node, "inverse", 0)
    back = bool(onesided and inverse)  # from half of a spectrum to real samples
    plain = at == rank - 2 and length is None
    if plain and is_fast(node, points):
        return False
    chain, perm = Chain(graph, node), [i for i in range(rank) if i != at]
    perm.insert(rank - 2, at)
    moved = chain.transpose(x, perm)
    outer = tuple(shape[i] for i in perm[:-2])
    if is_fast(node, points) and points == shape[at]:
        spectrum = chain.add("DFT", moved, onesided=1)
    else:
        matrix = dft_matrix(shape[at], points, result[at], bool(inverse), shape[-1])
        if back:
            matrix = irfft_matrix(shape[at], result[at])
        rows = chain.reshape(moved, (int(np.prod(outer)), shape[at] * shape[-1]))
        product = chain.add("MatMul", rows, chain.constant(matrix))
        spectrum = chain.reshape(product, (*outer, result[at], 1 if back else 2))
    chain.transpose(spectrum, [int(i) for i in np.argsort(perm)])
    return chain.finish()


def _is_fixed(node: ir.Node) -> bool:
    """Whether a transform is of floats, and its length and axis are constants."""
    x, *given = node.inputs
    is_float = x is not None and x.dtype == ir.DataType.FLOAT
    return is_float and all(v is None or array_of(v) is not None for v in given)


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

    Samples behind `points` do not count. Angles are reduced in integers, so that they are exact.
    """
    n, k = np.arange(samples)[:, None], np.arange(bins)
    cosine, sine = _waves((n * k) % points, points)
    sine = sine * (1 if inverse else -1)
    rows = [np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)][:parts]
    full = np.stack(rows, axis=1) / (points if inverse else 1)
    full[points:] = 0
    return full.reshape(samples * parts, bins * 2).astype(np.float32)


def _waves(turns: Array, points: int) -> tuple[Any, Any]:
    """Cosine and sine of ``turns / points`` of a turn; 0 where they are, so that real bins have the angle 0 or pi."""
    angle = 2 * np.pi * turns / points
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.where(4 * turns % (2 * points) == points, 0, cosine), np.where(
        2 * turns % points == 0, 0, sine
    )


def irfft_matrix(bins: int, samples: int) -> Array:
    """Return the matrix (bins * 2, samples) from the first bins of a real signal's spectrum to the signal.

    The bins that are left out are the conjugates of these, so all but the first and the middle one count twice.
    """
    k, n = np.arange(bins)[:, None], np.arange(samples)
    cosine, sine = _waves((n * k) % samples, samples)
    twice = np.where((k == 0) | (2 * k == samples), 1, 2) * (2 * k <= samples)
    rows = np.stack([cosine, -sine], axis=1) * twice[:, None] / samples
    return np.asarray(rows.reshape(bins * 2, samples), np.float32)


def stft(graph: ir.Graph, node: ir.Node) -> bool:
    """STFT of a real signal: its frames by constant indices, the window, and a DFT."""
    signal, shape, result = (
        node.inputs[0],
        static_shape(node.inputs[0]),
        static_shape(node.outputs[0]),
    )
    step, length = _scalar(node, 1), _scalar(node, 3)
    window = node.inputs[2] if len(node.inputs) > 2 else None
    if signal is None or shape is None or result is None or step is None:
        return False
    if length is None and window is not None:
        length = (static_shape(window) or (None,))[0]
    if length is None or (len(shape) == 3 and shape[2] != 1) or signal.dtype != ir.DataType.FLOAT:
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


def _sizes(terms: list[str], shapes: list[tuple[int, ...]]) -> dict[str, int] | None:
    """The size of each letter; None where one repeats in a term, or a dimension of 1 stands beside a longer one."""
    if any(len(set(term)) != len(term) for term in terms):
        return None
    pairs = {
        pair for term, s in zip(terms, shapes, strict=True) for pair in zip(term, s, strict=True)
    }
    sizes = dict(pairs)
    return sizes if len(sizes) == len(pairs) else None


def einsum(graph: ir.Graph, node: ir.Node) -> bool:
    """Einsum of one or two operands without repeated letters: sums, a MatMul, transpositions."""
    shapes = [static_shape(value) for value in node.inputs]
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes) or len(known) > 2:
        return False
    terms, output = _expand_ellipsis(
        attribute(node, "equation", ""), [len(shape) for shape in known]
    )
    sizes = None if len(set(output)) != len(output) else _sizes(terms, known)
    if sizes is None:
        return False
    chain, values = Chain(graph, node), list(node.inputs)
    for i, term in enumerate(terms):
        needed = output + (terms[1 - i] if len(terms) == 2 else "")
        dead = [axis for axis, c in enumerate(term) if c not in needed]
        if dead:
            axes = chain.constant(dead, np.int64)
            values[i] = chain.add("ReduceSum", values[i], axes, keepdims=0)
            terms[i] = "".join(c for c in term if c in needed)
    value, letters = values[0], terms[0]
    if len(terms) == 2:
        value, letters = _product(chain, values, terms, output, sizes)
    if value is None:
        return False
    value = chain.transpose(value, [letters.index(c) for c in output])
    if not chain.new:
        chain.add("Identity", value)
    return chain.finish()


def _expand_ellipsis(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The terms of an equation, and its output, with a letter in the place of each axis of ``...``."""
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


def _product(
    chain: Chain,
    values: list[ir.Value | None],
    terms: list[str],
    output: str,
    sizes: dict[str, int],
) -> tuple[ir.Value, str]:
    """Transpose both to (batch, rows, sum) and (batch, sum, columns), multiply, and split the axes again."""
    a, b = terms
    batch = [c for c in a if c in b and c in output]
    inner = [c for c in a if c in b and c not in output]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]

    def matrix(value: ir.Value, term: str, first: list[str], second: list[str]) -> ir.Value:
        moved = chain.transpose(value, [term.index(c) for c in (*batch, *first, *second)])
        extents = [int(np.prod([sizes[c] for c in part])) for part in (first, second)]
        return chain.reshape(moved, (*(sizes[c] for c in batch), *extents))

    left, right = values
    assert left is not None and right is not None
    product = chain.add("MatMul", matrix(left, a, rows, inner), matrix(right, b, inner, columns))
    letters = "".join([*batch, *rows, *columns])
    return chain.reshape(product, tuple(sizes[c] for c in letters)), letters


def _scalar(node: ir.Node, index: int) -> int | None:
    array = array_of(node.inputs[index]) if index < len(node.inputs) else None
    return None if array is None else int(np.ravel(array)[0])
