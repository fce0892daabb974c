"""`edgekit demo target-speech`: of two talkers in noise, keep the one that was looked at, then the other."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.layout import parse_layout
from edgekit.base.npz import write_npz
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.figures import draw_spectrogram, new_figure
from edgekit.demos.hearable import HearableDemo, Quality, export_demo, instructions, play_builds
from edgekit.demos.target_speech.ear_scores import (
    Sound,
    level_difference_db,
    si_snr_db,
    time_difference_s,
)
from edgekit.demos.target_speech.head import RATE, at_ears
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
EXTRACTION, ENROLLMENT, CLIPS = (
    HERE / "target_speech.onnx",
    HERE / "enrollment.onnx",
    HERE / "clips",
)
EARS = parse_layout("NCT")
HOP, LATE, LOOK_HOP = 128, 64, 256  # samples; of the enrollment network
RECIPES = {"float32": "float32", "mixed": str(HERE / "mixed.toml"), "w8a8": "w8a8"}
KEPT = "mixed"
PLAYED = ("float32", KEPT)  # w8a8 takes as long as both
LOOKED_S = 4.0  # time of each look at a talker; the speech in it comes first in their clips
TURNED_S = 3.5  # the time in the scene when the listener looks at the other talker
# azimuths in degrees: of the talkers and the noise while the first, and the second is looked at, and in the scene
FIRST_LOOK, SECOND_LOOK = ((0.0,), (60.0,), (120.0,)), ((-60.0,), (0.0,), (60.0,))
SCENE = ((-50.0,), tuple(np.linspace(20.0, 80.0, 13).tolist()), (150.0,))
NOISE_DB = -10.0
SETTLED_S = 0.5  # after a change of the talker; some figures leave it out, and say so
SHORT_S = 1.0  # of each calibration clip


@dataclass(frozen=True)
class EarSignals:
    """Sound of both ears, (2, samples) each: all of it, and each talker's part."""

    mixed: Sound
    talkers: tuple[Sound, Sound]


def extraction_options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the extraction network; the streams are named in its file."""
    return ExportOptions(recipe=RECIPES[recipe], calibration=str(calibration))


def enrollment_options() -> ExportOptions:
    """Return the export options of the enrollment network."""
    return ExportOptions()


def surroundings(azimuths: Sequence[Sequence[float]], parts: Sequence[Float32]) -> EarSignals:
    """Two talkers and a noise, each from its azimuth or along them, at levels of 0, 0 and `NOISE_DB`."""
    sounds = [at_ears(part, path) for part, path in zip(parts, azimuths, strict=True)]
    levels = (0.0, 0.0, NOISE_DB)
    first, second, noise = (
        sound * np.float32(0.05 * 10 ** (level / 20) / np.sqrt(np.mean(sound**2)))
        for sound, level in zip(sounds, levels, strict=True)
    )
    return EarSignals(np.asarray(first + second + noise, np.float32), (first, second))


def clips() -> tuple[EarSignals, EarSignals, EarSignals]:
    """While the first talker is looked at, while the second is, and the scene."""
    names = ("first", "second", "noise")
    parts = [read_wav(CLIPS / f"{name}.wav", RATE).samples for name in names]
    looked = int(LOOKED_S * RATE)
    before, after = [part[:looked] for part in parts], [part[looked:] for part in parts]
    looks = (surroundings(azimuths, before) for azimuths in (FIRST_LOOK, SECOND_LOOK))
    first, second = looks
    return first, second, surroundings(SCENE, after)


def enroll(stream: Stream, ears: Sound) -> Float32:
    """The embedding (1, 256) of the talker straight ahead."""
    stream.reset()
    said = stream.run({"ears": split_into_hops(ears, LOOK_HOP)})["speaker"]
    return np.asarray(said[-1].reshape(1, -1), np.float32)


def split_into_hops(ears: Sound, hop: int) -> Float32:
    """Sound (2, samples) as hops (hops, 1, 2, hop), its rest left out."""
    count = ears.shape[1] // hop
    cut = ears[:, : count * hop].reshape(2, count, hop).swapaxes(0, 1)
    return np.ascontiguousarray(cut[:, None], np.float32)


def extract(stream: Stream, ears: Sound, turns: Mapping[int, Float32]) -> tuple[Sound, Float64]:
    """Return the output for whole hops of sound (2, samples), in time with it, and the microseconds of each hop.

    ``turns`` has the embedding from each hop on; the sound goes on meanwhile.
    """
    stream.reset()
    hops = np.concatenate([split_into_hops(ears, HOP), np.zeros((1, 1, 2, HOP), np.float32)])
    starts, parts, times = sorted(turns), [], []
    for start, stop in zip(starts, [*starts[1:], len(hops)], strict=True):
        stream.session({"speaker": turns[start]})
        said, hop_us = stream.timed_run({"ears": hops[start:stop]})
        parts.append(said["heard"])
        times.append(hop_us)
    sound = np.concatenate(parts)[:, 0].swapaxes(0, 1).reshape(2, -1)
    size = (len(hops) - 1) * HOP
    return sound[:, LATE : LATE + size], np.concatenate(times)


def calibration_clips(folder: Path, heard: Sequence[tuple[Sound, Float32]]) -> Path:
    """Write the calibration clips of the integers: sound and a talker's embedding, as it is and 20 dB softer."""
    folder.mkdir()
    for number, (ears, speaker) in enumerate(heard):
        for name, level in (("loud", 1.0), ("soft", 0.1)):
            cut = ears[:, : int(SHORT_S * RATE)] * np.float32(level)
            write_npz(
                folder / f"{number}-{name}.npz",
                {"ears": split_into_hops(cut, HOP), "speaker": speaker},
            )
    return folder


