"""`Sampler`: a build that draws samples, on this machine; every image has a seed of its own."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.base import sampler_table
from edgekit.base.errors import Problem, UsageError
from edgekit.base.sampler_table import Arrays, Step, StepTable
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.engines.c import NativeEngine
from edgekit.runtime.engines.onnxruntime import reusing_network
from edgekit.runtime.stream import Stream

Progress = Callable[[int, int], None]


class Sampler:
    """A running build with a step table.

    A C build runs its own loop, ``<name>_sample``; of another one the network is called step by step. Both give
    the same bits where the network does.
    """

    def __init__(self, stream: Stream, directory: Path | None = None) -> None:
        """Wrap a running build, of a folder.

        Raises:
            UsageError: the build has no sampler.
        """
        table = stream.manifest.steps
        if table is None:
            found, step = "no sampler", "export with --sampler SPEC.toml"
            raise UsageError(
                Problem(f"build '{stream.manifest.source['name']}'", found, "a denoiser", step)
            )
        roles, known = table.roles, {t.name for t in stream.manifest.stream_inputs}
        named = {roles.x, roles.time or roles.x, roles.group or roles.x, *roles.null}
        if named - known:
            found, allowed = ", ".join(sorted(named - known)), ", ".join(sorted(known))
            raise UsageError(Problem("sampler, inputs", found, allowed, "export the network again"))
        self.stream, self.table, self.directory = stream, table, directory

    @staticmethod
    def open(directory: str | Path) -> "Sampler":
        """Load a build folder; the C code of a C build is compiled and run.

        Raises:
            UsageError: no usable build, or one without a sampler.
            ToolError: no C compiler (or onnxruntime), or it failed.
        """
        return Sampler(Stream.open(directory), Path(directory))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, channels first."""
        return self._tensor(self.table.roles.x).shape[1:]

    @property
    def conditions(self) -> tuple[Tensor, ...]:
        """What an image can be conditioned on, each with a first axis of 1."""
        return conditions(self.stream.manifest, self.table)

    def sample(
        self,
        n: int,
        seed: int,
        given: Mapping[str, ArrayLike] | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """Draw `n` images, float32 (n, *shape).

        Args:
            n: from 1 up.
            seed: 0 to 2^32 - 1; image i of it is the same whatever n is.
            given: condition -> (n, ...), or one value for all images.
            progress: is told how many rows are done, and how many there are, over all images.

        Raises:
            UsageError: conditions that are missing, unknown or of another shape; a seed outside its range.
        """
        arrays = self._given(given or {}, n, seed)
        out = np.empty((n, *self.shape), np.float32)
        for image in range(n):

            def told(done: int, rows: int, image: int = image) -> None:
                if progress is not None:
                    progress(image * rows + done, n * rows)

            own = {name: array[image : image + 1] for name, array in arrays.items()}
            engine = self.stream.engine
            if isinstance(engine, NativeEngine):
                one = np.ascontiguousarray(out[image])
                ordered = [own[tensor.name] for tensor in self.conditions]
                engine.sample(int(sampler_table.image_seeds(seed, image, 1)[0]), ordered, one, told)
                out[image] = one
            else:
                out[image] = self.by_rows(1, seed, own, told, first=image)[0]
        return out

    def by_rows(
        self, n: int, seed: int, given: Arrays, progress: Progress | None = None, first: int = 0
    ) -> NDArray[np.float32]:
        """Draw images with the loop in Python and the build's network in it; arguments as `steps.sample`.

        Raises:
            UsageError: rows run the decoder alone, which a C build does in its own loop only.
        """
        network = stream_network(self.stream)
        if (self.table.graph != 0).any():
            if isinstance(self.stream.engine, NativeEngine) or self.directory is None:
                found, allowed = "encoder propagation", "tables whose rows run the whole network"
                raise UsageError(Problem("rows in Python", found, allowed, "call sample"))
            network = sampler_table.one_by_one(
                reusing_network(self.directory, self.stream.manifest)
            )
        drawn: NDArray[np.float32] = sampler_table.sample(
            self.table,
            network,
            self.shape,
            n,
            seed,
            given,
            np.float32,
            progress,
            first,
        )
        return drawn

    def _tensor(self, name: str) -> Tensor:
        found = {tensor.name: tensor for tensor in self.stream.manifest.stream_inputs}
        return found[name]

    def _given(self, given: Mapping[str, ArrayLike], n: int, seed: int) -> Arrays:
        problems, arrays = [], {}
        known = {tensor.name: tensor for tensor in self.conditions}
        listed = (
            ", ".join(f"{t.name} {t.dtype} {list(t.shape[1:])}" for t in known.values()) or "none"
        )
        if n < 1:
            problems.append(Problem("images", str(n), "1 or more", "ask for one"))
        if not 0 <= seed < 1 << 32:
            problems.append(Problem("seed", str(seed), "0 to 4294967295", "choose another"))
        for name in dict.fromkeys([*known, *given]):
            where = f"condition '{name}'"
            if name not in known:
                problems.append(
                    Problem(where, "the build has none of this name", listed, "leave it out")
                )
            elif name not in given:
                problems.append(
                    Problem(where, "not given", listed, "give a value, or one per image")
                )
            else:
                array, wanted = np.asarray(given[name]), (n, *known[name].shape[1:])
                fits = array.size in (1, math.prod(wanted)) or array.shape == wanted[1:]
                if not fits:
                    problems.append(
                        Problem(where, f"shape {array.shape}", f"{wanted}", "one per image")
                    )
                    continue
                whole = array.reshape(wanted) if array.size == math.prod(wanted) else array
                arrays[name] = np.broadcast_to(whole, wanted).astype(known[name].dtype)
        if problems:
            raise UsageError(problems)
        return arrays


def conditions(manifest: Manifest, table: StepTable) -> tuple[Tensor, ...]:
    """The network's inputs that the rows do not fill, and y: in the order of the C struct."""
    roles = table.roles
    filled = (roles.x, roles.time, roles.group)
    given = [tensor for tensor in manifest.stream_inputs if tensor.name not in filled]
    if table.needs_y and roles.y is not None and roles.y not in {t.name for t in given}:
        x = next(tensor for tensor in manifest.stream_inputs if tensor.name == roles.x)
        given.append(Tensor(roles.y, x.shape, "float32", "stream"))
    return tuple(given)


def stream_network(stream: Stream) -> sampler_table.Network:
    """The network of a running build, for `steps.sample`."""
    inputs = stream.manifest.stream_inputs

    def call(given: Arrays, _: Step) -> Sequence[NDArray[Any]]:
        ready = {t.name: given[t.name].astype(t.dtype).reshape(t.shape) for t in inputs}
        return list(stream.process(ready).values())

    return sampler_table.one_by_one(call)
