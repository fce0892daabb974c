"""The verbs of the command line as functions.

All raise the errors of `edgekit.base.errors`. `progress` gets the work's name, the steps done and their number.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from edgekit.base.progress import Progress
from edgekit.base.progress import silent as silent
from edgekit.verbs.export.literal_names import RecipeName, TargetName
from edgekit.verbs.export.options import ExportOptions, QuantizeOptions, StreamOptions
from edgekit.verbs.keywords import suggest_keywords

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from edgekit.base.arrays import Float32
    from edgekit.build import Build
    from edgekit.demos.clip_folder import clips as clips
    from edgekit.demos.table import demo as demo
    from edgekit.demos.table import demos as demos
    from edgekit.graph.model import Model
    from edgekit.runtime.audio.live import LiveFacts
    from edgekit.runtime.audio.sound import Watch
    from edgekit.runtime.bench.measure import Measurement
    from edgekit.verbs.bench.compare_results import compare as compare
    from edgekit.verbs.bench.fleet import Ran
    from edgekit.verbs.bundles import bundle as bundle
    from edgekit.verbs.doctor import doctor as doctor
    from edgekit.verbs.doctor import find_boards as find_boards
    from edgekit.verbs.doctor import targets as targets
    from edgekit.verbs.export.weights import finetune as finetune
    from edgekit.verbs.export.weights import prune as prune
    from edgekit.verbs.inspection import inspect as inspect
    from edgekit.verbs.processor.measurement import measure_processor as measure_processor
    from edgekit.verbs.recordings.replay import replay as replay
    from edgekit.verbs.serve import serve as serve

# Verbs that stand elsewhere whole: imported when they are asked for, as all modules that only one verb needs.
MODULES = {
    "bundle": "edgekit.verbs.bundles",
    "clips": "edgekit.demos.clip_folder",
    "compare": "edgekit.verbs.bench.compare_results",
    "demo": "edgekit.demos.table",
    "demos": "edgekit.demos.table",
    "doctor": "edgekit.verbs.doctor",
    "find_boards": "edgekit.verbs.doctor",
    "finetune": "edgekit.verbs.export.weights",
    "inspect": "edgekit.verbs.inspection",
    "measure_processor": "edgekit.verbs.processor.measurement",
    "prune": "edgekit.verbs.export.weights",
    "replay": "edgekit.verbs.recordings.replay",
    "serve": "edgekit.verbs.serve",
    "targets": "edgekit.verbs.doctor",
}


if not TYPE_CHECKING:  # a type checker would take any name for a verb

    def __getattr__(name: str) -> Any:
        """Import a verb of `MODULES`."""
        if name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    """Name the verbs, those of `MODULES` too."""
    own = (
        name for name, value in globals().items() if getattr(value, "__module__", "") == __name__
    )
    return sorted({*(name for name in own if name[0] != "_"), *MODULES})


@suggest_keywords
def export(
    source: str,
    target: TargetName,
    out: str | Path,
    *,
    progress: Progress = silent,
    **options: Unpack[ExportOptions],
) -> "Build":
    """Make a verified build folder of a network, and return it.

    A factory or a .pt2 is the user's own code and is run; an .onnx and calibration files are not
    trusted.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        target: a name of `targets`.
        out: the folder to make: new or empty, or with `force` a build.
        progress: see above.
        options: as `edgekit.verbs.export.options.ExportOptions` declares them, for the command line too.

    Raises:
        UsageError: everything that is wrong with the request or the network.
        CheckFailed: the build does not compile, is not the same network, or does not fit its board.
    """
    from edgekit.verbs.export import entry_points
    from edgekit.verbs.export.request import read_request

    made = entry_points.export(read_request(source, target, Path(out), options), progress)
    from edgekit.build import Build  # a refused request needs nothing that runs a build

    return Build(made.directory, made.manifest, made.notes)


@suggest_keywords
def stream(
    source: str,
    out: str | Path,
    *,
    progress: Progress = silent,
    **options: Unpack[StreamOptions],
) -> "Model":
    """Rewrite an offline network to one hop at a time, prove it, and write it as one .onnx.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        out: the file to write.
        progress: see above.
        options: as `edgekit.verbs.export.options.StreamOptions` declares them; the smallest hop where none is given.

    Raises:
        UsageError: everything that is wrong with the request, or nodes that cannot be streamed.
        VerificationError: hop by hop it is not the same network.
    """
    from edgekit.verbs.export import entry_points
    from edgekit.verbs.export.network_requests import read_stream_request

    return entry_points.stream(read_stream_request(source, Path(out), options), progress)


@suggest_keywords
def quantize(
    source: str,
    recipe: RecipeName | str | Path,
    calibration: str,
    out: str | Path,
    *,
    min_snr_db: float | None = None,
    target: TargetName | None = None,
    progress: Progress = silent,
    **most: Unpack[QuantizeOptions],
) -> tuple[str, ...]:
    """Write the QDQ form of a network as one .onnx; return the problems with the calibration.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        recipe: an integer recipe: ``w8a8``, ``w8a16``, ``auto``, or a recipe.toml.
        calibration: a folder of .wav, .csv or .npz, or ``package.module:factory``.
        out: the file to write.
        min_snr_db: least signal-to-noise ratio that ``auto`` looks for, in dB.
        target: of C sources, the target of the bounds; ``host`` where not given.
        progress: see above.
        most: bounds for ``auto``, and values of inputs that clips lack: `options.QuantizeOptions` has them.

    Raises:
        UsageError: all problems with the request, the network or the calibration.
        CheckFailed: no recipe is good enough, or none of them within the bounds, or ``auto`` finds no C compiler.
    """
    from edgekit.verbs.export import entry_points
    from edgekit.verbs.export.network_requests import read_quantize_request

    words = (str(recipe), calibration, min_snr_db, target, most)
    return entry_points.quantize(read_quantize_request(source, Path(out), *words), progress)


@suggest_keywords
def run(
    directory: str | Path,
    source: str | Path | Mapping[str, str | Path],
    out: str | Path | Mapping[str, str | Path],
    *,
    constants: str | Path | None = None,
    controls: Sequence[str] = (),
    device_rate: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    found: str | Path | None = None,
    record: str | Path | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Stream .wav files, arrays, tables or pictures through a build; return notes on changes to the data.

    Args:
        directory: a build folder; its C code is compiled and run.
        source: a .wav (then the build takes and gives PCM), or a .npz with one array per
            stream input, first axis = hops, or a whole recording; or, of one input, a .npy or a .csv with a line for
            each frame; or such files for each input by its name; or, of an engine, a .png or .jpg, or a folder of
            such.
        out: a .wav of a .wav, if the build gives PCM; or one array per stream output, first axis =
            hops, as a .npz; or a .csv with one line per hop, or of a build that
            decides a .csv or .json of what it detected; or a .wav for each output by its name. Of a picture: a .png
            or .jpg with the findings drawn on it, or a .npz; of a folder: a new folder, or a .npz.
        constants: a .npz with one array per session constant, where `source` does not hold them.
        controls: ``NAME=VALUE`` of a control or session constant, a value or a file; of a control also
            ``NAME=0s:VALUE,2.5s:VALUE`` for values from these times on.
        device_rate: Hz; the files are those of a sound device at this rate. `export` writes the adapter between this
            rate and the network's.
        seed: of the noise that the build draws; 0 where left out.
        device: ``sim``: Verilator runs the RTL of a build for fpga, with DRAM, and a note has the cycles.
        found: a .json of the objects found in pictures.
        record: a file that gets every hop, for `replay`.
        progress: see above.

    Raises:
        UsageError: a file or build that cannot be used.
        ToolError: a compiler or library is missing or failed.
    """
    from edgekit.verbs import files
    from edgekit.verbs.stream_setup import StreamSetup

    given, made = (
        {name: Path(path) for name, path in side.items()}
        if isinstance(side, Mapping)
        else Path(side)
        for side in (source, out)
    )
    opening = StreamSetup(constants, controls, device_rate, seed, device, record=record)
    named = None if found is None else Path(found)
    return files.run(directory, given, made, opening, progress, named)


