"""What is wrong with calibration audio is said with its number; sound sets pass."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from builds import float_model
from numpy.typing import NDArray

import edgekit.demos
from edgekit.graph.model import Model
from edgekit.judge import criteria
from edgekit.judge.levels import sound_inputs
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.calibrate.warnings import calibration_warnings, no_detection_notes

RATE, HOP = 16000, 64
BUNDLED = Path(edgekit.demos.__file__).parent / "clips" / "calibration"
Samples = NDArray[np.float64]


def pcm_model() -> Model:
    return float_model("raw").describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def warnings(clips: Sequence[Samples], model: Model | None = None) -> tuple[str, ...]:
    model = model or pcm_model()
    (value,) = model.stream_inputs
    made = [clip[: len(clip) // HOP * HOP].astype(np.float32).reshape(-1, 1, HOP) for clip in clips]
    return calibration_warnings(model, Calibration(tuple({value.name: a} for a in made), "clips"))


def clip(seed: int, tilt: float, seconds: float = 3.0, swing_db: float = 20.0) -> Samples:
    """Noise with a spectrum of its own, whose level moves."""
    size = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    noise = np.fft.irfft(spectrum * (1 + np.arange(len(spectrum))) ** -tilt, size)
    swing = np.sin(2 * np.pi * np.arange(size) / RATE) * swing_db / 40
    return 0.03 * noise / noise.std() * 10**swing


SOUND = [clip(i, tilt) for i, tilt in enumerate((0.0, 0.3, 0.6, 0.9))]


def half_rate(samples: Samples) -> Samples:
    spectrum = np.fft.rfft(samples)
    spectrum[len(spectrum) // 2 :] = 0
    return np.rint(np.fft.irfft(spectrum, len(samples)) * 32768) / 32768


def test_a_good_set_and_the_bundled_one_pass() -> None:
    assert warnings(SOUND) == ()
    assert warnings([soundfile.read(path)[0] for path in sorted(BUNDLED.glob("*.wav"))]) == ()


@pytest.mark.parametrize(("highest", "told"), [(0.69, ("0.69 of 0.7",)), (0.71, ())])
def test_a_calibration_without_a_detection_is_told_of(
    highest: float, told: tuple[str, ...]
) -> None:
    facts = {"text": "sigmoid:on=0.7:off=0.3", "labels": ["word"]}
    seen = {"score": Observer(minimum=0.0, maximum=highest)}
    notes = no_detection_notes(pcm_model().describe(decide=facts), seen)
    assert len(notes) == len(told) and all(
        text in note for text, note in zip(told, notes, strict=True)
    )
    assert no_detection_notes(pcm_model(), seen) == ()


def test_audio_is_judged_at_a_lower_level_too_and_may_lose_more_there() -> None:
    (value,) = pcm_model().stream_inputs
    made = [c[:6400].astype(np.float32).reshape(-1, 1, HOP) for c in SOUND]
    calibration = Calibration(tuple({str(value.name): a} for a in made), "clips")
    _, (loud, quiet, *_), allowances = criteria.judges(
        pcm_model(), calibration, sound_inputs(pcm_model(), calibration)
    )
    assert allowances == [1, 2, 4, 10, 1]
    part = made[2][: criteria.HEARD_HOPS // 5]
    np.testing.assert_array_equal(loud[str(value.name)], part)
    np.testing.assert_allclose(quiet[str(value.name)], part / 10, rtol=1e-6)
    assert quiet[str(value.name)].dtype == np.float32
    raw = float_model("raw")  # no sample rate: no PCM
    assert criteria.judges(raw, calibration, sound_inputs(raw, calibration))[2] == [1]


SETS: dict[str, tuple[Callable[[], list[Samples]], list[str]]] = {
    "too short": (lambda: [c[:2000] for c in SOUND], ["0.5 s of audio", "6 s or more"]),
    "one clip": (
        lambda: [clip(0, 0.3, 12.0)],
        ["1 clip with sound", "4 or more", "range_margin = 1.5"],
    ),
    "alike": (
        lambda: np.split(clip(0, 0.3, 12.0), 4),
        ["spectra differ by 0.", "3 dB or more apart"],
    ),
    "clipped": (
        lambda: [*SOUND[:3], np.clip(40 * SOUND[3], -1, 1)],
        [" % of clip 4 is clipped", "lower level"],
    ),
    "silent": (lambda: [*SOUND, np.zeros(RATE)], ["clip 5 is silent, all zeros"]),
    "very quiet": (lambda: [*SOUND, 1e-5 * SOUND[0]], ["clip 5 is silent, -1", "above -60 dBFS"]),
    "half the rate": (lambda: [half_rate(c) for c in SOUND], ["above 4.4 kHz", "dB)", "16000 Hz"]),
    "noise only": (
        lambda: [clip(i, i / 10, swing_db=2.0) * 10.0 ** (i - 2) for i in range(4)],
        ["steady noise alone", "differ by ", "6 dB or more between"],
    ),
    "level": (
        lambda: [clip(i, i / 6, swing_db=1.0) for i in range(4)],
        ["levels from -", " dBFS, ", "12 dB or more apart"],
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_what_is_wrong_is_said_with_its_number_and_a_remedy(name: str) -> None:
    clips, words = SETS[name]
    found = [text for text in warnings(clips()) if all(word in text for word in words)]
    assert len(found) == 1
    assert found[0].startswith("calibration: ")


def test_a_single_loud_peak_is_not_clipping() -> None:
    peaked = SOUND[0].copy()
    peaked[1000] = 1.0
    assert warnings([peaked, *SOUND[1:]]) == ()


def test_networks_that_take_no_audio_are_not_judged() -> None:
    assert warnings([np.zeros(HOP)], float_model("raw")) == ()
