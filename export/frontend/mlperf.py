"""The front end of MLPerf Tiny's streaming wake word: ``mlperf``, for networks that were trained behind it.

A pre-emphasis runs over the stream. 40 mel bands of a spectrum of 1,024 samples every 512 follow, in dB, scaled to 0..1
(mlcommons/tiny, benchmark/training/streaming_wakeword/get_dataset.py).
"""

import re

from edgekit.export.frontend.features import MAX_FRAMES, Features

MLPERF = "mlperf"
FORM = "mlperf[:stack:FRAMES[:EVERY]]"
SAMPLE_RATE, LENGTH, HOP, BANDS = 16000, 1024, 512, 40
WINDOW = "hamming_sym"
_Problems = list[tuple[str, str, str]]  # part, what was found, what is allowed


def parse_mlperf(match: re.Match[str]) -> tuple[Features, _Problems]:
    """Return the features of a text, and what is wrong with it."""
    stack = int(match[1]) if match[1] else None
    every = int(match[2]) if match[2] else 1
    made = Features(MLPERF, BANDS, MLPERF, "tf", stack=stack, every=every)
    if stack is None or 1 <= every <= stack <= MAX_FRAMES:
        return made, []
    allowed = f"1 <= EVERY <= FRAMES <= {MAX_FRAMES}"
    return made, [("stack:FRAMES:EVERY", f"{stack}:{every}", allowed)]


def mlperf_text(_length: int, _hop: int, features: Features) -> str:
    """Return the text that `parse_mlperf` reads back; the frames are always the same."""
    stack = [] if features.stack is None else ["stack", features.stack, features.every]
    return ":".join(map(str, [MLPERF, *stack]))
