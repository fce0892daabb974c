"""Random networks from PCM, in which layers with and without bias read what follows the level."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model

HOP, RATE, PAST = 64, 16000, 16
LEAKY = """
<ir_version: 10, opset_import: ["" : 21]>
leaky (float[1,{hop}] pcm, float[1,{hop}] held) => (float[1,{hop}] y, float[1,{hop}] held_next)
<float pole = {{{pole}}}, float rest = {{{rest}}}>
{{
  size = Abs(pcm)
  more = Add(size, rest)
  kept = Mul(held, pole)
  held_next = Add(kept, more)
  gain = Sigmoid(held_next)
  y = Mul(pcm, gain)
}}
"""


def network(seed: int, biases: bool, gate: bool = True, ring: bool = False) -> Model:
    """PCM to PCM: a filter bank over samples and past ones, PRelu, a pointwise layer, a gate, a layer to samples.

    Without biases and gate it is homogeneous: f(k x) = k f(x) for k > 0. With a `ring` the pointwise layer reads what
    the hop before gave the PRelu, too.
    """
    rng = np.random.default_rng(seed)
    taps, stride, channels = (
        int(rng.choice(sizes)) for sizes in ((8, 16, 32), (8, 16), (6, 12, 20))
    )
    frames = (HOP + PAST - taps) // stride + 1
    constants: dict[str, NDArray[np.generic]] = {
        "bank": _weights(rng, channels, 1, taps),
        "slope": np.float32([[0.2]]),
        "mix": _weights(rng, channels, (1 + ring) * channels, 1),
        "gates": _weights(rng, channels, channels, 1),
        "out": _weights(rng, channels * frames, HOP),
        "row": np.array([1, 1, HOP + PAST]),
        "flat": np.array([1, channels * frames]),
        "start": np.array([HOP]),
        "end": np.array([HOP + PAST]),
        "axis": np.array([1]),
    }
    for name, size in (("bank_b", channels), ("mix_b", channels), ("out_b", HOP)):
        constants[name] = np.float32(rng.standard_normal(size) * 0.05)

    def layer(op_type: str, x: str, weight: str, y: str, bias: str, **how: int) -> onnx.NodeProto:
        inputs = [x, weight, bias] if biases else [x, weight]
        return helper.make_node(op_type, inputs, [y], name=y, **how)

    nodes = [
        helper.make_node("Concat", ["past", "pcm"], ["heard"], axis=1),
        helper.make_node("Slice", ["heard", "start", "end", "axis"], ["past_next"]),
        helper.make_node("Reshape", ["heard", "row"], ["line"]),
        layer("Conv", "line", "bank", "code", "bank_b", strides=[stride]),
        helper.make_node("PRelu", ["code", "slope"], ["bent"]),
        *([helper.make_node("Concat", ["before", "bent"], ["both"], axis=1)] if ring else []),
        layer("Conv", "both" if ring else "bent", "mix", "mixed", "mix_b"),
    ]
    if gate:
        nodes += [
            helper.make_node("Conv", ["bent", "gates"], ["open"], name="open"),
            helper.make_node("Sigmoid", ["open"], ["gain"]),
            helper.make_node("Mul", ["mixed", "gain"], ["shaped"]),
        ]
    nodes += [
        helper.make_node("Reshape", ["shaped" if gate else "mixed", "flat"], ["rows"]),
        layer("Gemm", "rows", "out", "y", "out_b"),
    ]
    read = {name for node in nodes for name in node.input}
    rings = [_value(name, channels, frames) for name in ("before", "bent")] if ring else []
    graph = helper.make_graph(
        nodes,
        "levels",
        [_value("pcm", HOP), _value("past", PAST), *rings[:1]],
        [_value("y", HOP), _value("past_next", PAST), *rings[1:]],
        [numpy_helper.from_array(a, name) for name, a in constants.items() if name in read],
    )
    opset = helper.make_opsetid("", 21)
    data = helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
    states = [("past", "past_next"), *([("before", "bent")] if ring else [])]
    model = from_onnx(data, name="levels", states=states)
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def log_power(log: str = "Log", guard: str = "Max") -> Model:
    """PCM to gains of samples: two layers with biases that read the logarithm of their power, or another function."""
    rng = np.random.default_rng(0)
    arrays = {
        "floor": np.float32(1e-10),
        "a": rng.standard_normal((HOP, HOP)) / np.sqrt(HOP),
        "a_b": rng.standard_normal(HOP),
        "b": rng.standard_normal((HOP, HOP)) / np.sqrt(HOP),
        "b_b": rng.standard_normal(HOP),
    }
    body = f"""< ir_version: 10, opset_import: ["": 21] >
        levels (float[1, {HOP}] pcm) => (float[1, {HOP}] y) {{
            power = Mul (pcm, pcm)
            heard = {guard} (power, floor)
            seen = {log} (heard)
            first = Gemm (seen, a, a_b)
            bent = Relu (first)
            y = Gemm (bent, b, b_b)
        }}"""
    return _parsed(body, {n: np.asarray(a, np.float32) for n, a in arrays.items()})


def level_divided(sums: bool = False, ring: bool = False) -> Model:
    """PCM over its level, through two layers with biases, times the level.

    With `sums` the level is that of all hops; with a `ring` a layer reads the products of this hop and the last one.
    """
    rng = np.random.default_rng(1)
    arrays: dict[str, NDArray[np.generic]] = {
        "floor": np.float32([[1e-10]]),
        "pole": np.float32([[0.8]]),
        "share": np.float32([[0.2]]),
        "one": np.float32([[1]]),
        "axes": np.array([1]),
        "a": _weights(rng, HOP, HOP),
        "a_b": np.float32(rng.standard_normal(HOP) / 4),
        "b": _weights(rng, HOP, HOP),
        "b_b": np.float32(rng.standard_normal(HOP) / 4),
        "out": _weights(rng, 2 * HOP, HOP),
    }
    states = [("held", "float[1, 1]")]
    level = "more = Mul (now, share)  old = Mul (held, pole)  held_next = Add (old, more)"
    end = "y = Mul (second, root)"
    if sums:
        states += [("count", "float[1, 1]")]
        level = "held_next = Add (held, now)  count_next = Add (count, one)  seen = Div (held_next, count_next)"
    if ring:
        states += [("before", f"float[1, {HOP}]")]
        end = "before_next = Mul (second, root)  both = Concat <axis = 1> (before, before_next)  y = Gemm (both, out)"
    inputs, outputs = (
        ", ".join(f"{kind} {name}{tail}" for name, kind in states) for tail in ("", "_next")
    )
    body = f"""< ir_version: 10, opset_import: ["": 21] >
        levels (float[1, {HOP}] pcm, {inputs}) => (float[1, {HOP}] y, {outputs}) {{
            power = Mul (pcm, pcm)
            now = ReduceMean (power, axes)
            {level}
            mean = Add ({"seen" if sums else "held_next"}, floor)
            root = Sqrt (mean)
            shape = Div (pcm, root)
            first = Gemm (shape, a, a_b)
            bent = Relu (first)
            second = Gemm (bent, b, b_b)
            {end}
        }}"""
    return _parsed(body, arrays, [(name, f"{name}_next") for name, _ in states])


def mask_in_ring() -> Model:
    """PCM times gains of its logarithm, and a layer over this hop's product and that of the hop before."""
    rng = np.random.default_rng(2)
    arrays = {
        "floor": np.float32(1e-10),
        "a": rng.standard_normal((HOP, HOP)) / HOP,
        "a_b": rng.standard_normal(HOP),
        "out": rng.standard_normal((2 * HOP, HOP)) / np.sqrt(2 * HOP),
    }
    body = f"""< ir_version: 10, opset_import: ["": 21] >
        levels (float[1, {HOP}] pcm, float[1, {HOP}] held) => (float[1, {HOP}] y, float[1, {HOP}] held_next) {{
            power = Mul (pcm, pcm)
            heard = Add (power, floor)
            seen = Log (heard)
            sums = Gemm (seen, a, a_b)
            gains = Sigmoid (sums)
            held_next = Mul (pcm, gains)
            both = Concat <axis = 1> (held, held_next)
            y = Gemm (both, out)
        }}"""
    floats = {n: np.asarray(a, np.float32) for n, a in arrays.items()}
    return _parsed(body, floats, [("held", "held_next")])


