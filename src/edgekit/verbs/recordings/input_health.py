"""Look at recorded inputs: what is not a fault of the network, but of what it was given."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.runtime.build_folder.manifest import Tensor

FULL_SCALE = 0.9995  # of 1; 16-bit samples end at 0.99997
SATURATED = 0.005  # of samples at full scale: music is mastered up to 0.1 %
TOO_LOUD, TOO_QUIET = (
    2.0,
    1e-3,
)  # peaks: beyond full scale, and of a recording without a single step of 10 bits
SWAP_GAIN, JUMP = (
    20.0,
    36.0,
)  # energies of jumps: against the order as it is, and against jumps inside of hops
MOST = 3  # hops that a sentence lists


def input_faults(tensor: Tensor, hops: Sequence[Array], numbers: Sequence[int]) -> Iterator[str]:
    """Yield a sentence for each fault that an input shows.

    Args:
        tensor: the input.
        hops: its values in each recorded hop, in the manifest's shape; 16-bit samples are scaled to 1.
        numbers: of these hops.
    """
    if tensor.dtype != "float32" or not hops:
        return
    values = np.stack([np.asarray(hop, np.float64).reshape(-1) for hop in hops])
    if bad := [n for n, row in zip(numbers, values, strict=True) if not np.isfinite(row).all()]:
        yield f"Input '{tensor.name}' has NaN or infinity in {_hops(bad)}."
        return
    if tensor.pcm_channels is None:
        return
    yield from _level_faults(tensor.name, values)
    yield from _repeated_hops(tensor.name, values, numbers)
    if tensor.pcm_channels == 1:
        yield from _swapped_hops(tensor.name, values, numbers)


def _level_faults(name: str, values: Float64) -> Iterator[str]:
    """Sound that is silent, clipped, of another scale, or has its bytes swapped."""
    peak = float(np.abs(values).max())
    clipped = float(np.mean(np.abs(values) >= FULL_SCALE))
    if peak == 0:
        yield f"Input '{name}' is silent: every sample is 0."
    elif peak >= TOO_LOUD:
        yield (
            f"Input '{name}' reaches {peak:,.5g}, where full scale is 1: "
            "its samples were not divided by full scale."
        )
    elif peak < TOO_QUIET:
        yield (
            f"Input '{name}' reaches {peak:.2g}, where full scale is 1: "
            "its samples were perhaps divided by full scale twice."
        )
    elif _has_swapped_bytes(values):
        yield f"Input '{name}' is smooth once the two bytes of each sample are swapped: see the byte order."
    elif clipped >= SATURATED:
        yield (
            f"Input '{name}' is saturated: {100 * clipped:.1f} % of its samples are at full scale. "
            "Lower the gain before it."
        )


def _has_swapped_bytes(values: Float64) -> bool:
    """Whether 16-bit samples are noise as they are, and smooth with their bytes swapped."""
    samples = np.rint(values * 32768)
    if not np.array_equal(samples, values * 32768) or np.abs(samples).max() > 32768:
        return False
    short = np.clip(samples, -32768, 32767).astype(np.int16)
    return _roughness(short.byteswap()) < 0.1 * _roughness(short) and _roughness(short) > 0.5


def _roughness(values: Array) -> float:
    """The energy of differences against that of the values; 2 of white noise."""
    wide = values.astype(np.float64)
    return float(np.sum(np.diff(wide, axis=1) ** 2) / max(np.sum(wide**2), 1e-30))


def _repeated_hops(name: str, values: Float64, numbers: Sequence[int]) -> Iterator[str]:
    """Hops that are those before them once more: a buffer that was handed over twice."""
    follows = np.diff(np.asarray(numbers)) == 1
    same = np.all(values[1:] == values[:-1], axis=1) & np.any(values[1:] != values[1:, :1], axis=1)
    if again := [numbers[int(i) + 1] for i in np.flatnonzero(same & follows)]:
        yield f"Input '{name}' has in {_hops(again)} the samples of the hop before: a buffer was handed over twice."


def _swapped_hops(name: str, values: Float64, numbers: Sequence[int]) -> Iterator[str]:
    """Neighbours that join smoothly only in the other order: buffers of a DMA that changed places."""
    inside = np.mean(np.diff(values, axis=1) ** 2, axis=1)
    pairs, hop = list[int](), 1
    while hop + 2 < len(values):
        before, a, b, after = values[hop - 1 : hop + 3]
        is_run = numbers[hop + 2] - numbers[hop - 1] == 3
        own = (a[0] - before[-1]) ** 2 + (b[0] - a[-1]) ** 2 + (after[0] - b[-1]) ** 2
        other = (b[0] - before[-1]) ** 2 + (a[0] - b[-1]) ** 2 + (after[0] - a[-1]) ** 2
        usual = float(np.mean(inside[hop - 1 : hop + 3]))
        if is_run and own > SWAP_GAIN * other and own > JUMP * usual:
            pairs.append(numbers[hop])
            hop += 1
        hop += 1
    if pairs:
        yield (
            f"Input '{name}' joins smoothly only if {_hops(pairs)} and the next change places: "
            "a DMA swapped its buffers."
        )


def _hops(numbers: Sequence[int]) -> str:
    """``hop 3``, ``hops 3, 4``, ``hops 3, 4, 5 and 10 more``."""
    listed = ", ".join(map(str, numbers[:MOST]))
    more = f" and {len(numbers) - MOST} more" if len(numbers) > MOST else ""
    return f"hop{'s' * (len(numbers) > 1)} {listed}{more}"
