"""`Build`: a build folder in a Python program: it runs, is measured, and shows itself in a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.progress import Progress, silent
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.targets.summary import summary_html, summary_text
from edgekit.verbs.bench import benchmark
from edgekit.verbs.keywords import suggest_keywords
from edgekit.verbs.open_stream import open_stream

REPORT = "report.html"
Arrays = dict[str, Array]


@dataclass(frozen=True, repr=False)
class Build:
    """A verified build: its folder, its manifest, and notes for the user.

    `repr` has five lines: the network, target and recipe, latency, memory, verification. Where a cell of a notebook
    ends with a build, it shows these, the layers and the memory. A temporary folder of `deploy` is removed with the
    last reference to the build.
    """

    directory: Path
    manifest: Manifest
    notes: tuple[str, ...] = ()
    _temporary: "TemporaryDirectory[str] | None" = field(default=None, repr=False)

    @staticmethod
    def open(directory: str | Path) -> "Build":
        """Return the build of a folder that an export made, here or elsewhere; torch and onnx are not needed.

        Raises:
            UsageError: no build, or one whose files are missing or changed.
        """
        return Build(Path(directory), open_build(Path(directory)))

    def stream(self) -> Stream:
        """Return a fresh instance that runs hop by hop; see `edgekit.runtime.stream.Stream`."""
        return open_stream(self.directory)[0]

    @cached_property
    def _running(self) -> Stream:
        return self.stream()

    def run(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Array | Arrays:
        """Run the build from its fresh state.

        Args:
            inputs: one array, or one for each stream input by name: of one call, as the network takes it; of many
                calls, along a further first axis; or, of a build with time axes, a recording of any length.

        Returns:
            The same form: of one call, many, or a recording. One array where one was given and the build has one
            stream output, else one by name.

        Raises:
            UsageError: names, shapes or types that do not fit.
            ToolError: a compiler or package is missing, or failed.
        """
        hops = self.manifest.hop_inputs
        if isinstance(inputs, Mapping):
            return self._run_by_name({name: _data(name, array) for name, array in inputs.items()})
        if len(hops) != 1:
            allowed = f"a dictionary of {', '.join(t.name for t in hops)}"
            raise UsageError(Problem("inputs", "one array", allowed, "name the arrays"))
        name = hops[0].name
        found = self._run_by_name({name: _data(name, inputs)})
        return found if len(found) != 1 else next(iter(found.values()))

    def _run_by_name(self, arrays: Arrays) -> Arrays:
        """Run one call, many or a recording, according to the shapes."""
        stream, arrays = self._running, _spread_controls(arrays, self.manifest)
        declared = {t.name: tuple(t.shape) for t in self.manifest.hop_inputs}
        shapes = [(arrays[n].shape, shape) for n, shape in declared.items() if n in arrays]
        stream.reset()
        if shapes and all(found == shape for found, shape in shapes):
            one = {n: array[None] if n in declared else array for n, array in arrays.items()}
            return {name: array[0] for name, array in stream.run(one).items()}
        is_hops = all(found[1:] == shape for found, shape in shapes)
        if self.manifest.streaming is not None and not is_hops:
            return dict(stream.clip(arrays))
        return dict(stream.run(arrays))

    @suggest_keywords
    def bench(
        self,
        *,
        device: str | None = None,
        hops: int | None = None,
        layers: bool = False,
        against: Sequence[str] = (),
        append: str | Path | None = None,
        progress: Progress = silent,
    ) -> Measurement:
        """Measure it, and add a page to its report; the keywords are those of `edgekit.api.bench`."""
        file = None if append is None else Path(append)
        request = benchmark.Request(self.directory, device, hops, tuple(against), layers, file)
        return benchmark.bench(request, progress)

    def report(self) -> str:
        """Return its report, as HTML.

        Raises:
            UsageError: its folder was removed.
        """
        try:
            return (self.directory / REPORT).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            found, step = f"{REPORT} is gone", "deploy again; out=DIR keeps the build"
            where = f"build '{self.directory}'"
            raise UsageError(
                Problem(where, found, "a folder that is left as it is", step)
            ) from error

    def __repr__(self) -> str:
        return summary_text(self.manifest, self.directory)

    def _repr_html_(self) -> str:
        return summary_html(self.manifest, self.directory)


def _spread_controls(arrays: Arrays, manifest: Manifest) -> Arrays:
    """Return inputs of many calls in which a control that was given once has that value in each."""
    calls = {
        arrays[t.name].shape[0]
        for t in manifest.stream_inputs
        if t.name in arrays and arrays[t.name].shape[1:] == tuple(t.shape) != arrays[t.name].shape
    }
    if len(calls) != 1:
        return arrays
    (count,) = calls
    shapes = {t.name: tuple(t.shape) for t in manifest.controls if t.name in arrays}
    once = [name for name, shape in shapes.items() if arrays[name].shape == shape]
    return arrays | {name: np.repeat(arrays[name][None], count, axis=0) for name in once}


def _data(name: str, value: Any) -> Array:
    """An input of `Build.run` as an array of numbers."""
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "biufc":
        found, step = f"a {type(value).__name__}", "read files first; edgekit.api.run takes paths"
        raise UsageError(Problem(f"input '{name}'", found, "numbers", step))
    return array
