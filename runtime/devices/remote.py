"""A program on another machine: the output that it may print, and its evaluation.

The output is untrusted data: it has a size limit, one form per line, and never a path.
"""

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import CheckFailed, ToolError
from edgekit.runtime.bench.golden import Row, check_verdict, rows
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.conversation import CLOSING_S, Conversation

LIMIT_S = 600  # of the program on the device
SLACK_S = 30  # more until its output must be here
GREETING, FAILED = "edgekit-device", "edgekit-failed"
ENDED = re.compile(r"edgekit-exit (\d{1,3})")
MAX_GREETING_BYTES = 65536  # with the output of a login before it
MAX_FACT = 100  # characters of a name
MAX_TEXT_BYTES = 1 << 20  # of lines that are neither outputs nor times
BYTES_PER_TIME = 20  # digits of a time
FACT = re.compile(r"(core|stack_bytes):? (\d{1,12})")
TIMED_OUT = 128 + 14  # by the program's own alarm
# The meaning of exit codes of shells.
EXIT_CODES = {
    126: "its folder for temporary files does not run programs (mounted noexec?); set TMPDIR for this user there",
    127: "its shell does not find what runs the program; a build for Python needs python3 on its PATH",
    128 + 4: "an illegal instruction: the build is for another core",
    128 + 9: "it was killed, perhaps for its memory",
    TIMED_OUT: f"it did not end within {LIMIT_S} s; give fewer --hops",
}
# The greeting, and three lines: core, system, name of the machine.
HELLO = f"""\
echo {GREETING}
uname -m
uname -sr
echo "$({{ getprop ro.product.model || tr -d '\\000' </proc/device-tree/model ||
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo; }} 2>/dev/null | head -n 1)"
"""


@dataclass(frozen=True)
class Machine:
    """The description of a device by itself: its core as ``uname -m`` names it, and words for people."""

    architecture: str
    words: str


class Link(Protocol):
    """A device with a folder of ours, which is gone when the link is closed or breaks."""

    machine: Machine

    def run(self, program: bytes, limit: int) -> str:
        """Run a program there, once; return its output.

        Raises:
            CheckFailed: it printed more than `limit` bytes, or did not end as a replay does.
            ToolError: the device does not take it, or the connection broke.
        """
        ...


@dataclass(frozen=True)
class Answer:
    """The results of a replay on a device.

    Attributes:
        outputs: of the golden hops, (hops, *shape).
        times_us: of each hop of all rounds.
        core: the CPU to which it was bound.
        stack_bytes: the greatest depth in the replay.
        rows: the comparison of outputs and layers there.
    """

    outputs: dict[str, Array]
    times_us: Float64
    core: int | None
    stack_bytes: int | None
    rows: tuple[Row, ...]


def read_greeting(talk: Conversation, device: str, timeout_s: float) -> Machine | None:
    """Read the output of `HELLO`, after any output of a login; None where it does not come.

    Raises:
        ToolError: the device reports an error.
    """
    left = MAX_GREETING_BYTES
    end = time.monotonic() + timeout_s
    while (line := talk.line(end - time.monotonic(), left)) is not None:
        left -= len(line) + 1
        if line.startswith(FAILED):
            raise broken(talk, device, line)
        if line == GREETING:
            facts = [talk.line(end - time.monotonic(), left) for _ in range(3)]
            if None in facts:
                return None
            architecture, system, model = ((fact or "").strip()[:MAX_FACT] for fact in facts)
            return Machine(architecture, ", ".join(f for f in (architecture, system, model) if f))
    return None


def printed_before_end(talk: Conversation, device: str, limit: int) -> str:
    """Return the output of a program, up to the line with its exit code.

    Raises:
        CheckFailed: it printed more than `limit` bytes.
        ToolError: no such line, or a code with which no replay ends.
    """
    text = talk.rest(LIMIT_S + SLACK_S, limit)
    body, _, last = text.rpartition("\n")
    ended = ENDED.fullmatch(last)
    if ended is None:
        raise broken(talk, device, text)
    code = int(ended[1])
    if code not in (0, 1):
        why = EXIT_CODES.get(code, f"the program ended with exit code {code}")
        raise ToolError("\n".join(part for part in (f"{device}: {why}", talk.errors()) if part))
    return body


