"""`Sampler`: a build that draws samples, on this machine; every image has its own seed."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base import sampler_loop
from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_npz
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import NETWORKS, Arrays, StepTable
from edgekit.runtime.build_folder.manifest import NETWORKS_FOLDER, Manifest, Tensor
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.onnxruntime import reusing_network
from edgekit.runtime.runners.wasm import WasmRunner
from edgekit.runtime.stream import Stream

Progress = Callable[[int, int], None]
LOOPS = (NativeRunner, WasmRunner)  # the runner of the build's own loop


class Sampler:
    """A running build with a step table.

    A build of C or WebAssembly runs its own loop, ``<name>_sample``; of another one the network is called step by
    step. Both give the same bits where the network does.
    """

    def __init__(self, stream: Stream, directory: Path | None = None) -> None:
        """Wrap a running build, of a folder.

        Raises:
            UsageError: the build has no sampler.
        """
        table = table_of(stream.manifest)
        roles, known = table.roles, {t.name for t in stream.manifest.stream_inputs}
        named = {roles.x, roles.time or roles.x, roles.group or roles.x, *roles.null}
        if named - known:
            found, allowed = ", ".join(sorted(named - known)), ", ".join(sorted(known))
            raise UsageError(Problem("sampler, inputs", found, allowed, "export the network again"))
        self.stream, self.table, self.directory = stream, table, directory
        self._whole = True

    @staticmethod
    def open(directory: str | Path) -> "Sampler":
        """Load a build folder; the C code of a C build is compiled and run.

        Raises:
            UsageError: no usable build, or one without a sampler.
            ToolError: no C compiler (or onnxruntime), or it failed.
        """
        return Sampler(Stream.open(directory), Path(directory))

    def part(self, first: int, last: int, start_scale: float | None = None) -> "Sampler":
        """Return the sampler of the rows `first` to ``last - 1``, from a given start; its loop runs in Python.

        Values that rows read of a row before, or of the start, are the part's; row noise counts from its first row.

        Args:
            first: a row, from 0 up.
            last: the row after the part's last one.
            start_scale: of the start, where it differs from the sampler's.
        """
        made = copy.copy(self)
        made.table = self.table.part(first, last)
        if start_scale is not None:
            made.table = made.table.with_(start_scale=start_scale)
        made._whole = False
        return made

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one x, channels first."""
        return self._tensor(self.table.roles.x).shape[1:]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one output image: of x, or of the output of the network `last` for it."""
        last = self.stream.others.get("last")
        return self.shape if last is None else last.manifest.stream_outputs[0].shape[1:]

    @property
    def conditions(self) -> tuple[Tensor, ...]:
        """The conditions of an image, each with a first axis of 1."""
        others = {role: other.manifest for role, other in self.stream.others.items()}
        return conditions(self.stream.manifest, self.table, others)

    def sample(
        self,
        n: int,
        seed: int,
        given: Mapping[str, ArrayLike] | None = None,
        progress: Progress | None = None,
    ) -> Float32:
        """Draw `n` images, float32 (n, *image_shape).

        Args:
            n: from 1 up.
            seed: 0 to 2^32 - 1; image i of a seed is the same for every n.
            given: condition -> (n, ...), or one value for all images; a residual that is left out is 0.
            progress: gets the number of rows done, and the number of rows, over all images.

        Raises:
            UsageError: conditions that are missing, unknown or of another shape; a seed outside its range.
        """
        arrays = self._given(given or {}, n, seed)
        out = np.empty((n, *self.image_shape), np.float32)
        for image in range(n):

            def told(done: int, rows: int, image: int = image) -> None:
                if progress is not None:
                    progress(image * rows + done, n * rows)

            own = {name: array[image : image + 1] for name, array in arrays.items()}
            runner = self.stream.runner
            if isinstance(runner, LOOPS) and self._whole:
                one = np.ascontiguousarray(out[image])
                ordered = [own[tensor.name] for tensor in self.conditions]
                runner.sample(int(sampler_loop.image_seeds(seed, image, 1)[0]), ordered, one, told)
                out[image] = one
            else:
                out[image] = self.by_rows(1, seed, own, told, first=image)[0]
        return out

    def invert(
        self,
        images: ArrayLike,
        seed: int,
        given: Mapping[str, ArrayLike] | None = None,
        progress: Progress | None = None,
    ) -> Arrays:
        """Return the conditions that make `sample` give back images; see `edgekit.base.sampler_loop.invert`.

        Args:
            images: (n, *shape).
            seed: 0 to 2^32 - 1, of the draws; image i has its own draws for every n.
            given: the other conditions -> (n, ...), or one value for all images.
            progress: gets the number of rows done, and the number of rows.

        Raises:
            UsageError: images of another shape; a build whose rows cannot be inverted; conditions as `sample`.
        """
        x = checked_images(images, self.shape)
        arrays = self._given({**(given or {}), **inversion_conditions(self.table, x)}, len(x), seed)
        return sampler_loop.invert(
            self.table, self._network(), x, seed, arrays, np.float32, progress
        )

    def by_rows(
        self, n: int, seed: int, given: Arrays, progress: Progress | None = None, first: int = 0
    ) -> Float32:
        """Draw images with the loop in Python and the build's network in it; arguments as `steps.sample`.

        Raises:
            UsageError: rows run the decoder alone, which a C build does in its own loop only.
        """
        network = self._network()
        drawn: Float32 = sampler_loop.sample(
            self.table,
            network,
            self.shape,
            n,
            seed,
            given,
            np.float32,
            progress,
            first=first,
            others={role: _other_network(other) for role, other in self.stream.others.items()},
        )
        return drawn

    def _network(self) -> sampler_loop.Network:
        """The build's network, for a loop in Python."""
        if not (self.table.graph == 1).any():
            return stream_as_denoiser(self.stream)
        if isinstance(self.stream.runner, LOOPS) or self.directory is None:
            found, allowed = "encoder propagation", "tables whose rows run the whole network"
            raise UsageError(Problem("rows in Python", found, allowed, "call sample"))
        return sampler_loop.one_by_one(reusing_network(self.directory, self.stream.manifest))

    def _tensor(self, name: str) -> Tensor:
        found = {tensor.name: tensor for tensor in self.stream.manifest.stream_inputs}
        return found[name]

    def _given(self, given: Mapping[str, ArrayLike], n: int, seed: int) -> Arrays:
        return given_conditions(self.conditions, self.table, given, n, seed)


