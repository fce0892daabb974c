"""When a network that is called over and over has settled, and the longest recording, as texts."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.base.until import Until, read_iterate, read_until
from edgekit.verbs.export.option_checks import read_options
from edgekit.verbs.export.options import StreamOptions
from edgekit.verbs.export.request import read_imports


def test_a_name_may_hold_colons() -> None:
    assert read_iterate("change:1e-6:50") == Until("change", 1e-6, 50)
    assert read_iterate("a:b:0:1") == Until("a:b", 0.0, 1)


@pytest.mark.parametrize(
    "text", ["", "change", "change:1", ":1:1", "a:-1:5", "a:inf:5", "a:1:0", "a:1:x"]
)
def test_what_limits_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"--iterate '{text}': .*OUTPUT:TOLERANCE:MOST"):
        read_iterate(text)


def test_the_longest_recording_is_a_number_of_samples() -> None:
    assert read_until(16000) == read_until("16000") == 16000
    for text in ("", "0", "-5", "1.5", "change", str(2**31)):
        with pytest.raises(UsageError, match=r"a whole number of samples.*--iterate"):
            read_until(text)


def test_the_rule_of_a_step_is_read_where_versions_up_to_0_3_had_it() -> None:
    assert read_until("change:1e-6:50") == read_iterate("change:1e-6:50")
    read = read_options({"until": "change:1e-6:50"}, StreamOptions)
    imports, _ = read_imports("package.module:step", read)
    assert (imports.until, imports.iterate) == (None, Until("change", 1e-6, 50))
