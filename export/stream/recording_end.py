"""The declared end of recordings, and the samples after which a table that the network reads has no more rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.model import Model

DOUBLINGS = 24  # hops that are looked at: up to 2**24, which a float32 counts


@dataclass(frozen=True)
class RecordingEnd:
    """The length of the longest recording.

    Attributes:
        samples: steps of the time axis of the inputs; None if no end is declared.
        hz: of these steps; None if it is unknown.
    """

    samples: int | None = None
    hz: float | None = None

    def includes(self, samples: int) -> bool:
        """Whether a recording may be so long."""
        return self.samples is None or samples <= self.samples

    def table_note(self, name: str, rows: int, samples: int) -> str:
        """Return a note on a table of positions that has a row for each of so many samples.

        Raises:
            Refused: recordings may be longer.
        """
        if self.samples is not None and self.samples <= samples:
            return f"after {self._text(samples)}, positions keep the last of the {rows} rows of '{name}'"
        found = f"its table of positions '{name}' has {rows} rows, which end after {self._text(samples)}"
        step = f"declare with --until {samples}, or fewer SAMPLES, that no recording is longer"
        if self.samples is None:
            raise StreamingRefused(found, "a table for recordings with a declared end", step)
        allowed = f"rows for the {self._text(self.samples)} of --until"
        raise StreamingRefused(found, allowed, f"give --until {samples} at most, or a longer table")

    def _text(self, samples: int) -> str:
        seconds = "" if self.hz is None else f" ({samples / self.hz:.3g} s)"
        return f"{samples} samples{seconds}"


NO_END = RecordingEnd()


def first_frame_beyond(
    new: HopGraph, index: ir.Value, axis: int, rows: int, frames: int
) -> int | None:
    """Return the first frame of a stream, counted from its first hop, for which an index of a table has no row.

    Args:
        new: the graph of one hop.
        index: the rows to read in one hop; it follows from the counters of hops alone.
        axis: of time, in the index.
        rows: of the table.
        frames: of a hop.

    Returns:
        The frame; None if all 2**24 hops, at powers of two, find their rows.
    """
    part = ir.convenience.extract(new.graph, list(new.counters.values()), [index])
    (output,) = part.outputs
    output.dtype, name = ir.DataType.INT64, str(output.name)
    used = {str(value.name) for value in part.inputs}
    running = in_onnxruntime(Model(ir.Model(part, ir_version=10)).to_bytes())

    def frames_without_row(hop: int) -> list[int]:
        feed = {key: array for key, array in new.states_after(hop).items() if key in used}
        beyond = np.moveaxis(running(feed)[name] >= rows, axis, 0)
        return [int(n) for n in np.flatnonzero(beyond.reshape(len(beyond), -1).any(1))]

    first = _first_hop(frames_without_row)
    return None if first is None else int(first * frames + frames_without_row(first)[0])


def _first_hop(frames_without_row: Callable[[int], Sequence[int]]) -> int | None:
    """Return the first hop in which frames are missing; None if none are at powers of two."""
    late = next((1 << n for n in range(DOUBLINGS) if frames_without_row(1 << n)), None)
    if late is None:
        return None
    early = late // 2
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if frames_without_row(middle) else (middle, late)
    return early if frames_without_row(early) else late
