"""The text of TFLM's audio front end, ``micro:WINDOW:STEP:BANDS``."""

import re

from edgekit.base.micro_tables import HALF, HIGH_HZ, LOW_HZ, POINTS, SAMPLE_RATE
from edgekit.export.frontend.features import MAX_FRAMES, Features

MICRO = "micro"
FORM = "micro:WINDOW:STEP:BANDS[:stack:FRAMES[:EVERY]], in ms"
SAMPLES_PER_MS = SAMPLE_RATE // 1000
WINDOWS_MS = (HALF // SAMPLES_PER_MS + 1, POINTS // SAMPLES_PER_MS)  # that one transform takes
MOST_BANDS = 128
_Problems = list[tuple[str, str, str]]  # part, what was found, what is allowed


def parse_micro(match: re.Match[str]) -> tuple[int, int, Features, _Problems]:
    """Return the samples of a window and of a step, the features, and all problems of the text."""
    window_ms, step_ms, bands = (int(match[n]) for n in (1, 2, 3))
    stack = int(match[4]) if match[4] else None
    every = int(match[5]) if match[5] else 1
    made = Features(MICRO, bands, low=LOW_HZ, high=HIGH_HZ, stack=stack, every=every)
    problems = []
    least, most = WINDOWS_MS
    if not least <= window_ms <= most:
        problems.append(("WINDOW", f"{window_ms} ms", f"{least} to {most} ms"))
    if not 1 <= step_ms < window_ms:
        problems.append(("STEP", f"{step_ms} ms", "1 ms or more, less than WINDOW"))
    if not 2 <= bands <= MOST_BANDS:
        problems.append(("BANDS", str(bands), f"2 to {MOST_BANDS}"))
    if stack is not None and not 1 <= every <= stack <= MAX_FRAMES:
        found = f"{stack}:{every}"
        problems.append(("stack:FRAMES:EVERY", found, f"1 <= EVERY <= FRAMES <= {MAX_FRAMES}"))
    return window_ms * SAMPLES_PER_MS, step_ms * SAMPLES_PER_MS, made, problems


def rate_problems(sample_rate: int | None) -> _Problems:
    """Return the problem of another sample rate than that of the tables."""
    if sample_rate in (None, SAMPLE_RATE):
        return []
    return [("--sample-rate", f"{sample_rate} Hz", f"{SAMPLE_RATE} Hz, the rate of its tables")]


def micro_text(length: int, hop: int, features: Features) -> str:
    """Return the text that `parse_micro` reads back."""
    numbers = [length // SAMPLES_PER_MS, hop // SAMPLES_PER_MS, features.bands]
    stack = [] if features.stack is None else ["stack", features.stack, features.every]
    return ":".join(map(str, [MICRO, *numbers, *stack]))
