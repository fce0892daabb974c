"""Many devices at once: each by its own way, one file of results, and a run that goes on where it was cut."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import adb_script
import pytest
import ssh_server
import tiny_build
import typer
from devices import missing

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli.bench import bench
from edgekit.verbs.bench.fleet_file import read_fleet
from edgekit.verbs.bench.history import courses
from edgekit.verbs.bench.log import read_log

NETWORK = "zoo:conv_recurrent"
pytestmark = tiny_build.needs_cc


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds for this machine and for a microcontroller."""
    made = tmp_path_factory.mktemp("fleet")
    for target, name in (("c99", "here"), ("cortex-m4", "core")):
        api.export(NETWORK, target, made / name, recipe="w8a8", sample_rate=16000)
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """A device behind a real OpenSSH server, where there is one."""
    if ssh_server.missing():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="edgekit-ssh-") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "tmp").mkdir()
        (home / "tmp").chmod(0o777)
        with (
            ssh_server.second_user(home) as user,
            ssh_server.serving(home, user, home / "tmp") as running,
        ):
            monkeypatch.setenv("EDGEKIT_SSH", running.client)
            yield running.device


@pytest.mark.slow
def test_a_fleet_is_measured_and_goes_on_where_it_was(
    folder: Path, server: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adb = adb_script.script(tmp_path / "adb", monkeypatch)
    rows = {"desk": ("local", "here"), "phone": ("adb:board", "here"), "gone": ("adb:gone", "here")}
    rows |= {"server": (server, "here")} if server else {}
    rows |= {} if missing("cortex-m4") else {"core": ("qemu", "core")}
    fleet, results, page = folder / "fleet.toml", tmp_path / "r.jsonl", tmp_path / "r.html"
    fleet.write_text(
        "".join(
            f"[{name}]\ndevice = '{device}'\nbuilds = ['{build}']\nhops = 3\n"
            for name, (device, build) in rows.items()
        )
    )
    with pytest.raises(typer.Exit) as ended:
        bench(fleet=fleet, append=results, page=page)
    assert ended.value.exit_code == 1
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert {line["fleet"] for line in lines} == rows.keys() - {"gone"}
    assert lines[0]["fleet"] == "desk" and {line["run"] for line in lines} == {1}
    assert all(line["device"] == rows[line["fleet"]][0] for line in lines)
    assert all((line["median_us"] or line["instructions_per_hop"]) > 0 for line in lines)
    assert page.is_file() and "History" not in page.read_text()
    # the device is back, and the last line was cut: only what lacks a result is measured
    (adb / "adb").write_text(
        (adb / "adb").read_text().replace('"-s board"', '"-s board" | "-s gone"')
    )
    results.write_bytes(results.read_bytes()[:-20])
    ran = api.fleet(fleet, results)
    assert ran.number == 1 and not ran.failed
    assert set(ran.measured) == {"gone: here", f"{lines[-1]['fleet']}: {lines[-1]['folder']}"}
    assert len(ran.kept) == len(rows) - 2
    log = read_log(results)
    assert len(log.results) == len(rows) and len(log.damaged) == 1
    # what took less before has got worse
    fewer = [
        {**json.loads(line), "ram_bytes": 100}
        for line in results.read_text().splitlines()
        if line[-1] == "}"
    ]
    results.write_text("".join(json.dumps(line) + "\n" for line in fewer))
    ran = api.fleet(fleet, results)
    assert ran.number == 2 and len(ran.measured) == len(rows) and not ran.kept
    assert len([text for text in ran.worse if "RAM bytes 100 -> " in text]) == len(rows)
    assert len(courses(read_log(results))) == len(rows)
    api.compare(results, page)
    assert "History" in page.read_text() and "RAM bytes 100 -&gt; " in page.read_text()
    # a run that lacks nothing is over; one that lacks something is left with `again`
    results.write_text(results.read_text().rpartition("\n{")[0] + "\n")
    assert api.fleet(fleet, results, again=True).number == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 devices"),
        ("[a", "not TOML"),
        ("a = 1", "[a]: 1; allowed: a table"),
        ("[a]\ndevice = 'telnet'\nbuilds = ['x']", "device: 'telnet'; allowed: local, qemu, ssh"),
        ("[a]\ndevice = 'qemu'\nbuilds = []", "builds: []; allowed: a list of build folders"),
        ("[a]\ndevice = 'qemu'\nbuilds = ['x', 'x']", "each once"),
        ("[a]\ndevice = 'qemu'\nbuilds = ['x']\nhop = 1", "key 'hop': unknown; allowed: device"),
        ("[a]\ndevice = 'qemu'\nbuilds = ['x']\nhops = '1'", "hops: '1'; allowed: a number"),
    ],
)
def test_what_is_wrong_with_a_fleet_is_said(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_fleet(path)
    assert words in str(error.value)


def test_builds_are_read_before_anything_is_measured(tmp_path: Path) -> None:
    path, results = tmp_path / "fleet.toml", tmp_path / "r.jsonl"
    path.write_text("[a]\ndevice = 'local'\nbuilds = ['none', 'gone']\n")
    with pytest.raises(UsageError) as error:
        api.fleet(path, results)
    assert len(error.value.problems) == 2 and not results.exists()
    with pytest.raises(UsageError, match=r"(?s)--hops: given with --fleet.*--append: not given"):
        bench(fleet=path, hops=3)
