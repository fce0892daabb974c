"""Single keys from the terminal, without Enter."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Poll = Callable[[float], str]  # waits up to so many seconds; returns a key, or "" for none


@contextmanager
def keys() -> Iterator[Poll]:
    """Read keys while the body runs; where standard input is no terminal there are none."""
    if not sys.stdin.isatty():
        yield _none
    elif sys.platform == "win32":
        yield _windows
    else:
        yield from _posix()


def _none(seconds: float) -> str:
    time.sleep(seconds)
    return ""


if sys.platform == "win32":
    import msvcrt

    def _windows(seconds: float) -> str:
        end = time.monotonic() + seconds
        while not msvcrt.kbhit():
            if time.monotonic() > end:
                return ""
            time.sleep(0.01)
        return msvcrt.getwch()

else:
    import os
    import select
    import termios
    import tty

    def _posix() -> Iterator[Poll]:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)

        def poll(seconds: float) -> str:
            ready, _, _ = select.select([number], [], [], seconds)
            return os.read(number, 1).decode("ascii", "replace") if ready else ""

        tty.setcbreak(number)
        try:
            yield poll
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)
