"""The cache folder of EdgeKit for files that it can make again: compiled kernels, and measurements of searches."""

import os
import sys
from pathlib import Path

VARIABLE = "EDGEKIT_CACHE"
OFF = "off"
ALLOWED, STEP = "a folder where you may write", f"set {VARIABLE} to such a folder, or to {OFF}"


def cache_folder() -> Path | None:
    """Return ``$EDGEKIT_CACHE``, else ``edgekit`` among this user's caches; None for ``off``, or without a home folder.

    The caches of a user are in ``$XDG_CACHE_HOME`` or ``~/.cache``; on macOS in ``~/Library/Caches``, on Windows in
    ``%LOCALAPPDATA%``, which programs share by folders named NAME/Cache.
    """
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == OFF:
        return None
    if chosen:
        return Path(chosen).absolute()
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "edgekit"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "edgekit" / "Cache"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "edgekit"
