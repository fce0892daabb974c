"""The benchmark of a build on another machine: make the files for it, send them, and compare."""

from collections.abc import Callable, Mapping

from edgekit.base.arrays import Array
from edgekit.base.errors import CheckFailed, Problem, UsageError
from edgekit.base.npz import read_npz
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.devices.device import (
    C_PROGRAM,
    PYTHON_PROGRAM,
    measure_there,
    timed_program,
)
from edgekit.runtime.devices.payload import TAKEN, python_program
from edgekit.runtime.devices.remote import Machine
from edgekit.targets.devices import profile_there
from edgekit.verbs.bench.device_run import DeviceRun
from edgekit.verbs.bench.layers import look_at_layers
from edgekit.verbs.replay import Look, replay_folder, with_changed

Progress = Callable[[str, int, int], None]


def measure(run: DeviceRun, with_layers: bool, progress: Progress) -> Measurement:
    """Send a build's replay to a device, run it there, and compare the outputs with golden.

    C sources are compiled here, into one static program for the device's core. Builds of onnxruntime and LiteRT are
    sent with the part of EdgeKit that runs them, for the Python there.

    Args:
        run: the build and the device.
        with_layers: whether each layer is measured and compared.
        progress: gets the name of each step.

    Raises:
        UsageError: the build is for another core than the device has.
        CheckFailed: the device disagrees with golden.
        ToolError: no compiler, no way to the device, or it does not run the program that it was sent.
    """
    manifest, device = run.manifest, run.device
    assert device.connect is not None
    seen = look_at_layers(run, progress) if with_layers else None
    golden: Mapping[str, Array] = read_npz(run.directory / "golden" / "output.npz")
    is_python = manifest.target in TAKEN
    progress("connect", 0, 1)
    with device.connect(run.name, PYTHON_PROGRAM if is_python else C_PROGRAM) as link:
        progress("compile", 0, 1)
        if is_python:
            program = python_program(run.directory, manifest, run.hops)
        else:
            program = _compile_for_remote(run, link.machine, seen)
        progress("measure", 0, 1)
        try:
            return measure_there(
                link, run.name, program, manifest, golden, run.hops, seen is not None
            )
        except CheckFailed as error:
            raise error if seen is None else with_changed(error, seen) from error


def _compile_for_remote(run: DeviceRun, machine: Machine, seen: Look | None) -> bytes:
    manifest = run.manifest
    there = profile_there(manifest.target, machine.architecture)
    if there is None:
        found = f"a core of {machine.architecture} ({machine.words})"
        allowed = run.target.architecture or f"one that a build for {manifest.target} is for"
        step = "export for another target, or --target c99"
        raise UsageError(Problem(f"--device {run.name}", found, allowed, step))
    held = None if seen is None else seen.held
    with replay_folder(run.directory, manifest, there, held) as folder:
        return timed_program(folder, there, run.hops)
