"""The chunks of a .wav: is the file as long as its header states?"""

import os
from pathlib import Path
from typing import IO

CHUNK = 8  # bytes of a chunk's name and size
FIRST_CHUNK = 12  # after RIFF, a size and WAVE
UNKNOWN = (1 << 31) - (1 << 20)  # a size from here on is a pipe's, which did not know the end


def missing_bytes(path: Path) -> int:
    """Return how many bytes of its samples a .wav lacks; 0 of a whole one, of other files and of unknown lengths.

    Programs that write to a pipe cannot go back to the header, and leave a size of 0 or of 2 GiB and more.
    libsndfile reads a file that was cut off as if it ended there.
    """
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(FIRST_CHUNK)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        return _missing_of_data(file, end)


def _missing_of_data(file: IO[bytes], end: int) -> int:
    """Return the bytes that the chunk of samples lacks in a file that ends there; it stands after the header."""
    while len(chunk := file.read(CHUNK)) == CHUNK:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            return max(0, size - (end - file.tell())) if size < UNKNOWN else 0
        file.seek(size + size % 2, os.SEEK_CUR)
    return 0
