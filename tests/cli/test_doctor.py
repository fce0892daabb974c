"""``edgekit doctor`` says how to get a tool."""

import pytest

from edgekit.base.installation import installer
from edgekit.cli.doctor import how_to_get
from edgekit.verbs.doctor import ToolFacts


@pytest.mark.parametrize(
    ("pip", "apt", "small", "said"),
    [
        ("ziglang", None, None, "pip install ziglang"),
        (None, "gcc", None, "apt-get install gcc"),
        ("a", "b", None, "pip install a or apt-get install b"),
        ("a", None, "c", "pip install c (without CUDA, much smaller), then pip install a"),
        (None, None, None, ""),
    ],
)
def test_every_way_is_named(pip: str | None, apt: str | None, small: str | None, said: str) -> None:
    said = said.replace("pip install", installer())
    assert how_to_get(ToolFacts("tool", "all", None, None, pip, apt, small)) == said
