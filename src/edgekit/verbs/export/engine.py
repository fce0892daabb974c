"""``--target fpga``: from a float network to a verified engine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import ModelError, VerificationError
from edgekit.base.npz import write_npz
from edgekit.base.output import complete_folder
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.export.verification import sample_hops

if TYPE_CHECKING:
    from edgekit.fpga.engine import Engine
    from edgekit.fpga.search import Goal
    from edgekit.targets.build import Build
    from edgekit.verbs.export.pipeline import Exported, Progress, Request

PICTURES = 20  # that a build is verified on
MIN_SNR_DB = {
    "w8a8": 10.0,
    "w4a8": 3.0,
}  # unless --min-snr; weights of 4 bits that saw no training lose more
EXAMPLES_ONLY = (
    "calibrated on the factory's example inputs only: --calibration SOURCE gives real ones"
)
Arrays = Mapping[str, NDArray[Any]]


def export_engine(request: "Request", progress: "Progress") -> "Exported":
    """Import, quantize, search, write and verify; the folder appears complete or not at all.

    The request was checked. Raises `ModelError` for what no engine runs, `CheckFailed` where the simulation is not
    the golden network or is too far from the float one.
    """
    from edgekit.fpga import engine as engines
    from edgekit.fpga import report
    from edgekit.fpga.resources import PARTS
    from edgekit.quantize.calibrate.clips import from_examples, load_calibration
    from edgekit.quantize.calibrate.warnings import calibration_warnings
    from edgekit.verbs.export.pipeline import Exported, requantized

    recipe = request.recipe or engines.DEFAULT_RECIPE
    with complete_folder(request.out, request.force) as folder:
        progress("import", 0, 1)
        imported = load_model(request.source, request.options)
        model = imported.model
        own = requantized(model, recipe)
        problems = [*([own] if own else []), *engines.check(model, request.cpu_fallback)]
        if problems:
            raise ModelError(problems)
        notes = list(model.notes)
        if request.calibration is None:
            assert imported.examples is not None
            calibration = from_examples(imported.examples, model)
            notes.append(EXAMPLES_ONLY)
        else:
            calibration = load_calibration(request.calibration, model)
            notes += calibration_warnings(model, calibration)
        progress("quantize", 0, 1)
        part = PARTS[request.part or engines.DEFAULT_PART]
        goal: Goal = "small" if request.goal == "small" else "fps"
        engine = engines.make_engine(model, calibration, recipe, part, goal, request.cpu_fallback)
        progress("lower", 0, 1)
        build = engines.make_build(engine, model, calibration, recipe)
        samples = {
            name: array[:PICTURES] for name, array in sample_hops(model, calibration, None).items()
        }
        needed = MIN_SNR_DB[recipe] if request.min_snr_db is None else request.min_snr_db
        verification, outputs, vectors = verify(engine, build, model, samples, needed, progress)
        for name, content in {**build.files, **vectors}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / "golden").mkdir()
        write_npz(folder / "golden" / "input.npz", samples)
        write_npz(folder / "golden" / "output.npz", outputs)
        manifest = replace(build.manifest, verification=verification)
        model.save(folder / "model.onnx")
        (folder / "recipe.toml").write_text(f'name = "{recipe}"\n', encoding="utf-8")
        (folder / "report.html").write_text(report.render(manifest, engine), encoding="utf-8")
        (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return Exported(request.out, manifest, (*notes, *engine.network.notes))


def verify(
    engine: "Engine",
    build: "Build",
    model: Any,
    samples: Arrays,
    min_snr_db: float,
    progress: "Progress",
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]], dict[str, bytes]]:
    """Run pictures through the compiled HLS C++ and compare: with the golden network bit for bit, with float in dB.

    Returns the manifest's ``verification``, the outputs (pictures, 1, channels, height, width), and the test bench's
    golden vectors by path.
    """
    from edgekit.export.verify import run_hops, snr_db
    from edgekit.fpga import golden, project
    from edgekit.fpga.stages import FOLDER
    from edgekit.runtime.engines.fpga import FpgaEngine
    from edgekit.runtime.stream import Stream

    ((name, pictures),) = samples.items()
    network = engine.network
    folders = {id(part): f"{FOLDER}/{i}" for i, part in enumerate(network.cpu)}
    with TemporaryDirectory(prefix="edgekit-") as place:
        project.write(Path(place), build.files)
        progress("compile", 0, 1)
        built = FpgaEngine(Path(place), build.manifest)
        outputs = Stream(build.manifest, built).run(
            samples, lambda done: progress("verify", done, len(pictures))
        )
        expected = [
            engine.golden(picture, lambda part, floats: built.compute(folders[id(part)], floats))
            for picture in pictures
        ]
    for out, array in outputs.items():
        if not np.array_equal(array, np.stack([floats[out] for _, floats in expected])):
            raise VerificationError(
                f"output '{out}' of the engine's C simulation differs from the golden network's"
            )
    reference = run_hops(model, {name: pictures})
    ratios = {out: snr_db(reference[out], array) for out, array in outputs.items()}
    errors = [float(np.abs(reference[out] - array).max()) for out, array in outputs.items()]
    low = {out: ratio for out, ratio in ratios.items() if not ratio >= min_snr_db}
    if low:
        listed = ", ".join(f"'{out}' {ratio:.2f} dB" for out, ratio in low.items())
        raise VerificationError(
            f"outputs below the float network's signal by too little: {listed}; at least {min_snr_db:g} dB "
            "needed (--min-snr); calibrate on real pictures, or choose --recipe w8a8"
        )
    lowest = min(ratios.values())
    facts = {
        "by": "HLS C simulation on this host" + (" and portable C" if network.cpu else ""),
        "hops": len(pictures),
        "snr_db": round(lowest, 2) if np.isfinite(lowest) else None,
        "max_abs_error": max(errors),
        "bit_exact_with_oracle": True,
    }
    images = [golden.quantize(network, {name: picture}) for picture in pictures]
    vectors = project.golden_vectors(
        engine.program,
        [next(iter(stored.values())) for stored in images],
        [values for values, _ in expected],
    )
    return facts, outputs, {f"hls/{path}": content for path, content in vectors.items()}
