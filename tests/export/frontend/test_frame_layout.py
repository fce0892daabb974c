"""How streams with declared layouts hold the frames of their front ends."""

import pytest

from edgekit.base.layout import parse_layout
from edgekit.export.frontend.frame_layout import FrameLayout, gain_input, has_bins
from edgekit.export.frontend.spec import parse_spec

STEREO = parse_spec("stft:64:32:hann")


def held(letters: str, shape: tuple[int, ...], text: str = "stft:64:32:hann") -> FrameLayout | None:
    return FrameLayout.of(parse_layout(letters), shape, parse_spec(text))


def test_joined_axes_are_read_apart():
    found = held("N(PC)TF", (1, 4, 3, 33))
    assert found is not None
    assert found.sizes == {"C": 2, "T": 3, "F": 33, "P": 2}
    assert (found.letters, found.dims, found.places) == ("PCTF", [2, 3, 33, 2], [3, 0, 1, 2])
    assert (found.heard, found.samples) == (2, 96)


@pytest.mark.parametrize(
    ("letters", "shape", "text"),
    [
        ("NCF", (1, 2, 32), "stft:64:32:hann:mag"),
        ("N(PC)TF", (1, 3, 3, 33), "stft:64:32:hann"),
        ("NCF", (1, 2, 12), "gcc:64:32:hann:12"),
        ("NCTF", (1, 1, 2, 12), "mel:64:32:hann:12:stack:3"),
    ],
)
def test_sizes_that_are_not_the_front_ends(letters, shape, text):
    assert held(letters, shape, text) is None


def test_gains_are_for_the_first_input_of_the_same_frames():
    inputs = {
        "mel": held("NCF", (1, 1, 12), "mel:64:32:hann:12"),
        "short": held("NCF", (1, 1, 17), "stft:32:16:hann:mag"),
        "long": held("NCF", (1, 1, 33), "stft:64:32:hann:mag"),
    }
    known = {name: found for name, found in inputs.items() if found is not None}
    assert gain_input(known, STEREO) == "long"
    assert gain_input(known, parse_spec("stft:64:16:hann")) is None
    assert has_bins(parse_layout("NCF")) and not has_bins(parse_layout("NCT"))
