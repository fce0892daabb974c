"""Costs of each layer of a C build: microseconds on this machine, instructions under QEMU.

The build's own sources are compiled with a mark after each layer (``runtime/replay/marks.h``). It ends one measurement
and begins the next.
"""

import ctypes
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from shutil import copy

import numpy as np

from edgekit.base.arrays import Array, Int64
from edgekit.base.errors import CheckFailed
from edgekit.runtime.bench.contenders import Arrays, NativeContender
from edgekit.runtime.bench.measure import ROUNDS, ByLayer, one_core
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count as count_under_qemu
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.c import own_files
from edgekit.targets.build import Build, Layer
from edgekit.targets.build_files import write_build
from edgekit.targets.c.replay.noise import noise_folder, noise_hops
from edgekit.verbs.replay import replay_folder

REPLAY = files("edgekit.runtime") / "replay"
BEHIND = ("the end of the hop", "")
COUNTED_HOPS = 1
Statistic = Callable[..., Array]  # over an axis of an array
TIMED_HOPS, TIMED_BYTES = 32, 1 << 26  # of a round, and of the inputs


def time_layers(
    directory: Path, manifest: Manifest, inputs: Arrays, layers: Sequence[Layer]
) -> ByLayer:
    """Time the layers of a build on this machine: the median over hops, without the clock's own time.

    Args:
        directory: the build.
        manifest: its facts.
        inputs: of one of `ROUNDS` rounds, (hops, *shape).
        layers: of `edgekit.verbs.replay.look`.

    Raises:
        ToolError: no compiler, or it refused the sources.
        CheckFailed: the build has other layers.
    """
    with _open_marked_build(directory, manifest) as contender, one_core():
        clock = contender.intervals_ns("ek_nothing", inputs, 1)
        rounds = [contender.hops_ns(inputs, layers) for _ in range(ROUNDS)]
    us = np.maximum(0.0, np.median(np.concatenate(rounds), axis=0) - np.median(clock)) / 1000
    return ByLayer("us", _rows(layers, us))


