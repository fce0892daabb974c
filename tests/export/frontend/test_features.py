"""Features against torchaudio and librosa, their text, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from offline_features import offline

from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz
from edgekit.export.frontend.features import triangles
from edgekit.export.frontend.spec import parse_spec

PINNED = Path(__file__).parents[2] / "pinned" / "features.npz"


@pytest.mark.parametrize("name", [n for n in read_npz(PINNED) if n != "pcm"])
def test_features_are_those_of_torchaudio_and_librosa(name: str) -> None:
    text, rate, _ = name.split(" ")
    arrays = read_npz(PINNED)
    expected = arrays[name]
    found = offline(text, arrays["pcm"], int(rate))[: len(expected)]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("bank", ["htk", "slaney", "erb"])
def test_bands_lie_evenly_on_their_scale_and_meet_in_their_corners(bank: str) -> None:
    matrix = triangles(bank, 12, 4096, 16000, 100, 7000)
    assert (np.diff(np.argmax(matrix, axis=0)) > 0).all()
    inside = slice(np.argmax(matrix[:, 0]) + 1, np.argmax(matrix[:, -1]))
    if bank != "slaney":
        np.testing.assert_allclose(matrix[inside].sum(axis=1), 1, atol=1e-12)
    else:
        np.testing.assert_allclose(matrix.sum(axis=0) * 16000 / 4096, 1, atol=0.05)


def test_erb_bands_are_as_wide_as_the_ear_hears() -> None:
    """A tenth of the number of bands per ERB: at 1 kHz an ERB is 132.6 Hz (Glasberg and Moore, 1990)."""
    low, high = 21.4 * np.log10(1 + 0.00437 * np.array([967, 1033]))
    assert high - low == pytest.approx(66 / 132.6, rel=0.01)
    matrix = triangles("erb", 30, 8192, 16000, 50, 8000)
    peaks = np.argmax(matrix, axis=0) * 16000 / 8192
    np.testing.assert_allclose(np.diff(21.4 * np.log10(1 + 0.00437 * peaks)), 1.046, atol=0.06)


@pytest.mark.parametrize(
    "text",
    [
        "mel:512:160:hann:40",
        "mel:512:160:hann@400:40:20:7600:log:slaney:full",
        "mel:400:160:hamming_sym:64:pcen:stack:40:3",
        "mfcc:512:160:hann:40:13:60:7600:db:slaney:stack:49:2",
        "erb:960:480:sqrt_hann:32:log",
    ],
)
def test_a_text_reads_as_itself(text: str) -> None:
    assert str(parse_spec(text)) == text
    assert parse_spec(str(parse_spec(text))) == parse_spec(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mel:512:160:hann", "after WINDOW: nothing; allowed: BANDS"),
        ("mfcc:512:160:hann:40", "after WINDOW: 40; allowed: BANDS:COEFFICIENTS"),
        ("mel:512:160:hann:loud", "after WINDOW: loud"),
        ("mel:511:160:hann:40", "N_FFT: 511"),
        ("mel:512:160:blackman:40", "WINDOW: blackman"),
        ("mel:512:160:hann@600:40", "WINDOW: hann@600"),
        ("mel:512:512:hann:40", "HOP: 512"),
        ("mel:512:160:hann:1", "BANDS: 1"),
        ("mel:512:160:hann:40:3000", "LOW without HIGH"),
        ("mel:512:160:hann:40:3000:20", "LOW:HIGH: 3000:20"),
        ("mel:512:160:hann:40:log:db", "log:db"),
        ("mel:512:160:hann:40:log:log", "log:log"),
        ("mel:512:160:hann:40:plain", "plain"),
        ("erb:512:160:hann:40:htk", "no htk or slaney"),
        ("mfcc:512:160:hann:40:50", "COEFFICIENTS: 50"),
        ("mfcc:512:160:hann:40:13:pcen", "pcen"),
        ("mel:512:160:hann:40:stack", "stack:FRAMES:EVERY: 0:1"),
        ("mel:512:160:hann:40:stack:3:4", "stack:FRAMES:EVERY: 3:4"),
        ("mel:512:160:hann:40:full:stack:3", "full with stack"),
        ("chroma:512:160:hann:12", "not of this form"),
    ],
)
def test_what_does_not_fit_is_named(text: str, found: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_spec(text)
    assert found in str(refused.value)


def test_all_that_is_wrong_is_listed_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_spec("mel:31:160:han:1:500:20:loud:stack:0")
    assert len(refused.value.problems) == 6
