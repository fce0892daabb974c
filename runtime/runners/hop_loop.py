"""Many hops of a C build in one call: no interpreter runs between them."""

import ctypes
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import CheckFailed
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.toolchain import compile_shared

BLOCK = 64  # hops between two looks at the states


def run_clip(
    runner: NativeRunner,
    manifest: Manifest,
    inputs: Mapping[str, Array],
    process: int | None = None,
    *,
    repeats: bool = False,
    branches: Sequence[int] = (),
) -> tuple[dict[str, Array], Float64]:
    """Run all hops of a clip from the fresh state.

    Args:
        runner: an instance of the build that `manifest` describes.
        manifest: its facts.
        inputs: (hops, *shape) for each input of a hop, controls among them, (*shape) for each session constant.
        process: address of another function that takes the arguments of the build's own; None means that.
        repeats: hops with equal inputs run only until their states repeat, as their outputs then do; those that do not
            run take no time.
        branches: hops at which the states return to those at the first of them.

    Returns:
        The outputs (hops, *shape), and the microseconds of each hop, around the call of the build only.

    Raises:
        CheckFailed: the build returns an error.
        ToolError: no C compiler, or it failed.
    """
    loop = _loop()
    if manifest.constants:
        runner.session([inputs[tensor.name] for tensor in manifest.constants])
    runner.reset()
    ins = [_by_rows(inputs[tensor.name], tensor.dtype) for tensor in manifest.hop_inputs]
    hops = len(ins[0])
    outs = [np.empty((hops, *t.shape), t.dtype) for t in manifest.stream_outputs]
    nanoseconds = np.zeros(hops, np.int64)
    given, made = _rows(ins), _rows(outs)
    own_process, *places = runner.addresses

    def run(first: int, last: int) -> None:
        rows = (array[first:last].ctypes.data for array in (given, made, nanoseconds))
        addresses = (process or own_process, *places, *rows)
        called, instance, scratch, inputs_at, outputs_at, times_at = map(ctypes.c_void_p, addresses)
        status = loop(
            called,
            instance,
            scratch,
            inputs_at,
            len(ins),
            outputs_at,
            len(outs),
            last - first,
            times_at,
        )
        if status != 0:
            raise CheckFailed(f"the build's process function returned {status}")

    _run_parts(run, runner.state, outs, _parts(ins, branches, repeats), branches)
    names = (tensor.name for tensor in manifest.stream_outputs)
    return dict(zip(names, outs, strict=True)), nanoseconds / 1000


class _Part(NamedTuple):
    """Hops from the first to before the last; whether they run only until their states repeat."""

    first: int
    last: int
    repeats: bool


def _parts(inputs: Sequence[Array], branches: Sequence[int], repeats: bool) -> Iterator[_Part]:
    """Yield the hops between two branches, those of equal inputs for themselves if `repeats`."""
    hops = len(inputs[0])
    rows = [array.reshape(hops, -1) for array in inputs] if repeats else []
    changes = np.full(hops, not repeats)
    for array in rows:
        changes[1:] |= (array[1:] != array[:-1]).any(axis=1)
    ends = {0, hops, *branches}
    for first, last in pairwise([0, *np.flatnonzero(changes).tolist(), hops]):
        if last - first > BLOCK:
            ends |= {first, last}
    for first, last in pairwise(sorted(ends)):
        yield _Part(first, last, not changes[first + 1 : last].any())


def _run_parts(
    run: Callable[[int, int], None],
    state: Array,
    outputs: Sequence[Array],
    parts: Iterable[_Part],
    branches: Sequence[int],
) -> None:
    """Run one part after the other; at every branch the states return to those at the first."""
    saved = dict[int, Array]()  # at the first branch
    for part in parts:
        if part.first in branches:
            state[...] = saved.setdefault(branches[0], state.copy())
        run(_run_until_repeat(run, state, outputs, part), part.last)


def _run_until_repeat(
    run: Callable[[int, int], None], state: Array, outputs: Sequence[Array], part: _Part
) -> int:
    """Run a part that repeats in blocks until its states do; return the first hop that still lacks its outputs."""
    first, last, repeats = part
    if not repeats:
        return first
    seen = dict[bytes, int]()
    for block in range(first, last - BLOCK + 1, BLOCK):
        start = seen.setdefault(hashlib.sha256(state.tobytes()).digest(), block)
        if start < block:
            period = block - start
            done = block + (last - block) // period * period
            for array in outputs:
                array[block:done] = np.resize(array[start:block], array[block:done].shape)
            return done
        run(block, block + BLOCK)
    return last - (last - first) % BLOCK


@cache
def _loop() -> "ctypes._NamedFuncPointer":
    """Return the loop, compiled once in a process."""
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
        library = Path(folder) / "time.so"
        with as_file(files("edgekit.runtime") / "replay" / "time.c") as source:
            compile_shared([source], [], library)
        function: ctypes._NamedFuncPointer = ctypes.CDLL(str(library)).ek_time_hops
    return function


def _by_rows(array: Array, dtype: DTypeLike) -> Array:
    """Return an array of this type in which the values of a hop lie in a row; hops may share theirs."""
    typed = np.asarray(array, dtype)
    return typed if typed[:1].flags.c_contiguous else np.ascontiguousarray(typed)


def _rows(arrays: Sequence[Array]) -> NDArray[np.uintp]:
    """Return the addresses of each hop of each array, (hops, arrays)."""
    hops = np.arange(len(arrays[0]), dtype=np.uintp)
    return np.stack([a.ctypes.data + hops * np.uintp(a.strides[0]) for a in arrays], axis=1)
