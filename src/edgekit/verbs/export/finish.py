"""A written build becomes a verified one: golden samples, model, recipe, report and manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import hops_to_frames
from edgekit.base.progress import Progress
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.base.wav import Samples
from edgekit.export.hop_runner import run_hops
from edgekit.judge.sampling import compared_images, golden_image, sampled_calls, verify_loop
from edgekit.judge.speech_metrics import MetricMeans, speech_metrics
from edgekit.judge.synthetic_signals import signal_facts, synthetic_signals
from edgekit.judge.verification import sample_hops, verify, write_golden
from edgekit.judge.waits import WaitCriterion, WaitReport
from edgekit.operators.qdq import scales_of
from edgekit.quantize.compare import TensorComparison, TensorRow
from edgekit.quantize.prepare.prepare import prepare
from edgekit.quantize.recipe import FLOATS
from edgekit.quantize.recipe_file import to_toml
from edgekit.runtime.build_folder.files import with_files
from edgekit.runtime.build_folder.manifest import (
    MANIFEST_NAME,
    PACKAGE_PREFIX,
    Manifest,
)
from edgekit.runtime.build_folder.sbom import SBOM_NAME, sbom
from edgekit.runtime.devices.board import Board
from edgekit.runtime.devices.cross import code_bytes
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.hop_loop import run_clip
from edgekit.runtime.runners.wasm import compile_module
from edgekit.runtime.stream import Arrays, Stream
from edgekit.targets.bindings.bind import binding_files
from edgekit.targets.build import Build
from edgekit.targets.build_files import portable_stream, write_build, write_network
from edgekit.targets.c.plan.fit import place_build
from edgekit.targets.c.plan.place import board_header, board_script
from edgekit.targets.c.program.recorder import recorder_files
from edgekit.targets.c.replay.files import FOLDER as REPLAY
from edgekit.targets.c.replay.files import example_files, golden_source
from edgekit.targets.devices import profile
from edgekit.targets.network import layers
from edgekit.targets.onnxruntime import with_zero_points
from edgekit.targets.packages.lay_out import package_files
from edgekit.targets.packages.table import PACKAGES
from edgekit.targets.playable_sounds import SECONDS, PlayableSounds
from edgekit.targets.report import render
from edgekit.targets.sensitivity import alone
from edgekit.verbs.export.work import Examples, QuantizedNetwork, WrittenBuild
from edgekit.verbs.targets import TARGETS


@dataclass(frozen=True)
class _VerifiedRun:
    """A build that ran and was compared: its stream, inputs, outputs and facts, and the findings after waits."""

    stream: Stream
    samples: Arrays
    outputs: Arrays
    verification: JsonObject
    watched: TensorComparison | None
    waits: WaitReport | None


def finish(written: WrittenBuild, progress: Progress) -> Manifest:
    """Verify a build that runs hop by hop, and add golden samples, model, recipe, report and manifest.

    Raises:
        CheckFailed: it does not compile, or is not the same network.
    """
    folder, quantized = written.folder, written.quantized
    run = _verify(written, progress)
    progress("report", 0, 1)
    write_golden(folder / "golden", run.samples, run.outputs, quantized.model.constants)
    manifest = _with_measurements(written, run)
    manifest, replayed = _with_device(written, run, manifest)
    write_companions(written, manifest, *replayed)
    if TARGETS[manifest.target].is_c and manifest.sampler is None:
        _write_files(folder, recorder_files(written.build, manifest, quantized.model))
    if not (folder / "model.onnx").exists():
        with_zero_points(quantized.model).save(folder / "model.onnx")
    text = recipe_text(quantized, manifest.updates is not None)
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    page = _report(written, run, manifest)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / SBOM_NAME).write_text(sbom(manifest, folder), encoding="utf-8")
    manifest = with_files(manifest, folder)
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _verify(written: WrittenBuild, progress: Progress) -> _VerifiedRun:
    """Compare the build with its source: the network, the other networks of a sampler, and the sampler."""
    quantized = written.quantized
    device = profile(written.build.manifest.target)
    progress("compile", 0, 1)
    stream = portable_stream(quantized.model) if device.is_cross else Stream.open(written.folder)
    samples = samples_of(quantized, written.examples, written.settings)
    hops = len(samples[stream.manifest.stream_inputs[0].name])
    # another runtime's integers are its own: the per-tensor comparison is that of our arithmetic
    watched = None if stream.compiler is None else watched_tensors(quantized)
    metric = None
    if written.metric is not None:
        metric = partial(written.metric, clean=clean_form(quantized, hops))
    verification, outputs = verify(
        stream,
        quantized.reference,
        quantized.model,
        samples,
        written.min_snr_db,
        metric,
        lambda done: progress("verify", done, hops),
        watched,
    )
    if quantized.judged is not None:
        verification |= quantized.judged.facts()
    if quantized.failed:
        verification |= {"failed": quantized.failed}
    if quantized.is_uncalibrated:
        progress("verify without a calibration", 0, 1)
        verification |= uncalibrated_facts(written, stream, verification)
    _verify_others(written, stream)
    if quantized.model.sampler is not None:
        progress("verify the sampler", 0, 1)
        verify_loop(stream, quantized.model)
        verification |= compared_images(stream, quantized.reference, written.examples)
    if (waits := judged_waits(written, stream, progress)) is not None:
        verification |= waits.facts()
    return _VerifiedRun(stream, samples, outputs, verification, watched, waits)


def judged_waits(written: WrittenBuild, stream: Stream, progress: Progress) -> WaitReport | None:
    """Return the quality of integers after waits, with the state that drifts; None without a calibration."""
    quantized, calibration = written.quantized, written.quantized.calibration
    if calibration is None or quantized.recipe is None or quantized.recipe.weights in FLOATS:
        return None
    progress("verify after waits", 0, 1)
    kernels = None if stream.compiler is None else "host"
    waits = quantized.waits or WaitCriterion(quantized.reference, calibration, kernels)
    report = waits.report(partial(_long_run, stream))
    if report is None or not report.notes():
        return report
    prepared = prepare(quantized.reference, calibration, quantized.recipe)
    _, wait = report.worst
    return replace(report, state=waits.farthest_state(quantized.model, prepared, wait))


def _verify_others(written: WrittenBuild, stream: Stream) -> None:
    """Verify the other networks of a sampler, and write their facts."""
    for role, other in written.quantized.others.items():
        calls = sample_hops(other.model, other.calibration, None)
        own, limit = stream.others[role], written.min_snr_db
        checked, _ = verify(own, other.reference, other.model, calls, limit)
        facts_of = replace(written.build.others[role], verification=checked)
        write_network(written.folder, role, facts_of, other.model)


def _with_measurements(written: WrittenBuild, run: _VerifiedRun) -> Manifest:
    """Return the manifest with the measurements, and their circumstances."""
    manifest, quantized = written.build.manifest, written.quantized
    device, tools = profile(manifest.target), dict(manifest.tools)
    if run.stream.compiler is not None:
        tools["cc"] = run.stream.compiler.label
    if device.kernels:
        tools["kernels"] = ", ".join(device.kernels)
    waits = () if run.waits is None else run.waits.notes()
    notes = [*dict.fromkeys((*quantized.reference.notes, *quantized.notes, *waits))]
    facts = {**manifest.quantization, "notes": notes, **quantized.measured}
    return replace(manifest, verification=run.verification, tools=tools, quantization=facts)


def _with_device(
    written: WrittenBuild, run: _VerifiedRun, manifest: Manifest
) -> tuple[Manifest, tuple[Arrays, Arrays]]:
    """Write the replay for a device, and place a build on the user's board; return the facts and the replayed data."""
    build, model, device = written.build, written.quantized.model, profile(manifest.target)
    replayed = run.samples, run.outputs
    if not device.is_cross:
        return manifest, replayed
    if model.sampler is not None:
        replayed = golden_image(run.stream, model)
    manifest, room = with_code_bytes(manifest, written.folder, device), None
    if (board := written.companions.board) is not None:
        manifest, room = with_board(manifest, build, written.folder, board)
    golden = golden_source(build, manifest, model, *replayed, device, room)
    (written.folder / REPLAY / "golden.c").write_bytes(golden)
    return manifest, replayed


