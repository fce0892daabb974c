"""An OpenSSH server on loopback for tests, with its own keys, and a second user to log in as."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers {user}
SetEnv TMPDIR={tmpdir}
"""
CLIENT = """\
Host *
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
"""


def missing() -> str | None:
    """What keeps this machine from running such a server; None where nothing does."""
    tools = ("ssh", "ssh-keygen", "useradd", "userdel")
    if absent := [tool for tool in tools if shutil.which(tool) is None]:
        return f"needs {' and '.join(absent)}: apt-get install openssh-client passwd"
    if SSHD is None:
        return "needs sshd: apt-get install openssh-server"
    return None if os.geteuid() == 0 else "needs root, for sshd and useradd"


@dataclass(frozen=True)
class Server:
    """A running server: its process, how to log in, and where the user's temporary files go there."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    user: str
    port: int
    tmpdir: Path

    @property
    def device(self) -> str:
        """As ``--device`` names it."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}"

    @property
    def client(self) -> str:
        """The client's command for ``$EDGEKIT_SSH``."""
        return f"ssh -F {self.folder / 'client_config'}"

    def left(self) -> list[str]:
        """What of EdgeKit's is left in the temporary folder there."""
        return sorted(path.name for path in self.tmpdir.glob("edgekit.*"))

    def is_quiet(self) -> bool:
        """Whether neither a file nor a process of the second user is left."""
        return not self.left() and not processes_of(self.user)

    def sessions(self) -> list[int]:
        """Processes of the server that hold connections: of each a monitor, and one that runs as the user."""
        monitors = children_of(self.process.pid)
        return [*monitors, *(pid for monitor in monitors for pid in children_of(monitor))]


@contextmanager
def second_user(folder: Path) -> Iterator[str]:
    """A user who exists while the body runs, whose home is `folder`."""
    name = f"edgekit-test-{os.getpid()}"
    command = ["useradd", "-M", "-d", str(folder), "-s", "/bin/sh", "-p", "*", name]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield name
    finally:
        wait_for(lambda: not processes_of(name))
        subprocess.run(["userdel", "-f", name], capture_output=True)


@contextmanager
def serving(folder: Path, user: str, tmpdir: Path) -> Iterator[Server]:
    """A server that lets `user` in, with `tmpdir` as the folder for temporary files there."""
    assert SSHD is not None
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host_key", "key"):
        command = [
            "ssh-keygen",
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            "test",
            "-f",
            str(folder / key),
        ]
        subprocess.run(command, check=True)
    (folder / "authorized_keys").write_bytes((folder / "key.pub").read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    facts = {"folder": folder, "user": user, "port": port, "tmpdir": tmpdir}
    (folder / "config").write_text(CONFIG.format(**facts))
    (folder / "client_config").write_text(CLIENT.format(**facts))
    know(folder, port, "host_key")
    options = ["-D", "-e", "-f", str(folder / "config")]
    no_penalties = ["-o", "PerSourcePenalties=no"]  # of OpenSSH 9.8 and newer
    tested = subprocess.run([SSHD, "-t", *options[2:], *no_penalties], capture_output=True)
    options += no_penalties if tested.returncode == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, *options], stdin=subprocess.DEVNULL, stderr=log)
    try:
        assert wait_for(lambda: _answers(port)), (folder / "log").read_text()
        yield Server(process, folder, user, port, tmpdir)
    finally:
        process.terminate()
        process.wait()


def know(folder: Path, port: int, key: str) -> None:
    """Make a key the one that the client knows of the server."""
    public = (folder / f"{key}.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")


def processes_of(user: str) -> list[int]:
    """Running processes of a user."""
    uid, found = pwd.getpwnam(user).pw_uid, []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if entry.stat().st_uid == uid:
                found.append(int(entry.name))
    return found


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(is_done: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something is so; return whether it came to be."""
    end = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
