"""Random networks of one hop with what an export puts around them: a rewrite along time, a front end, drawn noise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from stream_chains import chains
from stream_layers import Layer, layers, network_of
from stream_written import written

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.noise import with_noise
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import Model
from fuzz.graphs import Graph, Random, Shape, shapes_of
from fuzz.streams import LONG, QUIET

DRAWS = 2  # of a strategy, whose first is always the smallest
RATE = 16000
# A front end, and the shape that its network reads.
SOUNDS: tuple[tuple[str, Shape], ...] = (
    ("stft:32:16:sqrt_hann:mag", (1, 17)),
    ("stft:32:8:hann:logpow", (1, 17)),
    ("stft:64:32:sqrt_hann", (1, 33, 2)),
    ("frame:24:16", (1, 24)),
    ("mel:64:32:hann:8:log", (1, 8)),
    ("mfcc:64:32:hann:8:5", (1, 5)),
    ("erb:64:32:hann:6", (1, 6)),
)
SAME = ("Tanh", "Sigmoid", "Abs", "Relu", "HardSwish", "Softsign")  # of any number, the shape stays


def strategy_draw(strategy: st.SearchStrategy[Layer], number: int) -> Layer:
    """What a strategy of hypothesis draws for a number."""
    found: list[Layer] = []

    @seed(number)
    @settings(max_examples=DRAWS, **QUIET)
    @given(strategy)
    def draw(value: Layer) -> None:
        found.append(value)

    draw()
    return found[-1]


def rewritten(random: Random) -> Model:
    """An offline network, rewritten to a hop of one to three of its least."""
    kinds: tuple[Callable[[], Any], ...] = (lambda: layers(depth=1), chains, written)
    number = int(random.integers(2**31))
    layer = strategy_draw(kinds[int(random.integers(len(kinds)))](), number)
    offline = onnx_offline(network_of(layer, number), name="net")
    analysis = analyse(replace(offline, end=RecordingEnd(LONG)))
    hop = int(random.integers(1, 4)) * analysis.facts.minimum_hop()
    return guard_inputs(rewrite(analysis, hop))


def frames_network(random: Random, shape: Shape) -> onnx.ModelProto:
    """A network of frames whose output has the shape of its input, as a gain has."""
    g = Graph(random, values={"x": shape}, inputs=["x"])
    x = "x"
    for _ in range(int(random.integers(1, 4))):
        kind = g.pick("function", "product", "dense")
        if kind == "dense":
            x = g.add("MatMul", x, g.normal(shape[-1], shape[-1]))
        elif kind == "product":
            x = g.add(g.pick("Mul", "Add"), x, g.normal(*shape[-1:]))
        else:
            x = g.add(g.pick(*SAME), x)
    kept = g.proto(g.add("Sigmoid", x))
    shapes_of(kept)
    return kept


def encoded(random: Random) -> Model:
    """A strided encoder of sound: a matrix over blocks of samples that a ring keeps."""
    stride, channels = int(random.integers(8, 13)), int(random.integers(1, 5))
    taps = stride * int(random.integers(3, 6)) - int(random.integers(0, 3))
    weights = random.standard_normal((channels, 1, taps)).astype(np.float32) / 8
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["z"], strides=[stride], pads=[taps - stride, 0]),
        helper.make_node(SAME[int(random.integers(len(SAME)))], ["z"], ["y"]),
    ]
    ports = [
        helper.make_tensor_value_info("x", 1, (1, 1, "time")),
        helper.make_tensor_value_info("y", 1, (1, channels, "frames")),
    ]
    arrays = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "encoder", ports[:1], ports[1:], arrays)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    offline = onnx_offline(data.SerializeToString(), name="net")
    analysis = analyse(replace(offline, end=RecordingEnd(LONG)))
    return guard_inputs(rewrite(analysis, analysis.facts.minimum_hop()))


def with_sound(random: Random) -> Model:
    """A network behind a front end; where its output is a gain or a spectrum, sound comes out again."""
    form, shape = SOUNDS[int(random.integers(len(SOUNDS)))]
    network = from_onnx(frames_network(random, shape).SerializeToString(), name="net")
    spec, then = parse_spec(form), None
    if form.endswith(":mag") and random.random() < 0.5:  # another network reads the samples
        second = frames_network(random, (1, spec.length))
        then = from_onnx(second.SerializeToString(), name="then")
    return add_frontend(network, spec, RATE, then)


def with_drawn_noise(random: Random) -> Model:
    """A network of two inputs that draws one of them itself."""
    g = Graph(random)
    shape = (1, int(random.integers(1, 6)), int(random.integers(1, 9)))
    g.values = {"x": shape, "noise": shape}
    g.inputs = ["x", "noise"]
    joined = g.add(g.pick("Add", "Mul"), "x", "noise")
    made = g.add(g.pick(*SAME), joined)
    network = from_onnx(g.proto(made).SerializeToString(), name="net")
    return with_noise(network, {"noise": g.pick("normal", "uniform")})


KINDS = (rewritten, rewritten, encoded, with_sound, with_sound, with_drawn_noise)


def drawn(random: Random) -> bytes:
    """Return a random network of one hop as a file of EdgeKit's own.

    Raises:
        UsageError: the network cannot be rewritten.
    """
    return KINDS[int(random.integers(len(KINDS)))](random).to_bytes()
