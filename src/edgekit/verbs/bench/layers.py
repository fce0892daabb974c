"""The cost and the output of each layer of a C build, on this machine or in an emulator here."""

from dataclasses import replace

from edgekit.base.errors import CheckFailed
from edgekit.base.progress import Progress
from edgekit.runtime.bench.golden import rows
from edgekit.runtime.bench.measure import ByLayer, Measurement, golden_inputs
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import replay
from edgekit.targets.build_files import read_model
from edgekit.verbs.bench import by_layer
from edgekit.verbs.bench.device_run import DeviceRun
from edgekit.verbs.bench.float_layers import with_slow_layers
from edgekit.verbs.replay import Look, look, replay_folder, with_changed

TIMED_HOPS = 500  # of single layers


def look_at_layers(run: DeviceRun, progress: Progress) -> Look:
    """Return a build's layers, and their expected values.

    Raises:
        UsageError: the manifest is of other sources than those this version makes of the network.
    """
    progress("layers", 0, 1)
    return look(run.directory, run.manifest, read_model(run.directory))


def layer_results(run: DeviceRun, seen: Look) -> tuple[tuple[str, str], ...]:
    """Run the build with a look at each layer; its results against those of the oracle.

    Raises:
        CheckFailed: the replay failed.
    """
    with replay_folder(run.directory, run.manifest, run.target, seen.held) as folder:
        compile_replay(folder, run.target, folder / "program")
        try:
            printed = replay(run.target, folder / "program", layers=True)
        except CheckFailed as error:
            raise with_changed(error, seen) from error
    return tuple((row.name, row.result) for row in rows(printed) if row.kind == "layer")


def with_layer_costs(
    measured: Measurement, run: DeviceRun, seen: Look, progress: Progress
) -> Measurement:
    """Return a measurement with the cost of each layer, and the layers slower than their float forms."""
    progress("measure layers", 0, 1)
    costs = _costs(run, seen)
    progress("measure float forms", 0, 1)
    model = read_model(run.directory)
    return replace(measured, by_layer=with_slow_layers(costs, model, run.manifest, run.target))


def _costs(run: DeviceRun, seen: Look) -> ByLayer:
    """Return the cost of each layer."""
    directory, manifest = run.directory, run.manifest
    if run.device.name == "qemu":
        return by_layer.count_layers(directory, manifest, run.target, run.hops, seen.layers)
    inputs = golden_inputs(directory, manifest, min(run.hops, TIMED_HOPS))
    return by_layer.time_layers(directory, manifest, inputs, seen.layers)
