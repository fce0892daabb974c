"""When a network that is called over and over has settled, as text."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.base.until import Until, read_until


def test_a_name_may_hold_colons() -> None:
    assert read_until("change:1e-6:50") == Until("change", 1e-6, 50)
    assert read_until("a:b:0:1") == Until("a:b", 0.0, 1)


@pytest.mark.parametrize(
    "text", ["", "change", "change:1", ":1:1", "a:-1:5", "a:inf:5", "a:1:0", "a:1:x"]
)
def test_what_limits_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="OUTPUT:TOLERANCE:MOST"):
        read_until(text)
