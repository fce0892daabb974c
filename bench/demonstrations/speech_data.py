"""Speech and noise of Debian packages as 16 kHz mono recordings: voices/NAME/*.wav, noises/NAME.wav.

    python bench speech_data [FOLDER]

`apt-get download` and `dpkg-deb -x`: nothing is installed. The recordings of asterisk are one studio
voice for each language (CC-BY-SA-3.0), those of pocketsphinx a reader of LibriVox (BSD-2), those of
klettres letters and syllables by one volunteer for each language (GPL-2+). The noises are those of blanket
(CC0, CC-BY and public domain) and of extremetuxracer, a sledge on several grounds and music (GPL-2+). None
of them is part of this repository.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from demonstrations.recordings import EVALUATION_LETTERS

from edgekit.base.errors import ToolError
from edgekit.base.wav import write_wav
from edgekit.demos.denoise_data import NOT_SPEECH, decode_or_skip

RATE = 16000
FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "speech"
LANGUAGES = ("en", "fr", "es")
SPELLERS = EVALUATION_LETTERS
LETTERS = "klettres-data"
SLEDGE = "extremetuxracer-data"
SLEDGE_NOISES = {
    "leaves": "leaves_slide.wav",
    "gravel": "rock_slide.wav",
    "ice": "ice_slide.wav",
    "music": "freezingpoint.ogg",
}
NOISES = "blanket"
READER = "pocketsphinx-testdata"
SOUNDS = "/com/rafaelmardojai/Blanket/sounds/"
SHORTEST, SHORTEST_LETTER, LONGEST = RATE * 3 // 2, RATE // 3, RATE * 20
TOOLS = {"apt-get": "apt", "dpkg-deb": "dpkg", "gresource": "libglib2.0-bin"}


def fetch(folder: Path) -> None:
    """Make `folder` where it is not there or lacks a voice; it appears complete or not at all.

    Raises:
        ToolError: a tool is missing, or a package cannot be downloaded.
    """
    if all((folder / "voices" / name).is_dir() for name in (*LANGUAGES, *map(speller, SPELLERS))):
        return
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise ToolError(
            f"speech and noise need Debian's {', '.join(missing)}: apt-get install them"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        root, made = Path(scratch) / "packages", Path(scratch) / "speech"
        root.mkdir()
        voices = [f"asterisk-core-sounds-{language}-g722" for language in LANGUAGES]
        for package in (*voices, READER, LETTERS, NOISES, SLEDGE):
            _unpack(package, root / package)
        for language, package in zip(LANGUAGES, voices, strict=True):
            _write(made / "voices" / language, sorted((root / package).rglob("*.g722")))
        books = sorted((root / READER).rglob("librivox/*.wav"))
        _write(made / "voices" / "reader", books)
        for name in SPELLERS:
            spoken = sorted((root / LETTERS / "usr/share/klettres" / name).rglob("*.ogg"))
            _write(made / "voices" / speller(name), spoken, SHORTEST_LETTER)
        (made / "noises").mkdir()
        for name, path in (*_noises(root / NOISES), *_sledge(root / SLEDGE)):
            samples = decode_or_skip(path) / np.float32(32768)
            write_wav(made / "noises" / f"{name}.wav", samples, RATE, "PCM_16")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def speller(language: str) -> str:
    """The voice that reads the letters of a language."""
    return f"letters-{language}"


def _unpack(package: str, into: Path) -> None:
    into.mkdir()
    _run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], into)
    (archive,) = into.glob("*.deb")
    _run(["dpkg-deb", "-x", archive.name, "."], into)


def _write(folder: Path, files: list[Path], shortest: int = SHORTEST) -> None:
    """The recordings that are speech and long enough, named by their place among the files."""
    folder.mkdir(parents=True)
    spoken = [path for path in files if not any(word in str(path) for word in NOT_SPEECH)]
    for path in spoken:
        samples = decode_or_skip(path)
        if shortest <= len(samples) <= LONGEST and np.abs(samples).max() > 1000:
            write_wav(
                folder / f"{path.parent.name}-{path.stem}.wav",
                samples / np.float32(32768),
                RATE,
                "PCM_16",
            )


def _noises(root: Path) -> Iterator[tuple[str, Path]]:
    (resources,) = root.rglob("blanket.gresource")
    listed = _run(["gresource", "list", str(resources)], root).decode().split()
    for name in sorted(name for name in listed if name.startswith(SOUNDS)):
        path = root / Path(name).name
        path.write_bytes(_run(["gresource", "extract", str(resources), name], root))
        yield path.stem, path


def _sledge(root: Path) -> Iterator[tuple[str, Path]]:
    for name, file in SLEDGE_NOISES.items():
        (path,) = root.rglob(file)
        yield name, path


def _run(command: list[str], folder: Path) -> bytes:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ToolError(f"{' '.join(command)} failed: {said} (apt-get update?)")
    return done.stdout


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
