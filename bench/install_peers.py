"""Environments of the engines that ``edgekit bench --against`` knows, where it looks for them.

    EDGEKIT_PEERS=FOLDER python bench/install_peers.py

An engine that pip cannot install here is named, and the benchmark says so in its place.
"""

import shutil
import subprocess
import sys
import venv

from edgekit.peers.engines import PEER_ENGINES


def main() -> int:
    """Make what is missing; returns the exit code."""
    for engine in PEER_ENGINES.values():
        if (engine.folder / "installed").is_file():
            continue
        shutil.rmtree(engine.folder, ignore_errors=True)
        venv.create(engine.folder, with_pip=True)
        pip = [
            str(engine.python()),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
        ]
        if subprocess.run([*pip, *engine.packages], check=False).returncode:
            print(f"{engine.name} cannot be installed here", file=sys.stderr)
            shutil.rmtree(engine.folder, ignore_errors=True)
            continue
        (engine.folder / "installed").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
