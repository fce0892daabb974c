"""The text of MLPerf Tiny's streaming features."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.export.frontend.spec import parse_spec


@pytest.mark.parametrize(
    ("text", "found"), [("mlperf:40", "not of this form"), ("mlperf:stack:2:3", "2:3")]
)
def test_wrong_texts_say_what_is_allowed(text: str, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        parse_spec(text)