def enroll_talkers(
    watch: Stream, looks: Sequence[EarSignals], folder: Path
) -> tuple[list[Float32], Path]:
    """Return the embeddings of the enrolled talkers, and calibration clips of the integers, in a new folder."""
    speakers = [enroll(watch, look.mixed) for look in looks]
    heard = [(look.mixed, speaker) for look, speaker in zip(looks, speakers, strict=True)]
    return speakers, calibration_clips(folder, heard)


def quality_of(sound: Sound, scene: EarSignals) -> Quality:
    """Return measures of the output against the wanted talker: the first until `TURNED_S`, then the second.

    The whole clip comes first, then each talker's part whole, then both parts without the `SETTLED_S`
    after each change of the talker.
    """
    size, turn = sound.shape[1], int(TURNED_S * RATE)
    settled = int(SETTLED_S * RATE)
    target = wanted_sound(scene, turn)[:, :size]

    def gain_db(part: slice) -> float:
        mixed = si_snr_db(scene.mixed[:, part], target[:, part])
        return si_snr_db(sound[:, part], target[:, part]) - mixed

    parts = [slice(settled, turn), slice(turn + settled, size)]
    levels = [level_difference_db(sound[:, p]) - level_difference_db(target[:, p]) for p in parts]
    times = [time_difference_s(sound[:, p]) - time_difference_s(target[:, p]) for p in parts]
    return {
        "SI-SNR gain, whole clip, dB": gain_db(slice(0, size)),
        f"first talker, 0 to {TURNED_S:g} s, dB": gain_db(slice(0, turn)),
        f"second talker, from {TURNED_S:g} s on, dB": gain_db(slice(turn, size)),
        "mean of both after settling, dB": float(np.mean([gain_db(part) for part in parts])),
        "level between the ears, error after settling, dB": float(np.mean(np.abs(levels))),
        "time between the ears, error after settling, us": 1e6 * float(np.mean(np.abs(times))),
    }


def wanted_sound(scene: EarSignals, turn: int) -> Sound:
    """Return (2, samples): the first talker alone until sample `turn`, the second alone from there on."""
    first, second = scene.talkers
    return np.concatenate([first[:, :turn], second[:, turn:]], 1)


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = PLAYED,
    counted: bool = True,
) -> HearableDemo:
    """Export enrollment, and extraction in some of `RECIPES`; look at both talkers, extract one, then the other.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    *looks, scene = clips()
    turn = round(TURNED_S * RATE / HOP)
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        export_demo(ENROLLMENT, target, folder / "enrollment", enrollment_options(), progress)
        watch = Stream.open(folder / "enrollment")
        speakers, calibration = enroll_talkers(watch, looks, Path(scratch) / "calibration")
        sounds = dict[str, Sound]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            turns = {0: speakers[0], turn: speakers[1]}
            sounds[recipe], hop_us = extract(stream, scene.mixed, turns)
            return quality_of(sounds[recipe], scene), hop_us

        forms = {
            recipe: (EXTRACTION, extraction_options(recipe, calibration)) for recipe in recipes
        }
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        if counted:
            count, missing = instructions(folder / "enrollment", progress)
            takes = f"enrollment takes {(count or 0) / 1e6:.0f} million instructions a second"
            notes = (*notes, missing or takes)
        wanted = wanted_sound(scene, turn * HOP)
        wavs = {
            "look-1.wav": looks[0].mixed,
            "look-2.wav": looks[1].mixed,
            "scene.wav": scene.mixed,
            "wanted.wav": wanted,
            **{f"{recipe}.wav": sound for recipe, sound in sounds.items()},
        }
        for name, sound in wavs.items():
            write_wav(folder / name, sound, RATE, "PCM_16")
        draw(
            folder / "target-speech.png",
            {"scene": scene.mixed, "wanted": wanted, KEPT: sounds[KEPT]},
        )
    said = (
        f"look-1.wav and look-2.wav were looked at for {LOOKED_S:g} s each",
        f"at {TURNED_S:g} s of the scene the listener turns to the second talker",
        f"'after settling' leaves out the first {SETTLED_S:g} s of the scene and after the turn",
    )
    files = (*wavs, "target-speech.png", f"{KEPT}/report.html", "enrollment/report.html")
    return HearableDemo("target-speech", out, rows, files, (*said, *notes))


def draw(path: Path, sounds: Mapping[str, Sound]) -> None:
    """Write a picture: spectrograms of the left ear."""
    figure = new_figure(9, 6)
    every = figure.subplots(len(sounds), 1, sharex=True)
    for axes, (name, sound) in zip(every, sounds.items(), strict=True):
        draw_spectrogram(axes, sound[0], RATE, 5.0)
        axes.axvline(TURNED_S, color="white", linewidth=0.8)
        axes.set_ylabel(f"{name}, kHz")
    every[-1].set_xlabel("seconds; line: the listener turns to the other talker")
    figure.savefig(path)
