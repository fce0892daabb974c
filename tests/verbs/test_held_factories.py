"""Objects of a program as sources, for as long as they are held."""

import pytest

from edgekit.export.torch_source import find_factory
from edgekit.verbs import held_factories
from edgekit.verbs.held_factories import HELD, hold_factory


def test_a_factory_has_a_name_of_its_own_while_it_is_held() -> None:
    with hold_factory("net", lambda: 1) as first, hold_factory("net", lambda: 2) as second:
        assert first == f"{HELD}net" and first != second
        assert [find_factory(source)() for source in (first, second)] == [1, 2]
    with pytest.raises(AttributeError, match="no attribute 'net'"):
        held_factories.net  # noqa: B018
