"""A written build becomes a verified one: golden samples, model, recipe, report and manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.base.json_values import JsonObject
from edgekit.base.layout import hops_to_frames
from edgekit.base.progress import Progress
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.base.wav import Samples
from edgekit.judge.sampling import compared_images, golden_image, sampled_calls, verify_loop
from edgekit.judge.speech_quality import MetricMeans, speech_metrics
from edgekit.judge.synthetic_signals import signal_facts, synthetic_signals
from edgekit.judge.verification import sample_hops, verify, write_golden
from edgekit.runtime.build_folder.files import with_files
from edgekit.runtime.build_folder.manifest import (
    MANIFEST_NAME,
    PACKAGE_PREFIX,
    Manifest,
)
from edgekit.runtime.build_folder.sbom import SBOM_NAME, sbom
from edgekit.runtime.stream import Arrays, Stream
from edgekit.targets.build_files import portable_stream, write_build, write_network
from edgekit.verbs.export.work import Examples, Quantized, Written

if TYPE_CHECKING:
    from edgekit.quantize.compare import TensorComparison, TensorRow
    from edgekit.runtime.devices.board import Board
    from edgekit.runtime.devices.profile import Profile
    from edgekit.targets.build import Build
    from edgekit.targets.playable_sounds import PlayableSounds


def finish(written: Written, progress: Progress) -> Manifest:
    """Verify a build that runs hop by hop, and add golden samples, model, recipe, report and manifest.

    Raises:
        CheckFailed: it does not compile, or is not the same network.
    """
    from edgekit.targets.c.replay.files import FOLDER as REPLAY
    from edgekit.targets.c.replay.files import golden_source
    from edgekit.targets.devices import profile
    from edgekit.targets.onnxruntime import with_zero_points

    folder, build, quantized = written.folder, written.build, written.quantized
    manifest, device = build.manifest, profile(build.manifest.target)
    progress("compile", 0, 1)
    stream = portable_stream(quantized.model) if device.is_cross else Stream.open(folder)
    samples = samples_of(quantized, written.examples, written.settings)
    hops = len(samples[stream.manifest.stream_inputs[0].name])
    # another runtime's integers are its own: the per-tensor comparison is that of our arithmetic
    watched = None if stream.compiler is None else watched_tensors(quantized)
    verification, outputs = verify(
        stream,
        quantized.reference,
        quantized.model,
        samples,
        written.min_snr_db,
        None
        if written.metric is None
        else partial(written.metric, clean=clean_form(quantized, hops)),
        lambda done: progress("verify", done, hops),
        watched,
    )
    if quantized.judged is not None:
        verification |= quantized.judged.facts()
    if quantized.is_uncalibrated:
        progress("verify without a calibration", 0, 1)
        verification |= uncalibrated_facts(written, stream, verification)
    for role, other in quantized.others.items():
        calls = sample_hops(other.model, other.calibration, None)
        own, limit = stream.others[role], written.min_snr_db
        checked, _ = verify(own, other.reference, other.model, calls, limit)
        facts_of = replace(build.others[role], verification=checked)
        write_network(folder, role, facts_of, other.model)
    if quantized.model.sampler is not None:
        progress("verify the sampler", 0, 1)
        verify_loop(stream, quantized.model)
        verification |= compared_images(stream, quantized.reference, written.examples)
    progress("report", 0, 1)
    write_golden(folder / "golden", samples, outputs, quantized.model.constants)
    tools = dict(manifest.tools)
    if stream.compiler is not None:
        tools["cc"] = stream.compiler.label
    if device.kernels:
        tools["kernels"] = ", ".join(device.kernels)
    facts = {**manifest.quantization, "notes": list(quantized.notes), **quantized.measured}
    manifest = replace(manifest, verification=verification, tools=tools, quantization=facts)
    replayed = samples, outputs
    if device.is_cross:
        if quantized.model.sampler is not None:
            replayed = golden_image(stream, quantized.model)
        manifest = with_code_bytes(manifest, folder, device)
        room = None
        if written.beside.board is not None:
            manifest, room = with_board(manifest, build, folder, written.beside.board)
        golden = golden_source(build, manifest, quantized.model, *replayed, device, room)
        (folder / REPLAY / "golden.c").write_bytes(golden)
    write_beside(written, manifest, *replayed)
    if not (folder / "model.onnx").exists():
        with_zero_points(quantized.model).save(folder / "model.onnx")
    (folder / "recipe.toml").write_text(
        recipe_text(quantized, manifest.updates is not None), encoding="utf-8"
    )
    rows = () if watched is None else watched.rows(samples)
    listened = speech_metrics(stream, quantized.reference, quantized.calibration)
    page = report(
        manifest, build, rows, quantized, listened, played(manifest, quantized, samples, outputs)
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / SBOM_NAME).write_text(sbom(manifest, folder), encoding="utf-8")
    manifest = with_files(manifest, folder)
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def finish_module(written: Written, progress: Progress) -> Manifest:
    """Compile a build for WebAssembly to its module, and finish it: what is verified is the module.

    Raises:
        ToolError: no compiler, or it failed.
        CheckFailed: it is not the same network.
    """
    from edgekit.runtime.runners.wasm import compile_module

    folder, build = written.folder, written.build
    progress("compile", 0, 1)
    compiler = compile_module(folder, build.manifest)
    tools = {**build.manifest.tools, "cc": compiler.label}
    build = write_build(replace(build, manifest=replace(build.manifest, tools=tools)), folder)
    return finish(replace(written, build=build), progress)


def samples_of(
    quantized: Quantized, examples: Examples | None, settings: InputSettings = NO_SETTINGS
) -> Arrays:
    """What a build is verified on: hops of a stream, or the network calls of a denoiser's sampling."""
    if quantized.model.sampler is not None:
        return sampled_calls(quantized.reference, quantized.model, examples)
    return sample_hops(quantized.model, quantized.calibration, examples, settings)