def _report(written: WrittenBuild, run: _VerifiedRun, manifest: Manifest) -> str:
    """The text of report.html."""
    quantized = written.quantized
    rows = () if run.watched is None else run.watched.rows(run.samples)
    speech = speech_metrics(run.stream, quantized.reference, quantized.calibration)
    sounds = playable_sounds(manifest, quantized, run.samples, run.outputs)
    return report(manifest, written.build, rows, quantized, speech, sounds)


def finish_module(written: WrittenBuild, progress: Progress) -> Manifest:
    """Compile a build for WebAssembly to its module, and finish it; the module itself is verified.

    Raises:
        ToolError: no compiler, or it failed.
        CheckFailed: it is not the same network.
    """
    folder, build = written.folder, written.build
    progress("compile", 0, 1)
    compiler = compile_module(folder, build.manifest)
    tools = {**build.manifest.tools, "cc": compiler.label}
    build = write_build(replace(build, manifest=replace(build.manifest, tools=tools)), folder)
    return finish(replace(written, build=build), progress)


def samples_of(
    quantized: QuantizedNetwork, examples: Examples | None, settings: InputSettings = NO_SETTINGS
) -> Arrays:
    """Return the verification inputs of a build: hops of a stream, or the network calls of a denoiser's sampling."""
    if quantized.model.sampler is not None:
        return sampled_calls(quantized.reference, quantized.model, examples)
    return sample_hops(quantized.model, quantized.calibration, examples, settings)


