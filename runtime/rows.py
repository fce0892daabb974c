"""A recording through a build whose outputs are no audio: one row for each hop, or for each detection."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import write_npz
from edgekit.base.output import replacement_path
from edgekit.base.wav import Clip
from edgekit.runtime.audio.files import Progress, Sounds, hop_progress, sound_hops
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.detections import Detection, detections
from edgekit.runtime.stream import Arrays, Stream


def run_recording(stream: Stream, sounds: Sounds, progress: Progress | None = None) -> Arrays:
    """Stream PCM through a build from its fresh state.

    Args:
        stream: a build with PCM input and any outputs.
        sounds: (channels, samples) float32 of each input; the last hop is filled up with silence.
        progress: gets the hops done after each hop.

    Returns:
        One array (hops, *shape) for each stream output; the delay is not taken out.

    Raises:
        UsageError: the sounds do not fit its inputs.
    """
    hops = sound_hops(stream.manifest, sounds)
    stream.reset()
    return stream.run(hops, hop_progress(hops, progress))


def check_rows(manifest: Manifest, out: Path) -> None:
    """Raise a UsageError where a build detects nothing, and a .json is to hold detections."""
    if out.suffix.lower() == ".json" and manifest.decide is None:
        found, step = "a build that detects nothing", "name a .npz or .csv, or export with --decide"
        raise UsageError(Problem(f"output '{out}'", found, "detections", step))


def run_clips_to_rows(
    stream: Stream,
    clips: Mapping[str, Clip],
    sources: Mapping[str, Path],
    out: Path,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Stream a recording of each input into a .npz, one array per output, or a .csv, one line per hop; return notes.

    A line of the .csv begins with the time at which its hop begins, in seconds, the delay taken out. Then every element
    of every output has a column. For a build that decides, a .csv has a line per detection, a .json one object, and
    notes list each.

    Args:
        stream: the build.
        clips: the result of `read_sources` for `sources`.
        sources: the files by input.
        out: the file to write.
        progress: gets the hops done after each hop.

    Raises:
        UsageError: a file or a build that cannot be used.
        ToolError: soundfile or soxr is not installed.
    """
    check_rows(stream.manifest, out)
    with replacement_path(out, *sources.values()) as temporary:
        sounds = {name: clip.samples for name, clip in clips.items()}
        rate = next(iter(clips.values())).sample_rate_hz
        outputs = run_recording(stream, sounds, progress)
        detected = detections(stream.manifest, outputs, rate)
        if out.suffix.lower() != ".npz" and detected is not None:
            _write_detections(temporary, detected, as_json=out.suffix.lower() == ".json")
        elif out.suffix.lower() == ".csv":
            times = _hop_times(stream.manifest, outputs, rate)
            write_csv(temporary, outputs, {"time_s": times})
        else:
            write_npz(temporary, outputs)
    notes = tuple(dict.fromkeys(note for clip in clips.values() for note in clip.notes))
    if detected is None:
        return notes
    return (*notes, *(map(str, detected) if detected else ["nothing was detected"]))


def _write_detections(path: Path, found: list[Detection], as_json: bool) -> None:
    rows = [asdict(each) for each in found]
    with path.open("w", newline="", encoding="utf-8") as file:
        if as_json:
            file.write(json.dumps({"detections": rows}, indent=2) + "\n")
            return
        writer = csv.DictWriter(file, ("time_s", "label", "score"))
        writer.writeheader()
        writer.writerows(rows)


def _hop_times(manifest: Manifest, outputs: Arrays, rate: int) -> list[str]:
    """Return when each hop begins, in seconds, the delay taken out."""
    delay, hop = manifest.stream["delay_samples"] or 0, manifest.stream["hop_samples"]
    return [f"{n * hop / rate - delay / rate:.6f}" for n in range(_count_hops(outputs))]


def _count_hops(outputs: Arrays) -> int:
    return len(next(iter(outputs.values()), ()))


def write_csv(
    path: Path, outputs: Arrays, times: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write a line for each hop, with a column for every element of every output.

    Args:
        path: the file to write.
        outputs: arrays of shape (hops, *shape).
        times: the first column, by its title; the number of the hop if left out.
    """
    columns = dict(times or {"hop": [*map(str, range(_count_hops(outputs)))]})
    for name, array in outputs.items():
        single = np.prod(array.shape[1:]) == 1
        for index in np.ndindex(array.shape[1:]):
            title = name if single else f"{name}[{','.join(map(str, index))}]"
            columns[title] = [_text(value) for value in array[(slice(None), *index)]]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _text(value: np.generic) -> str:
    """A whole number, or a float32 to all its digits."""
    return str(int(value)) if value.dtype.kind in "biu" else f"{value:.9g}"
