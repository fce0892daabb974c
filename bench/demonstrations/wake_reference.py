"""A wake word as ESPHome runs it: pymicro-features, a runtime of .tflite files, and the rule of its detector."""

from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymicro_features import MicroFrontend

from edgekit.base.micro_tables import BANDS, FEATURE_UNIT, SAMPLE_RATE
from edgekit.export.tflite_file.convert import choose_graph
from edgekit.export.tflite_file.file import read_tflite
from edgekit.judge.tflite_runtimes import outputs_in_runtime

Whole = NDArray[np.int64]
STEP, WINDOW = SAMPLE_RATE // 100, SAMPLE_RATE * 3 // 100  # samples, of pymicro-features
FIRST_FRAMES = 74  # ESPHome's MIN_SLICES_BEFORE_DETECTION


def features(pcm: NDArray[np.int16]) -> Whole:
    """Return pymicro-features' numbers (frames, 40) of PCM that begins behind 20 ms of silence."""
    frontend = MicroFrontend()
    samples = np.concatenate([np.zeros(WINDOW - STEP, np.int16), pcm])
    rows = []
    for start in range(0, samples.size - STEP + 1, STEP):
        made = frontend.process_samples(samples[start : start + STEP].astype("<i2").tobytes())
        if made.features:
            rows.append(made.features)
    return np.rint(np.array(rows).reshape(-1, BANDS) / FEATURE_UNIT).astype(np.int64)


def levels(numbers: Whole) -> NDArray[np.int8]:
    """Return features in int8, as ESPHome computes them."""
    return np.clip((numbers * 256 + 333) // 666 - 128, -128, 127).astype(np.int8)


def network_outputs(model: Path, frames: NDArray[np.int8], runtime: str) -> Whole:
    """Return the integers of a network (calls,) for frames of features (frames, 40), states carried.

    Raises:
        SystemExit: the runtime cannot run the file.
    """
    data = model.read_bytes()
    graph, _ = choose_graph(read_tflite(data), None)
    shape = graph.tensors[graph.inputs[0]].shape
    calls = len(frames) * BANDS // int(np.prod(shape))
    feeds = frames[: calls * shape[1]].reshape(calls, *shape)
    made = outputs_in_runtime(runtime, data, None, graph, [[feed] for feed in feeds])
    if made is None:
        raise SystemExit(f"{runtime} cannot run {model}")
    return np.array([int(output.ravel()[0]) for (output,) in made], np.int64)


def detections(
    integers: Whole, cutoff: float, window: int, frames_in_call: int
) -> NDArray[np.bool_]:
    """Return in which calls ESPHome's rule detects the words, of a network that goes on after a detection.

    The mean of the last probabilities is above the cutoff, where it was not before. The first 74 frames, and as many
    after a detection, detect nothing.
    """
    ring = deque([0] * window, maxlen=window)
    found = np.zeros(len(integers), np.bool_)
    wait, was_above = 0, False
    for call, number in enumerate(integers):
        ring.append(int(number))
        mean = np.float32(sum(ring)) / np.float32(255 * window)
        started = (call + 1) * frames_in_call >= FIRST_FRAMES
        is_above = bool(mean > np.float32(cutoff)) and started
        found[call] = is_above and not was_above and wait <= 0
        was_above = is_above
        wait -= 1
        if found[call]:
            wait = -(-FIRST_FRAMES // frames_in_call) - 1
    return found


def integers_of_means(scores: NDArray[np.float32], window: int) -> Whole:
    """Return the integers whose means over the last `window` calls a build gave, of 256."""
    sums = np.rint(scores.astype(np.float64) * 256 * window).astype(np.int64)
    steps = np.diff(sums, prepend=0)
    for call in range(window, len(steps)):
        steps[call] += steps[call - window]
    return steps
