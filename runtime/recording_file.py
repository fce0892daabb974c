"""A recording of what a build took and gave, hop by hop: the file that a recorder writes and `edgekit replay` reads.

A file is frames, each alone: six words, a payload, four words. Words are 32 bits, little-endian. The words before are
the magic, the bytes of the payload, the number of the hop, the kind, the build, and a checksum of the states before the
hop. Those after are the status of the process function, a checksum of the states, one of the inputs as they are then,
and the checksum of the whole frame. The payload of a hop is the states, where the kind has `STATES`, the inputs, the
results of layers, where it has `LAYERS`, and the outputs. That of `WEIGHTS` is the checksum of each array of weights.
Checksums are CRC-32.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.output import output_errors
from edgekit.runtime.build_folder.manifest import RECORDER_FOLDER

MAGIC = b"EKrc"
HEAD, TAIL = struct.Struct("<4s5I"), struct.Struct("<iIII")
STATES, SHORT, LAYERS, WEIGHTS = 1, 2, 4, 8
STATES_EVERY = 100  # hops, of `Recorder`
LAYOUT_NAME = "layout.json"
RECORD_AGAIN = "record again, see `edgekit help misbehaving-device`"


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        number: of the hop since the recorder was started.
        kind: `STATES`, `SHORT` (16-bit samples), `LAYERS` or `WEIGHTS`, added.
        build: the first four bytes of the build's digest.
        before: the checksum of the state block before the hop.
        payload: see above.
        status: what the process function returned.
        after: the checksum of the state block after the hop.
        inputs_after: that of the inputs after the hop.
    """

    number: int
    kind: int
    build: int
    before: int
    payload: bytes
    status: int = 0
    after: int = 0
    inputs_after: int = 0

    def to_bytes(self) -> bytes:
        """The frame as it is in a file."""
        head = HEAD.pack(MAGIC, len(self.payload), self.number, self.kind, self.build, self.before)
        tail = TAIL.pack(self.status, self.after, self.inputs_after, 0)[:-4]
        content = head + self.payload + tail
        return content + struct.pack("<I", crc32(content))


@dataclass(frozen=True)
class RecordedFrames:
    """The frames of a file.

    Attributes:
        frames: in the order of the file.
        damaged: frames that began, and did not have their checksum.
        other_bytes: bytes that are no part of a frame.
    """

    frames: tuple[Frame, ...]
    damaged: int = 0
    other_bytes: int = 0


def build_number(digest: str) -> int:
    """Return the number by which a frame names its build: the first four bytes of the digest."""
    return int(digest.partition(":")[2][:8] or "0", 16)


