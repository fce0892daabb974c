"""One network of `streaming.py` in a process of its own: streamed, measured apart from the proof, as JSON.

    python bench streaming_one NAME KERNELS [--sources]

KERNELS is a library of `quick_build.compile_kernels`.
"""

import argparse
import ctypes
import json
import math
import resource
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from conformance.author_networks import AUTHORS
from conformance.streaming_networks import LIMIT, NETWORKS, Network
from numpy.typing import NDArray
from quick_build import quick_build

from edgekit.base.errors import EdgeKitError, ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import torch_offline
from edgekit.export.torch_source import load_module
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.verbs.export.importing import ImportOptions, with_surroundings
from edgekit.verbs.targets import TARGETS

Array = NDArray[Any]
FRAMES = 40  # samples that run: hops, besides the delay
ORACLE_HOPS = 3


def clipped(array: Array, axis: int, samples: int) -> Array:
    """An example over and over, with other noise beside it, `samples` long."""
    repeated = np.take(array, np.arange(samples) % array.shape[axis], axis)
    noise = np.random.default_rng(7).standard_normal(repeated.shape).astype(np.float32)
    return np.asarray(repeated * (1 + 0.3 * noise), np.float32)


def hop_by_hop(model: Model, feed: dict[str, Array], samples: int) -> dict[str, Array]:
    """Run the hops in onnxruntime: zero states, zeros behind the end, the first `delay` frames dropped."""
    import onnxruntime  # behind edgekit, which switches its telemetry off

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.to_bytes(), options)
    shapes = {one.name: one.shape for one in session.get_inputs()}
    hop, pairs = int(model.stream.hop_samples or 0), {p.input: p.output for p in model.states}
    state = {name: np.zeros(shapes[name], np.float32) for name in pairs}
    names = [one.name for one in session.get_outputs()]
    latest = int(model.stream.delay_samples or 0)
    made: dict[str, list[Array]] = {name: [] for name in names if name not in pairs.values()}
    for number in range(samples // hop + math.ceil(latest / hop)):
        if number * hop == samples and model.end_state is not None:
            state[model.end_state][...] = hop
        given = {}
        for name, array in feed.items():
            axis = model.timing[name].axis
            size = shapes[name][axis]
            place = [slice(None)] * array.ndim
            place[axis] = slice(number * size, (number + 1) * size)
            part = array[tuple(place)]
            missing = [(0, size - part.shape[axis] if n == axis else 0) for n in range(array.ndim)]
            given[name] = np.pad(part, missing)
        results = dict(zip(names, session.run(None, given | state), strict=True))
        for name, parts in made.items():
            parts.append(results[name])
        state = {name: results[output] for name, output in pairs.items()}
    whole = {name: np.concatenate(parts, model.timing[name].axis) for name, parts in made.items()}
    return {
        name: np.delete(array, range(model.timing[name].delay_frames), model.timing[name].axis)
        for name, array in whole.items()
    }


def error_of(expected: list[Array], found: list[Array]) -> float:
    """The largest error relative to an output's peak; infinite where a frame is missing."""
    worst = 0.0
    for one, other in zip(expected, found, strict=True):
        if any(a > b for a, b in zip(one.shape, other.shape, strict=True)):
            return math.inf
        cut = other[tuple(slice(size) for size in one.shape)]
        worst = max(worst, float(np.abs(cut - one).max()) / float(np.abs(one).max()))
    return worst


def in_c(model: Model, feed: dict[str, Array], expected: list[Array]) -> tuple[float, bool]:
    """The generated C's error against torch, and whether its first hops equal the oracle in every bit."""
    guarded = with_surroundings(model, ImportOptions())
    problems = TARGETS["host"].check(guarded)
    if problems:
        raise ModelError(problems)
    error = error_of(expected, list(quick_build(guarded).clip(feed).values()))
    generator = np.random.default_rng(5)
    hops = {
        str(value.name): generator.standard_normal(
            (ORACLE_HOPS, *(int(d) for d in value.shape or ()))
        ).astype(np.float32)
        for value in guarded.stream_inputs
    }
    exact, made = Oracle(guarded).run_hops(hops), quick_build(guarded).run(hops)
    return error, all(np.array_equal(exact[name], made[name]) for name in exact)


def outputs_of(module: torch.nn.Module, x: torch.Tensor) -> list[Array]:
    """Return what torch gives at once."""
    with torch.no_grad():
        given: Any = module(x)
    parts = list(given.values()) if isinstance(given, dict) else given
    parts = list(parts) if isinstance(parts, list | tuple) else [parts]
    return [np.asarray(part.detach()) for part in parts]


def rounding_of(module: torch.nn.Module, x: Array, expected: list[Array]) -> float:
    """Return the error of torch in float32 against itself in float64."""
    return error_of(outputs_of(module.double(), torch.from_numpy(x).double()), expected)


def measure(network: Network, source: str) -> dict[str, Any]:
    """Stream one network and compare it with what torch gives at once."""
    row: dict[str, Any] = {"network": network.name}
    start = process_time()
    try:
        offline = torch_offline(source, name="net", time_axes={network.input: network.axis})
        model = stream(replace(offline, end=RecordingEnd(network.until)))
    except EdgeKitError as error:
        return row | {"refused": str(error), "seconds": process_time() - start}
    row["seconds"] = process_time() - start
    hop, delay = int(model.stream.hop_samples or 0), int(model.stream.delay_samples or 0)
    loaded = load_module(source, {})
    samples = hop * max(FRAMES, math.ceil((2 * delay) / hop) + 8)
    example = np.asarray(loaded.kwargs[network.input].detach())
    feed = {network.input: clipped(example, network.axis, samples)}
    expected = outputs_of(loaded.module, torch.from_numpy(feed[network.input].copy()))
    found = hop_by_hop(model, feed, samples)
    assert model.streaming is not None
    crop = max(output.crop_samples for output in model.streaming.outputs)
    row |= {"hop": hop, "delay": delay, "crop": crop, "samples": samples}
    row["error"] = error_of(expected, list(found.values()))
    if row["error"] > LIMIT:
        row["rounding"] = rounding_of(loaded.module, feed[network.input], expected)
    try:
        row["c_error"], row["c_exact"] = in_c(model, feed, expected)
    except EdgeKitError as error:
        row["c_refused"] = str(error)
    return row


def main() -> int:
    """Measure the network of the command line and print its row."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("kernels", type=Path)
    parser.add_argument("--sources", action="store_true", help="of author_networks.py")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ctypes.CDLL(str(given.kernels), ctypes.RTLD_GLOBAL)
    networks = AUTHORS if given.sources else NETWORKS
    (network,) = [one for one in networks if one.name == given.name]
    row = measure(network, network.source)
    row["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
