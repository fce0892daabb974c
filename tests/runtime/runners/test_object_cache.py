"""The cache of compiled objects: by content, bounded, safe from others, from damage and from two processes at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.runtime.runners import object_cache as module
from edgekit.runtime.runners.object_cache import ObjectCache, object_cache, system_headers

KEYS = [f"{digit}{number}" for digit in "0f" for number in range(8)]
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such owners and modes")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectCache:
    """An empty cache."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    return object_cache()


def entry(cache: ObjectCache, key: str) -> Path:
    assert cache.folder is not None
    return cache.folder / key[0] / key


def test_what_is_written_is_read_and_counted(cache: ObjectCache) -> None:
    assert cache.problem is None and cache.read("0a") is None and cache.used_bytes() == 0
    for content in (b"", b"\n\x00object\n", bytes(100_000)):
        cache.write("0a", content, [])
        assert object_cache().read("0a") == content
    assert 100_000 < cache.used_bytes() < 101_000


def test_an_object_is_made_again_where_a_header_of_the_system_changed(
    cache: ObjectCache, tmp_path: Path
) -> None:
    header = tmp_path / "math.h"
    header.write_text("int x;")
    cache.write("0a", b"object", [header])
    assert cache.read("0a") == b"object"
    header.write_text("long x;")
    assert cache.read("0a") is None
    cache.write("0a", b"other", [header])
    assert cache.read("0a") == b"other"
    os.utime(header, (1, 1))
    assert cache.read("0a") is None
    header.unlink()
    assert cache.read("0a") is None


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "longer", "no digest"])
def test_a_damaged_entry_is_no_entry(cache: ObjectCache, damage: str) -> None:
    cache.write("0a", b"object of some length", [])
    path = entry(cache, "0a")
    content = path.read_bytes()
    path.write_bytes(
        {
            "cut": content[:-4],
            "empty": b"",
            "changed": content.replace(b"some", b"same"),
            "longer": content + b"x",
            "no digest": content.partition(b"\n")[2],
        }[damage]
    )
    assert cache.read("0a") is None
    cache.write("0a", b"new", [])
    assert cache.read("0a") == b"new"


def test_the_size_is_bounded_and_what_was_used_last_stays(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT_BYTES", module.SHARDS * 10_000)
    monkeypatch.setattr(module, "LARGEST_BYTES", 5_000)
    for time, key in enumerate(KEYS, 1):
        cache.write(key, bytes(2_000), [])
        if cache.read(key) is not None:
            os.utime(entry(cache, key), (time, time))
        cache.read("00")  # used over and over
    assert cache.used_bytes() <= 2 * 10_000
    known = [key for key in KEYS if cache.read(key) is not None]
    assert known == ["00", "05", "06", "07", "f4", "f5", "f6", "f7"]
    cache.write("0a", bytes(5_001), [])
    assert cache.read("0a") is None


@posix
def test_the_folder_is_this_users_alone(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache.folder is not None
    cache.write("0a", b"object", [])
    modes = [path.stat().st_mode & 0o777 for path in (cache.folder, *cache.folder.rglob("*"))]
    assert modes == [0o700, 0o700, 0o600]
    cache.folder.chmod(0o777)
    assert object_cache().problem is None and cache.folder.stat().st_mode & 0o777 == 0o700
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert object_cache().problem == "belongs to another user"
    assert object_cache().read("0a") is None
    assert cache.read("0a") is None, "an entry of another user in a folder of one's own"


@posix
def test_links_are_not_followed(cache: ObjectCache, tmp_path: Path) -> None:
    assert cache.folder is not None
    cache.write("0a", b"object", [])
    entry(cache, "0a").rename(tmp_path / "elsewhere")
    entry(cache, "0a").symlink_to(tmp_path / "elsewhere")
    assert cache.read("0a") is None
    cache.folder.rename(tmp_path / "moved")
    cache.folder.symlink_to(tmp_path / "moved")
    assert "link" in str(object_cache().problem)


@pytest.mark.parametrize("place", ["file", "read-only", "off", "homeless"])
def test_without_a_place_it_works_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").touch()
    named = {"file": str(tmp_path / "file"), "read-only": "/proc/edgekit", "off": "off"}
    monkeypatch.setenv("EDGEKIT_CACHE", named.get(place, ""))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if place == "homeless":
        monkeypatch.setattr(Path, "home", lambda: Path("/proc/nobody"))
    cache = object_cache()
    assert cache.problem
    cache.write("0a", b"object", [])
    assert cache.read("0a") is None and cache.used_bytes() == 0


def test_a_full_disk_leaves_nothing(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.write("0a", b"object", [])
    assert cache.folder is not None
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == []


WRITER = """
import sys
from edgekit.runtime.runners import object_cache as module
module.LIMIT_BYTES = module.SHARDS * 60_000
cache = module.object_cache()
for turn in range(40):
    for key in map(str, range(10)):
        found = cache.read("0" + key)
        assert found is None or found == key.encode() * 9_000, key
        cache.write("0" + key, key.encode() * 9_000, [])
"""


def test_processes_at_once_read_whole_objects_or_none(cache: ObjectCache) -> None:
    """And each removes what is the oldest while the others read and write it."""
    command = [sys.executable, "-c", WRITER]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4, said
    assert cache.folder is not None
    assert not [path for path in cache.folder.rglob(".*")]
    assert 0 < cache.used_bytes() <= 60_000


def test_the_systems_headers_are_read_of_a_rule_for_make(tmp_path: Path) -> None:
    rule = tmp_path / "x.d"
    rule.write_text("/tmp/x.o: x.c own.h \\\n /usr/a\\ b.h /usr/c$$d.h \\\n  /usr/e\\#f.h\n")
    assert system_headers(rule) == [Path("/usr/a b.h"), Path("/usr/c$d.h"), Path("/usr/e#f.h")]


def test_an_entry_is_read_as_data(cache: ObjectCache) -> None:
    cache.write("0a", b"object", [])
    digest, line, content = entry(cache, "0a").read_bytes().split(b"\n", 2)
    assert (len(digest), json.loads(line), content) == (64, [], b"object")
