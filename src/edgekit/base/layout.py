"""Meaning of each axis of an input or output: declared in letters, as ``NCT``, and never guessed from sizes."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.base.arrays import Float32

LETTERS = {
    "N": "batch",
    "C": "channel",
    "T": "time",
    "F": "frequency bin",
    "P": "real and imaginary part",
    ".": "anything else",
}
FORM = "N batch, C channel, T time, F bin, P real and imaginary, . other; (CP) for two in one axis"
MOST_CHANNELS = 16
_AXIS = re.compile(r"\(([CTFP]{2,4})\)|([NCTFP.])")


@dataclass(frozen=True)
class Layout:
    """The axes of a tensor in order: a letter of `LETTERS`, or several where they are joined in one axis.

    ``N(PC)TF`` has four axes; the second one holds all channels of the real part, then those of the imaginary part.
    """

    axes: tuple[str, ...]

    def __str__(self) -> str:
        """The text that `parse_layout` reads as this."""
        return "".join(axis if len(axis) == 1 else f"({axis})" for axis in self.axes)

    def axis(self, letter: str) -> int | None:
        """Return the axis with this letter alone; None where there is none."""
        return self.axes.index(letter) if letter in self.axes else None

    def extent(self, letter: str, shape: Sequence[int]) -> int | None:
        """Return the shape's size for this letter; 1 where no axis has it, None where a joined axis hides it."""
        axis = self.axis(letter)
        if axis is not None:
            return shape[axis]
        return None if any(letter in joined for joined in self.axes) else 1

    def pcm_channels(self, shape: Sequence[int], frames: int) -> int | None:
        """Return the channels of a hop with this number of samples; None where the shape is no such sound."""
        if "T" not in self.axes or self.extent("T", shape) != frames:
            return None
        channels = self.extent("C", shape)
        rest = [size for axis, size in zip(self.axes, shape, strict=True) if axis not in ("C", "T")]
        is_sound = channels is not None and channels <= MOST_CHANNELS and set(rest) <= {1}
        return channels if is_sound else None


def parse_layout(text: str) -> Layout:
    """Read the letters of all axes.

    Raises:
        ValueError: the problem, in words.
    """
    axes = tuple(joined or single for joined, single in _AXIS.findall(text))
    if not axes or str(Layout(axes)) != text:
        raise ValueError(f"{text!r} is not of this form")
    letters = "".join(axes)
    if twice := sorted({letter for letter in "CTFP" if letters.count(letter) > 1}):
        raise ValueError(f"{', '.join(twice)} stands in it twice")
    return Layout(axes)


def plain_layout(shape: Sequence[int], time_axis: int | None, hop: int | None) -> Layout | None:
    """Return the layout of a tensor of which only the time axis is declared.

    Without even that, a hop of samples after unit axes is a mono signal; any other layout is unknown: None.
    """
    if time_axis is None:
        if len(shape) < 2 or shape[-1] != hop or set(shape[:-1]) != {1}:
            return None
        time_axis = len(shape) - 1
    kinds = ["."] * len(shape)
    if shape[0] == 1:
        kinds[0] = "N"
    kinds[time_axis] = "T"
    return Layout(tuple(kinds))


def unit_of_time(
    is_pcm: bool, shapes: Iterable[Sequence[int]], hop: int | None, sample_rate_hz: int | None
) -> str:
    """Return what a hop counts, ``sample`` or ``frame``, from whether some stream is PCM and the shapes of all.

    With a sample rate, one or two channels of many samples are sound too, whatever their axes.
    """
    told = hop is not None and hop > 1 and sample_rate_hz is not None
    is_sound = told and any(math.prod(shape) in (hop, 2 * (hop or 0)) for shape in shapes)
    return "sample" if is_pcm or is_sound else "frame"


def frames_to_hops(samples: "Float32", layout: Layout, shape: Sequence[int]) -> "Float32":
    """Cut (channels, samples) into (hops, *shape), the last hop filled up with silence."""
    import numpy as np

    frames, channels = _extents(layout, shape)
    padded = np.pad(samples, ((0, 0), (0, -samples.shape[1] % frames)))
    hops = padded.reshape(channels, -1, frames).transpose(1, 0, 2)
    if _time_first(layout):
        hops = hops.transpose(0, 2, 1)
    return np.ascontiguousarray(hops).reshape(-1, *shape)


def hops_to_frames(hops: "Float32", layout: Layout) -> "Float32":
    """Return (channels, samples) of (hops, *shape)."""
    import numpy as np

    frames, channels = _extents(layout, hops.shape[1:])
    if _time_first(layout):
        return np.ascontiguousarray(hops.reshape(-1, channels).T)
    planes = hops.reshape(-1, channels, frames).transpose(1, 0, 2)
    return np.ascontiguousarray(planes).reshape(channels, -1)


def _extents(layout: Layout, shape: Sequence[int]) -> tuple[int, int]:
    frames, channels = layout.extent("T", shape), layout.extent("C", shape)
    assert frames is not None and channels is not None and frames * channels == math.prod(shape)
    return frames, channels


def _time_first(layout: Layout) -> bool:
    time, channel = layout.axis("T"), layout.axis("C")
    return time is not None and channel is not None and time < channel