def uncalibrated_facts(
    written: Written, stream: Stream, verification: Mapping[str, Any]
) -> JsonObject:
    """What changes in `verification` for a build whose integers only example inputs calibrated.

    Raises:
        VerificationError: a signal is below `--min-snr`, which is in dB where there is no metric.
    """
    quantized = written.quantized
    signals = synthetic_signals(quantized.model, written.examples, written.settings)
    least_db = written.min_snr_db if written.metric is None else None
    outputs = (_fresh_run(stream, signal.samples) for signal in signals)
    return signal_facts(quantized.reference, signals, outputs, verification, least_db)


def _fresh_run(stream: Stream, samples: Arrays) -> Arrays:
    stream.reset()
    return stream.run(samples)


def clean_form(quantized: Quantized, hops: int) -> Samples | None:
    """The clean form of what `sample_hops` returns, as late as the outputs; None where a clip has none."""
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


def with_code_bytes(manifest: Manifest, folder: Path, device: "Profile") -> Manifest:
    """Add what the device's own compiler makes of a build, where this machine has it."""
    from edgekit.runtime.devices.cross import code_bytes

    if (found := code_bytes(folder, device)) is None:
        return manifest
    size, compiler = found
    memory = {**manifest.memory, "code_bytes": size}
    return replace(manifest, memory=memory, tools={**manifest.tools, "cross_cc": compiler})


