"""The verb that replays a recording against the golden network: `replay`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

from edgekit.base.errors import Problem, UsageError
from edgekit.base.progress import Progress, silent
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest, count_text
from edgekit.runtime.recording_file import (
    RecordedFrames,
    RecordingLayout,
    build_number,
    read_recording,
)
from edgekit.verbs.recordings.findings import Replay, ReplayFinding

# Imported once the recording and the build are known to fit: it reads networks.
COMPARE = "edgekit.verbs.recordings.comparison:compare_frames"


def replay(recording: str | Path, directory: str | Path, progress: Progress = silent) -> Replay:
    """Run a device's recording against the golden network; name the first hop and layer that differ.

    Args:
        recording: a file that ``NAME_record`` of a build's ``recorder/`` wrote, or `run` with `record`.
        directory: the build that ran on the device.
        progress: gets the stage, the hops done, and all of them.

    Raises:
        UsageError: no such file or build, or a recording of another build.
        ToolError: no C compiler, or it failed.
    """
    folder = Path(directory)
    found, manifest = read_recording(Path(recording)), open_build(folder)
    layout = RecordingLayout.load(folder)
    _check_build(found, manifest, Path(recording))
    progress("compile", 0, 1)
    compared: Replay = resolve_name(COMPARE)(folder, manifest, layout, found.frames, progress)
    return replace(compared, findings=(*_transport(found), *compared.findings))


def _check_build(found: RecordedFrames, manifest: Manifest, path: Path) -> None:
    """Refuse a recording of another build."""
    own = build_number(manifest.digest)
    if others := {frame.build for frame in found.frames} - {own}:
        listed = ", ".join(f"sha256:{number:08x}..." for number in sorted(others))
        what = Problem(
            f"recording '{path}'",
            f"of build {listed}",
            f"of this build, sha256:{own:08x}...",
            "name the build that is on the device, see `digest` in its manifest.json; or load this one there",
        )
        raise UsageError(what)


def _transport(found: RecordedFrames) -> Iterator[ReplayFinding]:
    """What is wrong with the file."""
    if found.damaged:
        text = f"{count_text(found.damaged, 'frame')} damaged: the transport lost or changed bytes."
        yield ReplayFinding("transport", text)
    if found.other_bytes:
        text = f"{count_text(found.other_bytes, 'byte')} of no whole frame, skipped."
        yield ReplayFinding("transport", text)
