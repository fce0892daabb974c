"""Reading .npz files of any origin, and writing them with the same bytes each time."""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import Problem, UsageError

MAX_UNPACKED_BYTES = 1 << 31


def read_npz(path: Path, limit: int = MAX_UNPACKED_BYTES) -> dict[str, NDArray[Any]]:
    """Read the arrays of a .npz; no pickles, and no allocation that the file has no data for.

    Raises:
        UsageError: the file is missing, damaged, over `limit` bytes unpacked, or holds objects.
    """

    def refuse(found: str) -> UsageError:
        allowed = f"a .npz of number arrays, at most {limit} bytes unpacked"
        return UsageError(Problem(f"file '{path}'", found, allowed, "write it with numpy.savez"))

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > limit:
                raise refuse(f"{total} bytes unpacked")
            return {
                member.filename.removesuffix(".npy"): _read_member(archive, member)
                for member in members
            }
    except OSError as error:
        raise refuse(error.strerror or "cannot be read") from error
    except MemoryError:
        raise
    except (
        Exception
    ) as error:  # zipfile and numpy, with Python's own tokenizer, on a file of unknown origin
        raise refuse(str(error) or type(error).__name__) from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"member '{member.filename}' is no array")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in read:
            raise ValueError(f"array '{member.filename}' has format version {version}")
        shape, _, dtype = read[version](stream)
        if dtype.hasobject:
            raise ValueError(f"array '{member.filename}' holds objects")
        if math.prod(shape) * dtype.itemsize > member.file_size:
            raise ValueError(f"array '{member.filename}' claims shape {shape}, more than it holds")
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name, uncompressed; the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
