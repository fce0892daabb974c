"""Debian's arm64 Python, kernel and wheels for aarch64, in a cache folder of one's own: what emulated boards run.

apt has its state in the cache folder, so the packages of this machine stay as they are.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".venv" / "pi"
PYTHON = ("python3", "python3-pip", "libgomp1", "libstdc++6")
KERNEL = "linux-image-cloud-arm64"  # the smallest that has a serial console
PLATFORMS = tuple(f"manylinux{name}_aarch64" for name in ("2014", "_2_27", "_2_28"))
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"


def fetch_python(cache: Path) -> Path:
    """Unpack Debian's arm64 Python into ``root`` of the cache, once; return its program.

    Raises:
        SystemExit: apt failed.
    """
    root = cache / "root"
    if not (root / "lib").exists():
        apt = _apt_options(cache)
        run_checked(["apt-get", *apt, "update"])
        what = ("install", "-y", "--no-install-recommends", "--download-only", *PYTHON)
        run_checked(["apt-get", *apt, *what])
        for package in sorted((cache / "apt" / "cache" / "archives").glob("*.deb")):
            run_checked(["dpkg-deb", "-x", str(package), str(root)])
        (root / "lib").symlink_to("usr/lib")
    (found,) = (root / "usr" / "bin").glob("python3.[0-9]*[0-9]")
    return found


def fetch_kernel(cache: Path) -> Path:
    """Unpack Debian's arm64 kernel into ``kernel`` of the cache, once; return its image.

    Raises:
        SystemExit: apt failed.
    """
    folder = cache / "kernel"
    if not (folder / "boot").exists():
        apt = _apt_options(cache)
        run_checked(["apt-get", *apt, "update"])
        depends = run_checked(["apt-cache", *apt, "depends", KERNEL]).split()
        (package,) = (name for name in depends if name.startswith("linux-image-6"))
        folder.mkdir(parents=True, exist_ok=True)
        run_checked(["apt-get", *apt, "download", package], folder=folder)
        for path in folder.glob("*.deb"):
            run_checked(["dpkg-deb", "-x", str(path), str(folder)])
    (image,) = (folder / "boot").glob("vmlinuz-*")
    return image


def fetch_wheels(cache: Path, name: str, packages: Sequence[str], *options: str) -> Path:
    """Unpack wheels for aarch64 into a folder of the cache, once; return it.

    Raises:
        SystemExit: pip failed.
    """
    folder = cache / name
    if not folder.exists():
        version = fetch_python(cache).name.removeprefix("python")
        platforms = [word for name in PLATFORMS for word in ("--platform", name)]
        python = ("--python-version", version, "--implementation", "cp", "--only-binary=:all:")
        constraints = ("--constraint", str(CONSTRAINTS))
        install(folder, *platforms, *python, *constraints, *options, *packages)
    return folder


def install(folder: Path, *arguments: str) -> None:
    """Let pip install into a folder.

    Raises:
        SystemExit: pip failed.
    """
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder))
    run_checked([*pip, *arguments])


def run_checked(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a command; return what it printed.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _apt_options(cache: Path) -> list[str]:
    """Return options with which apt keeps all that it writes in the cache."""
    apt = cache / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    places = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
        "Dir::State": str(apt / "state"),
        "Dir::State::status": str(apt / "status"),
        "Dir::Cache": str(apt / "cache"),
    }
    return [word for key, value in places.items() for word in ("-o", f"{key}={value}")]