def broken(talk: Conversation, device: str, text: str = "") -> ToolError:
    """Return the error of a conversation that ended before its time."""
    talk.hang_up()
    code = talk.wait(CLOSING_S)
    said = talk.errors()
    failed = [
        line.removeprefix(FAILED).strip() for line in text.splitlines() if line.startswith(FAILED)
    ]
    if failed:
        reason = f"the device does not take the program ({failed[-1]}; is its disk full?)"
    else:
        reason = f"the connection broke ({talk.name} ended with exit code {code})"
    return ToolError("\n".join(part for part in (f"{device}: {reason}", said) if part))


def answer(device: str, printed: str, manifest: Manifest, timed: int, layers: bool) -> Answer:
    """Read the output of a replay on a device.

    Args:
        device: its name for people.
        printed: the lines of ``replay/main.c`` and ``replay/timed.c``.
        manifest: the build's facts.
        timed: the number of times that it must contain.
        layers: whether layers were compared.

    Raises:
        CheckFailed: the replay failed there, or lines are missing or have another form.
    """
    lines = {True: list[str](), False: list[str]()}
    for line in printed.splitlines():
        lines[line.startswith(("golden ", "times "))].append(line)
    long, short = lines[True], "\n".join(lines[False])
    if len(short) > MAX_TEXT_BYTES:
        raise CheckFailed(f"{device}: it sent {len(short):,} characters of text, which is refused")
    check_verdict(device, short, layers)
    facts = {m[1]: int(m[2]) for m in map(FACT.fullmatch, short.splitlines()) if m}
    try:
        outputs = _golden([line for line in long if line.startswith("golden ")], manifest)
        times = [_time(word) for line in long if line[0] == "t" for word in line.split()[1:]]
    except ValueError as error:
        raise CheckFailed(f"{device}: its answer has another form: {error}") from error
    if len(times) != timed:
        raise CheckFailed(f"{device}: it gave {len(times):,} times of hops, not {timed:,}")
    return Answer(
        outputs,
        np.array(times, np.float64) / 1000,
        facts.get("core"),
        facts.get("stack_bytes"),
        tuple(rows(short)),
    )


def answer_limit(manifest: Manifest, golden_hops: int, timed: int) -> int:
    """Return the most bytes that an answer may have."""
    values = sum(math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in manifest.stream_outputs)
    lines = 40 * len(manifest.stream_outputs)
    return MAX_TEXT_BYTES + golden_hops * (2 * values + lines) + timed * BYTES_PER_TIME


def _time(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < BYTES_PER_TIME):
        raise ValueError(f"'{word[:BYTES_PER_TIME]}' is no time")
    return int(word)


def _golden(lines: Sequence[str], manifest: Manifest) -> dict[str, Array]:
    """Return outputs of the golden hops, in the order in which a replay prints them."""
    tensors = manifest.stream_outputs
    sizes = [math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in tensors]
    found: list[list[bytes]] = [[] for _ in tensors]
    for line in lines:
        _, hop, index, content = line.split(" ")
        following = {str(i): i for i, hops in enumerate(found) if hop == str(len(hops))}
        if index not in following:
            raise ValueError(f"'{line[:40]}' out of order")
        place = following[index]
        found[place].append(bytes.fromhex(content))
        if len(found[place][-1]) != sizes[place]:
            raise ValueError(f"'{line[:40]}' of another size")
    if not found[0] or len({len(hops) for hops in found}) > 1:
        raise ValueError("golden hops are missing")
    return {
        tensor.name: np.frombuffer(b"".join(hops), tensor.dtype).reshape(-1, *tensor.shape)
        for tensor, hops in zip(tensors, found, strict=True)
    }
