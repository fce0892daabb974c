"""Makes the networks of this folder, whose lowering `tests/test_digests.py` pins.

    PYTHONPATH=tests:bench .venv/bin/python tests/pinned/make_networks.py [NAME ...]

Calibration depends on the machine that runs it, so the files are made once and committed. A network is made again
only where its purpose asks for it; `make digests` pins the bytes that the new file is lowered to.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import deform_networks as deform
import fpga_networks
import numpy as np
import session_network as film
import tiny_networks
import torch
import zoo
from builds import noise
from sampler_networks import folded, grouped, integer, with_decoder_rows
from stream_networks import Net

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.frontend.spec import parse_spec
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.quantize.types.weights import weight_inputs
from edgekit.verbs.export.importing import ImportOptions, load_model

HERE = Path(__file__).parent
HOPS, RANGES_KEPT = 40, 6
MIXED = Recipe(
    "mixed", weights="int8", activations="int16", smooth_inputs="int16", fused="int8"
)  # and int4 weights and tensors of all types, one by one
SMALL = {
    "gru_mask": zoo._make(partial(zoo.GruMask, 33, 12), (1, 33), (1, 1, 12), (1, 1, 12)),
    "attention": zoo._make(partial(zoo.Attention, 24, 3), (1, 1, 24), (1, 3, 24), (1, 3, 24)),
}


def of_zoo(name: str) -> Model:
    """A network of the zoo, smaller where that is large, as `edgekit export` imports it."""
    make = SMALL.get(name, zoo.ZOO[name])
    setattr(sys.modules[__name__], name, make)
    return guard_inputs(load_model(f"{__name__}:{name}", ImportOptions()).network)


def spectral() -> Model:
    """A network of magnitudes behind its front end: PCM to PCM."""
    with tempfile.TemporaryDirectory() as folder:
        path = tiny_networks.spectral_gain(Path(folder) / "spectral.onnx")
        options = ImportOptions(
            states=[("h", "h_next")], sample_rate=16000, frontend=parse_spec(tiny_networks.FRONTEND)
        )
        return load_model(str(path), options).model


def session() -> Model:
    """An offline network at hops of 4, with constants of a session."""
    with tempfile.TemporaryDirectory() as folder:
        path = film.network(Path(folder) / "film.onnx")
        return load_model(
            str(path), ImportOptions(hop=4, session_constants=("speaker", "level"))
        ).model


def loaded(data: bytes, name: str, **options: object) -> Model:
    """An .onnx through the door of `edgekit export`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(data)
        return load_model(str(path), ImportOptions(**options)).model  # type: ignore[arg-type]


def streamed() -> Model:
    """An offline network at hops of 8: strides and back, delays that meet, a look ahead, a transposed layer."""
    net = Net(1)
    early = net.add("Relu", net.conv("x", 2, 6, 3, left=2))
    late = net.add("Elu", net.conv(early, 6, 6, 5, left=2, right=2, group=6))
    slow = net.add("LeakyRelu", net.conv(late, 6, 8, 4, left=1, right=1, stride=2), alpha=0.1)
    slow = net.recurrent(slow, 8, "GRU")
    fast = net.transposed(slow, 8, 6, 4, 2, 1, 1)
    y = net.add("Add", net.add("Sigmoid", fast), net.cut(net.pad(early, 3, 0), 0, -3))
    y = net.add("Tanh", net.conv(y, 6, 2, 3, left=4, dilation=2))
    return loaded(net.model([1, 2, "time"], y), "streamed", hop=8)


def recurrent() -> Model:
    """RNN, LSTM and GRU, forward and both ways, over the frames of one call."""
    net = Net(2)
    x = net.recurrent("x", 6, "RNN")
    x = net.recurrent(x, 6, "LSTM", "bidirectional")
    x = net.recurrent(net.cut(x, 0, 6, axis=1), 6, "GRU", "bidirectional")
    return from_onnx(net.model([1, 6, 4], net.conv(x, 12, 3, 1)), name="recurrent")


