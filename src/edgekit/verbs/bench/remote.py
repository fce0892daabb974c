"""The benchmark of a build on another machine: what is made for it, sent, and compared."""

from collections.abc import Callable, Mapping
from pathlib import Path

from edgekit.base.arrays import Array
from edgekit.base.errors import CheckFailed, Problem, UsageError
from edgekit.base.npz import read_npz
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import (
    C_PROGRAM,
    PYTHON_PROGRAM,
    Device,
    measure_there,
    timed_program,
)
from edgekit.runtime.devices.payload import TAKEN, python_program
from edgekit.runtime.devices.remote import Machine
from edgekit.verbs.replay import Look, replay_folder, with_changed

Progress = Callable[[str, int, int], None]


def measure(
    directory: Path,
    manifest: Manifest,
    device: Device,
    name: str,
    hops: int,
    seen: Look | None,
    progress: Progress,
) -> Measurement:
    """Send a build's replay to a device, run it there, and compare what comes back with golden.

    C sources are compiled here, into one static program for the device's core; builds of onnxruntime and LiteRT go
    with the part of EdgeKit that runs them, for the Python there.

    Args:
        directory: the build.
        manifest: its facts.
        device: how it is reached.
        name: which one, as ``--device`` names it.
        hops: in each round.
        seen: what the layers must hold, where they are to be looked at.
        progress: is told what is being done.

    Raises:
        UsageError: the build is for another core than the device has.
        CheckFailed: the device disagrees with golden.
        ToolError: no compiler, no way to the device, or it does not run what it was sent.
    """
    assert device.connect is not None
    golden: Mapping[str, Array] = read_npz(directory / "golden" / "output.npz")
    is_python = manifest.target in TAKEN
    progress("connect", 0, 1)
    with device.connect(name, PYTHON_PROGRAM if is_python else C_PROGRAM) as link:
        progress("compile", 0, 1)
        if is_python:
            program = python_program(directory, manifest, hops)
        else:
            program = _compile_for_remote(directory, manifest, name, link.machine, hops, seen)
        progress("measure", 0, 1)
        try:
            return measure_there(link, name, program, manifest, golden, hops, seen is not None)
        except CheckFailed as error:
            raise error if seen is None else with_changed(error, seen) from error


def _compile_for_remote(
    directory: Path,
    manifest: Manifest,
    name: str,
    machine: Machine,
    hops: int,
    seen: Look | None,
) -> bytes:
    from edgekit.targets.devices import profile, profile_there

    there = profile_there(manifest.target, machine.architecture)
    if there is None:
        found = f"a core of {machine.architecture} ({machine.words})"
        target = profile(manifest.target)
        allowed = target.architecture or f"one that a build for {manifest.target} is for"
        step = "export for another target, or --target c99"
        raise UsageError(Problem(f"--device {name}", found, allowed, step))
    held = None if seen is None else seen.held
    with replay_folder(directory, manifest, there, held) as folder:
        return timed_program(folder, there, hops)
