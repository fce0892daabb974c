"""Makes training sounds of `train.py` besides speech and noise: instruments, drums, alarms and interferers.

Make the folder ``heard`` of `edgekit.demos.wake.prepare` first, which has speech and noise. Then

    apt-get install fluidsynth fluid-soundfont-gm sound-theme-freedesktop
    python -m edgekit.demos.scene.prepare data sounds

``data`` is the folder of `edgekit.demos.train_denoise`. ``sounds`` then holds ``train`` and ``held``, each with
``music``, ``drums``, ``alarm`` and ``other``: animals and machines, which are to be ignored. Nothing of ``held`` is in
``train``, whose alarms are made by formula, and most of its animals and machines. Those of ``held`` are recordings.
The soundfont is Frank Wen's FluidR3 (MIT).
"""

import argparse
from pathlib import Path

import numpy as np
import soxr

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.prepare import DRUMS, SOUNDFONT, render
from edgekit.demos.denoise_data import decode
from edgekit.demos.scene.alarms import Sound, alarm
from edgekit.demos.scene.facts import RATE
from edgekit.demos.scene.interferers import interferer
from edgekit.demos.wake.data import HELD_NOISES

# programs of General MIDI, and kits of its drums
TRAINED = (
    *(0, 4, 11, 16, 19, 21, 24, 27, 29, 32, 40, 42),
    *(46, 48, 52, 56, 60, 65, 68, 73, 75, 80, 104),
)
MUSIC = {"train": TRAINED, "held": (6, 12, 25, 41, 57, 64, 71, 74)}
KITS = {"train": (0, 8, 16, 24, 40), "held": (25, 32)}
TAKES = {"train": 2, "held": 1}
# effects of General MIDI: sea, birds, a helicopter, applause; a scratched string, breath, a shot
EFFECTS = {"train": (122, 123, 125, 126), "held": (120, 121, 127)}
ALARMS, INTERFERERS = 480, 240
THEME = Path("/usr/share/sounds/freedesktop/stereo")
MONKEYS = "tt-monkeys.g722"  # the same recording in all languages
HELD_MACHINES = ("camera-shutter", "trash-empty")
HELD_ALARMS = ("alarm-clock-elapsed", "phone-incoming-call", "phone-outgoing-busy", "suspend-error")


def write_16k_wav(path: Path, sound: Sound) -> None:
    """Write a wav file of 16 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, sound, RATE, "PCM_16")


def render_instruments(out: Path, soundfont: Path) -> None:
    """Write instruments and drums."""
    for part, takes in TAKES.items():
        programs = [("music", n) for n in MUSIC[part]] + [("drums", DRUMS + n) for n in KITS[part]]
        programs += [("other", n) for n in EFFECTS[part]]
        for kind, program in programs:
            for take in range(3 * takes if kind == "drums" else takes):
                path = out / part / kind / f"{program}-{take}.wav"
                render(program, 1000 * take + program, path, soundfont)
                clip = read_wav(path)
                write_16k_wav(path, soxr.resample(clip.samples, clip.sample_rate_hz, RATE))


def main() -> None:
    """Reads the command line and writes all."""
    parser = argparse.ArgumentParser(description="Make what the scene network is trained on.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    given = parser.parse_args()
    render_instruments(given.out, given.soundfont)
    random = np.random.default_rng(3)
    for number in range(ALARMS):
        write_16k_wav(given.out / "train" / "alarm" / f"{number:03}.wav", alarm(random))
    for number in range(INTERFERERS):
        write_16k_wav(given.out / "train" / "other" / f"{number:03}.wav", interferer(random))
    held = {f"alarm/{name}": THEME / f"{name}.oga" for name in HELD_ALARMS}
    held |= {f"other/{name}": THEME / f"{name}.oga" for name in HELD_MACHINES}
    held |= {f"other/{name}": given.data / "blanket" / f"{name}.ogg" for name in HELD_NOISES}
    (held["other/monkeys"],) = (given.data / "asterisk-core-sounds-en-g722").rglob(MONKEYS)
    for name, source in held.items():
        sound = decode(source) / np.float32(32768)
        write_16k_wav(given.out / "held" / f"{name}.wav", sound.astype(np.float32))


if __name__ == "__main__":
    main()
