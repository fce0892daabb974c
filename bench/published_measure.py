"""Export one network as a user does, run it beside its reference, and measure both.

Each export is a process of its own, so that its time and memory are those of a user. Times of exports are processor
seconds, of all its processes: what else the machine does counts less.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from published_networks import NETWORKS, path_of
from published_pipelines import Pipeline, Recorded, Run, Samples, reference
from published_signals import RATE, calibration_clips, pictures

from edgekit.base.npz import write_npz
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.runners.toolchain import NATIVE, compile_shared
from edgekit.runtime.stream import Arrays, Stream
from edgekit.verbs.export.importing import ImportOptions

RECIPES = ("float32", "w8a8")
MIN_SNR_DB = {"float32": 90.0, "w8a8": -100.0}  # the fidelity of w8a8 is reported, not judged
MAX_SI_SDR_DB = 0.02


class Refused(Exception):
    """The export ended with a message."""


@dataclass(frozen=True)
class Row:
    """What was measured of one network in one recipe; None where it does not apply.

    Attributes:
        network: its name.
        recipe: ``float32`` or ``w8a8``.
        refused: why there is no build.
        hops: that were run, states carried.
        snr_db: of the C build's output against the source network.
        exact: whether C and oracle are equal in every bit.
        si_sdr_db: of the published pipeline against clean speech.
        si_sdr_difference_db: of the pipeline with the build in it, to that.
        export_s: processor seconds of `edgekit export`, with its compiler and its verification.
        export_mb: memory of the largest process of the export.
        compile_s: processor seconds of the compiler at -O2.
        hop_us: median time of a hop, one thread.
        weights_bytes: of constants.
    """

    network: str
    recipe: str
    refused: str | None = None
    hops: int | None = None
    snr_db: float | None = None
    exact: bool | None = None
    si_sdr_db: float | None = None
    si_sdr_difference_db: float | None = None
    export_s: float | None = None
    export_mb: float | None = None
    compile_s: float | None = None
    hop_us: float | None = None
    weights_bytes: int | None = None

    @property
    def missed(self) -> list[str]:
        """What was asked of it and is not so."""
        asked = {
            f"refused: {self.refused}": self.refused is None,
            f"SNR {self.snr_db} dB": self.snr_db is None or self.snr_db >= MIN_SNR_DB[self.recipe],
            "C is not the oracle": self.exact is not False,
            f"SI-SDR differs by {self.si_sdr_difference_db} dB": self.recipe != "float32"
            or self.si_sdr_difference_db is None
            or abs(self.si_sdr_difference_db) <= MAX_SI_SDR_DB,
        }
        return [what for what, good in asked.items() if not good]


@dataclass(frozen=True)
class Task:
    """One network: what is exported, and what goes through it.

    Attributes:
        name: of the row.
        source: as `edgekit export` takes it.
        options: what the import is told.
        inputs: (hops, *shape) of every stream input.
        outputs: what the source makes of them, in the order of the build's outputs.
        calibration: further inputs.
    """

    name: str
    source: str
    options: ImportOptions
    inputs: Arrays
    outputs: Sequence[Samples]
    calibration: Sequence[Arrays]


def export(
    source: str,
    options: ImportOptions,
    recipe: str,
    calibration: Sequence[Arrays],
    min_snr_db: float,
    folder: Path,
    more: Sequence[str] = (),
) -> tuple[float, float]:
    """Run `edgekit export`; returns its processor seconds and the megabytes of its largest process.

    The calibration is written beside `folder`, which is made; `more` are other options.

    Raises:
        Refused: it failed; the first line of its message.
    """
    clips = folder.with_name(f"{folder.name}-clips")
    clips.mkdir()
    for index, clip in enumerate(calibration):
        write_npz(clips / f"{index}.npz", clip)
    command = [sys.executable, "-m", "edgekit", "export", source, *arguments(options)]
    command += ["--target", "host", "--recipe", recipe, "--calibration", str(clips)]
    command += ["--min-snr", str(min_snr_db), *more, "-o", str(folder)]
    environment = dict(os.environ)
    own = [str(Path(__file__).parent), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(own)  # for factories of `vision`
    with (folder.with_name(f"{folder.name}.log")).open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        text = log.read()
    if process.returncode:
        raise Refused(next(iter(text.strip().splitlines()), "no message"))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def arguments(options: ImportOptions) -> list[str]:
    """Return options of an import as arguments of `edgekit export`."""
    facts: dict[str, list[object]] = {
        "state": [":".join(pair) for pair in options.states],
        "shape": [f"{name}={','.join(map(str, dims))}" for name, dims in options.shapes.items()],
        "constant": [f"{name}={value}" for name, value in options.constants.items()],
        "frontend": [options.frontend],
        "sample-rate": [options.sample_rate],
        "then": [options.then],
    }
    return [
        text
        for flag, values in facts.items()
        for value in values
        if value is not None
        for text in (f"--{flag}", str(value))
    ]


def compile_seconds(folder: Path) -> float:
    """Return the processor seconds that the sources of a build for `host` take to compile at -O2."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compile_shared(sorted(folder.glob("*.c")), [folder], folder / "o2.so", ("-O2", *NATIVE))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(task: Task, recipe: str, folder: Path) -> tuple[Row, Arrays]:
    """Export and run one network; returns what was measured, and what the build gave, if there is one."""
    try:
        seconds, megabytes = export(
            task.source, task.options, recipe, task.calibration, MIN_SNR_DB[recipe], folder
        )
    except Refused as refused:
        return Row(task.name, recipe, refused=str(refused)), {}
    stream = Stream.open(folder)
    found, times_us = stream.timed_run(task.inputs)
    exact = None
    if recipe != "float32":
        model = Model.from_bytes((folder / "model.onnx").read_bytes())
        expected = Oracle(model).run_hops(task.inputs)
        exact = all(np.array_equal(expected[name], found[name]) for name in found)
    ratios = [
        snr_db(np.reshape(source, array.shape), array)
        for source, array in zip(task.outputs, found.values(), strict=True)
    ]
    row = Row(
        task.name,
        recipe,
        hops=len(times_us),
        snr_db=round(min(ratios), 1),
        exact=exact,
        export_s=round(seconds, 1),
        export_mb=round(megabytes),
        compile_s=round(compile_seconds(folder), 1),
        hop_us=round(float(np.median(times_us)), 1),
        weights_bytes=stream.manifest.memory["weights_bytes"],
    )
    return row, found


