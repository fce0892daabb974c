"""`edgekit demo sensor`: the position that a drifting sensor felt, by a hierarchy of rates and by one rate."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.npz import write_npz
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.demos.figures import new_figure
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.demos.sensor.data import CHUNK, PADS, RATE, recordings
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
KINDS = ("hierarchy", "flat")
# name of a build -> network, recipe
BUILDS = {
    "float32": ("hierarchy", "float32"),
    "w8a16": ("hierarchy", "w8a16"),
    "w8a8": ("hierarchy", "w8a8"),
    "flat float32": ("flat", "float32"),
    "flat w8a8": ("flat", "w8a8"),
}
KEPT = "w8a8"
SHOWN_S, SHOWN_SEED = 180, 7
CALIBRATED_S, CALIBRATED_SEED = 60, 3
UNJUDGED = 50  # labels at the start of a recording: nothing is known of the drift yet


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the networks."""
    return ExportOptions(
        recipe=recipe,
        calibration=str(calibration),
        sample_rate=RATE,
        hop=CHUNK,
        time_axes={"pads": 1},
    )


def calibration_clips(folder: Path) -> Path:
    """Write the calibration clips of the integers: three recordings of the sensor."""
    folder.mkdir()
    pads, _ = recordings(np.random.default_rng(CALIBRATED_SEED), 3, CALIBRATED_S * RATE)
    for number, recording in enumerate(pads):
        write_npz(folder / f"{number}.npz", {"pads": split_into_hops(recording)})
    return folder


def split_into_hops(pads: Float32) -> Float32:
    """Pads (samples, 4) as hops (hops, 1, 10, 4)."""
    return pads.reshape(-1, 1, CHUNK, PADS)


def positions(stream: Stream, pads: Float32) -> tuple[Float32, Float64]:
    """Return a build's positions for a recording (samples, 4): (labels, 2), and the time of each hop in us."""
    stream.reset()
    said, hop_us = stream.timed_run({"pads": split_into_hops(pads)})
    return said["position"].reshape(-1, 2), hop_us


def squared_error(found: Float32, exact: Float32) -> float:
    """The mean squared error of positions (labels, 2), without the first ten seconds."""
    return float(np.square(found - exact)[UNJUDGED:].mean())


def quality_of(found: Float32, exact: Float32) -> Quality:
    """The errors of positions (labels, 2): over the whole recording, then without its start."""
    return {
        "mean squared error, whole recording": float(np.square(found - exact).mean()),
        "mean squared error, first 10 s left out": squared_error(found, exact),
    }


def show(
    target: str,
    out: Path,
    progress: Progress,
    builds: Sequence[str] = tuple(BUILDS),
    counted: bool = True,
) -> HearableDemo:
    """Export some of `BUILDS`, feed a recording to each, write all files.

    The kept build is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    pads, exact = (
        part[0] for part in recordings(np.random.default_rng(SHOWN_SEED), 1, SHOWN_S * RATE)
    )
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        said = dict[str, Float32]()

        def play(name: str, stream: Stream) -> tuple[Quality, Float64]:
            said[name], hop_us = positions(stream, pads)
            return quality_of(said[name], exact), hop_us

        chosen = {name: BUILDS[name] for name in builds}
        forms = {
            name: (HERE / f"{kind}.onnx", options(recipe, clips))
            for name, (kind, recipe) in chosen.items()
        }
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        np.savetxt(
            folder / "positions.csv",
            np.concatenate([exact, *said.values()], 1),
            "%.4f",
            ",",
            header=",".join(f"{name} {axis}" for name in ("true", *said) for axis in "xy"),
        )
        draw(folder / "sensor.png", pads, exact, said)
    files = ("positions.csv", "sensor.png", f"{KEPT}/report.html")
    said_of = (
        f"the recording has {SHOWN_S} s; the mean square of its positions is "
        f"{np.square(exact).mean():.3f}, {np.square(exact)[UNJUDGED:].mean():.3f} without the first 10 s"
    )
    return HearableDemo("sensor", out, rows, files, (said_of, *notes))


def draw(path: Path, pads: Float32, exact: Float32, said: dict[str, Float32]) -> None:
    """Write a picture: the outputs of the pads, and one axis of the positions."""
    figure = new_figure(9, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(np.arange(len(pads)) / RATE, pads, linewidth=0.4)
    above.set_ylabel("pads")
    seconds = (np.arange(len(exact)) + 1) * CHUNK / RATE
    below.plot(seconds, exact[:, 0], label="true", color="black", linewidth=1.5)
    for name in dict.fromkeys((KEPT, *list(said)[-1:])):
        below.plot(seconds, said[name][:, 0], label=name, linewidth=0.8)
    below.set_ylabel("position, first axis")
    below.set_xlabel("seconds")
    below.legend(loc="lower left")
    figure.savefig(path)
