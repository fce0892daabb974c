"""An Android device over adb: a shell there that holds a folder, a push into it, and a run whose lines come back.

Only the words of adb that every version knows are used. An adb before Android 7 has no exit codes, so the shell
prints them. Results are lines of text, since an old shell changes the bytes of anything else.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.runtime.devices.conversation import Conversation, printable
from edgekit.runtime.devices.remote import (
    HELLO,
    LIMIT_S,
    Machine,
    broken,
    printed_before_end,
    read_greeting,
)

ADDRESS = re.compile(r"adb(?::(?P<serial>[A-Za-z0-9][\w.:-]*))?", re.ASCII)
FOLDER = re.compile(r"/data/local/tmp/edgekit\.[A-Za-z0-9]{6}")
GREETING_S = 30
HOW_TO_GET = "as root: apt-get install adb"
# Holds the folder until its input ends, and then ends the program that runs there.
HOLD = """\
fail() { echo "edgekit-failed $1"; exit 1; }
d=$(mktemp -d /data/local/tmp/edgekit.XXXXXX) || fail "no temporary folder"
trap 'kill -9 $(cat "$d/pid" 2>/dev/null) 2>/dev/null; rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM PIPE
@HELLO@
echo "$d"
while read -r x; do :; done
"""
RUN = """\
cd @FOLDER@ && chmod 700 program && sh -c 'echo $$ >pid; exec @RUN@' </dev/null
r=$?; rm -f pid; echo edgekit-exit $r"""
# A word of adb's message -> the step to take.
REASONS = (
    ("unauthorized", "allow debugging on the device's screen"),
    ("offline", "plug it in again, or: adb reconnect"),
    ("more than one", "name one: --device adb:SERIAL; adb devices lists them"),
    ("not found", "adb devices lists those that are there"),
    ("no devices", "plug it in and switch USB debugging on; adb devices must list it"),
)


class AdbLink:
    """An open connection to a device; `run` may be called once."""

    def __init__(
        self, adb: tuple[str, ...], device: str, machine: Machine, folder: str, run: str
    ) -> None:
        """Take the folder that a shell there holds."""
        self.machine = machine
        self._adb, self._device, self._folder, self._run = adb, device, folder, run

    def run(self, program: bytes, limit: int) -> str:
        """See `Link`."""
        with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
            path = Path(name) / "program"
            path.write_bytes(program)
            self._push(path)
        command = RUN.replace("@FOLDER@", self._folder).replace("@RUN@", self._run)
        talk = Conversation([*self._adb, "shell", command])
        try:
            return printed_before_end(talk, self._device, limit)
        finally:
            talk.close()

    def _push(self, path: Path) -> None:
        command = [*self._adb, "push", str(path), f"{self._folder}/program"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{self._device}: the program was not taken in {LIMIT_S} s") from error
        if done.returncode != 0:
            said = "\n".join(map(printable, (done.stdout + done.stderr).strip().splitlines()))
            raise ToolError(f"{self._device}: the program cannot be sent\n{said}")


@contextmanager
def connect(device: str, run: str) -> Iterator[AdbLink]:
    """Open a shell on a device, where `run` is the shell's command for ``program`` in the folder there.

    Raises:
        UsageError: the address does not exist.
        ToolError: no adb here, or no device; the message has the step to take.
    """
    match = ADDRESS.fullmatch(device)
    if match is None:
        raise UsageError(Problem("--device", device, "adb[:serial]", "adb devices lists them"))
    path = shutil.which("adb")
    if path is None:
        raise ToolError(f"{device} needs adb, which is not installed; {HOW_TO_GET}")
    adb = (path,) if match["serial"] is None else (path, "-s", match["serial"])
    hold = Conversation([*adb, "shell", HOLD.replace("@HELLO@\n", HELLO)])
    folder = None
    try:
        machine = read_greeting(hold, device, GREETING_S)
        folder = None if machine is None else hold.line(GREETING_S, 4096)
        if machine is None or folder is None or not FOLDER.fullmatch(folder):
            raise _refusal(hold, device)
        yield AdbLink(adb, device, machine, folder, run)
    finally:
        hold.close()
        # An old adb does not signal the end of input to the shell.
        if folder is not None and FOLDER.fullmatch(folder):
            with suppress(subprocess.TimeoutExpired):
                remove = [*adb, "shell", f"rm -rf {folder}"]
                subprocess.run(remove, capture_output=True, timeout=GREETING_S)


def _refusal(talk: Conversation, device: str) -> ToolError:
    error = broken(talk, device)
    for word, step in REASONS:
        if word in str(error):
            return ToolError(f"{device}: {step}\n{talk.errors()}")
    return error
