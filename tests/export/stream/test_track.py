"""Values of the hop graph that carry time."""

from fractions import Fraction

import onnx_ir as ir

from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Mirror, Track


def track(rate: Fraction, delay: int, outer: int = 1) -> Track:
    value = ir.val("x")
    return Track(value, value, TimeAxis(1, rate, 0), (2, 12, 3), delay, outer=outer)


def test_a_delay_in_samples_of_the_input():
    assert track(Fraction(1, 8), 3).delay_samples == 24
    assert track(Fraction(2), 3).delay_samples == Fraction(3, 2)


def test_rows_of_several_streams_share_the_time_axis():
    assert track(Fraction(1), 0).frames == 12
    assert track(Fraction(1), 0, outer=4).frames == 3


def test_how_far_repeated_frames_lie():
    held, reflected = (Mirror(track(Fraction(1), 0), mode, 3, 2) for mode in ("edge", "reflect"))
    assert (held.first_needs, held.reach) == (3, 2)
    assert (reflected.first_needs, reflected.reach) == (6, 4)
