"""A device with an SSH server: one connection, over which it takes one program, runs it, and returns its output.

The client is OpenSSH, so configuration, keys, agents, jump hosts and known hosts are those of the user. On the device a
POSIX shell, mktemp, head and wc are enough. The folder there is removed when the shell ends. The shell ends with the
connection: it watches its standard input, which the client keeps open until then.
"""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.runtime.devices.conversation import Conversation
from edgekit.runtime.devices.remote import HELLO, Machine, broken, printed_before_end, read_greeting

COMMAND_VARIABLE = "EDGEKIT_SSH"  # as rsync's RSYNC_RSH: the client and its options
CONNECT_S, GREETING_S = 10, 40
ADDRESS = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][\w.-]*)@)?(?P<host>[A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?/?",
    re.ASCII,
)
OPTIONS = (
    "-T",
    "-x",
    "-a",
    "-o",
    "BatchMode=yes",
    "-o",
    f"ConnectTimeout={CONNECT_S}",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
)
SCRIPT = """\
umask 077
fail() { echo "edgekit-failed $1"; exit 1; }
d=$(mktemp -d "${TMPDIR:-/tmp}/edgekit.XXXXXX") || fail "no temporary folder"
p= w=
trap 'kill -9 $p $w 2>/dev/null; rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM PIPE
@HELLO@
read -r size || exit 1
head -c "$size" >"$d/program" || fail "it cannot be written"
[ "$(wc -c <"$d/program")" -eq "$size" ] || fail "it was cut"
chmod 700 "$d/program" && cd "$d" || fail "no permission"
exec 3<&0
( while read -r x; do :; done <&3; kill $$ ) >/dev/null 2>&1 &
w=$!
@RUN@ </dev/null 3<&- &
p=$!
wait $p
r=$? p=
echo "edgekit-exit $r"
"""
# A word of ssh's message -> its meaning and the step to take.
REASONS = (
    (
        "HOST IDENTIFICATION HAS CHANGED",
        "the host key is not the one that is known; if the device was set up anew: ssh-keygen -R '{known}', then "
        "ssh {login} and compare the fingerprint with the device's",
    ),
    (
        "Host key verification failed",
        "the host key is not known; ssh {login} once, compare the fingerprint with the device's, and answer yes",
    ),
    (
        "Permission denied",
        "the login was refused; it must work without a question: ssh-copy-id {login}, and an agent for a key with a "
        "passphrase",
    ),
    ("Could not resolve hostname", "no such host"),
    ("Connection refused", "no SSH server answers there; is sshd running, and on this port?"),
    ("timed out", "it does not answer; is it on, and on this network?"),
    ("No route to host", "it cannot be reached; is it on, and on this network?"),
    ("Network is unreachable", "it cannot be reached; is it on, and on this network?"),
)


@dataclass(frozen=True)
class Address:
    """The address to log in to; None is left to the configuration of ssh."""

    user: str | None
    host: str
    port: int | None

    @property
    def login(self) -> str:
        """The address as ssh takes it."""
        port = "" if self.port is None else f"-p {self.port} "
        return f"{port}{'' if self.user is None else self.user + '@'}{self.host}"

    @property
    def known(self) -> str:
        """The address as a file of known hosts has it."""
        return self.host if self.port in (None, 22) else f"[{self.host}]:{self.port}"


def parse(text: str) -> Address | None:
    """Read ``ssh://[user@]host[:port]``; None for other texts."""
    match = ADDRESS.fullmatch(text)
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        return None
    port = None if match["port"] is None else int(match["port"])
    return Address(match["user"], match["host"].strip("[]"), port)


class SshLink:
    """An open connection to a device; `run` may be called once."""

    def __init__(self, talk: Conversation, device: str, machine: Machine) -> None:
        """Wrap a conversation after its greeting."""
        self.machine = machine
        self._talk, self._device = talk, device

    def run(self, program: bytes, limit: int) -> str:
        """See `Link`."""
        self._talk.send(b"%d\n" % len(program))
        self._talk.send(program)  # if it is refused, the answer gives the reason
        return printed_before_end(self._talk, self._device, limit)


@contextmanager
def connect(device: str, run: str) -> Iterator[SshLink]:
    """Log in to a device, where `run` is the shell's command for ``program`` in the folder there.

    Raises:
        UsageError: the address does not exist.
        ToolError: no ssh here, or no login there; the message has the step to take.
    """
    address = parse(device)
    if address is None:
        step = "for other settings give the host a name in ~/.ssh/config"
        raise UsageError(Problem("--device", device, "ssh://[user@]host[:port]", step))
    talk = Conversation(_command(address, run))
    try:
        machine = read_greeting(talk, device, GREETING_S)
        if machine is None:
            raise _refusal(talk, device, address)
        yield SshLink(talk, device, machine)
    finally:
        talk.close()


def client() -> list[str]:
    """Return the client's command: ``$EDGEKIT_SSH``, else ssh.

    Raises:
        UsageError: the variable is no command line.
    """
    text = os.environ.get(COMMAND_VARIABLE, "")
    try:
        return shlex.split(text) or ["ssh"]
    except ValueError as error:
        allowed, step = "a command line: ssh -F FILE -i KEY", "close its quotes"
        raise UsageError(Problem(f"${COMMAND_VARIABLE}", str(error), allowed, step)) from error


def _command(address: Address, run: str) -> list[str]:
    where = [] if address.user is None else ["-l", address.user]
    where += [] if address.port is None else ["-p", str(address.port)]
    script = SCRIPT.replace("@HELLO@\n", HELLO).replace("@RUN@", run)
    return [*client(), *OPTIONS, *where, "--", address.host, f"exec sh -c {shlex.quote(script)}"]


def _refusal(talk: Conversation, device: str, address: Address) -> ToolError:
    talk.hang_up()
    talk.wait(CONNECT_S)
    said = talk.errors()
    for word, reason in REASONS:
        if word in said:
            step = reason.format(known=address.known, login=address.login)
            return ToolError(f"{device}: {step}\n{said}")
    return broken(talk, device, said)