def uncalibrated_facts(
    written: WrittenBuild, stream: Stream, verification: Mapping[str, Any]
) -> JsonObject:
    """Return the changes in `verification` for a build whose integers were calibrated on example inputs only.

    Raises:
        VerificationError: a signal is below `--min-snr`, which is in dB where there is no metric.
    """
    quantized = written.quantized
    signals = synthetic_signals(quantized.model, written.examples, written.settings)
    least_db = written.min_snr_db if written.metric is None else None
    outputs = (_fresh_run(stream, signal.samples) for signal in signals)
    return signal_facts(quantized.reference, signals, outputs, verification, least_db)


def _fresh_run(stream: Stream, samples: Mapping[str, Array]) -> Arrays:
    stream.reset()
    return stream.run(samples)


def _long_run(stream: Stream, samples: Mapping[str, Array]) -> Arrays:
    """Return a fresh run; of C that runs here, all hops in one call."""
    runner, manifest = stream.runner, stream.manifest
    if manifest.controls or not isinstance(runner, NativeRunner):
        return _fresh_run(stream, samples)
    return run_clip(runner, manifest, samples)[0]


def clean_form(quantized: QuantizedNetwork, hops: int) -> Samples | None:
    """Return the clean form of `sample_hops`'s samples, as late as the outputs; None where a clip has none."""
    calibration, stream = quantized.calibration, quantized.model.stream
    if calibration is None or len(calibration.clean) < len(calibration.clips):
        return None
    assert stream.hop_samples
    size, (name, *_) = stream.hop_samples, [str(v.name) for v in quantized.model.stream_inputs]
    whole = [
        np.resize(np.append(clean, np.zeros(size * len(clip[name]))), size * len(clip[name]))
        for clip, clean in zip(calibration.clips, calibration.clean.values(), strict=True)
    ]
    late = np.concatenate([np.zeros(stream.delay_samples or 0), *whole])[: hops * size]
    return np.asarray(late, np.float32)


def with_code_bytes(manifest: Manifest, folder: Path, device: Profile) -> Manifest:
    """Add the code size that the device's own compiler reports for a build, where this machine has it."""
    if (found := code_bytes(folder, device)) is None:
        return manifest
    size, compiler = found
    memory = {**manifest.memory, "code_bytes": size}
    return replace(manifest, memory=memory, tools={**manifest.tools, "cross_cc": compiler})


