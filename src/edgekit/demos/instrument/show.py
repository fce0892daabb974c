"""`edgekit demo instrument`: a trombone plays a melody from its recording, and then the melody of a voice."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.figures import draw_spectrogram, new_figure
from edgekit.demos.hearable import HearableDemo, Quality, export_demo, instructions, play_builds
from edgekit.demos.instrument.periodicity import unvoiced_percent
from edgekit.demos.show_denoise import CLIPS as DENOISE_CLIPS
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
LISTENER, PLAYER, CLIPS = HERE / "listener.onnx", HERE / "player.onnx", HERE / "clips"
RATE, HOP, FRAME = 16_000, 64, 640
LATE = FRAME // 2 - HOP // 2  # samples from the input to the played sound, about
SCORE_S = 200  # values of the score's pitch in a second
RECIPES = {"float32": "float32", "mixed": str(HERE / "mixed.toml")}  # int8 for unplayed tensors
KEPT = "mixed"
STRETCH = slice(100, 450)  # of frames
LOW_HZ = 130.0  # median of a voice: the instrument was trained from 87 Hz on
SOUND_KINDS = ("melody", "voice", "voice-dry")
VOICE_MEASURE = "clearly voiced frames of the voice that come out unvoiced"
BORDER = 12  # frames around a change of the score that are not judged: a window holds both notes


def listener_options() -> ExportOptions:
    """Return the export options of the listener."""
    return ExportOptions(sample_rate=RATE, hop=HOP, time_axes={"pcm": 2})


def player_options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the player."""
    return ExportOptions(
        recipe=RECIPES[recipe],
        calibration=str(calibration),
        sample_rate=RATE,
        hop=HOP,
        time_axes={"f0": 2, "loudness": 2, "z": 2},
        rates={"f0": HOP, "loudness": HOP},
        noise={"z": "uniform"},
    )


def raise_low_voice(f0: Float32) -> Float32:
    """Return the pitch of a voice, an octave higher if its median is too low for the instrument."""
    return 2 * f0 if f0.any() and np.median(f0[f0 > 0]) < LOW_HZ else f0


def write_dry_player(path: Path) -> Path:
    """Write the player without its room: of the room's response only the first tap is left. Returns the path."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(PLAYER)
    (room,) = (one for one in model.graph.initializer if one.name == "room.response")
    response = numpy_helper.to_array(room).copy()
    response[:, 1:] = 0
    room.CopyFrom(numpy_helper.from_array(response, room.name))
    onnx.save(model, path)
    return path


def pitch_and_loudness(stream: Stream, pcm: Float32) -> tuple[Float32, Float32, Float64]:
    """Pitch and loudness of a recording, a value for each frame, and the time of each hop in microseconds."""
    stream.reset()
    hops = pcm[: pcm.size // HOP * HOP].reshape(-1, 1, 1, HOP)
    said, hop_us = stream.timed_run({"pcm": hops})
    return said["f0"].ravel(), said["loudness"].ravel(), hop_us


def play_features(stream: Stream, f0: Float32, loudness: Float32) -> tuple[Float32, Float64]:
    """Return the player's sound for pitch and loudness, from silence."""
    stream.reset()
    given = {"f0": f0.reshape(-1, 1, 1, 1), "loudness": loudness.reshape(-1, 1, 1, 1)}
    said, hop_us = stream.timed_run(given)
    return said["sound"].ravel(), hop_us


def calibration_clips(folder: Path, features: Sequence[tuple[Float32, Float32]]) -> Path:
    """Write the calibration clips of the integers: stretches of pitch and loudness from the listener."""
    folder.mkdir()
    for number, parts in enumerate(features):
        f0, loudness = (part[STRETCH].reshape(-1, 1, 1, 1) for part in parts)
        given = {"f0": f0, "loudness": loudness}
        write_npz(folder / f"{number}.npz", given)
    return folder


def score_pitch(score: Float32, frames: int, late: int) -> Float32:
    """Return the score's pitch at the middle of each frame of the listener, `late` samples late; 0 near changes."""
    middle = np.arange(frames) * HOP + HOP - FRAME / 2 - late
    at = np.round(middle / RATE * SCORE_S).astype(int)
    pitch = np.where((at >= 0) & (at < score.size), score[at.clip(0, score.size - 1)], 0)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(pitch, BORDER, "edge"), 2 * BORDER + 1)
    steady = (near.min(1) > 0) & (near.max(1) < 1.06 * near.min(1))
    return np.where(steady, pitch, 0).astype(np.float32)


def cents(found: Float32, exact: Float32) -> Float32:
    """Return pitch errors in hundredths of a semitone, where there is pitch; a missing one counts as an octave."""
    judged = exact > 0
    ratio = np.where(found > 0, found, exact / 2)[judged] / exact[judged]
    return np.asarray(1200 * np.log2(ratio), np.float32)


