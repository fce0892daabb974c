"""What a build makes of clips whose clean form is known."""

from pathlib import Path

import numpy as np
from builds import lowered, noise
from c_kernels import needs_cc
from tiny_networks import FRONTEND, spectral_gain

from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops
from edgekit.judge.speech_metrics import speech_metrics
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model


@needs_cc
def test_a_build_is_compared_with_what_it_heard_and_with_its_float_network(tmp_path: Path) -> None:
    options = ImportOptions(sample_rate=16000, frontend=parse_spec(FRONTEND))
    model = load_model(str(spectral_gain(tmp_path / "net.onnx")), options).model
    lowered(model, tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    clip = noise(model, 30)
    (output,) = run_hops(model, clip).values()
    delay = model.stream.delay_samples or 0
    calibration = Calibration((clip, clip), "x", {1: np.ravel(output)[delay:]})
    (row,) = [
        row for row in speech_metrics(stream, model, calibration) if row.metric == "SI-SDR, dB"
    ]
    assert row.clips == 1
    assert row.built > 80 and row.exact > row.noisy
    assert speech_metrics(stream, model, Calibration((clip,), "x")) == []
