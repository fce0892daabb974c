"""A program that talks: lines, limits, and an end that comes or does not."""

import sys

import pytest

from edgekit.base.errors import CheckFailed, ToolError
from edgekit.runtime.devices.conversation import Conversation, printable

ECHO = "import sys; sys.stdout.write(sys.stdin.readline().upper()); sys.stderr.write('hint')"
ENDLESS = "while True: print('x' * 1000)"


def python(code: str) -> Conversation:
    return Conversation([sys.executable, "-c", code])


def test_a_line_is_answered_and_errors_are_apart() -> None:
    talk = python(ECHO)
    assert talk.send(b"hello\n")
    assert talk.line(10, 100) == "HELLO" and talk.line(10, 100) is None
    assert talk.wait(10) == 0 and talk.errors() == "hint"
    talk.close()


def test_more_than_the_limit_is_refused() -> None:
    talk = python(ENDLESS)
    with pytest.raises(CheckFailed, match="more than 10 bytes"):
        talk.rest(10, 10)
    talk.close()


def test_an_end_that_does_not_come_is_an_error() -> None:
    talk = python("import time; time.sleep(60)")
    with pytest.raises(ToolError, match="did not end within"):
        talk.rest(0.05, 10)
    talk.close()


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolError, match="no-such-program"):
        Conversation(["no-such-program"])


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    assert printable("a\x1b[2Jb\r\n") == "a?[2Jb"
