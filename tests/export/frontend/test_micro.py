"""The text of TFLM's audio front end."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.export.frontend.spec import parse_spec

RATE = 16000


@pytest.mark.parametrize(
    "text", ["micro:30:10:40", "micro:30:20:40:stack:49:1", "micro:25:10:32:stack:8:2"]
)
def test_the_text_is_written_as_it_is_read(text: str) -> None:
    form = parse_spec(text)
    assert str(form) == text
    assert form.length == 16 * int(text.split(":")[1])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("micro:10:10:40", "WINDOW: 10 ms; allowed: 17 to 32 ms"),
        ("micro:30:30:40", "STEP: 30 ms"),
        ("micro:30:10:1", "BANDS: 1"),
        ("micro:30:10:40:stack:2:3", "stack:FRAMES:EVERY: 2:3"),
        ("micro:30:10", "not of this form"),
    ],
)
def test_wrong_texts_say_what_is_allowed(text: str, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        parse_spec(text)


def test_another_sample_rate_is_refused() -> None:
    assert "8000 Hz" in str(parse_spec("micro:30:10:40").feature_problems(8000))
    assert not parse_spec("micro:30:10:40").feature_problems(RATE)
