"""Runs of one network in C over clips, on all cores: compiled once, and with one table of grids after another."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.graph.model import Model
from edgekit.quantize.search.selectable import GRIDS
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.runtime.runners.hop_loop import run_clip
from edgekit.targets.c.lower import lower_c

Clip = Mapping[str, Array]
Grids = Float32
T = TypeVar("T")
NO_GRIDS = np.zeros((0, 3), np.float32)


class Trials:
    """Instances of one network for this machine, one on each core."""

    def __init__(
        self,
        model: Model,
        clips: Sequence[Clip],
        target: str = "host",
        quick: bool = False,
        instances: int | None = None,
        branches: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        """Lower and compile; `clips` map the stream inputs, but `GRIDS`, to (hops, *shape), and session constants.

        All targets have the same integers: `target` is the one whose kernels a process has compiled already, or will. A
        `quick` compilation runs slower. This number of `instances` runs in parallel: one on each core by default.
        `branches` has the hops at which the states return to those at the first of them, by the number of a clip.

        Raises:
            ToolError: no C compiler, or it failed.
        """
        build = lower_c(model, target)
        with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
            for name, content in build.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            library, compiler = load_library(Path(folder), build.manifest, quick)
        self._manifest = build.manifest
        self.outputs = [tensor.name for tensor in build.manifest.stream_outputs]
        self._clips, self._branches = clips, branches or {}
        self._workers = instances or os.cpu_count() or 1
        self._idle: SimpleQueue[NativeRunner] = SimpleQueue()
        for _ in range(self._workers):
            self._idle.put(NativeRunner(library, build.manifest, Path("trials"), compiler))

    @property
    def batches(self) -> list[range]:
        """The numbers of the clips, as many together as run at once."""
        count = len(self._clips)
        return [
            range(first, min(first + self._workers, count))
            for first in range(0, count, self._workers)
        ]

    def run(
        self,
        judge: Callable[[int, dict[str, Array]], T],
        tables: Sequence[Grids] = (NO_GRIDS,),
        clips: Sequence[int] | None = None,
    ) -> list[list[T]]:
        """Return the value of `judge` for each clip's outputs, for each table of grids.

        Args:
            judge: gets the number of the clip and its outputs, (hops, *shape) by name.
            tables: (rows, 3) each, for a selectable network.
            clips: the numbers of those to run; all where not given.
        """
        numbers = range(len(self._clips)) if clips is None else clips
        with ThreadPoolExecutor(self._workers) as pool:
            tasks = [
                [pool.submit(self._clip, index, table, judge) for index in numbers]
                for table in tables
            ]
            return [[task.result() for task in row] for row in tasks]

    def _clip(self, index: int, table: Grids, judge: Callable[[int, dict[str, Array]], T]) -> T:
        clip, hop_inputs = self._clips[index], self._manifest.hop_inputs
        if any(tensor.name == GRIDS for tensor in hop_inputs):
            hops = len(next(clip[t.name] for t in hop_inputs if t.name != GRIDS))
            clip = {**clip, GRIDS: np.broadcast_to(table, (hops, *table.shape))}
        runner = self._idle.get()
        try:
            branches = self._branches.get(index, ())
            outputs, _ = run_clip(runner, self._manifest, clip, repeats=True, branches=branches)
        finally:
            self._idle.put(runner)
        return judge(index, outputs)