@suggest_keywords
def live(
    directory: str | Path,
    watch: "Watch",
    *,
    constants: str | Path | None = None,
    controls: Sequence[str] = (),
    device_rate: int | None = None,
    seed: int | None = None,
) -> "LiveFacts":
    """Stream the microphone through a build to the loudspeaker; return the counts, and the detections.

    A build that only decides, see ``--decide``, plays nothing.

    Args:
        directory: a build folder; its C code is compiled and run.
        watch: reads the facts repeatedly, and decides when to stop: see `edgekit.runtime.audio.sound.play`.
        constants: a .npz with one array per session constant.
        controls: as `run` takes them.
        device_rate: Hz of the sound device; by default the one of the export, else the build's own.
        seed: as `run` takes it.

    Raises:
        UsageError: a build or device that cannot be used.
        ToolError: a compiler or library is missing or failed, or there is no device.
    """
    from edgekit.runtime.audio.sound import check_devices, play
    from edgekit.runtime.build_folder.manifest import Manifest
    from edgekit.verbs.stream_setup import StreamSetup

    device = Manifest.load(Path(directory)).device
    if device_rate is None and device is not None:
        device_rate = device["sample_rate_hz"]
    opening = StreamSetup(constants, controls, device_rate, seed, live=True)
    check_devices(opening.check(directory))
    return play(opening.open(directory)[0], watch)


