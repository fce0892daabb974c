"""Calls of a step network until it has settled: a loop that ends at its limits."""

from edgekit.base.until import Until
from edgekit.targets.c.program.iterate import until_header


def test_the_limits_of_the_export_are_in_the_header() -> None:
    text = until_header(Until(output="error", tolerance=0.5, most=30), "net")
    assert (
        "#define NET_UNTIL_MOST 30\n" in text and "#define NET_UNTIL_TOLERANCE 5.0e-01f\n" in text
    )
    assert "output 'error' is at most `tolerance`" in text and "int net_iterate(net *net" in text
