"""Random networks through the streaming rewrite, batch by batch: equal to the whole, with the least delay.

    PYTHONPATH=tests:bench python tests/fuzz/streams.py --networks 3000 [--state FILE.json] [--out DIR]

A third are layers that keep the number of frames, with recurrences, sums and counts. A third are loops, assignments,
positions and windows of attention between such layers. A third are chains that pad, stride, crop and resample. A batch
is a seed, so that a run goes on where another one ended. Prints the counts; exits with 1 where a network raised
anything but a refusal, was not the same, or had more delay than the least. Its file lies in DIR.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from stream_chains import chains
from stream_layers import Layer, layers, network_of
from stream_networks import check, least_delay
from stream_written import written

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.graph.model import Model

BATCH = 20
SHORT, LONG = 60, 360  # samples, of which chains of crops leave something
MOST_DELAY = 400  # samples: the brute force runs once for each
QUIET: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],
}


def streamed(data: bytes, times: int) -> Model:
    """Stream a network by so many of its least hops and compare it with the whole, of more samples if few give nothing.

    Of few at first: onnxruntime's linear interpolation is less exact the longer the recording is.
    """
    short = np.zeros((1, 1, SHORT), np.float32)
    try:
        (made,) = in_onnxruntime(data)({"x": short}).values()
    except ModelError:
        made = short[..., :0]
    (model,) = check(data, (times,), samples=SHORT if made.size else LONG, end=RecordingEnd(LONG))
    return model


def verdict(data: bytes, times: int) -> str:
    """Stream a network, and say how it ended."""
    try:
        model = streamed(data, times)
    except ModelError as error:
        return f"refused: {error}"
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}"
    assert model.streaming is not None
    hop, delay = int(model.stream.hop_samples or 1), model.streaming.outputs[0].delay_samples
    if delay >= MOST_DELAY:
        return "equal"
    samples = hop * -(-(2 * delay + 8 * hop + 60) // hop)
    least = least_delay(data, hop, samples, least=hop // times)
    return "equal, least" if delay == least else f"late: {delay} samples, least {least}"


def judge(batch: int, out: Path) -> Counter[str]:
    """Judge the networks of a batch; write those with a fault into a folder."""
    counts: Counter[str] = Counter()
    kinds: list[st.SearchStrategy[Layer]] = [layers(depth=2), chains(), written()]

    @seed(batch)
    @settings(max_examples=BATCH, **QUIET)
    @given(kinds[batch % len(kinds)], st.integers(0, 99), st.integers(1, 3))
    def judged(build: Layer, number: int, times: int) -> None:
        data = network_of(build, number)
        found = verdict(data, times)
        kind = found.split(":")[0]
        counts[kind] += 1
        if kind in ("failed", "late", "refused"):
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{kind}-{batch}-{sum(counts.values())}-{times}.onnx"
            path.write_bytes(data)
            print(f"{path}: {found[:300]}", flush=True)

    judged()
    return counts


def main() -> int:
    """Judge and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--networks", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, metavar="BATCH")
    parser.add_argument("--state", type=Path, metavar="FILE.json")
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    state: dict[str, Any] = {"next": options.first, "counts": {}}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text())
    counts = Counter[str](state["counts"])
    while sum(counts.values()) < options.networks:
        counts += judge(state["next"], options.out)
        state = {"next": state["next"] + 1, "counts": dict(counts)}
        if options.state:
            options.state.write_text(json.dumps(state))
        print(f"up to batch {state['next'] - 1}: {dict(counts)}", flush=True)
    return int(counts["failed"] + counts["late"] > 0)


if __name__ == "__main__":
    sys.exit(main())
