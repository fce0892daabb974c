"""Whole networks at w8a8 on every emulated device, from PCM to PCM: the bits of the oracle."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from builds import lowered, noise
from devices import QUICK, on_devices, replayable, replayed, with_golden
from published_measure import whole_options
from published_networks import CACHE, HOW_TO_GET, path_of
from published_pipelines import PIPELINES
from published_signals import bundled_speech
from slices import slow_except

from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.from_torch import from_torch
from edgekit.export.frontend.guard import guard_inputs
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.devices.cross import code_bytes
from edgekit.runtime.stream import Arrays
from edgekit.targets.c.plan.fit import misfits
from edgekit.targets.devices import profile
from edgekit.verbs.export.importing import load_model

HOPS = {"denoiser": 8, "GTCRN": 3}


@cache
def integers(name: str) -> tuple[Model, Arrays, Arrays]:
    """A network behind its front end at w8a8, hops of noisy speech, and what the oracle makes of them."""
    if name == "denoiser":
        model = load_model(str(NETWORK), OPTIONS).model
    else:
        pipeline = PIPELINES[name]
        path = path_of(pipeline.networks[0], CACHE)
        if not path.is_file():
            pytest.skip(f"needs {path.name}: {HOW_TO_GET}")
        model = load_model(str(path), whole_options(pipeline, CACHE)).model
    hop, hops = model.stream.hop_samples or 0, HOPS[name]
    speech = bundled_speech(hop * (40 + hops))[1].reshape(-1, 1, hop).astype(np.float32)
    quantized = quantize(model, Calibration(({"pcm": speech[30:40]},), "speech"), "w8a8")
    inputs = {"pcm": speech[-hops:]}
    return quantized, inputs, Oracle(quantized).run_hops(inputs)


@on_devices(
    slow=("cortex-a53", "cortex-a7", "cortex-a76", "cortex-m4", "riscv64", "riscv64-v")
)  # whose kernels other tests run
@pytest.mark.parametrize("name", slow_except(lambda name: name == "denoiser", HOPS))
def test_pcm_and_the_integers_inside_are_those_of_the_oracle(
    name: str, target: str, tmp_path: Path
) -> None:
    model, inputs, outputs = integers(name)
    build = lowered(model, tmp_path / "build", target)
    assert misfits(build.manifest, profile(target)) == ()
    with_golden(build, model, tmp_path / "build", target, inputs, outputs)
    lines = replayed(tmp_path / "build", target, *QUICK)
    assert lines[-1] == "PASS"
    layers = [line for line in lines if line.startswith("layer ")]
    assert layers and all(line.endswith(": equal") for line in layers)
    (pcm,) = [line for line in lines if line.startswith("output ")]
    assert pcm.endswith(": equal") or float(pcm.split()[-2]) >= 90


@pytest.mark.slow
@on_devices("cortex-m4")
def test_a_keyword_network_fits_a_microcontroller(target: str, tmp_path: Path) -> None:
    model = guard_inputs(from_torch("keyword_network:ds_cnn", name="keyword")[0])
    model = quantize(model, Calibration((noise(model, 6),), "noise"), "w8a8")
    build = replayable(model, target, tmp_path / "build", 2)
    assert replayed(tmp_path / "build", target)[-1] == "PASS"
    memory, found = build.manifest.memory, code_bytes(tmp_path / "build", profile(target))
    assert found is not None
    assert found[0] + (memory["weights_bytes"] or 0) < 128 * 1024
    assert (memory["state_bytes"] or 0) + (memory["scratch_bytes"] or 0) < 64 * 1024
