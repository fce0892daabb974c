"""Reading .npz and .npy files of any origin, and writing .npz files with the same bytes each time."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError

MAX_UNPACKED_BYTES = 1 << 31


def read_npz(path: Path, limit: int = MAX_UNPACKED_BYTES) -> dict[str, Array]:
    """Read the arrays of a .npz; no pickles, and no allocation that the file has no data for.

    Raises:
        UsageError: the file is missing, damaged, over `limit` bytes unpacked, or holds objects.
    """
    allowed = f"a .npz of number arrays, at most {limit} bytes unpacked"
    with _read_errors(path, allowed, "write it with numpy.savez"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > limit:
            raise ValueError(f"{total} bytes unpacked")
        return {
            member.filename.removesuffix(".npy"): _read_member(archive, member)
            for member in members
        }


@contextmanager
def _read_errors(path: Path, allowed: str, step: str) -> Iterator[None]:
    """Convert errors of zipfile, numpy and Python's tokenizer about an untrusted file to one about that file."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        found = (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)
        found = found or type(error).__name__
        raise UsageError(Problem(f"file '{path}'", found, allowed, step)) from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"member '{member.filename}' is no array")
    with archive.open(member) as stream:
        _check_header(stream, member.filename, member.file_size)
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _check_header(stream: IO[bytes], name: str, size: int) -> None:
    """Refuse an array of objects, of another format, or of more elements than its `size` in bytes holds."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"array '{name}' has format version {version}")
    shape, _, dtype = read[version](stream)
    if dtype.hasobject:
        raise ValueError(f"array '{name}' holds objects")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"array '{name}' claims shape {shape}, more than it holds")


def read_array(path: Path, name: str, limit: int = MAX_UNPACKED_BYTES) -> Array:
    """Read the array of a .npy, or from a .npz its only array or the one of this name; no pickles.

    Raises:
        UsageError: the file is missing, damaged, over `limit` bytes, holds objects, or has no such array.
    """
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path, limit)
        if name not in arrays and len(arrays) != 1:
            found, allowed = ", ".join(arrays) or "no array", f"one array, or one named {name}"
            raise UsageError(Problem(f"file '{path}'", found, allowed, "rename it"))
        return arrays.get(name, next(iter(arrays.values())))
    allowed = f"a .npy of numbers, at most {limit} bytes"
    with _read_errors(path, allowed, "write it with numpy.save"), path.open("rb") as stream:
        size = path.stat().st_size
        if size > limit:
            raise ValueError(f"{size} bytes")
        _check_header(stream, path.name, size)
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays by name, uncompressed; the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
