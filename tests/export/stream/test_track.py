"""Values of the hop graph that carry time."""

from dataclasses import replace
from fractions import Fraction

import onnx_ir as ir

from edgekit.export.stream.late import KNOWN
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
    held, reflected = (Mirror(track(Fraction(1), 11), mode, 3, 2) for mode in ("edge", "reflect"))
    assert (held.late, held.reach) == (
        (0, 0, 0),
        2,
    )  # 12 frames a hop: frame 0 is the last of the first one
    assert (reflected.late, reflected.reach) == ((1, 1, 1), 4)


def test_a_frame_is_final_when_it_is_there_or_later():
    assert [track(Fraction(1), 11).final(m) for m in (0, 1, 12, 13)] == [0, 1, 1, 2]
    late = replace(track(Fraction(1), 11), late=(3, KNOWN))
    assert [late.final(m) for m in (0, 1)] == [3, 1] and late.again == 3 * 12 - 11
