"""The steps around the rewrite of an offline network: replacements, and real recordings in its proof."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.export.hop_runner import HopRunner
from edgekit.export.noise import drawn, noises_of, with_noise
from edgekit.export.stream.examples import repeat_along_time
from edgekit.export.stream.replace.distance import distance_line, distances, noise
from edgekit.export.stream.replace.forms import Form
from edgekit.export.stream.replace.plan import refuse_unused_forms, replace_forms
from edgekit.export.stream.sources import Offline
from edgekit.graph.model import Model, ReplacedNode, Replacements
from edgekit.graph.nodes import unused_name, value_names
from edgekit.quantize.calibrate.clips import Clip, load_calibration

Feed = dict[str, Array]
CLIPS = 4  # number of calibration clips for the proof and the measurement
SAMPLES = 4096  # at most this many hops of each: a measurement imports a network of that length
FED = "fed/"  # before the name of an input: the data fed to it
NOISE = 256  # samples of noise, without other data


def with_replacements(
    offline: Offline, forms: Mapping[str, Form], *, causal: bool
) -> tuple[Offline, tuple[ReplacedNode, ...]]:
    """Replace the parts that the user asked for.

    Raises:
        UsageError: a named form replaces nothing in the network.
        ModelError: parts that cannot be replaced.
    """
    if not forms:
        return offline, ()
    changed, found = replace_forms(offline, forms)
    if not causal:
        refuse_unused_forms(forms, found)
    return changed, found


def with_replacement_facts(
    network: Model,
    original: Offline,
    changed: Offline,
    found: Sequence[ReplacedNode],
    recordings: Sequence[Feed],
) -> Model:
    """Record the replacements, and the distance of the outputs from the original's.

    It is measured on `recordings`; without them on the examples, or else on noise.
    """
    if not found:
        return network.describe(notes=[*network.notes, "--causal: nothing had to be replaced"])
    least = network.stream.minimum_hop_samples or 1
    of, feeds = "calibration", list(recordings)
    if not feeds and original.examples is not None:
        of, feeds = "examples", [dict(original.examples)]
    if feeds:
        feeds, samples = _equally_long(network, original, feeds, least)
    else:
        of, samples = "noise", -(-NOISE // least) * least
        feeds = [noise(original, samples)]
    measured = distances(original, changed, feeds, samples, of)
    lines = [*map(_replacement_line, found), *map(distance_line, measured)]
    return network.describe(
        replaced=Replacements(tuple(found), measured), notes=[*network.notes, *lines]
    )


def _equally_long(
    network: Model, original: Offline, feeds: Sequence[Feed], least: int
) -> tuple[list[Feed], int]:
    """Feeds of as many samples as the first has, in hops of the `least`; and how many these are."""
    axes = {name: time.axis for name, time in network.timing.items()} | dict(original.axes)
    rates = {name: original.rates.get(name, 1) for name in axes}
    sizes = {int(a.shape[axes[n]] / rates[n]) for n, a in feeds[0].items() if n in axes}
    samples = max(max(sizes) // least, 1) * least
    frames = {name: int(samples * rate) for name, rate in rates.items()}
    return [
        {n: repeat_along_time(a, axes.get(n), frames.get(n, 1)) for n, a in feed.items()}
        for feed in feeds
    ], samples


def _replacement_line(row: ReplacedNode) -> str:
    module = f" of module '{row.module}'" if row.module else ""
    return f"replaced {row.operator} '{row.node}'{module}: {row.form}"


def calibration_feeds(
    source: str,
    network: Model,
    pcm: Model | None,
    noise: Mapping[str, str],
    settings: InputSettings = NO_SETTINGS,
) -> list[Feed]:
    """Return whole inputs of the offline network from calibration clips: the loudest stretch of each, of equal length.

    Args:
        source: a folder, or ``package.module:factory``.
        network: one hop of it.
        pcm: it with `with_fed` after its front end, which then computes its inputs; None where it has none.
        noise: inputs that a build draws, by distribution; they are drawn here, too.
        settings: values of inputs that the clips lack.
    """
    read = pcm or with_noise(network, noise)
    clips = load_calibration(source, read, settings).clips[:CLIPS]
    parts = _loud_parts(network, read, clips, has_frontend=pcm is not None)
    rows = noises_of(network, noise)
    for clip in parts:
        hops = min(len(clip[str(v.name)]) for v in read.stream_inputs)
        clip.update((row.name, drawn(network, row, n, hops)) for n, row in enumerate(rows))
    timed = next(str(v.name) for v in network.stream_inputs if v.name in network.timing)
    hops = min((len(clip[timed]) for clip in parts), default=0)
    return [_whole_inputs(network, clip, hops) for clip in parts]


def _loud_parts(
    network: Model, read: Model, clips: Sequence[Clip], has_frontend: bool
) -> list[Feed]:
    """Return the loudest hops of each clip, with the outputs of a front end for the network's inputs."""
    timed = [str(v.name) for v in network.stream_inputs if v.name in network.timing]
    fed = {name: f"{FED}{name}" for name in timed}
    most = max(SAMPLES // (network.stream.hop_samples or 1), 1)
    first = str(read.signal_inputs[0].name)
    parts = [_loudest(clip, first, read.constants, most) for clip in clips]
    if not has_frontend:
        return parts
    runner = HopRunner(read, list(fed.values()))
    found = []
    for part in parts:
        seen = runner(part)
        found.append(part | {name: seen[key] for name, key in fed.items() if key in seen})
    return found


def _whole_inputs(network: Model, clip: Feed, hops: int) -> Feed:
    """Join the first hops of a clip along time; inputs without a time axis have one value."""
    feed = {}
    for value in network.given_inputs:
        name = str(value.name)
        if (time := network.timing.get(name)) is not None:
            feed[name] = np.concatenate(list(clip[name][:hops]), time.axis)
        else:
            feed[name] = clip[name] if name in network.constants else clip[name][0]
    return feed


def with_fed(network: Model) -> Model:
    """Return a network with outputs ``fed/NAME``: the data fed to each input with a time axis, also by a front end."""
    model = network.ir.clone()
    graph = model.graph
    for value in [value for value in graph.inputs if value.name in network.timing]:
        readers = list(value.uses())
        node = ir.node(
            "Identity", [value], name=unused_name(value_names(graph), f"{FED}{value.name}")
        )
        (fed,) = node.outputs
        fed.name, fed.shape, fed.type = f"{FED}{value.name}", value.shape, value.type
        for reader, index in readers:
            reader.replace_input_with(index, fed)
        graph.insert_before(graph[0], node)
    return Model(model)


def _loudest(clip: Mapping[str, Array], first: str, constants: Sequence[str], most: int) -> Feed:
    """Return the stretch of hops, up to a limit, with the greatest power in the input `first`."""
    hops = len(clip[first])
    starts = range(0, max(hops - most, 0) + 1, most)
    power = [float(np.square(clip[first][n : n + most], dtype=np.float64).sum()) for n in starts]
    start = starts[int(np.argmax(power))]
    return {n: a if n in constants else a[start : start + most] for n, a in clip.items()}