def pictures() -> Model:
    """Pooling, resizes, padding, reductions, joins and movements of pictures."""
    net = Net(4)
    x = net.add("Conv", "x", net.weight(8, 3, 3, 3), net.weight(8), pads=[1, 1, 1, 1])
    x = net.add("HardSwish", x)
    pooled = [
        net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        net.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]),
    ]
    y = net.add("Concat", *pooled, axis=1)
    scales = net.const([1, 1, 2, 2])
    near = net.add("Resize", y, "", scales, mode="nearest")
    smooth = net.add("Resize", y, "", scales, mode="linear")
    y = net.add("Max", near, net.add("Mul", smooth, net.weight(1, 16, 1, 1)))
    sides = net.const([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    y = net.add("Pad", y, sides, mode="reflect")
    y = net.add("Conv", y, net.weight(8, 2, 3, 3), net.weight(8), group=8)
    y = net.add("DepthToSpace", y, blocksize=2)
    mean = net.add("ReduceMean", y, net.const([2, 3], np.int64), keepdims=1)
    high = net.add("ReduceMax", net.add("Sub", y, mean), net.const([3], np.int64), keepdims=0)
    flat = net.add("Reshape", high, net.const([1, -1], np.int64))
    y = net.add("Gemm", flat, net.weight(5, 64), net.weight(5), transB=1)
    y = net.add("Softmax", y, axis=-1)
    return from_onnx(net.model([1, 3, 16, 16], y, 2), name="pictures")


def offline(name: str, make: Callable[[], object]) -> Callable[[], Model]:
    """A torch network without states."""

    def model() -> Model:
        torch.manual_seed(0)
        setattr(sys.modules[__name__], name, make)
        return load_model(f"{__name__}:{name}", ImportOptions()).model

    return model


FLOATS: dict[str, Callable[[], Model]] = {
    **{name: partial(of_zoo, name) for name in zoo.ZOO},
    "spectral": spectral,
    "session": session,
    "streamed": streamed,
    "recurrent": recurrent,
    "pictures": pictures,
    "engine": offline("engine", fpga_networks.tiny),
    "plain": offline("plain", fpga_networks.plain),
    "deform": offline("deform", deform.rounded),
}
OTHERS = ("w8a8", "w8a16", "w4a8", "mixed")
RECIPES_OF = {name: OTHERS for name in zoo.ZOO} | {
    "spectral": ("w8a8", "w8a16"),
    "session": ("w8a8",),
    "streamed": ("w8a8", "w4a8"),
    "recurrent": ("w8a8", "w8a16"),
    "pictures": OTHERS,
    "deform": ("w8a8",),
    "engine": ("w8a8",),
}
SAMPLERS: dict[str, Callable[[], Model]] = {
    "sampler-float32": folded,
    "sampler-w8a8": integer,
    "sampler-groups": grouped,
    "sampler-propagation": lambda: with_decoder_rows(grouped()),
}


def calibration(model: Model) -> Calibration:
    """Seeded noise, and seeded constants of a session."""
    fixed = film.drawn(0) if model.constants else {}
    return Calibration(({**noise(model, HOPS, seed=1), **fixed},), "noise")


def mixed(model: Model, seen: Calibration) -> Recipe:
    """Every other layer in int4; of the tensors that can be named, some in int8 and some in float32."""
    recipe = MIXED
    for at, name in enumerate([str(v.name) for n in model.ir.graph for v in n.outputs][1::5]):
        tried = replace(
            recipe, tensors={**recipe.tensors, name: ("int8", "float32", "int16")[at % 3]}
        )
        try:
            quantize(model, seen, tried)
        except UsageError:
            continue
        recipe = tried
        if len(recipe.tensors) == RANGES_KEPT:
            break
    layers = [
        n
        for n in model.ir.graph
        if n.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul", "GRU", "LSTM")
    ]
    for layer in layers[::2]:
        names = [
            str(value.name) for value in layer.inputs[1 : 1 + len(weight_inputs(layer))] if value
        ]
        tried = replace(recipe, layers={**recipe.layers, **dict.fromkeys(names, "int4")})
        try:
            quantize(model, seen, tried)
        except UsageError:
            continue
        recipe = tried
    return recipe


def main() -> int:
    """Write the files of the networks that the command line names, by default all."""
    chosen = sys.argv[1:]
    for name, make in FLOATS.items():
        if chosen and name not in chosen:
            continue
        model = make().describe(source={"name": name, "sha256": ""})
        model.save(HERE / f"{name}-float32.onnx")
        seen = calibration(model)
        for word in RECIPES_OF.get(name, ()):
            recipe = mixed(model, seen) if word == "mixed" else RECIPES[word]
            quantize(model, seen, recipe).save(HERE / f"{name}-{word}.onnx")
        print(name)
    for name, make in SAMPLERS.items():
        if not chosen or "sampler" in chosen:
            make().save(HERE / f"{name}.onnx")
    return 0


if __name__ == "__main__":
    sys.exit(main())
