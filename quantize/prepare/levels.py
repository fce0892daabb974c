"""Finds tensors that follow the level of a network's inputs: doubled input makes them 2^degree times as large."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.hops import state_values
from edgekit.graph.model import FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import array_of
from edgekit.operators.geometry import optional
from edgekit.operators.roles import activations, is_move
from edgekit.quantize.calibrate.rest import pcm_input

# Of our own domain.
OWN = {
    "Finite": 1.0,
    "STFT": 1.0,
    "ISTFT": 1.0,
    "IRFFT": 1.0,
    "Magnitude": 1.0,
    "ProductSum": 1.0,
    "MeanSquare": 2.0,
}
FLOOR = 1e-4  # constants up to here guard against 0, and are no part of the function
MEANS = (1.0, 2.0)  # degrees of running means: of magnitudes and of powers
QUIETER = 10**-1.5  # factor on sound, 30 dB: the quietest tested level of an export
BURST_SECONDS = 0.25
Degrees = dict[ir.Value, float]


@dataclass(frozen=True)
class Quieter:
    """A quieter copy of a clip.

    Attributes:
        name: of the input of sound.
        burst_samples: how many samples the copy begins with that are noise at full scale, a quarter of it at most.
    """

    name: str
    burst_samples: int = 0

    def __call__(self, clip: Mapping[str, Array]) -> dict[str, Array]:
        """Return the copy of a clip, which maps inputs to (hops, *shape)."""
        sound = clip[self.name] * np.float32(QUIETER)
        count = min(self.burst_samples, sound.size // 4)
        sound.flat[:count] = np.random.default_rng(0).uniform(-1, 1, count)
        return {**clip, self.name: sound}


def quieter(model: Model, asked: bool = False) -> Quieter | None:
    """Return how to make quieter copies of clips; None if one run is enough, or the network reads no sound.

    Layers linear in the sound keep within the ranges of louder sound, so their clips run quieter only if `asked`.
    After a logarithm quieter sound lands in another range, also in layers with biases. So does the loudest possible
    PCM, which recordings need not contain.
    """
    name, found = pcm_input(model), degrees(model)
    logarithms = (node for node in model.ir.graph if (node.domain, node.op_type) == ("", "Log"))
    meets = any(_strip_clip(node.inputs[0]) in found for node in logarithms)
    if name is None or not (meets or asked):
        return None
    rate = model.stream.sample_rate_hz
    assert rate is not None
    return Quieter(name, math.ceil(BURST_SECONDS * rate) if meets else 0)


def _strip_clip(value: ir.Value | None) -> ir.Value | None:
    """Return the input of a Clip that guards against 0, or the value itself."""
    node = None if value is None else value.producer()
    return node.inputs[0] if node is not None and _guards(node) else value


def _guards(node: ir.Node) -> bool:
    """Whether it is a Clip that only keeps values away from 0."""
    return node.op_type == "Clip" and all(map(_is_floor, node.inputs[1:]))


def degrees(model: Model) -> Degrees:
    """Return the degree of every tensor that follows the level of the network's sound; none without such an input.

    It only decides which tensors are worth a scale per hop. So small constants and factors that do not follow the
    level, as the gains of a mask, are ignored. States follow if they hold, sum or average what follows.
    """
    name = pcm_input(model)
    if name is None:
        return {}
    sound = next(value for value in model.ir.graph.inputs if value.name == name)
    states = dict(state_values(model))
    known = dict.fromkeys([sound, *_states_of_past_input(model, sound)], 1.0)
    for _ in MEANS:  # one state may follow by another one, as what a running mean multiplies
        found = _level_sources(model, known)
        for degree in MEANS:
            found = _followed_with_means(model, found, degree)
        followed = {
            x: found[x] for x, y in states.items() if x in found and found.get(y) == found[x]
        }
        known = {sound: 1.0, **followed}
    return _level_sources(model, known)


def _level_sources(model: Model, known: Degrees) -> Degrees:
    """Return the degrees of all tensors that follow those that are known."""
    found = dict(known)
    for node in model.ir.graph:
        degree = _degree(node, found)
        if degree is not None:
            found.update(dict.fromkeys(node.outputs, degree))
    return found


def _followed_with_means(model: Model, found: Degrees, degree: float) -> Degrees:
    """Return the degrees with the states that are running sums or means of tensors of this degree.

    Such a state follows if its next value follows alike. All others are taken out until that holds.
    """
    held = {x: y for x, y in state_values(model) if x not in found}
    inputs = {value: known for value, known in found.items() if value.is_graph_input()}
    while held:
        tried = _level_sources(model, {**inputs, **dict.fromkeys(held, degree)})
        kept = {x: y for x, y in held.items() if tried.get(y) == degree}
        if len(kept) == len(held):
            return tried
        held = kept
    return found


def _states_of_past_input(model: Model, sound: ir.Value) -> list[ir.Value]:
    """Return the states that hold past input, moved only."""
    held = dict(state_values(model))
    while True:  # states are taken out until all that are left hold past input
        past = {sound, *held}
        for node in model.ir.graph:
            if _passes(node) and past.issuperset(activations(node)):
                past.update(node.outputs)
        kept = {before: after for before, after in held.items() if after in past}
        if len(kept) == len(held):
            return list(kept)
        held = kept


def _passes(node: ir.Node) -> bool:
    return is_move(node) or (node.domain == FRONTEND_DOMAIN and node.op_type == "Finite")


def _degree(node: ir.Node, found: Degrees) -> float | None:
    """Return the degree of a node's results; None if they do not follow."""
    if node.op_type in ("Mul", "Div") and node.domain == "":
        return _of_product(node, found)
    operands = activations(node)[: 1 if node.domain == FRONTEND_DOMAIN else None]
    known = {found.get(value) for value in operands}
    degree = known.pop() if len(known) == 1 else None
    own = _power(node) if node.op_type == "Pow" else _own_degree(node, len(operands))
    return None if degree is None or own is None else degree * own


def _power(node: ir.Node) -> float | None:
    """Return the exponent of a Pow; None unless it is a single constant."""
    power = array_of(node.inputs[1])
    return float(power.item()) if power is not None and power.size == 1 else None


def _own_degree(node: ir.Node, operands: int) -> float | None:
    """Return the degree of a node's result for operands of degree 1; None if it does not follow."""
    facts = facts_of(node)
    if node.domain == FRONTEND_DOMAIN:
        return OWN.get(node.op_type)
    if facts.weights:
        return facts.degree if operands == 1 and not _has_bias(node) else None
    if _scales_with_operands(node):
        return 1.0
    if facts.degree is None:
        return None
    return facts.degree if all(_is_floor(value) for value in node.inputs) else None


def _scales_with_operands(node: ir.Node) -> bool:
    """Whether doubled operands give the doubled result."""
    facts = facts_of(node)
    return facts.homogeneous or facts.averages or is_move(node) or _guards(node)


def _of_product(node: ir.Node, found: Degrees) -> float | None:
    a, b = (found.get(value) for value in node.inputs if value is not None)
    if a is None and (b is None or node.op_type == "Div"):
        return None
    sign = -1.0 if node.op_type == "Div" else 1.0
    degree = (a or 0.0) + sign * (b or 0.0)
    return degree if degree > 0 else None


def _is_floor(value: ir.Value | None) -> bool:
    array = array_of(value)
    return array is None or array.dtype.kind != "f" or bool((abs(array) <= FLOOR).all())


def _has_bias(node: ir.Node) -> bool:
    index = facts_of(node).bias
    bias = None if index is None else optional(node, index)
    array = array_of(bias)
    return bias is not None and (array is None or bool(array.any()))
