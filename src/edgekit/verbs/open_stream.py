"""A build folder as a running stream on this machine."""

from pathlib import Path

from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.rtl import RtlRunner
from edgekit.runtime.stream import Stream
from edgekit.verbs.targets import TARGETS

SIMULATOR = "sim"  # the device of a build whose RTL Verilator runs


def open_stream(directory: str | Path, device: str | None = None) -> tuple[Stream, tuple[str, ...]]:
    """Return a build folder as a running stream on this machine, and notes for the user.

    On device ``sim`` the RTL of an engine runs its layers.

    Raises:
        UsageError: no usable build.
        ToolError: a compiler or package is missing, or failed.
    """
    directory = Path(directory)
    manifest = Manifest.load(directory)
    target = manifest.target
    if device is not None:
        return Stream(manifest, RtlRunner(directory, open_build(directory))), ()
    row = TARGETS.get(target)
    stream = Stream.open(directory) if row is None else row.run(directory)
    failed = manifest.failure_notes
    if stream.manifest.target == target:
        return stream, failed
    how = f"as {stream.manifest.target}: integers have the device's bits, float sums another order"
    return stream, (*failed, f"the build is for {target}; its network runs here {how}")
