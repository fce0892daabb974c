"""The benchmark of a build: its device, its peers, and the page in its report."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.npz import read_npz
from edgekit.base.output import output_problem
from edgekit.peers.peer import PEERS
from edgekit.runtime.bench.contenders import (
    Arrays,
    Contender,
)
from edgekit.runtime.bench.golden import check_outputs
from edgekit.runtime.bench.measure import Measurement, golden_inputs, measure_local
from edgekit.runtime.build_folder.files import open_build, replace_text
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import Device, device_of, find_device, measure_qemu
from edgekit.runtime.devices.profile import FORMS, Profile
from edgekit.targets.build_files import read_model
from edgekit.targets.devices import profile
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench import page as bench_page
from edgekit.verbs.bench.device_run import DeviceRun
from edgekit.verbs.targets import TARGETS

Progress = Callable[[str, int, int], None]
AGAINST = ("onnxruntime", *PEERS)


@dataclass(frozen=True)
class Request:
    """The request of a benchmark: the build, the device, the duration and the peers.

    `append` names a file that gets one line of JSON. `layers` asks for the cost of each layer, and compares its result.
    `page` adds a page to report.html.
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
    run = _device_run(request)
    for peer in request.against:
        if peer in PEERS:
            PEERS[peer].python()  # missing tools are reported before anything is compiled
    images = run.device.name == "qemu" and run.manifest.sampler is not None
    if run.device.connect is not None:
        from edgekit.verbs.bench import remote

        measured = remote.measure(run, request.layers, progress)
    elif request.layers:
        measured = _with_layers(request, run, progress)
    else:
        measured = _measure_here(request, run, progress)
    unit = "image" if images else run.manifest.unit
    failed = (run.manifest.verification or {}).get("failed")
    measured = replace(measured, unit=unit, failed=failed)
    if request.page:
        _write_page(request.directory, measured)
    if request.append is not None:
        bench_log.append(request.append, run.manifest, measured)
    return measured


def _device_run(request: Request) -> DeviceRun:
    """The build on its device.

    Raises:
        UsageError: everything that is wrong with the request.
    """
    manifest = open_build(request.directory)
    target = profile(manifest.target)
    name = request.device or device_of(target).name
    device = find_device(name)
    problems = [
        *_build_problems(request, manifest),
        *_device_problems(request, manifest, target, device),
        *_peer_problems(request, device),
    ]
    if request.append is not None and (problem := output_problem(request.append)):
        problems.append(problem)
    if problems:
        raise UsageError(problems)
    assert device is not None
    images = device.name == "qemu" and manifest.sampler is not None
    hops = request.hops or (1 if images else device.default_hops)
    return DeviceRun(request.directory, manifest, target, device, name, hops)


def _build_problems(request: Request, manifest: Manifest) -> Iterator[Problem]:
    """Yield the reasons why such a build, or its layers, cannot be measured."""
    row, found = TARGETS.get(manifest.target), f"a build for {manifest.target}"
    if row is None:
        allowed = f"a build for {', '.join(TARGETS)}"
        yield Problem("build", found, allowed, "export for --target host")
    elif row.unmeasured is not None:
        why, step = row.unmeasured
        yield Problem("build", f"{found}, {why}", "a build that runs on a device", step)
    elif request.layers and not row.is_c:
        yield Problem("--layers", found, "a build of C sources", "leave it out")


def _device_problems(
    request: Request, manifest: Manifest, target: Profile, device: Device | None
) -> Iterator[Problem]:
    """Yield the reasons why a device cannot measure the build, or that number of hops."""
    if device is None:
        yield unavailable("--device", request.device or "", FORMS, ())
    elif not device.takes(target):
        fits, found = device_of(target).name, f"a build for {manifest.target}"
        where = f"--device {device.name}"
        step = f"give --device {fits}, or export the network for a core that {device.name} has"
        yield Problem(where, found, f"--device {fits}", step)
    elif request.hops is not None and not 1 <= request.hops <= device.most_hops:
        allowed = f"1 to {device.most_hops:,} on {device.name}"
        yield Problem("--hops", str(request.hops), allowed, "give such a number")


def _peer_problems(request: Request, device: Device | None) -> Iterator[Problem]:
    """Yield the reasons why other engines cannot run next to the build."""
    for peer in request.against:
        if peer not in AGAINST:
            yield unavailable("--against", peer, AGAINST, ())
    if request.against and device is not None and device.name != "local":
        found = f"on {device.name}, where only the build runs"
        yield Problem("--against", found, "--device local", "export for --target host")


def _with_layers(request: Request, run: DeviceRun, progress: Progress) -> Measurement:
    """Measure a build and each of its layers; their results are compared first."""
    from edgekit.verbs.bench import layers

    seen = layers.look_at_layers(run, progress)
    results = layers.layer_results(run, seen)
    measured = replace(_measure_here(request, run, progress), layers=results)
    return layers.with_layer_costs(measured, run, seen, progress)


def _measure_here(request: Request, run: DeviceRun, progress: Progress) -> Measurement:
    """Time a build on this machine, or count its instructions."""
    if run.device.name == "qemu":
        progress("count instructions", 0, 1)
        return measure_qemu(run.directory, run.manifest, run.target, run.hops)
    return _local(request, run.manifest, run.hops, progress)


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


def _write_page(directory: Path, measured: Measurement) -> None:
    path = directory / "report.html"
    if not path.is_file():
        return
    text = bench_page.with_page(path.read_text(encoding="utf-8"), measured)
    replace_text(directory, path.name, text)
