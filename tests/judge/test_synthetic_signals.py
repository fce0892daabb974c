"""The signals on which a build without a calibration is judged, and what is said of them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import VerificationError
from edgekit.base.settings import InputSettings, Range
from edgekit.cli.facts import manifest_rows
from edgekit.export.from_onnx import from_onnx
from edgekit.judge.synthetic_signals import (
    FORMS,
    LEVELS_DB,
    RUNS,
    Signal,
    signal_facts,
    signal_notes,
    synthetic_signals,
)
from edgekit.judge.verification import PCM_NOISE
from edgekit.runtime.bench.golden import least_db
from edgekit.runtime.build_folder.levels import signals_text
from edgekit.runtime.build_folder.manifest import Manifest


def network(border: str, text: str, states=()):
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net {border} {{ {text} }}'
    )
    return from_onnx(proto.SerializeToString(), name="net", states=states)


PLAIN = "(float[1,64] x) => (float[1,64] y)", "y = Neg (x)"
INTEGRATOR = (
    "(float[1,4] x, float[1,4] h) => (float[1,4] y, float[1,4] n)",
    "n = Add (x, h)\n y = Neg (n)",
)


def rms(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def test_every_form_comes_at_every_level_of_the_example():
    example = {"x": 3 * np.random.default_rng(0).standard_normal((1, 1, 64)).astype(np.float32)}
    found = synthetic_signals(network(*PLAIN), example)
    assert [(s.form, s.level_db) for s in found] == [(f, db) for f in FORMS for db in LEVELS_DB]
    assert len(found) == RUNS
    for signal in found:
        expected = rms(example["x"]) * 10 ** (signal.level_db / 20)
        assert rms(signal.samples["x"]) == pytest.approx(expected, rel=1e-4)
        assert signal.samples["x"].dtype == np.float32 and signal.samples["x"].shape[1:] == (1, 64)


def test_a_signal_is_slow_along_the_hops_of_a_network_with_states():
    model = network(*INTEGRATOR, states=[("h", "n")])
    slow = {s.form: s.samples["x"] for s in synthetic_signals(model, None) if s.level_db == 0}
    for form, most in (("random walk", 0.05), ("sine of 256 frames", 0.05), ("noise", 9)):
        x = slow[form][:, 0]
        change = rms(np.diff(x, axis=0)) / rms(x)
        assert change < (0.3 if most < 1 else 9) and (most < 1 or change > 1)


def test_a_signal_is_slow_inside_each_call_of_a_network_without_states():
    found = synthetic_signals(network(*PLAIN), None)
    (walk,) = [s.samples["x"] for s in found if (s.form, s.level_db) == ("random walk", 0)]
    assert rms(np.diff(walk[:, 0], axis=1)) < 0.5 * rms(walk)


def test_a_signal_is_not_negative_where_the_example_is_not():
    example = {"x": np.random.default_rng(0).random((1, 1, 64), np.float32)}
    assert all(s.samples["x"].min() >= 0 for s in synthetic_signals(network(*PLAIN), example))


def test_a_silent_example_has_a_level_of_its_own():
    model = network(*PLAIN)
    silent = {"x": np.zeros((1, 1, 64), np.float32)}
    assert rms(synthetic_signals(model, silent)[0].samples["x"]) == pytest.approx(1, rel=1e-4)
    pcm = model.describe(stream={**vars(model.stream), "hop_samples": 64, "sample_rate_hz": 16000})
    assert rms(synthetic_signals(pcm, silent)[0].samples["x"]) == pytest.approx(PCM_NOISE, rel=1e-4)


def test_what_is_set_and_what_indexes_stays_as_it_is():
    table = "c = Constant <value_floats = [1.0, 2.0, 3.0]> ()\n y = Gather (c, i)"
    (alone,) = synthetic_signals(network("(int64[1] i) => (float[1] y)", table), None)
    assert alone.samples["i"].max() <= 2 and len(np.unique(alone.samples["i"])) == 3
    both = network("(float[1,8] x, float[1,1] k) => (float[1,8] y)", "y = Mul (x, k)")
    settings = InputSettings({"k": Range(((0.25, 0.25),))})
    found = synthetic_signals(both, None, settings)
    assert len(found) == RUNS and all((s.samples["k"] == 0.25).all() for s in found)


def test_the_least_of_all_signals_is_stated():
    model = network(*PLAIN)
    signals = [
        Signal("noise", level, {"x": np.full((4, 1, 64), gain, np.float32)})
        for level, gain in ((0, 1.0), (-20, 0.1))
    ]
    outputs = [{"y": -s.samples["x"] + np.float32(0.01)} for s in signals]
    found = signal_facts(model, signals, outputs, {"snr_db": 50.0}, 15.0)
    assert [row["snr_db"] for row in found["signals"]] == pytest.approx([40, 20], abs=0.01)
    assert found["snr_db"] == pytest.approx(20, abs=0.01) and found["example_snr_db"] == 50.0
    assert signals_text(found) == "40.0 dB at 0 dB (noise), 20.0 dB at -20 dB (noise)"
    with pytest.raises(VerificationError, match="at least 25 dB needed"):
        signal_facts(model, signals, outputs, {"snr_db": 50.0}, 25.0)


def test_signals_that_the_source_has_no_answer_to_do_not_count():
    model = network("(float[1,4] x) => (float[1,4] y)", "y = Log (x)")
    for value in (-1.0, 1.0):  # NaN; silence
        signals = [Signal("noise", 0, {"x": np.full((2, 1, 4), value, np.float32)})]
        outputs = [{"y": np.ones((2, 1, 4), np.float32)}]
        found = signal_facts(model, signals, outputs, {"snr_db": 30.0}, None)
        assert found == {"snr_db": 30.0, "example_snr_db": 30.0, "signals": []}
        assert signals_text(found) is None and signal_notes(found) == ()


FACTORY = """
import torch
class Smooth(torch.nn.Module):
    output_names = ("y", "n")
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)
    def forward(self, x, h):
        h = 0.98 * h + 0.1 * x
        return self.last(torch.relu(self.first(h))), h
