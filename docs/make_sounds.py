"""Makes docs/sounds/*.mp3, which pages play: what demos and tutorials write, a few seconds of each.

python docs/make_sounds.py [FOLDER]

FOLDER keeps what `edgekit demo NAME` wrote in FOLDER/NAME, and what a tutorial wrote in FOLDER/PAGE; what is there is
not made again.
"""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

import edgekit.demos

DOCS = Path(__file__).parent
CLIPS = Path(edgekit.demos.__file__).parent / "clips"
PROGRAMS = Path(sys.executable).parent
MARK = "<!-- run in the tests"
FILE = re.compile(r"^<!-- file (\S+) -->\n((?:(?:    .*)?\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Sound:
    """A sound of a page: its name, the demo or tutorial that writes it, its file there, and the part that is kept."""

    name: str
    maker: str
    file: str
    start_s: float = 0.0
    seconds: float = 7.0


SOUNDS = (
    Sound("denoise-before", "denoise", "noisy.wav"),
    Sound("denoise-after", "denoise", "w8a8.wav"),
    Sound("compressor-before", "compressor", "dry.wav", seconds=5.0),
    Sound("compressor-after", "compressor", "w8a16.wav", seconds=5.0),
    Sound("instrument-before", "instrument", "voice.wav"),
    Sound("instrument-after", "instrument", "voice-dry-mixed.wav"),
    Sound("scene", "scene", "stereo.wav"),
    Sound("stream-diffusion-before", "stream-diffusion", "noisy.wav"),
    Sound("stream-diffusion-after", "stream-diffusion", "64-ms-late.wav"),
    Sound("target-speech-before", "target-speech", "scene.wav"),
    Sound("target-speech-after", "target-speech", "mixed.wav"),
    Sound("voice-source-before", "voice-source", "sentence.wav", seconds=4.0),
    Sound("voice-source-after", "voice-source", "closures.wav", seconds=4.0),
    Sound("wake", "wake", "heard.wav", seconds=10.0),
    Sound("ten-minutes-after", "ten-minutes", "clean.wav"),
    Sound("echo-canceller-before", "echo-canceller", "mic.wav", seconds=2.0),
    Sound("echo-canceller-after", "echo-canceller", "out.wav", seconds=2.0),
    Sound("guitar-amp-after", "guitar-amp", "turned.wav", seconds=4.0),
)


def main() -> None:
    """Run the demos and tutorials, and write the sounds."""
    out = DOCS / "sounds"
    out.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name)
        for maker in dict.fromkeys(sound.maker for sound in SOUNDS):
            if not (folder / maker).exists():
                make(maker, folder / maker)
        for sound in SOUNDS:
            encode(folder / sound.maker / sound.file, sound, out / f"{sound.name}.mp3")


def make(maker: str, folder: Path) -> None:
    """Run a demo, or the files and commands of a tutorial."""
    page = DOCS / "tutorials" / f"{maker}.md"
    if not page.is_file():
        run(f"edgekit demo {maker} -o {shlex.quote(str(folder))}", folder.parent)
        return
    folder.mkdir(parents=True)
    shutil.copytree(CLIPS / "calibration", folder / "clips")
    shutil.copy(CLIPS / "noisy.wav", folder)
    text = page.read_text(encoding="utf-8")
    for name, block in FILE.findall(text):
        (folder / name).write_text(re.sub(r"^    ", "", block, flags=re.MULTILINE))
    for part in text.split(MARK)[1:]:
        lines = part.partition("\n")[2].split("\n")
        block = [
            line[4:] for line in lines[: next(i for i, x in enumerate(lines) if x[:4].strip())]
        ]
        run("\n".join(block), folder)


def run(commands: str, folder: Path) -> None:
    """Run commands with the programs of this environment."""
    path = f"export PATH={shlex.quote(str(PROGRAMS))}:$PATH"
    subprocess.run(["bash", "-ec", f"{path}\n{commands}"], cwd=folder, check=True)


def encode(source: Path, sound: Sound, out: Path) -> None:
    """Write a part of a .wav as .mp3."""
    samples, rate = soundfile.read(source, always_2d=True)
    first = round(sound.start_s * rate)
    part = samples[first : first + round(sound.seconds * rate)]
    kind = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "VARIABLE"}
    soundfile.write(out, part, rate, compression_level=0.4, **kind)


if __name__ == "__main__":
    main()
