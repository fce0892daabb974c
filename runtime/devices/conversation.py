"""A program here that talks to one on another machine, with limits on its output and its time."""

import queue
import subprocess
import threading
import time
from collections.abc import Sequence

from edgekit.base.errors import CheckFailed, ToolError

CLOSING_S = 5
MAX_ERROR_BYTES = 8192


class Conversation:
    """Bytes in, lines out; standard error is kept separately, up to the part that is shown."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it.

        Raises:
            ToolError: it does not start.
        """
        self.name = command[0]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise ToolError(f"{command[0]}: {error.strerror}") from error
        self._chunks: queue.Queue[bytes] = queue.Queue(maxsize=16)
        self._errors = bytearray()
        self._buffer = bytearray()
        self._has_ended = self._is_unheard = False
        self._readers = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_output, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()

    def send(self, content: bytes) -> bool:
        """Hand over bytes; return whether they were taken."""
        stream = self._process.stdin
        assert stream is not None
        view = memoryview(content)
        try:
            while view:
                view = view[stream.write(view) or 0 :]
        except OSError:
            return False
        return True

    def line(self, timeout_s: float, limit: int) -> str | None:
        """Return the next line; None if none comes in time or within `limit` bytes."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            if len(self._buffer) > limit or not self._more(end):
                return None
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return printable(line.decode("utf-8", "replace"))

    def rest(self, timeout_s: float, limit: int) -> str:
        """Return all that is still printed.

        Raises:
            CheckFailed: more than `limit` bytes.
            ToolError: no end in time.
        """
        end = time.monotonic() + timeout_s
        while self._more(end):
            if len(self._buffer) > limit:
                self.kill()
                raise CheckFailed(f"the device sent more than {limit:,} bytes, which is refused")
        if not self._has_ended:
            self.kill()
            raise ToolError(f"the device did not end within {timeout_s:g} s")
        text = bytes(self._buffer).decode("utf-8", "replace")
        self._buffer.clear()
        return "\n".join(printable(line) for line in text.splitlines())

    def hang_up(self) -> None:
        """End its input, which ends the program there."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self, timeout_s: float) -> int:
        """Return its exit code; kill it if it does not end in time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def errors(self) -> str:
        """Return the first part of its standard error, once it has ended."""
        self._readers[1].join(timeout=CLOSING_S)
        lines = bytes(self._errors).decode("utf-8", "replace").splitlines()
        return "\n".join(printable(line) for line in lines).strip()

    def kill(self) -> None:
        """End it now; later output of it, or of processes it started, is not read."""
        self._is_unheard = True
        self._process.kill()

    def close(self) -> None:
        """Hang up, and leave no process or file of it."""
        self.hang_up()
        end = time.monotonic() + CLOSING_S
        while self._more(end):
            self._buffer.clear()
        self.wait(max(0.1, end - time.monotonic()))
        self._is_unheard = True
        while self._more(end + CLOSING_S):
            self._buffer.clear()
        for reader in self._readers:
            reader.join(timeout=CLOSING_S)

    def _more(self, end: float) -> bool:
        """Read one more piece of output before `end`; False without more."""
        if self._has_ended:
            return False
        try:
            chunk = self._chunks.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return False
        self._has_ended = not chunk
        self._buffer += chunk
        return bool(chunk)

    def _read_output(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            while not self._is_unheard and (chunk := stream.read(65536)):
                self._chunks.put(chunk)
        self._chunks.put(b"")

    def _read_errors(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while chunk := stream.read(65536):
                self._errors += chunk[: MAX_ERROR_BYTES - len(self._errors)]


def printable(text: str) -> str:
    """Return untrusted text without terminal control characters."""
    text = text.rstrip("\r\n")
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