def recurrent(
    seed: int, cell: str = "GRU", reset: int = 0, steps: int = 1, bias: bool = False
) -> Model:
    """PCM in so many steps into a GRU that resets before or after its product, or an LSTM; its h through a layer."""
    rng, units, inputs = np.random.default_rng(seed), 12, HOP // steps
    gates = units * (3 if cell == "GRU" else 4)
    constants = {
        "w": 8 * _weights(rng, inputs, gates).T[None],
        "r": _weights(rng, gates, units)[None],
        "out": _weights(rng, units, HOP),
    }
    if bias:
        constants["b"] = np.float32(rng.standard_normal((1, 2 * gates)) / 4)
    shapes = {"sequence": [steps, 1, inputs], "rows": [1, units]}
    given = ["x", "w", "r", "b" if bias else "", "", "h", *(["c"] if cell == "LSTM" else [])]
    names = ["h", *(["c"] if cell == "LSTM" else [])]
    how = {"linear_before_reset": reset} if cell == "GRU" else {}
    after = ["", *(f"{name}_next" for name in names)]
    nodes = [
        helper.make_node("Reshape", ["pcm", "sequence"], ["x"]),
        helper.make_node(cell, given, after, name="cell", hidden_size=units, **how),
        helper.make_node("Reshape", ["h_next", "rows"], ["last"]),
        helper.make_node("Gemm", ["last", "out"], ["y"]),
    ]
    before, behind = (
        [
            helper.make_tensor_value_info(f"{n}{end}", TensorProto.FLOAT, [1, 1, units])
            for n in names
        ]
        for end in ("", "_next")
    )
    arrays = [numpy_helper.from_array(a, name) for name, a in constants.items()]
    arrays += [numpy_helper.from_array(np.array(a), name) for name, a in shapes.items()]
    ends = [_value("pcm", HOP), *before], [_value("y", HOP), *behind]
    graph = helper.make_graph(nodes, "cells", *ends, arrays)
    opset = helper.make_opsetid("", 21)
    data = helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
    pairs = [(name, f"{name}_next") for name in names]
    model = from_onnx(data, name="cells", states=pairs)
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def sharing() -> Model:
    """PCM into two GRUs that share W; the sum of their h through a layer."""
    rng, units = np.random.default_rng(0), 12
    arrays = {
        "w": 8 * _weights(rng, HOP, 3 * units).T[None],
        "r": _weights(rng, 3 * units, units)[None],
        "r_2": _weights(rng, 3 * units, units)[None],
        "out": _weights(rng, units, HOP),
        "sequence": np.array([1, 1, HOP]),
        "rows": np.array([1, units]),
    }
    how = f"hidden_size = {units}"
    body = f"""< ir_version: 10, opset_import: ["": 21] >
        levels (float[1, {HOP}] pcm, float[1, 1, {units}] h, float[1, 1, {units}] k)
            => (float[1, {HOP}] y, float[1, 1, {units}] h_next, float[1, 1, {units}] k_next) {{
            x = Reshape (pcm, sequence)
            all, h_next = GRU <{how}> (x, w, r, , , h)
            every, k_next = GRU <{how}> (x, w, r_2, , , k)
            both = Add (h_next, k_next)
            last = Reshape (both, rows)
            y = Gemm (last, out)
        }}"""
    names = [("h", "h_next"), ("k", "k_next")]
    return _parsed(body, arrays, states=names)


def leaky(pole: float, rest: float = 0.0) -> Model:
    """A gain that follows what a leaky state holds of the loudness; `rest` enters in silence, too."""
    text = LEAKY.format(hop=HOP, pole=pole, rest=rest)
    data = onnx.parser.parse_model(text).SerializeToString()
    model = from_onnx(data, name="leaky", states=[("held", "held_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def sound(hops: int, seed: int, level: float = 1.0) -> NDArray[np.float32]:
    """Noise with a slow envelope, (hops, 1, HOP), of peaks near `level`."""
    rng = np.random.default_rng(seed)
    envelope = 0.1 + 0.9 * np.abs(np.sin(np.arange(hops) / 7))[:, None, None]
    noise = np.clip(rng.standard_normal((hops, 1, HOP)) / 3, -1, 1)
    return (level * envelope * noise).astype(np.float32)


def _parsed(
    body: str, arrays: dict[str, NDArray[np.generic]], states: Sequence[tuple[str, str]] = ()
) -> Model:
    parsed = onnx.parser.parse_model(body)
    parsed.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in arrays.items())
    model = from_onnx(parsed.SerializeToString(), name="levels", states=states)
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def _weights(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return (rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)


def _value(name: str, *size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *size])
