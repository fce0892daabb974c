"""Tensors with data in files next to the .onnx: read into it, or refused."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx

from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.file_checks import MAX_BYTES, bytes_of, is_external, tensors

LOCATION = b"location"  # the key that every reference to another file holds


def self_contained(data: bytes, folder: Path) -> bytes:
    """Return an ONNX file that contains the data of its external files; `data` itself if it has none.

    Args:
        data: the content of the .onnx file.
        folder: its folder. Files may be in it, or in folders below.

    Raises:
        ModelError: every tensor whose file is outside the folder, is missing or is too short, whose
            size is not that of its data, or which makes the whole larger than `MAX_BYTES`.
    """
    if LOCATION not in data:
        return data
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception:  # protobuf on a file of unknown origin; reading it as a network shows why
        return data
    outside = [tensor for tensor in tensors(proto) if is_external(tensor)]
    if not outside:
        return data
    if problems := _embedding_problems(outside, folder, len(data)):
        raise ModelError(problems)
    return bytes(proto.SerializeToString(deterministic=True))


def _embedding_problems(
    outside: Sequence[onnx.TensorProto], folder: Path, total: int
) -> list[Problem]:
    """Read the data of tensors into a file of `total` bytes; returns why that does not go."""
    problems = []
    for tensor in outside:
        try:
            path, start, size = _place(tensor, folder)
            total += size
            if total > MAX_BYTES:
                raise _ExternalDataRefused(
                    f"{total} bytes together", f"at most {MAX_BYTES}", "split it"
                )
            _embed_external_data(tensor, path, start, size)
        except _ExternalDataRefused as refused:
            problems.append(Problem(f"tensor '{tensor.name}'", *refused.args))
            if total > MAX_BYTES:
                break
    return problems


class _ExternalDataRefused(Exception):
    """Holds the value that was found, the allowed values and the next step."""


def _place(tensor: onnx.TensorProto, folder: Path) -> tuple[Path, int, int]:
    """Return the file, the first byte and the number of bytes, all checked."""
    entries = {str(entry.key): entry.value for entry in tensor.external_data}
    for key, value in entries.items():
        if isinstance(value, bytes):  # protobuf returns text that is not UTF-8 as bytes
            raise _ExternalDataRefused(f"{key} {value[:200]!r}", "UTF-8", "correct the file")
    location = entries.get("location", "")
    path = _inside(location, folder)
    size = bytes_of(tensor)
    if size is None or min(tensor.dims, default=0) < 0:
        raise _ExternalDataRefused(
            "its type or shape has no size", "numbers of a known type, sizes from 0", _AGAIN
        )
    start, length = _offset_and_length(entries, size)
    held = path.stat().st_size
    if length != size:
        raise _ExternalDataRefused(
            f"{length} bytes for a tensor of {size} bytes", f"{size} bytes", _AGAIN
        )
    if start + size > held:
        raise _ExternalDataRefused(
            f"bytes {start} to {start + size} of '{location}', which has {held}",
            "data that the file holds",
            "copy the whole file next to the .onnx file",
        )
    return path, start, size


def _offset_and_length(entries: Mapping[str, str], size: int) -> tuple[int, int]:
    """Return offset and length of the data as stated; the defaults are 0 and `size`."""
    defaults = {"offset": 0, "length": size}
    numbers = {key: entries.get(key, str(default)) for key, default in defaults.items()}
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in numbers.values()):
        raise _ExternalDataRefused(f"offset and length {numbers}", "whole numbers from 0", _AGAIN)
    return int(numbers["offset"]), int(numbers["length"])


_AGAIN = "export the network again"


def _inside(location: str, folder: Path) -> Path:
    """Return the regular file of a relative path that stays in the folder, links followed."""
    parts = {*PurePosixPath(location).parts, *PureWindowsPath(location).parts}
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    stays = location and "\0" not in location and ".." not in parts and not absolute
    found = f"its data lies in '{location[:200]}'"
    if stays:
        with contextlib.suppress(OSError, RuntimeError):  # a name too long, a cycle of links
            path = (folder / location).resolve()
            stays = path.is_relative_to(folder.resolve())
            if stays and path.is_file():
                return path
    if stays:
        raise _ExternalDataRefused(
            f"{found}, which is no file", "a file next to the .onnx file", "copy it there"
        )
    raise _ExternalDataRefused(
        found,
        "a file in the folder of the .onnx file or below",
        "save the network again as one file, or with its data next to it",
    )


def _embed_external_data(tensor: onnx.TensorProto, path: Path, start: int, size: int) -> None:
    with path.open("rb") as file:
        file.seek(start)
        tensor.raw_data = file.read(size)
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
