"""Makes the training sounds of `train.py`: instruments, speech and noise, as 44.1 kHz wav files.

Get the packages of `edgekit.demos.train_denoise` (the folder ``data`` there), then

    apt-get install fluidsynth fluid-soundfont-gm
    python -m edgekit.demos.compressor.prepare data heard

``heard`` then holds ``instruments``, ``speech`` and ``noise``, and ``held/instruments``: instruments that the training
does not use. The soundfont is Frank Wen's FluidR3 (MIT).
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.formula import RATE
from edgekit.demos.denoise_data import LANGUAGES, NOISES, NOT_SPEECH, decode

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
# programs of General MIDI; DRUMS + a kit is channel 10
DRUMS = 1000
HEARD = (0, 4, 11, 16, 24, 27, 29, 32, 33, 40, 46, 48, 56, 65, 73, 80, 104, DRUMS, DRUMS + 16)
HELD = (6, 12, 26, 36, 42, 71, DRUMS + 25)
BEATS, TICKS = 48, 96  # of a rendering, and of a beat


def midi(program: int, seed: int) -> bytes:
    """A file of one track: random notes of a minor scale, or of a drum kit, at 120 beats a minute."""
    random = np.random.default_rng(seed)
    drums = program >= DRUMS
    channel = 9 if drums else 0
    scale = np.array([36, 38, 42, 42, 46, 49] if drums else [0, 2, 3, 5, 7, 8, 10, 12, 14, 15])
    base = 0 if drums else int(random.integers(36, 64))
    events = [(0, bytes([0xC0 + channel, program % DRUMS]))]
    tick = 0
    while tick < BEATS * TICKS:
        length = int(random.choice([24, 48, 48, 96, 192]))
        for note in random.choice(scale, int(random.choice([1, 1, 2, 3])), False) + base:
            events.append((tick, bytes([0x90 + channel, note, int(random.integers(30, 127))])))
            events.append((tick + length, bytes([0x80 + channel, note, 0])))
        tick += length + int(random.choice([0, 0, 0, 48]))
    return midi_file(events, TICKS)


def midi_file(events: list[tuple[int, bytes]], beat: int) -> bytes:
    """Return a MIDI file of one track of events, each with its tick; it ends a beat of `beat` ticks later."""
    track, last = b"", 0
    for at, event in sorted(events, key=lambda pair: pair[0]):
        track += variable(at - last) + event
        last = at
    track += variable(beat) + b"\xff\x2f\x00"
    head = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, beat])
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


def variable(number: int) -> bytes:
    """A number as MIDI files have it: 7 bits a byte, the highest first."""
    out = bytes([number & 127])
    while number := number >> 7:
        out = bytes([number & 127 | 128]) + out
    return out


def render(program: int, seed: int, out: Path, soundfont: Path) -> None:
    """Write the notes of `midi` as a wav file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    score = out.with_suffix(".mid")
    score.write_bytes(midi(program, seed))
    command = ["fluidsynth", "-n", "-i", "-q", "-g", "0.7", "-r", RATE, "-F", out, soundfont, score]
    subprocess.run([str(word) for word in command], check=True)
    score.unlink()
    write_wav(out, read_wav(out).samples, RATE, "PCM_16")


def prepare(data: Path, out: Path, soundfont: Path) -> None:
    """Write all folders."""
    for place, programs in (("instruments", HEARD), ("held/instruments", HELD)):
        for program in programs:
            render(program, program, out / place / f"{program}.wav", soundfont)
    for language in LANGUAGES:
        files = sorted((data / f"asterisk-core-sounds-{language}-g722").rglob("*.g722"))
        spoken = [path for path in files if not any(word in str(path) for word in NOT_SPEECH)]
        write(out / "speech" / f"{language}.wav", np.concatenate([decode(p) for p in spoken[::6]]))
    for noise in NOISES:
        whole = decode(data / "blanket" / f"{noise}.ogg")
        write(out / "noise" / f"{noise}.wav", whole[: 40 * 16_000])


def write(path: Path, samples: np.ndarray) -> None:
    """Write 16 kHz samples at 44.1 kHz."""
    import soxr

    path.parent.mkdir(parents=True, exist_ok=True)
    sound = soxr.resample(samples / np.float32(32768), 16_000, RATE)
    write_wav(path, np.asarray(sound, np.float32), RATE, "PCM_16")


def main() -> None:
    """Reads the command line and writes all."""
    parser = argparse.ArgumentParser(description="Make what the compressor is trained on.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    given = parser.parse_args()
    prepare(given.data, given.out, given.soundfont)


if __name__ == "__main__":
    main()
