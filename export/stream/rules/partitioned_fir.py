"""A long filter by blocks of spectra: those of past blocks are kept, and no delay is added."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Float32
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.rules.spectra import is_fast_length, samples, spectra
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import array_of


def partitioned_fir(writer: Rewriter, node: ir.Node) -> None:
    """Convolve spectra of blocks, a block being a part of the hop; or of samples, if that costs less."""
    track, name = writer.stream(node.inputs[0]), str(node.name)
    response = array_of(node.inputs[1])
    if response is None or track.axis != 2 or track.shape[1] != len(response):
        found = "its response is computed, or time is no last axis"
        raise StreamingRefused(
            found, "a constant (channels, taps), and (batch, channels, time)", "fold it"
        )
    track = writer.delayed(track, 0, name)
    track = writer.zeroed(track, name, before=True, after=False)
    block = block_of(track.frames, response.shape[1])
    result = (
        _direct(writer, track, response, name)
        if block is None
        else _blocks(writer, node, track, response, block)
    )
    writer.set(node.outputs[0], result, track.delay, track, node=node, before=True)


def block_of(hop: int, taps: int) -> int | None:
    """Return the block length with the least cost; None if a convolution of samples costs less.

    Counts of products: of the transforms, and of the sums over past spectra.
    """
    costs: dict[int, int | None] = {hop * taps: None}
    for block in range(1, hop + 1):
        if hop % block == 0 and is_fast_length(2 * block):
            transforms = 2 * 5 * block * np.log2(2 * block)
            sums = 4 * (block + 1) * -(-taps // block)
            costs[int(hop / block * (transforms + sums))] = block
    return costs[min(costs)]


def parts_of(response: Float32, block: int) -> NDArray[np.complex128]:
    """Return the spectra of the response's zero-padded parts, (channels, parts, block + 1)."""
    channels, taps = response.shape
    parts = -(-taps // block)
    filled = np.zeros((channels, parts * block))
    filled[:, :taps] = response
    made: NDArray[np.complex128] = np.fft.rfft(filled.reshape(channels, parts, block), 2 * block)
    return made


def _direct(writer: Rewriter, track: Track, response: Float32, name: str) -> ir.Value:
    new, (channels, taps) = writer.new, response.shape
    whole = writer.context(track, taps - 1, name)
    kernel = new.constant(response[:, None, ::-1], f"{name}.kernel")
    return new.exact(new.one(name, "Conv", whole, kernel, group=channels))


def _blocks(
    writer: Rewriter, node: ir.Node, track: Track, response: Float32, block: int
) -> ir.Value:
    new, name = writer.new, str(node.name)
    batch, channels, hop = track.shape
    rows, count, bins = batch * channels, hop // block, block + 1
    whole = new.reshape(writer.context(track, block, name), (rows, 1, block + hop), f"{name}.rows")
    cuts = [new.slice(whole, 2, n * block, (n + 2) * block, f"{name}.block") for n in range(count)]
    joined = cuts[0] if count == 1 else new.one(f"{name}.blocks", "Concat", *cuts, axis=1)
    framed = new.reshape(joined, (rows * count, 2 * block, 1), f"{name}.frames")
    spectrum = spectra(new, framed, f"{name}.spectra")
    beside = _swap_last_axes(writer, spectrum, (rows, count, 2 * bins), f"{name}.now")
    parts = np.tile(parts_of(response, block), (batch, 1, 1))
    summed = _sum_of_products(writer, node, beside, parts, count)
    turned = _swap_last_axes(writer, summed, (rows, 2 * bins, count), f"{name}.heard")
    back = new.reshape(turned, (rows * count, bins, 2), f"{name}.made")
    heard = [
        new.slice(sound, 1, block, 2 * block, f"{name}.kept")
        for sound in samples(new, back, rows * count, 2 * block, name)
    ]
    made = heard[0] if len(heard) == 1 else new.one(f"{name}.sound", "Concat", *heard, axis=1)
    return new.reshape(made, (batch, channels, hop), name)


def _swap_last_axes(
    writer: Rewriter, value: ir.Value, shape: tuple[int, int, int], name: str
) -> ir.Value:
    """Return the value in a shape of three axes, with the last two swapped."""
    new, (rows, first, second) = writer.new, shape
    if 1 in (first, second):
        return new.reshape(value, (rows, second, first), name)
    split = new.reshape(value, shape, f"{name}.split")
    return new.one(name, "Transpose", split, perm=[0, 2, 1])


def _sum_of_products(
    writer: Rewriter, node: ir.Node, now: ir.Value, parts: NDArray[np.complex128], count: int
) -> ir.Value:
    """Return the sum of complex products of past blocks' spectra with the parts: (1, rows * bins * 2, blocks).

    These are two convolutions along blocks, with a channel for each bin's real and imaginary part: by the real parts
    of the response, and by its imaginary parts, whose results are swapped.
    """
    new, name = writer.new, str(node.name)
    rows, taps, bins = parts.shape
    width = rows * bins * 2
    flat = new.reshape(now, (1, width, count), f"{name}.bins")
    if taps > 1:
        state = writer.state(node.outputs[0], name, (1, width, taps - 1))
        whole = new.one(f"{name}.history", "Concat", state, flat, axis=2)
        new.carry(state, new.slice(whole, 2, count, count + taps - 1, f"{name}.keep"))
        flat = whole
    oldest_first = parts[:, ::-1].transpose(0, 2, 1)[:, :, None]  # (rows, bins, 1, taps)
    straight = np.repeat(oldest_first.real, 2, axis=2).reshape(width, 1, taps)
    crossed = np.concatenate([oldest_first.imag, -oldest_first.imag], 2).reshape(width, 1, taps)
    own, other = (
        new.exact(
            new.one(
                f"{name}.{what}", "Conv", flat, new.constant(kernel, f"{name}.{what}"), group=width
            )
        )
        for what, kernel in (("straight", straight), ("crossed", crossed))
    )
    pairs = new.reshape(other, (rows * bins, 2, count), f"{name}.pairs")
    order = new.constant([1, 0], f"{name}.order", np.int64)
    swapped = new.one(f"{name}.swapped", "Gather", pairs, order, axis=1)
    placed = new.reshape(swapped, (1, width, count), f"{name}.placed")
    return new.exact(new.one(f"{name}.sum", "Add", own, placed))


RULES = (StreamingRule("PartitionedFIR", partitioned_fir, domain=FRONTEND_DOMAIN),)
