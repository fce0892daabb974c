"""The delays of the networks of `streaming.py` against the least that their receptive fields allow.

    python bench least_delays [--only REGEX] [--module PACKAGE.MODULE:FACTORY --axis INPUT:AXIS]

Every network is rewritten to its smallest hop, without the rewrite's proof. Then the end of a recording is changed and
cut off, from one hop after another on, in torch itself: the first output frame that changes must come with that hop or
later (`stream_networks.least_frames`). Networks of packages need the environment of ``python bench streaming``, whose
Python then runs this script. Exits with 1 where a delay is not the least.
"""

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from conformance.streaming_networks import NETWORKS, Network
from stream_networks import least_frames
from tables import Table

from edgekit.base.errors import EdgeKitError, ModelError, Problem
from edgekit.export.hop_runner import Arrays
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.length_free_forms import with_length_free_forms
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import torch_offline
from edgekit.export.torch_source import load_module

HOPS = 12  # of a recording, besides the delay
MOST_RUNS = 1200  # of the module: four for each hop of a recording


def module_runner(source: str, name: str, place: int) -> tuple[Callable[[Arrays], Arrays], Arrays]:
    """The module as a function of its input x, with one output; and its example inputs."""
    loaded = load_module(source, {})

    def run(feed: Arrays) -> Arrays:
        given = {**loaded.kwargs, name: torch.from_numpy(np.ascontiguousarray(feed["x"]))}
        try:
            with torch.no_grad():
                made: Any = loaded.module(**given)
        except Exception as error:  # of forward, which may refuse a recording
            problem = Problem(
                "the module", str(error), "recordings that it takes", "give longer ones"
            )
            raise ModelError(problem) from error
        parts = list(made.values()) if isinstance(made, dict) else made
        parts = list(parts) if isinstance(parts, list | tuple) else [parts]
        return {"y": np.asarray(parts[place])}

    return run, {key: np.asarray(tensor) for key, tensor in loaded.kwargs.items()}


def measure(network: Network) -> tuple[int, int, int, int | None]:
    """The hop, the delay and its crop in samples, and the least delay; None where it takes too many runs.

    Raises:
        EdgeKitError: the network is refused.
    """
    axes = {network.input: network.axis}
    offline = torch_offline(network.source, name="net", time_axes=axes)
    offline = replace(offline, end=RecordingEnd(network.until))
    analysis = analyse(with_length_free_forms(offline))
    hop = analysis.facts.minimum_hop()
    model = rewrite(analysis, hop)
    assert model.streaming is not None
    delays = [output.delay_samples for output in model.streaming.outputs]
    place = int(np.argmax(delays))
    output = model.streaming.outputs[place]
    samples = hop * (2 * -(-delays[place] // hop) + HOPS)
    samples = max(samples, analysis.longest // hop * hop)
    if samples // hop * 4 > MOST_RUNS:
        return hop, delays[place], output.crop_samples, None
    run, examples = module_runner(network.source, network.input, place)
    shape = list(examples[network.input].shape)
    shape[network.axis] = samples
    made_axis = model.timing[output.name].axis
    frames, rate = least_frames(run, shape, hop, hop, network.axis, made_axis)
    return hop, delays[place], output.crop_samples, int(-(-frames // rate))


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--module", help="another network")
    parser.add_argument("--axis", metavar="INPUT:AXIS", help="of --module")
    given = parser.parse_args()
    networks = [one for one in NETWORKS if re.search(given.only, one.name)]
    if given.module:
        name, axis = given.axis.split(":")
        networks = [Network(given.module, given.module, name, int(axis))]
    table, late = Table("network", "hop", "delay", "least", numbers=3), 0
    for network in networks:
        try:
            hop, delay, crop, least = measure(network)
        except (EdgeKitError, ModuleNotFoundError) as error:
            print(f"{network.name}: {str(error).splitlines()[0][:100]}", file=sys.stderr)
            continue
        late += least is not None and delay > least
        shown = f"{delay}" + (f", {crop} of crop" if crop else "")
        print(
            table.add_row(network.name, f"{hop}", shown, "-" if least is None else f"{least}"),
            flush=True,
        )
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