def whole_options(pipeline: Pipeline, cache: Path) -> ImportOptions:
    """Return what makes one build of a pipeline: its front end, and all that its networks need."""
    parts = [NETWORKS[name].options(None) for name in pipeline.networks]
    behind = [str(path_of(name, cache)) for name in pipeline.networks[1:]]
    return ImportOptions(
        sample_rate=RATE,
        states=[pair for part in parts for pair in part.states],
        shapes={name: dims for part in parts for name, dims in part.shapes.items()},
        frontend=parse_spec(pipeline.frontend),
        constants={name: value for part in parts for name, value in part.constants.items()},
        then=behind[0] if behind else None,
    )


def measure_pipeline(
    name: str,
    pipeline: Pipeline,
    speech: tuple[Samples, Samples],
    hops: int,
    cache: Path,
    scratch: Path,
) -> Iterator[Row]:
    """Yield the rows of a pipeline's networks and of the pipeline as one build, in every recipe.

    Args:
        name: of the pipeline.
        pipeline: what its authors do.
        speech: clean and noisy samples, both of ``hops * hop + lead``.
        hops: of the networks.
        cache: where the files lie.
        scratch: an empty folder.
    """
    clean, noisy = speech
    networks = [
        Recorded(
            reference(path_of(n, cache).read_bytes(), NETWORKS[n].states, NETWORKS[n].constants)
        )
        for n in pipeline.networks
    ]
    heard = calibration_clips(len(noisy))
    calibration: list[list[Arrays]] = [[] for _ in networks]
    for clip in heard:
        pipeline.run(clip, *networks)
        for clips, network in zip(calibration, networks, strict=True):
            clips.append(network.inputs)
    published = pipeline.run(noisy, *networks)
    parts = [
        Task(
            name if len(networks) == 1 else f"{name} {index + 1}",
            str(path_of(n, cache)),
            NETWORKS[n].options(hops),
            network.inputs,
            [*network.outputs.values()],
            calibration[index],
        )
        for index, (n, network) in enumerate(zip(pipeline.networks, networks, strict=True))
    ]
    for recipe in RECIPES:
        for part, n in zip(parts, pipeline.networks, strict=True):
            yield measure(part, recipe, scratch / f"{n}-{recipe}")[0]
        whole = Task(
            f"{name}, from PCM",
            parts[0].source,
            whole_options(pipeline, cache),
            {"pcm": noisy.reshape(-1, 1, pipeline.hop).astype(np.float32)},
            [published],
            [{"pcm": clip.reshape(-1, 1, pipeline.hop)} for clip in heard],
        )
        row, found = measure(whole, recipe, scratch / f"pcm-{recipe}")
        answer = None if not found else next(iter(found.values())).ravel()
        if answer is not None and not pipeline.detects:
            late = clean[: len(clean) - pipeline.delay]
            scores = [si_sdr_db(sound[pipeline.delay :], late) for sound in (published, answer)]
            row = replace(
                row,
                si_sdr_db=round(scores[0], 2),
                si_sdr_difference_db=round(scores[1] - scores[0], 4),
            )
        yield row


def measure_pictures(
    name: str,
    source: str,
    options: ImportOptions,
    network: Run,
    border: tuple[str, Sequence[int]],
    count: int,
    scratch: Path,
) -> Iterator[Row]:
    """Yield the rows of a network of pictures; `border` is the name and shape of its input."""
    key, shape = border
    inputs = {key: pictures(shape, count, 0)}
    calibration = [{key: pictures(shape, count, 1)}]
    task = Task(name, source, options, inputs, [*network(inputs).values()], calibration)
    for recipe in RECIPES:
        yield measure(
            task, recipe, scratch / f"{source.rpartition(':')[2].rpartition('/')[2]}-{recipe}"
        )[0]