def measure_builds(
    builds: Sequence[Build], device: Profile, rounds: int = ROUNDS, of_round: Statistic = np.median
) -> list[ByLayer]:
    """Return the cost of each layer in each of several builds, over the same hops of noise.

    On this machine the cost is time, measured in turn; on an emulated device it is instructions.

    Args:
        builds: of one network.
        device: their device.
        rounds: of all builds; the least one counts.
        of_round: the statistic of a round's hops; the least one is right on a busy machine, too.

    Raises:
        ToolError: no compiler or emulator, or one failed.
    """
    if device.is_cross:
        found = []
        for build in builds:
            with noise_folder(build, device, COUNTED_HOPS) as folder:
                found.append(count_layers_of_folder(folder, device, COUNTED_HOPS, build.layers))
        return found
    given = builds[0].manifest
    size = sum(4 * int(np.prod(tensor.shape)) for tensor in given.hop_inputs)
    hops = max(1, min(TIMED_HOPS, TIMED_BYTES // max(size, 1)))
    with ExitStack() as stack:
        contenders = []
        for build in builds:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgekit-")))
            write_build(build, folder)
            marked = stack.enter_context(_open_marked_build(folder, build.manifest))
            contenders.append((marked, build.layers))
        inputs = noise_hops((*given.hop_inputs, *given.constants), hops)
        stack.enter_context(one_core())
        return _timed_in_turn(contenders, inputs, rounds, of_round)


def _timed_in_turn(
    contenders: "Sequence[tuple[_MarkedContender, Sequence[Layer]]]",
    inputs: Arrays,
    rounds: int,
    of_round: Statistic,
) -> list[ByLayer]:
    """Time builds in turn: of each layer the least of all rounds."""
    for contender, layers in contenders:  # caches and pages are warm
        contender.hops_ns(inputs, layers)
    found = [
        [of_round(contender.hops_ns(inputs, layers), axis=0) for contender, layers in contenders]
        for _ in range(rounds)
    ]
    return [
        ByLayer("us", _rows(layers, np.min(own, axis=0) / 1000))
        for (_, layers), own in zip(contenders, zip(*found, strict=True), strict=True)
    ]


def count_layers(
    directory: Path, manifest: Manifest, profile: Profile, hops: int, layers: Sequence[Layer]
) -> ByLayer:
    """Count the instructions of the layers of a build under QEMU: the mean over `hops`.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
        CheckFailed: the build has other layers.
    """
    with replay_folder(directory, manifest, profile) as folder:
        return count_layers_of_folder(folder, profile, hops, layers)


def count_layers_of_folder(
    folder: Path, profile: Profile, hops: int, layers: Sequence[Layer]
) -> ByLayer:
    """The same of a folder with a build and its replay program, whose sources get the marks."""
    _mark(folder)
    program = folder / "program"
    compile_replay(folder, profile, program, [f"-DREPLAY_COUNTED_HOPS={hops}"])
    found = np.array(count_under_qemu(profile, program).hops)
    _check(len(found), hops * (len(layers) + 1))
    return ByLayer("instructions", _rows(layers, found.reshape(hops, -1).mean(axis=0)))


@contextmanager
def _open_marked_build(directory: Path, manifest: Manifest) -> "Iterator[_MarkedContender]":
    """A build whose sources get the marks, compiled."""
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for path in (*own_files(directory, "*.c"), *own_files(directory, "*.h")):
            copied = folder / path.relative_to(directory)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copy(path, copied)
        _mark(folder)
        (folder / "marks.c").write_bytes((REPLAY / "marks.c").read_bytes())
        yield _MarkedContender(folder, manifest)


class _MarkedContender(NativeContender):
    """A build whose sources were marked, with ``marks.c``."""

    def intervals_ns(self, process: str, inputs: Arrays, intervals: int) -> Int64:
        """Run a process function over all hops; return the time of each interval between marks, (hops, intervals)."""
        library = self._runner.library
        hops = len(inputs[self._manifest.hop_inputs[0].name])
        nanoseconds = np.zeros((hops, intervals), np.int64)
        room = ctypes.c_size_t(nanoseconds.size)
        library.ek_mark(library[process], ctypes.c_void_p(nanoseconds.ctypes.data), room)
        self._process = ctypes.cast(library.ek_marked, ctypes.c_void_p).value or 0
        self.run(inputs)
        library.ek_marked_count.restype = ctypes.c_size_t
        _check(library.ek_marked_count(), nanoseconds.size)
        return nanoseconds

    def hops_ns(self, inputs: Arrays, layers: Sequence[Layer]) -> Int64:
        """Run hops; return the time of each layer, and the end of the hop, (hops, layers + 1)."""
        process = f"{self._manifest.c_name}_process"
        return self.intervals_ns(process, inputs, len(layers) + 1)


def _mark(folder: Path) -> None:
    """Put the header of marks before the sources that have layers."""
    for path in folder.rglob("*.c"):
        if b"EK_LAYER(" in (text := path.read_bytes()):
            path.write_bytes(b'#include "marks.h"\n' + text)
            (path.parent / "marks.h").write_bytes((REPLAY / "marks.h").read_bytes())


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise CheckFailed(
            f"its sources have {found} marks of layers where their network has {wanted}"
        )


def _rows(layers: Sequence[Layer], costs: Array) -> tuple[tuple[str, str, float], ...]:
    """Return a row for each node; the cost of a node with several results is in the row of the first."""
    names = [*((layer.node, layer.operator) for layer in layers), BEHIND]
    pairs = zip(names, map(float, costs), strict=True)
    rows = [
        (*name, sum(cost for _, cost in group))
        for name, group in groupby(pairs, key=lambda pair: pair[0])
    ]
    return tuple(row for row in rows if row[:2] != BEHIND or row[2])
