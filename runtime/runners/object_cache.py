"""Objects of compilers, in this user's cache: found by a digest of their sources, bounded in size.

An entry is a file: the digest of the rest, a line of JSON with the system's headers, their sizes and times, and the
object. Each reader checks the digest, the headers, and that the file belongs to this user: objects are code.
"""

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.user_cache import OFF, VARIABLE, cache_folder

LIMIT_BYTES = 1 << 30
SHARDS = 16  # folders by the first digit of a key, each with its part of the limit
LARGEST_BYTES = LIMIT_BYTES // SHARDS // 2  # of an entry
BINARY = getattr(os, "O_BINARY", 0)  # else Windows changes ends of lines
# Of a source whose object depends on more than its text and headers.
UNSTABLE = re.compile(rb"__(DATE|TIME|TIMESTAMP)__|\.incbin|#[ \t]*embed")


@dataclass(frozen=True)
class ObjectCache:
    """A folder of objects that is this user's alone, or the reason for its absence.

    Attributes:
        folder: its path; None where it is switched off, or the user has no home folder.
        problem: the reason why it is not used; None where it is.
    """

    folder: Path | None
    problem: str | None

    def read(self, key: str) -> bytes | None:
        """Return the object of a key; None where it is missing or damaged, or headers changed since."""
        if self.folder is None or self.problem:
            return None
        path = self._path(self.folder, key)
        try:
            entry = _own_bytes(path)
            os.utime(path)
        except OSError:
            return None
        digest, _, rest = entry.partition(b"\n")
        if hashlib.sha256(rest).hexdigest().encode() != digest:
            return None
        line, _, content = rest.partition(b"\n")
        if any(file_facts(Path(name)) != [name, *facts] for name, *facts in json.loads(line)):
            return None
        return content

    def write(self, key: str, content: bytes, headers: Iterable[Path]) -> None:
        """Store an object and the system's headers that it was made from; without room it is not stored."""
        if self.folder is None or self.problem or len(content) > LARGEST_BYTES:
            return
        facts = [file_facts(header) for header in sorted(set(headers))]
        rest = json.dumps(facts).encode() + b"\n" + content
        path = self._path(self.folder, key)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
            os.replace(temporary, path)
            _remove_oldest(path.parent)
        except OSError:  # a full disk, or on Windows an entry that another process reads
            return
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """Return how much it holds."""
        if self.folder is None:
            return 0
        return sum(size for _, size, _ in _entries(self.folder, "*/*"))

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[0] / key


def object_cache() -> ObjectCache:
    """Return the cache of this user, and make its folder; without one, return it with the reason."""
    root = cache_folder()
    if root is None:
        is_off = os.environ.get(VARIABLE, "").lower() == OFF
        return ObjectCache(None, f"{VARIABLE}={OFF}" if is_off else "no home folder")
    folder = root / "objects"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode):
            return ObjectCache(folder, "a link: name the folder itself")
        if not _is_own(facts):
            return ObjectCache(folder, "belongs to another user")
        if os.name == "posix" and facts.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        return ObjectCache(folder, str(error.strerror))
    return ObjectCache(folder, None if os.access(folder, os.W_OK) else "cannot be written to")


def system_headers(rule: Path) -> list[Path]:
    """Return the files that a compiler names by their whole paths in a rule for ``make``: the system's headers."""
    text = rule.read_text(encoding="utf-8", errors="surrogateescape").replace("\\\n", " ")
    names = re.findall(r"(?:\\[ #]|\$\$|[^\s\\]|\\)+", text.partition(": ")[2])
    paths = (re.sub(r"\\([ #])", r"\1", name).replace("$$", "$") for name in names)
    return [Path(path) for path in paths if os.path.isabs(path)]


def _own_bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | BINARY)
    with open(descriptor, "rb") as file:
        if not _is_own(os.fstat(descriptor)):
            raise PermissionError(f"{path} belongs to another user")
        return file.read()


def _is_own(facts: os.stat_result) -> bool:
    return os.name != "posix" or facts.st_uid == os.geteuid()


def file_facts(path: Path) -> list[str | int]:
    """Return path, bytes and time of a file, as JSON has them; without bytes and time if it does not exist."""
    try:
        facts = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), facts.st_size, facts.st_mtime_ns]


def _entries(folder: Path, pattern: str) -> list[tuple[int, int, Path]]:
    """Time of last use, bytes and path of each file; another process may remove them meanwhile."""
    found = []
    for path in folder.glob(pattern):
        with suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size, path))
    return found


def _remove_oldest(shard: Path) -> None:
    entries = sorted(_entries(shard, "*"))
    excess = sum(size for _, size, _ in entries) - LIMIT_BYTES // SHARDS
    for _, size, path in entries:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size
