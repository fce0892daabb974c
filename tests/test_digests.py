"""The bytes that lowering emits are those of `pinned/digests.toml`: a change is meant, or a mistake."""

from typing import Any

import pytest
from digests import LIBRARY, LOWERINGS, digests_of, library, networks, pinned
from slices import slow_except

RENEW = "if the change is meant: make digests, and say why in the commit"


def changes(found: Any, expected: Any) -> list[str]:
    """The kinds of files that differ, or what is refused on one side only."""
    if isinstance(found, str) or isinstance(expected, str):
        return [] if found == expected else [f"{expected} became {found}"]
    kinds = sorted(found.keys() | expected.keys())
    return [kind for kind in kinds if found.get(kind) != expected.get(kind)]


# A network in integers of mixed types has what those of int4 and of int16 have.
MIXED = {name.removesuffix("-mixed") for name in networks() if name.endswith("-mixed")}
OF_PARTS = {f"{name}-{recipe}" for name in MIXED for recipe in ("w4a8", "w8a16")}


@pytest.mark.parametrize("name", slow_except(lambda name: name not in OF_PARTS, networks()))
def test_a_network_is_lowered_to_the_same_bytes(name: str) -> None:
    expected = pinned().get(name, {})
    assert set(expected) == set(LOWERINGS), RENEW
    found = digests_of(name)
    changed = {target: changes(row, expected[target]) for target, row in found.items()}
    listed = [f"{target}: {', '.join(kinds)}" for target, kinds in changed.items() if kinds]
    assert not listed, "\n".join(["changed:", *listed, RENEW])


def test_the_files_that_builds_copy_are_the_same() -> None:
    found, expected = library(), pinned()[LIBRARY]
    paths = sorted(found.keys() | expected.keys())
    changed = [path for path in paths if found.get(path) != expected.get(path)]
    assert not changed, "\n".join(["changed:", *changed, RENEW])


def test_every_pinned_network_is_there_and_every_target_takes_some() -> None:
    rows = {name: row for name, row in pinned().items() if name != LIBRARY}
    assert sorted(rows) == networks()
    for target in LOWERINGS:
        assert any(row[target] != "refused" for row in rows.values()), target
