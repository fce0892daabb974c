"""Notes as MIDI files."""

import numpy as np

from edgekit.demos.compressor.prepare import DRUMS, TICKS, midi, midi_file, variable


def read_events(track: bytes) -> list[tuple[int, int]]:
    """Ticks and first bytes of the events of a track, whose events have one or two bytes of data."""
    at, tick, found = 0, 0, []
    while at < len(track):
        delta = 0
        while True:
            byte, at = track[at], at + 1
            delta = delta << 7 | byte & 127
            if byte < 128:
                break
        tick += delta
        found.append((tick, track[at]))
        at += 2 if track[at] >> 4 == 0xC else 3
    return found


def test_a_number_has_seven_bits_a_byte() -> None:
    assert [variable(n) for n in (0, 127, 128, 0x4000)] == [
        b"\0",
        b"\x7f",
        b"\x81\0",
        b"\x81\x80\0",
    ]


def test_events_are_in_the_order_of_their_ticks() -> None:
    late, early = (200, bytes([0x80, 60, 0])), (0, bytes([0x90, 60, 90]))
    data = midi_file([late, early], 96)
    assert data[:4] == b"MThd" and data[12:14] == bytes([0, 96]) and data[14:18] == b"MTrk"
    track = data[22:]
    assert len(track) == int.from_bytes(data[18:22], "big")
    assert read_events(track) == [(0, 0x90), (200, 0x80), (296, 0xFF)]


def test_every_note_ends_and_drums_have_their_channel() -> None:
    for program, channel in ((24, 0), (DRUMS + 8, 9)):
        events = read_events(midi(program, 5)[22:])
        kinds = np.array([kind for _, kind in events])
        assert (kinds == 0x90 + channel).sum() == (kinds == 0x80 + channel).sum() > 20
        assert kinds[0] == 0xC0 + channel and events[-1][0] >= 48 * TICKS
    assert midi(24, 5) == midi(24, 5) != midi(24, 6)
