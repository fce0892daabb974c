"""The last net: what nobody expected becomes a message that says where it was and what to report."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from edgekit.base.errors import EdgeKitError, InternalError, ToolError
from edgekit.base.installation import install_extra

DEBUG = "EDGEKIT_DEBUG"  # set: there is no net, errors show their traceback
MAX_HASHED = 2**30


def explain_error(
    error: Exception, stages: Sequence[str], arguments: Sequence[str]
) -> EdgeKitError:
    """Turn any other error of a verb into one of EdgeKit's.

    Args:
        error: what came out.
        stages: the stage that ran, or none.
        arguments: those of the command line, whose files are named with their digests.
    """
    stage = f" in stage '{stages[-1]}'" if stages else ""
    if isinstance(error, ModuleNotFoundError) and (step := _how_to_install(error)):
        return ToolError(step)
    if isinstance(error, MemoryError):
        step = "give smaller shapes (--shape, --hop), fewer clips, or more memory"
        return ToolError(f"memory ran out{stage}; {step}")
    if isinstance(error, OSError) and error.strerror:
        return ToolError(f"{error.filename or 'a file'}: {error.strerror}")
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    files = "".join(f"; {name}, {digest}" for name, digest in _digests(arguments))
    return InternalError(
        f"EdgeKit failed{stage}, which is a defect: {what}{files}. Please report it with these lines and the "
        f"traceback that {DEBUG}=1 shows"
    )


def _how_to_install(error: ModuleNotFoundError) -> str | None:
    """How to get the package of a module; None of a module that is no part of a known one."""
    from edgekit.verbs.doctor import PACKAGES

    root = (error.name or "").partition(".")[0]
    for distribution, module, _, extra in PACKAGES:
        if root == module.partition(".")[0]:
            return f"{distribution} is not installed; {install_extra(extra)}"
    return None


def _digests(arguments: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for name in arguments:
        path = Path(name)
        try:
            if path.is_file() and path.stat().st_size <= MAX_HASHED:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found.append((path.name, f"sha256:{digest}"))
        except (OSError, ValueError, MemoryError):
            continue
    return found
