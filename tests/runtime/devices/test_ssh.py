"""A device behind a real OpenSSH server, as a second user: what runs, what is refused, and that nothing is left."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_build
from ssh_server import Server, know, missing, second_user, serving, wait_for

from edgekit import api
from edgekit.base.errors import CheckFailed, ToolError, UsageError
from edgekit.runtime.devices import ssh
from edgekit.runtime.devices.remote import LIMIT_S

NETWORK = "zoo:conv_recurrent"
REASON = missing()
needs_server = pytest.mark.skipif(REASON is not None, reason=REASON or "")
LIMIT = 1 << 16
SLEEPER = b"#!/bin/sh\necho $$ >started\nexec sleep 1000\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="edgekit-ssh-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir(mode=0o777)
        (folder / "tmp").chmod(0o777)
        with second_user(folder) as user, serving(folder, user, folder / "tmp") as server:
            yield server


@pytest.fixture(autouse=True)
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "server" in request.fixturenames:
        monkeypatch.setenv("EDGEKIT_SSH", request.getfixturevalue("server").client)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ssh") / "build"
    api.export(NETWORK, "c99", folder, recipe="w8a8", sample_rate=16000)
    return folder


@pytest.mark.slow
@needs_server
@tiny_build.needs_cc
def test_a_build_is_measured_and_checked_on_the_device(
    server: Server, build: Path, tmp_path: Path
) -> None:
    log = tmp_path / "results.jsonl"
    measured = api.bench(build, device=server.device, hops=30, layers=True, append=log)
    facts = measured.to_dict()
    assert facts["device"] == server.device and facts["hops"] == 150
    assert facts["machine"].startswith(os.uname().machine + ", Linux ")
    assert 0 < facts["median_us"] <= facts["p99_us"] <= facts["max_us"]
    assert facts["stack_bytes"] > 256 and facts["ram_bytes"] > facts["stack_bytes"]
    assert facts["instructions_per_hop"] is None and not facts["against"]
    assert len(facts["layers"]) > 5 and set(facts["layers"].values()) == {"equal"}
    (line,) = (json.loads(line) for line in log.read_text().splitlines())
    assert line["device"] == server.device and line["median_us"] == facts["median_us"]
    assert f"<h2>Benchmark: {server.device}</h2>" in (build / "report.html").read_text()
    assert wait_for(server.is_quiet)


@pytest.mark.slow
@needs_server
@tiny_build.needs_cc
def test_a_corrupted_weight_is_a_failure_and_the_layer_is_named(
    server: Server, build: Path, tmp_path: Path
) -> None:
    from damaged_builds import spoil

    copy = tmp_path / "build"
    shutil.copytree(build, copy)
    spoil(copy)
    with pytest.raises(CheckFailed, match=rf"{server.device}: the replay of golden data failed"):
        api.bench(copy, device=server.device, hops=2)
    with pytest.raises(CheckFailed) as failure:
        api.bench(copy, device=server.device, hops=2, layers=True)
    assert "the first layer that differs: getitem_q, in hop" in str(failure.value)
    assert "not as the export wrote them: conv_recurrent_weights.c" in str(failure.value)
    assert wait_for(server.is_quiet)


@needs_server
def test_what_a_device_does_not_run_is_refused(server: Server) -> None:
    cases = (
        (b"#!/bin/sh\nkill -ILL $$\n", "illegal instruction"),
        (b"#!/bin/sh\nkill -ALRM $$\n", f"did not end within {LIMIT_S} s"),
        (b"#!/bin/sh\nkill -KILL $$\n", "killed, perhaps for its memory"),
        (b"#!/bin/sh\nexit 77\n", "exit code 77"),
        (b"#!/nowhere/sh\n", "python3|exit code"),
    )
    for program, words in cases:
        with ssh.connect(server.device, "./program") as link, pytest.raises(ToolError, match=words):
            link.run(program, LIMIT)
    with (
        ssh.connect(server.device, "./program") as link,
        pytest.raises(CheckFailed, match="more than"),
    ):
        link.run(b"#!/bin/sh\nexec yes\n", LIMIT)
    assert wait_for(server.is_quiet)


def refusal(device: str) -> str:
    with pytest.raises(ToolError) as failure, ssh.connect(device, "./program"):
        pass
    assert str(failure.value).startswith(f"{device}: ")
    return str(failure.value)


@needs_server
def test_an_unknown_host_key_and_a_wrong_one_are_refused(server: Server) -> None:
    known = server.folder / "known_hosts"
    kept = known.read_text()
    try:
        known.write_text("")
        assert re.search(r"host key is not known; ssh -p \d+ edgekit-test", refusal(server.device))
        assert known.read_text() == ""  # nothing is taken on trust
        know(server.folder, server.port, "key")
        assert "not the one that is known" in (said := refusal(server.device))
        assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in said
    finally:
        known.write_text(kept)
    assert server.is_quiet()


@needs_server
def test_a_device_that_cannot_be_reached_is_told(server: Server) -> None:
    cases = (
        (f"ssh://{server.user}@127.0.0.1:1", "no SSH server answers there"),
        ("ssh://nobody@no-such-host.invalid", "no such host"),
        (f"ssh://root@127.0.0.1:{server.port}", "the login was refused"),
    )
    for device, words in cases:
        assert words in refusal(device)
    assert server.is_quiet()


def mounted(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "edgekit-test", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@needs_server
def test_a_full_disk_is_told_and_left_empty(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = server.folder / "small"
    folder.mkdir()
    if shutil.which("mount") is None or not mounted(folder):
        pytest.skip("needs mount, and a machine that lets root use it")
    try:
        small = server.folder / "small-server"
        small.mkdir(mode=0o755)
        with serving(small, server.user, folder) as there:
            monkeypatch.setenv("EDGEKIT_SSH", there.client)
            with ssh.connect(there.device, "./program") as link:
                assert there.left()
                with pytest.raises(ToolError, match="is its disk full") as failure:
                    link.run(bytes(1 << 20), LIMIT)
            assert "No space left on device" in str(failure.value)
            assert wait_for(there.is_quiet)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@needs_server
@pytest.mark.parametrize("stage", ["asked", "half sent", "running"])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_killed_connection_leaves_nothing_there(server: Server, side: str, stage: str) -> None:
    with ssh.connect(server.device, "./program") as link:
        (folder,) = server.left()
        if stage == "half sent":
            link._talk.send(b"%d\n" % (1 << 20) + bytes(1 << 19))
            assert wait_for(lambda: (server.tmpdir / folder / "program").exists())
        elif stage == "running":
            link._talk.send(b"%d\n" % len(SLEEPER) + SLEEPER)
            assert wait_for(lambda: (server.tmpdir / folder / "started").exists())
        if side == "client":
            link._talk.kill()
        else:
            for pid in server.sessions():
                os.kill(pid, signal.SIGKILL)
        assert wait_for(server.is_quiet)
        with pytest.raises(ToolError, match="the connection broke"):
            link.run(b"", LIMIT)


@pytest.mark.slow
@needs_server
@tiny_build.needs_cc
def test_a_killed_bench_leaves_nothing_on_either_side(
    server: Server, build: Path, tmp_path: Path
) -> None:
    here = tmp_path / "tmp"
    here.mkdir()
    program = "import sys; from edgekit.cli import main; sys.argv[0] = 'edgekit'; main()"
    command = [sys.executable, "-c", program, "bench", str(build), "--device", server.device]
    with subprocess.Popen(
        [*command, "--hops", "100000"],
        env={**os.environ, "TMPDIR": str(here)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as bench:
        assert wait_for(lambda: any(server.tmpdir.glob("edgekit.*/program")), 120)
        bench.kill()
    assert wait_for(server.is_quiet)
    assert list(here.glob("*edgekit*")) == []


@pytest.mark.parametrize(
    "text",
    [
        "ssh://-oProxyCommand=x",
        "ssh://a@-b",
        "ssh://-l@b",
        "ssh://b:0",
        "ssh://b:65536",
        "ssh://b/folder",
        "ssh://b c",
        "ssh://b;c",
        "ssh://",
    ],
)
def test_no_other_addresses(text: str) -> None:
    assert ssh.parse(text) is None
    with pytest.raises(UsageError, match=r"ssh://\[user@\]host\[:port\]"), ssh.connect(text, "x"):
        pass


def test_addresses() -> None:
    assert ssh.parse("ssh://board") == ssh.Address(None, "board", None)
    assert ssh.parse("ssh://pi@10.0.0.7:2222") == ssh.Address("pi", "10.0.0.7", 2222)
    address = ssh.parse("ssh://a.b@[fe80::1]:22/")
    assert address == ssh.Address("a.b", "fe80::1", 22)
    assert address.login == "-p 22 a.b@fe80::1" and address.known == "fe80::1"
    assert ssh.Address(None, "board", 2222).known == "[board]:2222"


def test_without_a_client_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_SSH", "ssh 'x")
    with pytest.raises(UsageError, match="EDGEKIT_SSH: No closing quotation"):
        ssh.client()
    monkeypatch.setenv("EDGEKIT_SSH", "/no/such/ssh")
    with pytest.raises(ToolError, match="/no/such/ssh: No such file"), ssh.connect("ssh://b", "x"):
        pass