@suggest_keywords
def sample(
    directory: str | Path,
    n: int,
    seed: int,
    *,
    conditions: "Mapping[str, ArrayLike] | None" = None,
    start: str | Path | None = None,
    noise: str | Path | None = None,
    out: str | Path | None = None,
    progress: Progress = silent,
) -> "Float32":
    """Draw samples with a build that has a sampler; return them, (n, channels, ...).

    Args:
        directory: a build folder; its C code is compiled and run.
        n: the number of samples.
        seed: 0 to 2^32 - 1; sample i of a seed is the same for every n.
        conditions: condition -> one value for all, or (n, ...).
        start: a .npz with the start of a build whose sampler.toml has ``start = "given"``; a condition as well.
        noise: likewise a .npz with the noise of every row, and the residual, as `invert` writes them.
        out: a .npz that gets ``x`` and the conditions, or a .png with the pictures in a grid.
        progress: see above.

    Raises:
        UsageError: no build with a sampler, or conditions that it does not take; all problems.
        ToolError: a compiler or library is missing or failed.
    """
    from edgekit.verbs import samples

    begin, drawn, file = (None if path is None else Path(path) for path in (start, noise, out))
    given = samples.SampleInputs(conditions or {}, begin, drawn)
    return samples.sample(Path(directory), n, seed, given, file, progress)


@suggest_keywords
def invert(
    directory: str | Path,
    images: str | Path,
    *,
    seed: int = 0,
    conditions: "Mapping[str, ArrayLike] | None" = None,
    out: str | Path | None = None,
    progress: Progress = silent,
) -> "dict[str, Float32]":
    """Return the start, noise and residual with which a build reproduces images, by the names of its conditions.

    Given to `sample` with the same conditions they draw the images again; with others, the images edited
    ("edit-friendly" noise, Huberman-Spiegelglas et al., CVPR 2024).

    Args:
        directory: a build of given start and noise; its C code is compiled and run.
        images: a .npz whose array ``x``, or only array, is (n, channels, ...).
        seed: 0 to 2^32 - 1, of the noise that is drawn.
        conditions: condition -> one value for all, or (n, ...).
        out: a .npz that gets them.
        progress: see above.

    Raises:
        UsageError: no such build or images, or conditions that it does not take.
        ToolError: a compiler or library is missing or failed.
    """
    from edgekit.verbs import invert_sampler

    return invert_sampler.invert(directory, Path(images), seed, conditions, out, progress)


@suggest_keywords
def bench(
    directory: str | Path,
    *,
    device: str | None = None,
    hops: int | None = None,
    layers: bool = False,
    against: Sequence[str] = (),
    append: str | Path | None = None,
    progress: Progress = silent,
) -> "Measurement":
    """Measure a build, and add a page to its report.

    Args:
        directory: a build folder; its C code is compiled and run.
        device: ``local`` for times on this machine, bound to one core; ``qemu`` for instructions of a build
            for another core; ``ssh://[user@]host[:port]`` and ``adb[:serial]`` for times on a device with Linux.
            By default the target of the build.
        hops: the number in each of five rounds (``local``), or the number counted (``qemu``).
        layers: measure each layer (``local``, ``qemu``), and compare its result with that of the oracle.
        against: other engines that run in turn with the build: ``onnxruntime``, or ``litert``, ``executorch``
            and ``tract`` from separate environments, ``$EDGEKIT_PEERS/NAME``.
        append: a file that gets the result as one line of JSON.
        progress: see above.

    Raises:
        UsageError: no such build, device or engine; all problems.
        CheckFailed: a tool is missing or failed, or outputs are not those of the same network.
    """
    from edgekit.verbs.bench import benchmark

    file = None if append is None else Path(append)
    request = benchmark.Request(Path(directory), device, hops, tuple(against), layers, file)
    return benchmark.bench(request, progress)


@suggest_keywords
def fleet(
    path: str | Path, append: str | Path, *, again: bool = False, progress: Progress = silent
) -> "Ran":
    """Measure builds on the devices of a fleet, all at once; the next call continues an interrupted one.

    Args:
        path: a fleet.toml: a table for each device, with `device` and `hops` as of `bench`, and `builds`.
        append: a file that gets each result as one line of JSON as soon as there is one.
        again: begin a new run although the last one lacks results.
        progress: see above.

    Raises:
        UsageError: all problems with the file and its builds. A failure on a device costs only its own result, and is
            in `failed` of the returned value.
    """
    from edgekit.verbs.bench.fleet import run_fleet

    return run_fleet(Path(path), Path(append), again, progress)
