"""First frames of a stream that become final later than others: those that padding repeats from frames to come.

A padding that reflects makes frame 0 of frame n, so frame 0 is final only when frame n is there. A stream may hold such
frames again in each hop, in front of its own, until they are final: whoever waits for later frames anyway then loses
no time. `Track.late` has the hop in which each of the first frames is final.
"""

from collections.abc import Sequence
from dataclasses import dataclass

KNOWN = -1  # the hop in which a frame is final that follows from constants, or that nobody reads

Late = tuple[int, ...]
NONE: Late = ()


@dataclass(frozen=True)
class Window:
    """Input frames that output frame j reads: ``j * stride - left`` to ``j * stride - left + reach``.

    `last` is the last frame that is read, counted from ``rate * samples``; the first `unheard` of each window have no
    effect. Nobody reads the output frames before `first`. A window reads every `step`-th of its frames.
    """

    reach: int
    stride: int
    left: int
    last: int
    unheard: int = 0
    first: int = 0
    step: int = 1


def again(late: Late, delay: int, frames: int) -> int:
    """Return how many frames before those of a hop must be held, so that each is there in the hop in which it is final.

    Args:
        late: see `Track.late`.
        delay: of the stream, in frames.
        frames: of a hop.
    """
    return max(0, *(hop * frames - delay - m for m, hop in enumerate(late) if hop != KNOWN), 0)


def late_windows(late: Late, window: Window) -> Late:
    """Return in which hop each of the first outputs of a window is final."""
    count = max(0, (len(late) - 1 + window.left - window.unheard) // window.stride + 1)
    found = []
    for place in range(count if late else 0):
        begin = place * window.stride - window.left
        read = [
            late[m]
            for m in range(begin + window.unheard, begin + window.reach + 1, window.step)
            if 0 <= m < len(late)
        ]
        found.append(KNOWN if place < window.first else max(read, default=KNOWN))
    return tuple(found)


def latest_of(lates: Sequence[Late]) -> Late:
    """Return in which hop each of the first frames is final that follows from several streams."""
    count = max(map(len, lates), default=0)
    return tuple(
        max((late[m] for late in lates if m < len(late)), default=KNOWN) for m in range(count)
    )


def late_blocks(late: Late, size: int, left: int, first: int, reach: int | None = None) -> Late:
    """Return in which hop each of the first outputs is final, of which a frame makes `size` and `left` are cut off.

    Only those up to `reach` of a frame's outputs follow from it, and others from constants; all if it is None.
    """
    count, far = max(0, len(late) * size - left), size if reach is None else reach
    return tuple(
        KNOWN if n < first or (n + left) % size > far else late[(n + left) // size]
        for n in range(count)
    )
