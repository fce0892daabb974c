"""Noise through filters that change from block to block: the part after a hop is kept."""

from math import ceil

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.rules.spectra import (
    append_zero_padding,
    fast_length,
    samples,
    spectra,
)
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import attribute


def filtered_noise(writer: Rewriter, node: ir.Node) -> None:
    """Keep one sum fewer than the filter has taps.

    A windowed filter of zero phase has real gains at the points of the transform of a block, which are a constant
    matrix times its magnitudes. Half a filter of silence before the block is its delay.
    """
    new, name = writer.new, str(node.name)
    noise, magnitudes = (writer.track(value) for value in node.inputs)
    block = int(attribute(node, "block", 0))
    if noise is None or magnitudes is None or (noise.axis, magnitudes.axis) != (2, 2):
        found = "its noise or magnitudes are no streams"
        raise StreamingRefused(found, "(1, 1, time) and (1, bins, frames)", "give both over time")
    bins = magnitudes.shape[1]
    if noise.shape[:2] != (1, 1) or bins < 2 or noise.frames != block * magnitudes.frames:
        shapes = f"{list(noise.shape)} and {list(magnitudes.shape)} in a hop"
        allowed = f"(1, 1, {block} * frames) and (1, bins, frames), 2 bins or more"
        raise StreamingRefused(
            shapes, allowed, f"declare --rate of the magnitudes: {block} samples"
        )
    noise, magnitudes = _together(writer, noise, magnitudes, block, name)
    noise = writer.zeroed(noise, name, before=True, after=False)
    frames, taps = magnitudes.frames, 2 * (bins - 1)
    points = fast_length(block + taps - 1)
    rows = new.reshape(noise.value, (frames, block, 1), f"{name}.blocks")
    before = taps // 2
    framed = append_zero_padding(
        new, rows, [0, before, 0, 0, points - block - before, 0], f"{name}.frames"
    )
    turned = new.one(f"{name}.turned", "Transpose", magnitudes.value, perm=[0, 2, 1])
    flat = new.reshape(turned, (frames, bins), f"{name}.magnitudes")
    matrix = new.constant(gains(bins, points), f"{name}.matrix")
    amounts = new.exact(new.one(f"{name}.gains", "MatMul", flat, matrix))
    column = new.reshape(amounts, (frames, points // 2 + 1, 1), f"{name}.column")
    spectrum = spectra(new, framed, f"{name}.spectra")
    filtered = new.exact(new.one(f"{name}.filtered", "Mul", spectrum, column))
    result = _overlap_add(writer, node, samples(new, filtered, frames, points, name), block, taps)
    writer.set(node.outputs[0], result, noise.delay, noise, magnitudes, node=node, before=True)


def gains(bins: int, points: int) -> Float64:
    """Return (bins, points / 2 + 1): the part of each magnitude in the gain at each point of the transform."""
    taps = 2 * (bins - 1)
    lag, k = np.arange(taps) - taps // 2, np.arange(bins)[:, None]
    weight = np.where((k == 0) | (k == bins - 1), 1, 2) / taps
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(taps) / taps)
    response = weight * np.cos(2 * np.pi * (k * lag % taps) / taps) * window
    point = np.arange(points // 2 + 1)
    made: Float64 = response @ np.cos(2 * np.pi * (lag[:, None] * point % points) / points)
    return made


def _together(
    writer: Rewriter, noise: Track, magnitudes: Track, block: int, name: str
) -> tuple[Track, Track]:
    """Return both streams at one delay, which is whole blocks and not below 0."""
    blocks = max(ceil(noise.delay / block), magnitudes.delay, 0)
    return writer.delayed(noise, blocks * block, name), writer.delayed(magnitudes, blocks, name)


def _overlap_add(
    writer: Rewriter, node: ir.Node, sounds: list[ir.Value], block: int, taps: int
) -> ir.Value:
    """Return the sum of the blocks' outputs, each at its place, and of the rest of earlier hops."""
    new, name = writer.new, str(node.name)
    hop, reach = len(sounds) * block, taps - 1
    state = writer.state(node.outputs[0], name, (1, reach))
    total = append_zero_padding(new, state, [0, 0, 0, hop], f"{name}.left")
    for number, sound in enumerate(sounds):
        start = number * block
        own = new.slice(sound, 1, 0, block + reach, f"{name}.heard")
        placed = append_zero_padding(new, own, [0, start, 0, hop - block - start], f"{name}.placed")
        total = new.exact(new.one(f"{name}.sum", "Add", total, placed))
    new.carry(state, new.slice(total, 1, hop, hop + reach, f"{name}.keep"))
    return new.reshape(new.slice(total, 1, 0, hop, f"{name}.now"), (1, 1, hop), name)


RULES = (StreamingRule("FilteredNoise", filtered_noise, domain=FRONTEND_DOMAIN),)