def checked_images(images: ArrayLike, shape: tuple[int, ...]) -> Float32:
    """Return images (n, *shape) as float32.

    Raises:
        UsageError: none, or another shape.
    """
    x = np.asarray(images, np.float32)
    if x.shape[1:] != shape or not len(x):
        found, allowed = f"shape {x.shape}", f"(images, {', '.join(map(str, shape))})"
        raise UsageError(Problem("images", found, allowed, "reshape them"))
    return x


def inversion_conditions(table: StepTable, x: Float32) -> dict[str, ArrayLike]:
    """Return the conditions that an inversion of images finds, with values of their shapes."""
    roles = table.roles
    own: dict[str | None, ArrayLike] = {roles.start: x, roles.noise: 0.0, roles.residual: 0.0}
    return {name: value for name, value in own.items() if name is not None}


def table_of(manifest: Manifest) -> StepTable:
    """Return the step table of a build.

    Raises:
        UsageError: it has no sampler.
    """
    if (table := manifest.steps) is not None:
        return table
    where, step = f"build '{manifest.source['name']}'", "export with --sampler SPEC.toml"
    raise UsageError(Problem(where, "no sampler", "a denoiser", step))


def other_manifests(directory: Path, manifest: Manifest) -> dict[str, Manifest]:
    """Return the manifests of the other networks of a build's sampler, by role."""
    roles = table_of(manifest).networks
    return {role: Manifest.load(directory / NETWORKS_FOLDER / role) for role in roles}