def read_recording(path: Path) -> RecordedFrames:
    """Read the frames of a file; bytes that are no frame are counted and left out. The file is not trusted.

    Raises:
        UsageError: no such file, or one without a frame.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        found = error.strerror or "cannot be read"
        step = "write the recording first, then the build" if path.is_dir() else "check the path"
        what = Problem(f"recording '{path}'", found, "a file of a recorder", step)
        raise UsageError(what) from error
    frames, damaged, used, at = list[Frame](), 0, 0, content.find(MAGIC)
    while at >= 0:
        frame, end = _read_frame(content, at)
        if frame is None:
            damaged += 1
        else:
            frames.append(frame)
            used += end - at
        at = content.find(MAGIC, end)
    if not frames:
        raise UsageError(_no_frames(path, content, damaged))
    return RecordedFrames(tuple(frames), damaged, len(content) - used)


def _read_frame(content: bytes, at: int) -> tuple[Frame | None, int]:
    """Return the frame that begins at a place and its end; None, and where to search on, if it is damaged."""
    body = at + HEAD.size
    if body > len(content):
        return None, body
    _, size, number, kind, build, before = HEAD.unpack_from(content, at)
    end = body + size + TAIL.size
    if end > len(content):
        return None, at + len(MAGIC)
    status, after, inputs_after, check = TAIL.unpack_from(content, end - TAIL.size)
    if crc32(content[at : end - 4]) != check:
        return None, at + len(MAGIC)
    payload = content[body : body + size]
    return Frame(number, kind, build, before, payload, status, after, inputs_after), end


def _no_frames(path: Path, content: bytes, damaged: int) -> Problem:
    """Say why a file holds no frame."""
    found, step = "no frame of a recorder", RECORD_AGAIN
    if not content:
        found = "empty"
    elif damaged:
        found, step = (
            "every frame in it is damaged",
            "check the rate and the wiring of the transport",
        )
    elif MAGIC[::-1] in content:
        found, step = "its words are big-endian", "send bytes in their order, not words"
    elif b"454b7263" in content.lower().replace(b" ", b""):
        found, step = "text, with the bytes in hexadecimal", "turn it into bytes: xxd -r -p"
    return Problem(f"recording '{path}'", found, "frames of a recorder", step)


@dataclass
class Recorder:
    """Writes what a build takes and gives on this machine to a file.

    Attributes:
        path: of the file.
        build: see `build_number`.
        number: of the next hop.
    """

    path: Path
    build: int
    number: int = 0
    _after: int = 0
    _head: tuple[int, int, bytes] = field(default=(0, 0, b""))

    def __post_init__(self) -> None:
        """Begin an empty file."""
        self.path.write_bytes(b"")

    def begin(self, state: Array, inputs: Sequence[Array], kind: int = 0) -> None:
        """Take the state block and the inputs before a hop."""
        block = state.tobytes()
        before = crc32(block)
        if self.number % STATES_EVERY == 0 or before != self._after:
            kind |= STATES
        else:
            block = b""
        self._head = kind, before, block + _concatenate(inputs)

    def end(
        self, state: Array, inputs: Sequence[Array], outputs: Sequence[Array], status: int
    ) -> None:
        """Take what is there after the hop, and write the frame.

        Raises:
            UsageError: it cannot be written; the file is removed.
        """
        kind, before, payload = self._head
        self._after, given = crc32(state.tobytes()), crc32(_concatenate(inputs))
        payload += _concatenate(outputs)
        frame = Frame(self.number, kind, self.build, before, payload, status, self._after, given)
        try:
            with output_errors(f"--record '{self.path}'", self.path), self.path.open("ab") as file:
                file.write(frame.to_bytes())
        except UsageError:
            self.path.unlink(missing_ok=True)
            raise
        self.number += 1


def _concatenate(arrays: Sequence[Array]) -> bytes:
    return b"".join(array.tobytes() for array in arrays)


@dataclass(frozen=True)
class RecordingLayout:
    """What the bytes of a build's recordings are: ``recorder/layout.json``.

    Attributes:
        digest: of the build.
        state_bytes: of the state block.
        weights: array, layer, bytes and crc32 of each array of weights.
        states: name, node, step, dtype, offset and bytes of each field of the state block.
        layers: number, node, name, operator, dtype, shape and border of each layer.
    """

    digest: str
    state_bytes: int
    weights: tuple[JsonObject, ...]
    states: tuple[JsonObject, ...]
    layers: tuple[JsonObject, ...]

    @staticmethod
    def load(directory: Path) -> "RecordingLayout":
        """Read that of a build.

        Raises:
            UsageError: the build has none.
        """
        path = directory / RECORDER_FOLDER / LAYOUT_NAME
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            rows = {key: tuple(facts[key]) for key in ("weights", "states", "layers")}
            return RecordingLayout(str(facts["digest"]), int(facts["state_bytes"]), **rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            found = f"no {RECORDER_FOLDER}/{LAYOUT_NAME} that can be used"
            allowed = "a build of C without a sampler, of this version"
            raise UsageError(
                Problem(f"build '{directory}'", found, allowed, "export the network again")
            ) from error

    def layer_parts(self) -> Iterator[tuple[JsonObject, int]]:
        """The layers, each with its bytes."""
        for row in self.layers:
            yield row, int(np.prod(row["shape"], dtype=np.int64)) * np.dtype(row["dtype"]).itemsize
