"""Many types for one network, measured: the selectable network as C, compiled once, on all cores."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.export.model import Model
from edgekit.quantize.selectable import GRIDS
from edgekit.runtime.native import NativeEngine, load_library
from edgekit.targets.c.lower import lower_c

Clip = Mapping[str, NDArray[Any]]
Grids = NDArray[np.float32]


class Trials:
    """Runs clips through a selectable network with one table of grids after another."""

    def __init__(self, model: Model, clips: Sequence[Clip], workers: int | None = None) -> None:
        """Lower and compile; `clips` map the stream inputs to (hops, *shape).

        Raises:
            ToolError: there is no C compiler, or it failed.
        """
        build = lower_c(model, "host")
        with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
            for name, content in build.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            library, compiler = load_library(Path(folder), build.manifest)
        names = [tensor.name for tensor in build.manifest.stream_inputs]
        self._orders = [[clip.get(name) for name in names] for clip in clips]
        self._workers = workers or os.cpu_count() or 1
        self._idle: SimpleQueue[NativeEngine] = SimpleQueue()
        for _ in range(self._workers):
            self._idle.put(NativeEngine(library, build.manifest, Path("trials"), compiler))
        assert GRIDS in names

    def run(
        self,
        tables: Sequence[Grids],
        judge: Callable[[int, list[NDArray[Any]]], Any],
        progress: Callable[[int], None] | None = None,
    ) -> list[list[Any]]:
        """Return what `judge` says of each clip's outputs, for each table of grids.

        Args:
            tables: (rows, 3) each.
            judge: gets the number of the clip and its outputs, (hops, *shape) each.
            progress: is told how many tables are done.
        """
        done = 0
        results = []
        with ThreadPoolExecutor(self._workers) as pool:
            tasks = [
                [pool.submit(self._clip, index, table, judge) for index in range(len(self._orders))]
                for table in tables
            ]
            for row in tasks:
                results.append([task.result() for task in row])
                done += 1
                if progress:
                    progress(done)
        return results

    def _clip(
        self, index: int, table: Grids, judge: Callable[[int, list[NDArray[Any]]], Any]
    ) -> Any:
        engine = self._idle.get()
        try:
            engine.reset()
            inputs = self._orders[index]
            hops = len(next(array for array in inputs if array is not None))
            rows = [
                engine.process([table if array is None else array[hop] for array in inputs])[0]
                for hop in range(hops)
            ]
            return judge(index, [np.stack(column) for column in zip(*rows, strict=True)])
        finally:
            self._idle.put(engine)
