"""Which networks become a plug-in, and texts inside of literals."""

from one_node import network

from edgekit.targets.c.plugin.core import sound_problems, words
from edgekit.targets.describe import describe


def test_a_network_without_sound_is_no_plug_in() -> None:
    manifest = describe(network("float[2,3] x", "float[2,3] y", "y = Neg (x)"), "host")
    found = [problem.found for problem in sound_problems(manifest, "--wrap lv2")]
    assert found == ["x [2, 3], y [2, 3]", "no sample rate"]


def test_texts_cannot_leave_their_quotes() -> None:
    assert words('a "b" \\ c\nd') == "a _b_ _ c_d"
