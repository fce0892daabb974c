"""Clips whose clean form is known are listened to."""

from types import SimpleNamespace

import numpy as np
import pytest

from edgekit.judge import speech_quality
from edgekit.judge.speech_quality import metrics, si_sdr_db


def test_si_sdr_knows_no_scale_and_no_mean() -> None:
    random = np.random.default_rng(0)
    clean = random.standard_normal(4000).astype(np.float32)
    other = random.standard_normal(4000).astype(np.float32)
    assert si_sdr_db(3 * (clean + 0.1 * other) + 1, clean) == pytest.approx(20, abs=0.5)


def test_metrics_of_packages_are_there_where_the_packages_are() -> None:
    assert set(metrics(None)) == {"SI-SDR, dB"}
    assert set(metrics(16000)) <= {"SI-SDR, dB", "STOI", "PESQ"}
    assert "PESQ" not in metrics(8000)


def test_pesq_has_no_value_of_what_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def pesq(rate: int, clean: np.ndarray, output: np.ndarray, band: str) -> float:
        if len(clean) < rate // 4:
            raise ValueError
        return 4.5

    package = SimpleNamespace(pesq=pesq, PesqError=ValueError)
    monkeypatch.setattr(speech_quality, "_package", lambda name: package)
    found = metrics(16000)["PESQ"]
    long, short = np.ones(4000, np.float32), np.ones(3999, np.float32)
    assert found(long, long) == 4.5 and np.isnan(found(short, short))