def build():
    torch.manual_seed(1)
    return Smooth(), (torch.randn(1, 4), torch.zeros(1, 4))
"""


@pytest.mark.slow
@needs_cc
def test_an_export_without_a_calibration_states_what_slow_signals_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smooth_network.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    exported = api.export("smooth_network:build", "host", "out", recipe="w8a8")
    manifest = Manifest.load(Path("out"))
    facts = manifest.verification
    assert facts is not None and facts["bit_exact_with_oracle"] is True
    slow = [r["snr_db"] for r in facts["signals"] if r["form"] == "random walk"]
    assert facts["snr_db"] <= min(slow) < facts["example_snr_db"]
    (note,) = [text for text in exported.notes if text.startswith("without a calibration")]
    assert "random walk" in note and "--calibration SOURCE" in note
    rows = dict(manifest_rows(manifest))
    assert rows["verified"].startswith(f"{facts['snr_db']:g} dB at least (no calibration; ")
    assert rows["without a calibration"] == signals_text(facts)
    page = Path("out/report.html").read_text()
    assert "without a calibration" in page and f"{facts['snr_db']:g} dB" in page
    assert least_db(manifest) == 90  # a replay is not allowed more than it was
    for options, said in (({"strict": True}, "--strict"), ({"min_snr_db": 20.0}, "at least 20 dB")):
        with pytest.raises(VerificationError, match=said):
            api.export("smooth_network:build", "host", "no", recipe="w8a8", **options)
        assert not Path("no").exists()


@needs_cc
def test_an_export_in_floats_states_no_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smooth_again.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    exported = api.export("smooth_again:build", "host", "out")
    assert exported.manifest.verification is not None
    assert exported.manifest.verification.keys().isdisjoint({"signals", "example_snr_db"})