def write_beside(written: Written, manifest: Manifest, samples: Arrays, outputs: Arrays) -> None:
    """Write the packages and bindings that were asked for."""
    from edgekit.targets.bindings.bind import binding_files
    from edgekit.targets.c.replay.files import example_files
    from edgekit.targets.packages.lay_out import package_files
    from edgekit.targets.packages.table import PACKAGES

    if not written.beside.packages and not written.beside.bindings:
        return
    build = written.build
    names = [name for name in build.files if name.endswith((".c", ".h")) and "/" not in name]
    library = {name: build.files[name] for name in names}
    made = binding_files(written.beside.bindings, manifest, library)
    if written.beside.packages:
        replay = example_files(build, manifest, samples, outputs)
        for kind, version in written.beside.packages.items():
            laid_out = package_files(PACKAGES[kind], version, manifest, library, replay)
            made |= {
                f"{PACKAGE_PREFIX}{kind}/{name}": content for name, content in laid_out.items()
            }
    for name, content in made.items():
        path = written.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def with_board(
    manifest: Manifest, build: "Build", folder: Path, board: "Board"
) -> tuple[Manifest, int]:
    """Write linker script and header of the user's board; returns the facts, and flash that is left for golden data."""
    from edgekit.targets.c.plan.fit import place_build
    from edgekit.targets.c.plan.place import board_header, board_script

    placed, name = place_build(build, manifest, board), manifest.c_name
    (folder / f"{name}_board.ld").write_text(board_script(name, placed), encoding="utf-8")
    (folder / f"{name}_board.h").write_text(board_header(name, placed), encoding="utf-8")
    room = max(memory.bytes - placed.used(memory) for memory in board.memory if memory.keeps)
    return replace(manifest, board=placed.facts()), room


def recipe_text(quantized: Quantized, keeps_scales: bool) -> str:
    """Return the recipe.toml of what was applied, with its scales where asked; of what another tool did, its name."""
    from edgekit.operators.qdq import scales_of
    from edgekit.quantize.recipe_file import to_toml

    if quantized.recipe is None:
        return f'name = "{quantized.model.quantization.recipe}"\n'
    alone, recipe = quantized.alone_db, quantized.recipe
    if keeps_scales:
        recipe = replace(recipe, scales=scales_of(quantized.model))
    return to_toml(recipe, {name: f"alone {db:.1f} dB" for name, db in alone.items()})


def watched_tensors(quantized: Quantized) -> "TensorComparison | None":
    """What compares each tensor with the float network's, where there is one."""
    if quantized.calibration is None or quantized.reference is quantized.model:
        return None
    from edgekit.quantize.compare import TensorComparison
    from edgekit.quantize.prepare.prepare import prepare

    reference = quantized.reference
    if quantized.recipe is not None:  # scaled channels are compared with their like
        reference = prepare(reference, quantized.calibration, quantized.recipe)
    return TensorComparison(reference)


def report(
    manifest: Manifest,
    build: "Build",
    rows: Sequence["TensorRow"],
    quantized: Quantized,
    listened: Sequence[MetricMeans],
    sounds: "PlayableSounds | None",
) -> str:
    """Return the text of report.html."""
    from edgekit.targets.network import layers
    from edgekit.targets.report import render
    from edgekit.targets.sensitivity import alone

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


def played(
    manifest: Manifest, quantized: Quantized, samples: Arrays, outputs: Arrays
) -> "PlayableSounds | None":
    """The first seconds of sound that a build was verified on; None where nobody gave a recording."""
    from edgekit.export.hop_runner import run_hops
    from edgekit.targets.playable_sounds import SECONDS, PlayableSounds

    rate, ins, outs = (
        manifest.stream["sample_rate_hz"],
        manifest.stream_inputs,
        manifest.stream_outputs,
    )
    if quantized.calibration is None or rate is None or not manifest.is_pcm or manifest.controls:
        return None
    if quantized.model.noises or {t.pcm_channels for t in (*ins, *outs)} - {1, 2}:
        return None
    hops = max(1, SECONDS * rate // manifest.stream["hop_samples"])
    cut = {n: a if n in quantized.model.constants else a[:hops] for n, a in samples.items()}
    source = run_hops(quantized.reference, cut)
    before, after = ins[0], outs[0]
    assert before.axes is not None and after.axes is not None
    return PlayableSounds(
        hops_to_frames(cut[before.name], before.axes),
        hops_to_frames(source[after.name], after.axes),
        hops_to_frames(outputs[after.name][:hops], after.axes),
        rate,
    )
