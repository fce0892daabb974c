"""A written engine becomes a verified one: golden vectors, model, recipe, report and manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import VerificationError
from edgekit.base.json_values import JsonObject
from edgekit.base.npz import write_npz
from edgekit.base.progress import Progress
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.fpga import golden, project, report
from edgekit.fpga.engine import EngineBuild
from edgekit.fpga.stages import FOLDER
from edgekit.graph.model import Model
from edgekit.judge.synthetic_signals import Signal, signal_facts, synthetic_signals
from edgekit.judge.verification import sample_hops
from edgekit.runtime.build_folder.files import with_files
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.build_folder.sbom import SBOM_NAME, sbom
from edgekit.runtime.runners.fpga import FpgaRunner
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.work import WrittenBuild

PICTURES = 20  # that a build is verified on
MIN_SNR_DB = {
    "w8a8": 10.0,
    "w4a8": 3.0,
}  # unless --min-snr; weights of 4 bits that saw no training lose more
Arrays = Mapping[str, Array]


def finish_engine(written: WrittenBuild, progress: Progress) -> Manifest:
    """Verify an engine in its C simulation, and add golden vectors, model, recipe, report and manifest.

    Raises:
        CheckFailed: the simulation is not the golden network, or is too far from the float one.
    """
    folder, build, model = written.folder, written.build, written.quantized.model
    assert isinstance(build, EngineBuild)
    recipe = str(build.manifest.quantization["recipe"])
    calibrated = sample_hops(model, written.quantized.calibration, None)
    samples = {name: array[:PICTURES] for name, array in calibrated.items()}
    needed = MIN_SNR_DB[recipe] if written.min_snr_db is None else written.min_snr_db
    signals: Sequence[Signal] = ()
    if written.quantized.is_uncalibrated:
        signals = synthetic_signals(model, written.examples, written.settings, most_hops=1)
    verification, outputs, vectors = verify(
        build, model, samples, needed, progress, signals, written.min_snr_db
    )
    for name, content in vectors.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "golden").mkdir()
    write_npz(folder / "golden" / "input.npz", samples)
    write_npz(folder / "golden" / "output.npz", outputs)
    manifest = replace(build.manifest, verification=verification)
    model.save(folder / "model.onnx")
    (folder / "recipe.toml").write_text(f'name = "{recipe}"\n', encoding="utf-8")
    page = report.render(manifest, build.engine)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / SBOM_NAME).write_text(sbom(manifest, folder), encoding="utf-8")
    manifest = with_files(manifest, folder)
    (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return manifest


@dataclass(frozen=True)
class _EngineRun:
    """The outputs of the C simulation for pictures and signals, and of the golden network for the pictures."""

    outputs: dict[str, Float32]
    signal_outputs: Sequence[Arrays]
    golden: list[tuple[dict[str, Array], dict[str, Float32]]]  # values of each layer, and outputs


def verify(
    build: EngineBuild,
    model: Model,
    samples: Arrays,
    min_snr_db: float,
    progress: Progress,
    signals: Sequence[Signal] = (),
    least_db: float | None = None,
) -> tuple[JsonObject, dict[str, Float32], dict[str, bytes]]:
    """Run pictures through the C simulation; compare with the golden network bit for bit, with float in dB.

    Without a calibration on `signals` too, each of which must reach `least_db`.

    Returns the manifest's ``verification``, the outputs (pictures, 1, channels, height, width), and the test bench's
    golden vectors by path.
    """
    run = _simulate(build, samples, signals, progress)
    _check_golden(run)
    facts = _float_facts(build, model, samples, run.outputs, min_snr_db)
    if signals:
        facts |= signal_facts(model, signals, run.signal_outputs, facts, least_db)
    return facts, run.outputs, _golden_vectors(build, samples, run)


def _simulate(
    build: EngineBuild, samples: Arrays, signals: Sequence[Signal], progress: Progress
) -> _EngineRun:
    """Compile the C simulation and run it; layers on the CPU are compiled, too."""
    ((_, pictures),) = samples.items()
    engine = build.engine
    folders = {id(part): f"{FOLDER}/{i}" for i, part in enumerate(engine.network.cpu)}
    with TemporaryDirectory(prefix="edgekit-") as place:
        project.write(Path(place), build.files)
        progress("compile", 0, 1)
        built = FpgaRunner(Path(place), build.manifest)
        stream = Stream(build.manifest, built)
        outputs = stream.run(samples, lambda done: progress("verify", done, len(pictures)))
        signal_outputs = [stream.run(signal.samples) for signal in signals]
        expected = [
            engine.golden(picture, lambda part, floats: built.compute(folders[id(part)], floats))
            for picture in pictures
        ]
    return _EngineRun(outputs, signal_outputs, expected)


def _check_golden(run: _EngineRun) -> None:
    for out, array in run.outputs.items():
        golden_array = np.stack([floats[out] for _, floats in run.golden]).reshape(array.shape)
        if not np.array_equal(array, golden_array):
            raise VerificationError(
                f"output '{out}' of the engine's C simulation differs from the golden network's"
            )


def _float_facts(
    build: EngineBuild, model: Model, samples: Arrays, outputs: Arrays, min_snr_db: float
) -> JsonObject:
    """Return how far the outputs are from the float network's.

    Raises:
        VerificationError: an output is below `min_snr_db`.
    """
    reference = run_hops(model, samples)
    ratios = {out: snr_db(reference[out], array) for out, array in outputs.items()}
    low = {out: ratio for out, ratio in ratios.items() if not ratio >= min_snr_db}
    if low:
        listed = ", ".join(f"'{out}' {ratio:.2f} dB" for out, ratio in low.items())
        raise VerificationError(
            f"outputs below the float network's signal by too little: {listed}; at least {min_snr_db:g} dB "
            "needed (--min-snr); calibrate on real pictures, or choose --recipe w8a8"
        )
    lowest = min(ratios.values())
    return {
        "by": "C simulation on this host" + (" and portable C" if build.engine.network.cpu else ""),
        "hops": len(next(iter(samples.values()))),
        "snr_db": round(lowest, 2) if np.isfinite(lowest) else None,
        "max_abs_error": max(
            float(np.abs(reference[out] - array).max()) for out, array in outputs.items()
        ),
        "bit_exact_with_oracle": True,
    }


def _golden_vectors(build: EngineBuild, samples: Arrays, run: _EngineRun) -> dict[str, bytes]:
    """The test bench's vectors, by path."""
    ((name, pictures),) = samples.items()
    images = [golden.quantize(build.engine.network, {name: picture}) for picture in pictures]
    vectors = project.golden_vectors(
        build.engine.program,
        [next(iter(stored.values())) for stored in images],
        [values for values, _ in run.golden],
    )
    return {f"hls/{path}": content for path, content in vectors.items()}
