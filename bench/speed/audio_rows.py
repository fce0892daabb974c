"""What `full_size_audio` measures: networks, how they are streamed, and what goes through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gridnet
import numpy as np
import onnx_ir as ir
from speed import audio_networks
from speed.audio_networks import Built, DiffusionBuffer

from edgekit.base.layout import parse_layout
from edgekit.graph.nodes import sole_user, static_shape
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.prepare import prepare
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import to_toml
from edgekit.runtime.stream import Arrays
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.export.options import StreamOptions

Signals = Callable[[np.random.Generator, int], Arrays]


@dataclass(frozen=True)
class Network:
    """A published network.

    Attributes:
        title: for the table.
        build: seeded weights.
        published: parameters, as the paper or its authors' code has them.
        beside: parts that are not counted with them.
        signals: recordings for the stream's inputs, (hops, *shape), of some hops.
        hops: that are compared.
        recipe: of integers: its name, or what makes a recipe.toml of the streamed network and calibration.
        options: how it is streamed.
    """

    title: str
    build: Callable[[], Built]
    published: str
    signals: Signals
    hops: int
    recipe: str | Callable[[Path, Sequence[Arrays]], str]
    options: StreamOptions
    beside: tuple[str, ...] = ()


def noise(scale: float, **shapes: tuple[int, ...]) -> Signals:
    """Normal noise for inputs of some shapes."""

    def drawn(random: np.random.Generator, hops: int) -> Arrays:
        return {
            name: scale * random.standard_normal((hops, *shape), np.float32)
            for name, shape in shapes.items()
        }

    return drawn


def ears(random: np.random.Generator, hops: int) -> Arrays:
    """Sound of both, and an embedding."""
    said = random.standard_normal((1, gridnet.SPEAKER), np.float32)
    said /= np.linalg.norm(said)
    return noise(0.1, sound=(1, 2, gridnet.HOP))(random, hops) | {"speaker": said}


def knobs(random: np.random.Generator, hops: int) -> Arrays:
    """Sound and where two knobs stand."""
    return noise(0.1, sound=(1, 1, 64))(random, hops) | {"knobs": random.random((1, 2), np.float32)}


def melody(random: np.random.Generator, hops: int) -> Arrays:
    """A pitch that wanders, a loudness, and uniform noise."""
    wander = np.cumsum(random.normal(0, 0.01, hops))
    shape = (hops, 1, 1, 1)
    return {
        "f0": (220 * 2**wander).astype(np.float32).reshape(shape),
        "loudness": (-30 + 10 * np.sin(np.arange(hops) / 40)).astype(np.float32).reshape(shape),
        "z": random.uniform(-1, 1, (hops, 1, 1, 64)).astype(np.float32),
    }


def float_sound(streamed: Path, clips: Sequence[Arrays]) -> str:
    """Int8 weights and 16-bit values up to what DDSP's decoder says, float32 behind it, as the demo's mixed.toml."""
    recipe = Recipe("mixed", weights="int8", activations="int16")
    model = load_model(str(streamed), ImportOptions()).model
    graph = prepare(model, Calibration(tuple(clips), "drawn"), recipe).ir.graph
    said = 1 + audio_networks.HARMONICS + audio_networks.MAGNITUDES
    (last,) = (
        n for n in graph if n.op_type == "Gemm" and static_shape(n.inputs[1])[-1:] == (said,)
    )
    while (only := sole_user(last.outputs[0])) is not None and only.op_type == "Reshape":
        last = only
    decoder, left = set[ir.Node](), [last]
    while left:
        if (node := left.pop()) in decoder:
            continue
        decoder.add(node)
        left += [maker for v in node.inputs if v is not None and (maker := v.producer())]
    sound = [node for node in graph if node not in decoder]
    made = [value for node in sound for value in node.outputs]
    read = [
        v
        for node in sound
        for v in node.inputs
        if v is not None and v.producer() in decoder - {last}
    ]
    kept = {str(value.name): "float32" for value in (*made, *read)}
    return to_toml(replace(recipe, tensors=kept))


PLAYED = StreamOptions(
    sample_rate=16_000,
    hop=64,
    time_axes={"f0": 2, "loudness": 2, "z": 2},
    rates={"f0": 64, "loudness": 64},
)
NETWORKS = {
    "look-once": Network(
        "Look Once to Hear, extraction",
        gridnet.gridnet,
        "2.04 M",
        ears,
        120,
        "w8a8",
        StreamOptions(
            sample_rate=16_000,
            hop=gridnet.HOP,
            time_axes={"sound": 2},
            session_constants=["speaker"],
            layouts={"sound": parse_layout("NCT")},
        ),
    ),
    "ddsp-solo": Network(
        "DDSP solo, 60 harmonics, reverb of 3 s",
        audio_networks.ddsp_solo,
        "4.80 M",
        melody,
        1000,
        float_sound,
        PLAYED,
        ("room",),
    ),
    "ddsp-tiny": Network(
        "DDSP tiny, 60 harmonics, reverb of 1.5 s",
        audio_networks.ddsp_tiny,
        "0.23 M",
        melody,
        1000,
        float_sound,
        PLAYED,
        ("room",),
    ),
    "utcn-300": Network(
        "uTCN-300",
        audio_networks.micro_tcn,
        "50,737",
        knobs,
        400,
        "w8a16",
        StreamOptions(
            sample_rate=44_100, hop=64, time_axes={"sound": 2}, session_constants=["knobs"]
        ),
    ),
    "seldnet": Network(
        "SELDnet, causal",
        audio_networks.seldnet,
        "297,636",
        noise(1.0, ears=(1, 7, 5, 64)),
        100,
        "w8a8",
        StreamOptions(sample_rate=50, hop=5, time_axes={"ears": 2}),
    ),
    "hiss": Network(
        "HiSS, 256 x 6 and 128 x 6",
        audio_networks.hiss,
        "1.18 M",
        noise(1.0, sensor=(1, 10, 6)),
        150,
        "w8a8",
        StreamOptions(sample_rate=50, hop=10, time_axes={"sensor": 1}),
    ),
    "diffusion-buffer": Network(
        "Diffusion Buffer, NCSN++ of 96 channels",
        audio_networks.diffusion_buffer,
        "",
        noise(
            1.0,
            noisy=(1, 2, DiffusionBuffer.BINS, 1),
            z=(1, 2, DiffusionBuffer.BINS, DiffusionBuffer.NOISED),
        ),
        4,
        "w8a8",
        StreamOptions(sample_rate=16_000, hop=256),
    ),
}