def given_conditions(
    tensors: Sequence[Tensor], table: StepTable, given: Mapping[str, ArrayLike], n: int, seed: int
) -> Arrays:
    """Return the conditions of `n` images, (n, ...) each.

    Args:
        tensors: the conditions that there are.
        table: of the build.
        given: condition -> (n, ...), or one value for all images; a residual that is left out is 0.
        n: how many images.
        seed: of them.

    Raises:
        UsageError: conditions that are missing, unknown or of another shape; a seed outside its range.
    """
    problems, arrays = list[Problem](), {}
    residual = table.roles.residual
    given = given if residual is None else {residual: 0.0, **given}
    known = {tensor.name: tensor for tensor in tensors}
    listed = ", ".join(f"{t.name} {t.dtype} {list(t.shape[1:])}" for t in known.values()) or "none"
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
            problems.append(Problem(where, "not given", listed, "give a value, or one per image"))
        else:
            array, wanted = np.asarray(given[name]), (n, *known[name].shape[1:])
            found = _for_each_image(array, wanted)
            if found is None:
                shapes = f"shape {array.shape}", f"{wanted}"
                problems.append(Problem(where, *shapes, "one per image"))
            else:
                arrays[name] = found.astype(known[name].dtype)
    if problems:
        raise UsageError(problems)
    return arrays


def _for_each_image(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Values for all images, or the same for each of them, in a shape (n, ...); None where they do not fit it."""
    if array.size == math.prod(shape):
        return array.reshape(shape)
    fits = array.size == 1 or array.shape == shape[1:]
    return np.broadcast_to(array, shape) if fits else None


def given_files(table: StepTable, start: Path | None, noise: Path | None) -> Arrays:
    """Read the start, and noise with the residual, from .npz files that name them as the table does.

    A file of one array need not name it; one of noise may leave the residual out.

    Raises:
        UsageError: a file that cannot be read or lacks the array, or a table whose start or noise is its own.
    """
    found, problems = Arrays(), list[Problem]()
    roles = table.roles
    for flag, path, name, more in (
        ("start", start, roles.start, None),
        ("noise", noise, roles.noise, roles.residual),
    ):
        if path is None:
            continue
        if name is None:
            what, step = "the build draws its own", f'export with {flag} = "given" in sampler.toml'
            problems.append(Problem(f"--{flag}", what, f"a build of given {flag}", step))
            continue
        arrays = _read_named(path, name)
        if name not in arrays:
            what, step = ", ".join(arrays) or "no array", f"call it {name}"
            problems.append(Problem(f"--{flag} '{path}'", what, f"an array '{name}'", step))
        found |= {key: arrays[key] for key in (name, more) if key in arrays}
    if problems:
        raise UsageError(problems)
    return found


def _read_named(path: Path, name: str) -> Arrays:
    """The arrays of a .npz; where there is one, under this name."""
    arrays = read_npz(path)
    return {name: next(iter(arrays.values()))} if len(arrays) == 1 else arrays


def conditions(
    manifest: Manifest, table: StepTable, others: Mapping[str, Manifest] | None = None
) -> tuple[Tensor, ...]:
    """Return the values given once per image: inputs of all networks that the loop does not fill, and those of rows.

    In the order of the C struct.
    """
    roles, made = table.roles, table.roles.y if "y" in table.networks else None
    inputs = {tensor.name: tensor for tensor in manifest.stream_inputs}
    own = table.own_conditions(inputs[roles.x].shape)
    filled = (roles.x, roles.time, roles.group, made)
    given = {name: tensor for name, tensor in inputs.items() if name not in filled}
    more = [Tensor(name, shape, "float32", "stream") for name, shape in own.items()]
    for tensor in (*more, *_other_conditions(roles.x, others or {})):
        given.setdefault(tensor.name, tensor)
    return tuple(given.values())


def _other_conditions(x: str, others: Mapping[str, Manifest]) -> Iterator[Tensor]:
    """Yield the inputs of the networks other than the denoiser, without the x that the loop passes to them."""
    for role in NETWORKS:
        if role in others:
            inputs = others[role].stream_inputs
            yield from (tensor for tensor in inputs if role == "y" or tensor.name != x)


def _other_network(stream: Stream) -> sampler_loop.Other:
    """A network beside the denoiser, for the loop in Python."""
    network = stream_as_denoiser(stream)
    return lambda given: network(given, sampler_loop.Step(0, 0, 0.0, 0, 0))[0]


def stream_as_denoiser(stream: Stream) -> sampler_loop.Network:
    """The network of a running build, for `steps.sample`."""
    inputs = stream.manifest.stream_inputs

    def call(given: Arrays, _: Step) -> Sequence[Array]:
        ready = {t.name: given[t.name].astype(t.dtype).reshape(t.shape) for t in inputs}
        return list(stream.process(ready).values())

    return sampler_loop.one_by_one(call)
