"""The benchmark of a build: where it runs, what it is compared with, and the page in its report."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.base.errors import CheckFailed, Problem, UsageError, unavailable
from edgekit.base.npz import read_npz
from edgekit.base.output import output_problem
from edgekit.peers.peer import PEERS
from edgekit.runtime.bench.contenders import (
    Arrays,
    Contender,
)
from edgekit.runtime.bench.golden import check_outputs, rows
from edgekit.runtime.bench.measure import ByLayer, Measurement, golden_inputs, measure_local
from edgekit.runtime.build_folder.files import open_build, replace_text
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.device import Device, device_of, find_device, measure_qemu
from edgekit.runtime.devices.emulator import replay
from edgekit.runtime.devices.profile import FORMS, Profile
from edgekit.targets.build_files import read_model
from edgekit.verbs.bench import by_layer
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench import page as bench_page
from edgekit.verbs.bench import remote as bench_remote
from edgekit.verbs.bench.float_layers import with_slow_layers
from edgekit.verbs.replay import Look, look, replay_folder, with_changed
from edgekit.verbs.targets import TARGETS

Progress = Callable[[str, int, int], None]
TIMED_HOPS = 500  # of single layers
AGAINST = ("onnxruntime", *PEERS)


@dataclass(frozen=True)
class Request:
    """What is measured, on which device, how long, and beside what.

    `append` is a file that gets one line of JSON; `layers` asks what each layer takes, and compares its result; `page`
    says whether report.html gets one.
    """

    directory: Path
    device: str | None = None
    hops: int | None = None
    against: tuple[str, ...] = ()
    layers: bool = False
    append: Path | None = None
    page: bool = True


def bench(request: Request, progress: Progress) -> Measurement:
    """Measure a build; its report gets a page, and `append` a line."""
    from edgekit.targets.devices import profile

    manifest = open_build(request.directory)
    target = profile(manifest.target)
    name = request.device or device_of(target).name
    device = find_device(name)
    if problems := _problems(request, manifest, target, device):
        raise UsageError(problems)
    assert device is not None
    for peer in request.against:
        if peer in PEERS:
            PEERS[peer].python()  # what is missing is told before anything is compiled
    images = device.name == "qemu" and manifest.sampler is not None
    hops = request.hops or (1 if images else device.default_hops)
    seen = None
    if request.layers:
        progress("layers", 0, 1)
        seen = look(request.directory, manifest, read_model(request.directory))
    if device.connect is not None:
        measured = bench_remote.measure(
            request.directory, manifest, device, name, hops, seen, progress
        )
    else:
        results = () if seen is None else _results(request.directory, manifest, target, seen)
        if device.name == "qemu":
            progress("count instructions", 0, 1)
            measured = measure_qemu(request.directory, manifest, target, hops)
        else:
            measured = _local(request, manifest, hops, progress)
        if seen is not None:
            progress("measure layers", 0, 1)
            costs = _costs(request.directory, manifest, target, device, hops, seen)
            progress("measure float forms", 0, 1)
            model = read_model(request.directory)
            costs = with_slow_layers(costs, model, manifest, target)
            measured = replace(measured, layers=results, by_layer=costs)
    measured = replace(measured, unit="image" if images else manifest.unit)
    if request.page:
        _write_page(request.directory, measured)
    if request.append is not None:
        bench_log.append(request.append, manifest, measured)
    return measured


def _problems(
    request: Request, manifest: Manifest, target: Profile, device: Device | None
) -> list[Problem]:
    problems = []
    row = TARGETS.get(manifest.target)
    if row is not None and row.unmeasured is not None:
        why, step = row.unmeasured
        found = f"a build for {manifest.target}, {why}"
        problems.append(Problem("build", found, "a build that runs on a device", step))
    elif row is None:
        allowed = f"a build for {', '.join(TARGETS)}"
        step = "export for --target host"
        problems.append(Problem("build", f"a build for {manifest.target}", allowed, step))
    if device is None:
        problems.append(unavailable("--device", request.device or "", FORMS, ()))
    elif not device.takes(target):
        fits = device_of(target).name
        found = f"a build for {manifest.target}"
        problems.append(
            Problem(f"--device {device.name}", found, f"--device {fits}", "name this one")
        )
    elif request.hops is not None and not 1 <= request.hops <= device.most_hops:
        allowed = f"1 to {device.most_hops:,} on {device.name}"
        problems.append(Problem("--hops", str(request.hops), allowed, "give such a number"))
    for peer in request.against:
        if peer not in AGAINST:
            problems.append(unavailable("--against", peer, AGAINST, ()))
    if request.against and device is not None and device.name != "local":
        found = f"on {device.name}, where only the build runs"
        problems.append(Problem("--against", found, "--device local", "export for --target host"))
    if request.layers and row is not None and not row.is_c and row.unmeasured is None:
        found = f"a build for {manifest.target}"
        problems.append(Problem("--layers", found, "a build of C sources", "leave it out"))
    if request.append is not None and (problem := output_problem(request.append)):
        problems.append(problem)
    return problems


def _local(request: Request, manifest: Manifest, hops: int, progress: Progress) -> Measurement:
    directory = request.directory
    progress("compile", 0, 1)
    ours = TARGETS[manifest.target].contender(directory, manifest)
    _check_golden(ours, directory, manifest)
    inputs = golden_inputs(directory, manifest, hops)
    with ExitStack() as stack:
        peers = _peers(request, inputs, stack, progress) if request.against else {}
        return measure_local(
            ours, peers, inputs, manifest, lambda done, total: progress("measure", done, total)
        )


def _check_golden(ours: Contender, directory: Path, manifest: Manifest) -> None:
    inputs, outputs = (
        read_npz(directory / "golden" / f"{name}.npz") for name in ("input", "output")
    )
    check_outputs("local", manifest, ours.run(inputs)[0], outputs)


def _peers(
    request: Request, inputs: Arrays, stack: ExitStack, progress: Progress
) -> dict[str, tuple[Contender, str]]:
    from edgekit.peers.peer_runs import PeerRun

    model = read_model(request.directory)
    beside = PeerRun(model, model, inputs)
    others = [name for name in request.against if name in PEERS]
    peers = {"onnxruntime": beside.onnxruntime()} if "onnxruntime" in request.against else {}
    forms = beside.forms(others)
    for number, (row, (name, form)) in enumerate(forms.items()):
        progress(f"convert for {row}", number, len(forms))
        peers[row] = beside.worker(name, form, stack)
    return peers


def _results(
    directory: Path, manifest: Manifest, target: Profile, seen: Look
) -> tuple[tuple[str, str], ...]:
    """Run the build with a look at each layer; its results against those of the oracle."""
    with replay_folder(directory, manifest, target, seen.held) as folder:
        compile_replay(folder, target, folder / "program")
        try:
            printed = replay(target, folder / "program", layers=True)
        except CheckFailed as error:
            raise with_changed(error, seen) from error
    return tuple((row.name, row.result) for row in rows(printed) if row.kind == "layer")


def _costs(
    directory: Path, manifest: Manifest, target: Profile, device: Device, hops: int, seen: Look
) -> ByLayer:
    """What each layer takes."""
    if device.name == "qemu":
        return by_layer.count_layers(directory, manifest, target, hops, seen.layers)
    inputs = golden_inputs(directory, manifest, min(hops, TIMED_HOPS))
    return by_layer.time_layers(directory, manifest, inputs, seen.layers)


def _write_page(directory: Path, measured: Measurement) -> None:
    path = directory / "report.html"
    if not path.is_file():
        return
    text = bench_page.with_page(path.read_text(encoding="utf-8"), measured)
    replace_text(directory, path.name, text)
