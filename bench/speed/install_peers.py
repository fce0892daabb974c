"""Environments of the peers that ``edgekit bench --against`` knows, where it looks for them.

    EDGEKIT_PEERS=FOLDER python bench install_peers

A peer that pip cannot install here is named, and the benchmark says so in its place.
"""

import argparse
import shutil
import subprocess
import sys
import venv

from edgekit.peers.peer import PEERS


def main() -> int:
    """Make what is missing; returns the exit code."""
    argparse.ArgumentParser(description=str(__doc__).splitlines()[0]).parse_args()
    for peer in PEERS.values():
        if (peer.folder / "installed").is_file():
            continue
        shutil.rmtree(peer.folder, ignore_errors=True)
        venv.create(peer.folder, with_pip=True)
        pip = [
            str(peer.python()),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
        ]
        if subprocess.run([*pip, *peer.packages], check=False).returncode:
            print(f"{peer.name} cannot be installed here", file=sys.stderr)
            shutil.rmtree(peer.folder, ignore_errors=True)
            continue
        (peer.folder / "installed").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
