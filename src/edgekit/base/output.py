"""Output files and folders that appear complete or not at all."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgekit.base.errors import Problem, UsageError

try:
    import fcntl
except ImportError:  # no such locks on this system: leftovers of a killed export then stay
    fcntl = None  # type: ignore[assignment]


MAX_MANIFEST_BYTES = 4_000_000


def folder_problem(out: Path, force: bool = False) -> Problem | None:
    """Return why `out` cannot become an output folder; None where it can.

    With `force` it may be a build of EdgeKit's.
    """
    where, step = f"output folder '{out}'", "name another folder, or remove this one"
    if out.is_dir():
        problem = _content_problem(out, where, step, force)
    elif out.exists() or out.is_symlink():
        problem = Problem(where, "not a folder", "a new or an empty folder", step)
    elif not out.absolute().parent.is_dir():
        found = "the folder around it does not exist"
        problem = Problem(where, found, "a new folder in an existing one", "make that folder")
    else:
        problem = None
    return problem or _right_problem(out, where)


def _content_problem(folder: Path, where: str, step: str, force: bool) -> Problem | None:
    """Return the reason why the contents of a folder may not be replaced."""
    if not any(folder.iterdir()) or (force and is_build(folder)):
        return None
    if force:
        allowed = "a new or an empty folder, or a build to replace"
        return Problem(where, "not empty, and no build", allowed, step)
    if not is_build(folder):
        return Problem(where, "not empty", "a new or an empty folder", step)
    step = "name another folder, or give --force to replace this build"
    return Problem(where, "holds a build", "a new or an empty folder", step)


def _right_problem(path: Path, where: str) -> Problem | None:
    """Return the reason why no files may be made next to a path, or why its name fits no engine."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return Problem(where, "its name is not UTF-8", "a name in UTF-8", "name another place")
    if os.access(path.absolute().parent, os.W_OK | os.X_OK):
        return None
    found, allowed = "its folder may not be written to", "a folder where you may write"
    return Problem(where, found, allowed, "look at the folder's rights, or name another place")


def is_build(folder: Path) -> bool:
    """Whether a folder, no link to one, was written by an export, by its manifest."""
    path = folder / "manifest.json"
    try:
        if folder.is_symlink() or path.stat().st_size > MAX_MANIFEST_BYTES:
            return False
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.keys() >= {"schema", "edgekit", "target", "digest"}


@contextmanager
def complete_folder(out: Path, force: bool = False) -> Iterator[Path]:
    """Give a hidden folder next to `out` to fill; at the end it becomes `out`, with `force` in a build's place.

    When the body raises, nothing is left, and a build that was to be replaced stays. The next call for the same `out`
    removes the rest of a killed process: a folder whose lock no process holds.

    Raises:
        UsageError: `out` is a file or a folder that is not empty, or was made meanwhile, or the
            disk does not take it.
    """
    if problem := folder_problem(out, force):
        raise UsageError(problem)
    out = out.resolve()
    _remove_leftovers(out)
    hidden = out.with_name(f"{_prefix(out)}{secrets.token_hex(4)}")
    where = f"output folder '{out}'"
    with output_errors(where, hidden):
        hidden.mkdir()
    lock = _lock(hidden)
    try:
        with output_errors(where, hidden):
            yield hidden
        try:
            if force and is_build(out):
                _replace(hidden, out)
            else:
                hidden.rename(out)
        except OSError as error:
            problem = folder_problem(out)
            found = f"{problem.found if problem else error.strerror}, since this began"
            step = "another export may have made it: look, or name another folder"
            raise UsageError(Problem(where, found, "a new or an empty folder", step)) from error
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _replace(made: Path, out: Path) -> None:
    """Move a finished folder to its place; the old one is only removed once the new one is there."""
    old = out.with_name(f"{_prefix(out)}{secrets.token_hex(4)}")
    out.rename(old)
    try:
        made.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _prefix(out: Path) -> str:
    return f".{out.name}.unfinished-"


def _remove_leftovers(out: Path) -> None:
    for folder in out.parent.glob(f"{_prefix(out)}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder until the process ends; None where another process holds it."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def output_problem(path: Path, *sources: Path) -> Problem | None:
    """Return why `path` cannot be written as an output made from `sources`; None where it can."""
    where, step = f"output '{path}'", "name another file"
    if path.is_dir():
        return Problem(where, "a folder", "a file", step)
    if not path.absolute().parent.is_dir():
        return Problem(where, "its folder does not exist", "an existing folder", "make the folder")
    if path.exists() and any(source.exists() and path.samefile(source) for source in sources):
        return Problem(where, "the input itself", "a file of its own", step)
    return _right_problem(path, where)


def network_problem(path: Path, source: Path) -> Problem | None:
    """Return why `path` cannot be written as a network made from `source`; None where it can."""
    if path.suffix.lower() != ".onnx":
        found = f"'{path.suffix}'" if path.suffix else "no ending"
        return Problem(f"output '{path}'", found, ".onnx", "name an .onnx file")
    return output_problem(path, source)


@contextmanager
def replacement_path(path: Path, *sources: Path) -> Iterator[Path]:
    """Give a temporary path next to `path` to write to; it takes the place of `path` at the end.

    No file is left and `path` is untouched when the body raises.

    Raises:
        UsageError: `path` cannot be written, or is one of `sources`.
    """
    if problem := output_problem(path, *sources):
        raise UsageError(problem)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        with output_errors(f"output '{path}'", temporary):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def output_errors(where: str, hidden: Path) -> Iterator[None]:
    """Report the system's error about a hidden file or folder as one about the output `where`.

    Raises:
        UsageError: no room, or no right, to write there.
    """
    try:
        yield
    except OSError as error:
        # a full disk is noticed while a file is written, where the error has no name
        if error.errno not in FULL and not _inside(error.filename, hidden):
            raise
        full = error.errno in FULL
        step = (
            "make room there, or in the folder for temporary files"
            if full
            else "look at its folder's rights"
        )
        found = f"cannot be written: {error.strerror}"
        allowed = "a place with room where you may write"
        raise UsageError(
            Problem(where, found, allowed, f"{step}, or name another place")
        ) from error


def _inside(name: object, folder: Path) -> bool:
    return isinstance(name, str | os.PathLike) and Path(name).is_relative_to(folder)
