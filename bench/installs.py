"""Have pip install the wheel without extras, with each extra alone, and with all; try every verb in each.

    python bench/installs.py            all of them: torch comes as what pip's index has, maybe gigabytes
    python bench/installs.py bare audio ethos-u export+torch+audio

Prints what a verb did that it should not have done, and exits with 1 where one did. Each environment is removed
when it was tried: the largest takes some gigabytes.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import installs  # noqa: E402


def main() -> int:
    """Try the named sets of extras, or all."""
    named = [
        tuple(e for e in word.split("+") if e != "bare") for word in sys.argv[1:]
    ] or installs.SETS
    failed = 0
    with TemporaryDirectory(prefix="edgekit-") as name:
        wheel, files = installs.build_wheel(Path(name) / "wheel"), Path(name) / "files"
        files.mkdir()
        installs.files(files)
        for extras in named:
            label = "+".join(extras) or "bare"
            folder = Path(name) / label
            venv.create(folder / "venv", with_pip=True)
            python, wanted = folder / "venv" / "bin" / "python", f"[{','.join(extras)}]"
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", f"{wheel}{wanted if extras else ''}"],
                env=installs.clean(),
                check=True,
            )
            shutil.copytree(files, folder / "work")
            edgekit = folder / "venv" / "bin" / "edgekit"
            found = list(installs.faults(edgekit, extras, folder / "work", slow=True))
            print(f"{label}: {'ok' if not found else f'{len(found)} faults'}", flush=True)
            for fault in found:
                print(f"  {fault}")
            failed += len(found)
            shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