def write_companions(
    written: WrittenBuild, manifest: Manifest, samples: Arrays, outputs: Arrays
) -> None:
    """Write the packages and bindings that were asked for."""
    packages, bindings = written.companions.packages, written.companions.bindings
    if not packages and not bindings:
        return
    build = written.build
    names = [name for name in build.files if name.endswith((".c", ".h")) and "/" not in name]
    library = {name: build.files[name] for name in names}
    made = binding_files(bindings, manifest, library)
    replay = example_files(build, manifest, samples, outputs) if packages else {}
    for kind, version in packages.items():
        laid_out = package_files(PACKAGES[kind], version, manifest, library, replay)
        made |= {f"{PACKAGE_PREFIX}{kind}/{name}": content for name, content in laid_out.items()}
    _write_files(written.folder, made)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def with_board(
    manifest: Manifest, build: Build, folder: Path, board: Board
) -> tuple[Manifest, int]:
    """Write linker script and header of the user's board; return the facts, and flash that is left for golden data."""
    placed, name = place_build(build, manifest, board), manifest.c_name
    (folder / f"{name}_board.ld").write_text(board_script(name, placed), encoding="utf-8")
    (folder / f"{name}_board.h").write_text(board_header(name, placed), encoding="utf-8")
    room = max(memory.bytes - placed.used(memory) for memory in board.memory if memory.keeps)
    return replace(manifest, board=placed.facts()), room


def recipe_text(quantized: QuantizedNetwork, keeps_scales: bool) -> str:
    """Return the recipe.toml of the applied recipe, with its scales where asked; for another tool's, its name."""
    if quantized.recipe is None:
        return f'name = "{quantized.model.quantization.recipe}"\n'
    alone, recipe = quantized.alone_db, quantized.recipe
    if keeps_scales:
        recipe = replace(recipe, scales=scales_of(quantized.model))
    return to_toml(recipe, {name: f"alone {db:.1f} dB" for name, db in alone.items()})


def watched_tensors(quantized: QuantizedNetwork) -> TensorComparison | None:
    """Return the comparison of each tensor with the float network's; None without a float network."""
    if quantized.calibration is None or quantized.reference is quantized.model:
        return None

    reference = quantized.reference
    if quantized.recipe is not None:  # scaled channels are compared with their like
        reference = prepare(reference, quantized.calibration, quantized.recipe)
    return TensorComparison(reference)


def report(
    manifest: Manifest,
    build: Build,
    rows: Sequence[TensorRow],
    quantized: QuantizedNetwork,
    listened: Sequence[MetricMeans],
    sounds: PlayableSounds | None,
) -> str:
    """Return the text of report.html."""
    recipe = quantized.recipe
    measured = (
        [] if recipe is None else alone(quantized.alone_db, recipe.tensors, recipe.activations)
    )
    means = [
        (h.metric, str(h.clips), *(f"{v:.3f}" for v in (h.noisy, h.exact, h.built)))
        for h in listened
    ]
    network = layers(quantized.model)
    return render(manifest, build.plan, build.steps, rows, measured, means, sounds, network)


def playable_sounds(
    manifest: Manifest, quantized: QuantizedNetwork, samples: Arrays, outputs: Arrays
) -> PlayableSounds | None:
    """Return the first seconds of sound that a build was verified on; None if the user gave no recording."""
    rate = manifest.stream["sample_rate_hz"]
    if quantized.calibration is None or rate is None or not _can_be_played(manifest, quantized):
        return None
    hops = max(1, SECONDS * rate // manifest.stream["hop_samples"])
    cut = {n: a if n in quantized.model.constants else a[:hops] for n, a in samples.items()}
    source = run_hops(quantized.reference, cut)
    before, after = manifest.stream_inputs[0], manifest.stream_outputs[0]
    assert before.axes is not None and after.axes is not None
    return PlayableSounds(
        hops_to_frames(cut[before.name], before.axes),
        hops_to_frames(source[after.name], after.axes),
        hops_to_frames(outputs[after.name][:hops], after.axes),
        rate,
    )


def _can_be_played(manifest: Manifest, quantized: QuantizedNetwork) -> bool:
    """Whether a build converts mono or stereo sound to such sound, and has no other input."""
    if not manifest.is_pcm or manifest.controls or quantized.model.noises:
        return False
    ports = (*manifest.stream_inputs, *manifest.stream_outputs)
    return not {t.pcm_channels for t in ports} - {1, 2}