def quality_of(
    again: tuple[Float32, Float32], room: tuple[Float32, Float32], score: Float32
) -> Quality:
    """Return the quality of the output, by the listener, against the score and against the instrument in its room."""
    exact = score_pitch(score, again[0].size, LATE)
    off = cents(again[0], exact)
    late = round(LATE / HOP)
    wanted = np.concatenate([np.full(late, room[1][0]), room[1][:-late]])
    held = exact > 0
    apart = np.abs(again[1] - wanted)
    return {
        "loudness error, whole clip, dB": float(apart.mean()),
        "share of the frames in held notes, %": 100 * float(held.mean()),
        "loudness error in held notes, dB": float(apart[held].mean()),
        "pitch error in held notes, cents, median": float(np.median(np.abs(off))),
        "frames of held notes within 50 cents, %": 100 * float((np.abs(off) < 50).mean()),
    }


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = tuple(RECIPES),
    counted: bool = True,
) -> HearableDemo:
    """Export the listener, and the player in some of `RECIPES`; play a melody and a voice; write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    melody, room = (read_wav(CLIPS / f"{name}.wav", RATE).samples for name in ("melody", "room"))
    voice = read_wav(DENOISE_CLIPS / "clean.wav", RATE).samples
    score = read_npz(CLIPS / "melody.npz")["f0"]
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        export_demo(LISTENER, target, folder / "listener", listener_options(), progress)
        ears = Stream.open(folder / "listener")
        features = [pitch_and_loudness(ears, pcm) for pcm in (melody, voice)]
        wanted = pitch_and_loudness(ears, room)
        clips = calibration_clips(Path(scratch) / "calibration", [one[:2] for one in features])
        dry_player = write_dry_player(Path(scratch) / "dry.onnx")
        sounds = dict[str, list[Float32]]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            parts = [play_features(stream, f0, loudness) for f0, loudness, _ in features]
            build = Path(scratch) / f"dry-{recipe}"
            export_demo(dry_player, target, build, player_options(recipe, clips), progress)
            dry, _ = play_features(
                Stream.open(build), raise_low_voice(features[1][0]), features[1][1]
            )
            sounds[recipe] = [*(sound for sound, _ in parts), dry]
            again = pitch_and_loudness(ears, parts[0][0])
            quality = {
                **quality_of(again[:2], wanted[:2], score),
                f"{VOICE_MEASURE}, in the room, %": unvoiced_percent(voice, parts[1][0]),
                f"{VOICE_MEASURE}, dry, %": unvoiced_percent(voice, dry),
            }
            return quality, parts[0][1] + features[0][2]

        forms = {recipe: (PLAYER, player_options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        if counted:
            count, missing = instructions(folder / "listener", progress)
            listens = f"listening takes {(count or 0) / 1e6:.1f} million instructions a second more"
            notes = (*notes, missing or listens)
        shutil.copy(CLIPS / "melody.wav", folder / "melody.wav")
        shutil.copy(CLIPS / "room.wav", folder / "room.wav")
        shutil.copy(DENOISE_CLIPS / "clean.wav", folder / "voice.wav")
        for recipe, played in sounds.items():
            for kind, sound in zip(SOUND_KINDS, played, strict=True):
                write_wav(folder / f"{kind}-{recipe}.wav", sound, RATE, "PCM_16")
        dry = sounds[KEPT][-1]
        pitches = raise_low_voice(features[1][0]), pitch_and_loudness(ears, dry)[0]
        draw(folder / "instrument.png", (voice, dry), pitches)
    said_of_all = (
        f"pitch is judged in held notes alone, without {1000 * BORDER * HOP / RATE:g} ms on both sides of each change",
        "mixed is calibrated on stretches of the melody and of the voice that are played here",
        "melody.wav and voice.wav are what was heard, room.wav is the melody by the instrument itself",
        f"sound comes {1000 * (LATE + HOP) / RATE:.0f} ms late: half of the window that pitch is found in, and a hop",
        "us per hop are those of listening and playing",
        "voice-dry has no room, whose echo blurs a gliding pitch; low voices sound an octave higher",
    )
    wavs = [f"{kind}-{recipe}.wav" for recipe in recipes for kind in SOUND_KINDS]
    files = ("melody.wav", "room.wav", "voice.wav", *wavs, "instrument.png")
    reports = (f"{KEPT}/report.html", "listener/report.html")
    return HearableDemo("instrument", out, rows, (*files, *reports), (*said_of_all, *notes))


def draw(path: Path, sounds: tuple[Float32, Float32], pitches: tuple[Float32, Float32]) -> None:
    """Write a picture: the pitch that the instrument gets and that it plays, and spectrograms of voice and instrument.

    Args:
        path: of the .png.
        sounds: the voice and the instrument, (samples,) each.
        pitches: of the voice, in the instrument's range, and of the instrument, (frames,) in Hz; 0 where none is found.
    """
    figure = new_figure(9, 7)
    above, *below = figure.subplots(3, 1, sharex=True)
    for f0, name, late in zip(pitches, ("wanted", "played"), (0, LATE), strict=True):
        seconds = ((np.arange(f0.size) + 1) * HOP - FRAME / 2 - late) / RATE
        above.plot(seconds, np.where(f0 > 0, f0, np.nan), label=name, linewidth=1.5)
    above.set_yscale("log", base=2)
    above.set_yticks([75, 100, 150, 200, 300], ["75", "100", "150", "200", "300"])
    above.set_ylabel("pitch, Hz")
    above.legend(loc="upper right")
    for axes, pcm, name in zip(below, sounds, ("voice", "played"), strict=True):
        draw_spectrogram(axes, pcm, RATE)
        axes.set_ylim(0, 4)
        axes.set_ylabel(f"{name}, kHz")
    below[-1].set_xlabel("seconds; the pitch of what is played is drawn without its delay")
    figure.savefig(path)
