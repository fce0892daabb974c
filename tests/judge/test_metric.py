"""A measure of the user's own: what it is given, where it counts, and how it is refused."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import tiny_networks
from tiny_build import needs_cc
from tiny_networks import FRONTEND, HOP

from edgekit import api
from edgekit.base.errors import UsageError, VerificationError
from edgekit.judge.metric import Metric, clean_of, read_metric
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.held_out import Part
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.recipe_file import to_toml
from edgekit.verbs.export.finish import clean_form

RATE, CLIPS = 16000, 3


def exactness(outputs, exact, clean) -> float:
    """The share of values within a hundredth of the peak; the clips here have no clean form."""
    assert outputs.keys() == exact.keys() and clean is None
    ((name, expected),) = exact.items()
    peak = np.abs(expected).max()
    return float(np.mean(np.abs(outputs[name] - expected) < 0.01 * peak))


def likeness(outputs, exact, clean) -> float:
    """How much of the clean form is in the output: it is as late as the output is."""
    (found,) = outputs.values()
    return float(np.corrcoef(np.ravel(found), clean)[0, 1])


def broken(outputs, exact, clean) -> float:
    return float("nan")


def recordings(folder: Path, clean: bool) -> str:
    folder.mkdir()
    for number in range(CLIPS):
        noise = 0.2 * np.random.default_rng(number).standard_normal(60 * HOP)
        soundfile.write(folder / f"{number}.wav", noise, RATE, subtype="FLOAT")
        if clean:
            soundfile.write(folder / f"{number}.clean.wav", noise, RATE, subtype="FLOAT")
    return str(folder)


@pytest.mark.slow
@needs_cc
def test_a_metric_counts_instead_of_the_ratio(tmp_path: Path) -> None:
    network = str(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    source = recordings(tmp_path / "clips", clean=False)
    fixed = tmp_path / "fixed.toml"  # scales for all levels, so that quiet sound comes out worse
    fixed.write_text(to_toml(replace(RECIPES["w8a8"], name="fixed", hop_scales=False)))
    options = {"recipe": str(fixed), "sample_rate": RATE, "frontend": FRONTEND}
    options |= {"calibration": source, "metric": f"{__name__}:exactness"}
    exported = api.export(network, "host", tmp_path / "out", min_snr_db=0.3, **options)
    facts = json.loads((tmp_path / "out" / "manifest.json").read_text())["verification"]
    assert 0.3 <= facts["metric"] <= 1
    assert [0 <= row["metric"] <= 1 for row in facts["levels"]] == [True] * 3
    loud, _, quiet = (row["metric"] for row in facts["levels"])
    assert loud > 0.9 and quiet < 0.3
    (note,) = [note for note in exported.notes if note.startswith("levels:")]
    assert f"{quiet:.4g} at -30 dB" in note and "0.3 is wanted" in note and " at 0 dB" not in note
    assert "by --metric" in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(VerificationError, match=r"--metric: .* at least 1.5 needed"):
        api.export(network, "host", tmp_path / "no", min_snr_db=1.5, **options)


@pytest.mark.slow
@needs_cc
def test_the_clean_form_is_as_late_as_the_output(tmp_path: Path) -> None:
    network = str(tiny_networks.spectral_pass(tmp_path / "pass.onnx"))
    options = {"recipe": "w8a8", "sample_rate": RATE, "frontend": FRONTEND}
    options["calibration"] = recordings(tmp_path / "clips", clean=True)
    metric = f"{__name__}:likeness"
    exported = api.export(network, "host", tmp_path / "o", metric=metric, min_snr_db=0.9, **options)
    assert exported.manifest.verification["metric"] > 0.95
    assert exported.manifest.verification["levels"][0]["metric"] > 0.95


def test_the_clean_form_of_a_part() -> None:
    calibration = Calibration((), "x", {1: np.arange(1, 9, dtype=np.float32)})
    assert clean_of(calibration, Part(0, 0, 4), 4, 2, 0) is None
    assert clean_of(calibration, Part(1, 0, 4), 4, 2, 3).tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert clean_of(calibration, Part(1, 2, 4), 3, 2, 1).tolist() == [0, 5, 6, 7, 8, 0]
    stream = SimpleNamespace(hop_samples=2, delay_samples=1)
    model = SimpleNamespace(stream=stream, stream_inputs=[SimpleNamespace(name="x")])
    clips = tuple({"x": np.zeros((2, 1, 2))} for _ in range(2))
    known = Calibration(clips, "x", {0: np.float32([1, 2, 3]), 1: np.float32([5, 6, 7, 8, 9])})
    made = SimpleNamespace(calibration=known, model=model)
    assert clean_form(made, 4).tolist() == [0, 1, 2, 3, 0, 5, 6, 7]


def test_what_is_no_metric_is_refused(tmp_path: Path) -> None:
    for given in ("edgekit", "nowhere:metric", f"{__name__}:nothing", f"{__name__}:RATE"):
        with pytest.raises(UsageError, match="--metric"):
            read_metric(given)
    with pytest.raises(UsageError, match="nan"):
        read_metric(f"{__name__}:broken")({}, {}, None)
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        Metric("x", lambda *_: 1 / 0)({}, {}, None)
    network = str(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    with pytest.raises(UsageError, match="nothing that it must reach"):
        api.export(network, "host", tmp_path / "out", metric=f"{__name__}:exactness")
    with pytest.raises(UsageError, match="an engine's pictures"):
        api.export(network, "fpga", tmp_path / "o", metric=f"{__name__}:exactness", min_snr_db=1)
