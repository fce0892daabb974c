"""Diphones of a voice of Festival: the recording from its residual, and its marks."""

from pathlib import Path

import numpy as np
from scipy import signal

from edgekit.base.arrays import Float64
from edgekit.demos.voice_source.closures import RATE
from edgekit.demos.voice_source.diphones import read_diphones

COEFFICIENTS = (0.9, -0.4)
MARKS = np.array([*(0.01 + 0.008 * np.arange(6) ** 1.02), 0.0700, 0.0800, 0.0900, 0.1000, 0.1100])


def mu_law(samples: Float64) -> bytes:
    """G.711 without tables: exponent and mantissa of the magnitude."""
    biased = np.minimum(np.abs(samples), 32_635).astype(int) + 132
    exponent = np.floor(np.log2(biased)).astype(int) - 7
    code = exponent << 4 | (biased >> (exponent + 3)) & 15 | np.where(samples < 0, 128, 0)
    return (~code).astype(np.uint8).tobytes()


def write_group(file: Path, pcm: Float64) -> None:
    """Write a voice of two diphones, each `pcm`."""
    residual = signal.lfilter([1, *(-np.array(COEFFICIENTS))], [1], pcm)
    names = "".join(f"Channel_{n} lpc_{n}\n" for n in range(3))
    head = f"EST_File Track\nDataType binary\nNumFrames {MARKS.size}\nNumChannels 3\n{names}"
    rows = np.array([(mark, 1, 1, *COEFFICIENTS) for mark in MARKS], "<f4")
    track = head.encode() + b"EST_Header_End\n" + rows.tobytes()
    sound = b".snd" + np.array([24, residual.size, 1, RATE, 1], ">u4").tobytes() + mu_law(residual)
    size = len(track) + len(sound)
    index = "".join(
        f"{name} {n * size} {n * size + len(track)} 3\n" for n, name in enumerate(("a-b", "b-c"))
    )
    head = "EST_File index\nNumEntries 2\nEST_Header_End\n"
    file.write_bytes((head + index).encode() + 2 * (track + sound))


def test_the_recording_comes_back_with_its_marks(tmp_path: Path) -> None:
    time = np.arange(int(0.13 * RATE)) / RATE
    pcm = 6000 * np.sin(2 * np.pi * 125 * time) * (time < 0.06)
    write_group(tmp_path / "voice.group", pcm)
    first, second = read_diphones(tmp_path / "voice.group")
    np.testing.assert_array_equal(first.pcm, second.pcm)
    error = first.pcm * 65_536 - pcm
    assert np.sum(error**2) < 1e-3 * np.sum(pcm**2)
    np.testing.assert_allclose(first.marks, MARKS, atol=1e-6)
    # the marks at even steps, and those in silence, are no closures
    np.testing.assert_array_equal(first.voiced, MARKS < 0.06)
    np.testing.assert_array_equal(first.periods(), (MARKS < 0.06)[1:])


def test_what_lies_between_voice_and_silence_is_not_known(tmp_path: Path) -> None:
    time = np.arange(int(0.13 * RATE)) / RATE
    write_group(tmp_path / "voice.group", 6000 * np.sin(2 * np.pi * 125 * time) * (time < 0.06))
    one = next(read_diphones(tmp_path / "voice.group"))
    known = one.known_samples(one.pcm.size)
    last = MARKS[MARKS < 0.06].max()
    for second, expected in ((0.005, False), (0.03, True), (last + 0.003, False), (0.105, True)):
        assert known[int(second * RATE)] == expected
