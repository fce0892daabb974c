"""What a network on pictures takes and gives, as text."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.base.picture_files import (
    form_problem,
)
from edgekit.base.pictures import read_pictures


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mean=0.5", "range, not given|range: not given"),
        ("range=1", "2 numbers"),
        ("range=1,1", "0 wide"),
        ("range=0,1:std=0", "0 wide"),
        ("range=0,1:range=0,1", "given twice"),
        ("range=0,1:fit=fill", "letterbox, stretch, crop"),
        ("range=0,1:labels=a,,b", "names with commas"),
        ("range=0,nan", "2 numbers"),
        ("range=0,1:mean=1,2", "1 or 3 numbers"),
        ("range=0,1:size=3", "given twice or not known"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_said(text: str, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        read_pictures(text)


def test_a_declaration_is_written_as_it_is_read() -> None:
    text = "range=-1,1:mean=0.1,0.2,0.3:colour=bgr:fit=crop:gives=map:scores=none:least=0.5"
    form = read_pictures(text)
    assert read_pictures(form.text) == form
    assert form_problem(form, (1, 3, 8, 8)) is None
    for shape in ((1, 1, 8, 8), (1, 4, 8, 8), (1, 9)):
        assert form_problem(form, shape) is not None
