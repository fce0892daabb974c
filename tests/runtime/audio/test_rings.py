"""Rings, meters and times of hops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tiny_build
from fake_sound import Flags
from numpy.typing import NDArray

from edgekit.runtime.audio.live import Live
from edgekit.runtime.stream import Stream


class Slow:
    """A runner that gives its input back and says that a hop took so long."""

    compiler = None

    def __init__(self, us: float = 1.0) -> None:
        self.us = us

    def process(self, inputs: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], int]:
        return [inputs[0].copy()], int(self.us * 1000)

    def reset(self) -> None:
        pass


def slow(us: float = 1.0, **changes: Any) -> Stream:
    return Stream(tiny_build.manifest(**changes), Slow(us))  # type: ignore[arg-type]


def through(
    live: Live,
    samples: NDArray[np.float32],
    block: int,
    flags: dict[int, Flags] | None = None,
    before: Callable[[int], None] = lambda number: None,
) -> NDArray[np.float32]:
    """Call back with block after block, the worker at once behind each."""
    heard = []
    for number, part in enumerate(samples.reshape(-1, block, 1)):
        before(number)
        out = np.full_like(part, np.nan)
        live.callback(part, out, block, None, (flags or {}).get(number, Flags()))
        heard.append(out[:, 0])
        while live.work():
            pass
    return np.concatenate(heard)


def test_levels_leave_out_what_is_no_number() -> None:
    live = Live(slow(), 8)
    samples = np.full(80, 0.5, np.float32)
    samples[16], samples[33] = np.nan, np.inf
    through(live, samples, 8)
    assert live.facts().in_dbfs == -6.0 and live.facts(whole=True).out_dbfs == -6.0
    assert live.facts().in_dbfs is None
