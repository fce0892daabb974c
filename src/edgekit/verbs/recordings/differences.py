"""Compare what a device computed in a hop with the golden network, and name the layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array
from edgekit.runtime.bench.golden import least_db
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import StateField
from edgekit.verbs.recordings.golden import GoldenNetwork, HopParts, field_of

COMPILER_DB = 60.0  # integers that near have the errors of other roundings, not of a fault
OPTIONS = "-ffp-contract=off and no -ffast-math"


@dataclass(frozen=True)
class Tolerance:
    """How near a device must be: the same bits, or floats within some dB.

    Attributes:
        exact: whether floats must be the same bits, too: in an integer recipe their order is fixed.
        least_db: the least ratio of signal to error of floats in others.
    """

    exact: bool
    least_db: float

    def fits(self, golden: Array, device: Array) -> bool:
        """Whether values of the device are near enough."""
        if np.array_equal(golden, device, equal_nan=golden.dtype.kind == "f"):
            return True
        if self.exact or golden.dtype.kind != "f":
            return False
        return ratio_db(golden, device) >= self.least_db


def tolerance_of(manifest: Manifest, exact: bool) -> Tolerance:
    """The tolerance of a build."""
    return Tolerance(exact, least_db(manifest))


def ratio_db(golden: Array, device: Array) -> float:
    """The ratio of signal to error in dB; minus infinity where the device has no finite value."""
    signal, found = golden.astype(np.float64), device.astype(np.float64)
    noise = float(np.sum((found - signal) ** 2))
    if not np.isfinite(noise):
        return -np.inf
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.sum(signal**2) / noise)) if noise else np.inf


def distance_text(golden: Array, device: Array) -> str:
    """Say how far values are apart: one element, or all of them in dB."""
    places = np.flatnonzero(golden.reshape(-1) != device.reshape(-1))
    if not np.isfinite(device.astype(np.float64)).all():
        return "NaN or infinity"
    if len(places) == 1 and golden.size > 1:
        at = int(places[0])
        return f"element {at} is {device.reshape(-1)[at]:g}, not {golden.reshape(-1)[at]:g}"
    ratio = ratio_db(golden, device)
    return f"{len(places):,} of {golden.size:,} elements, {ratio:.1f} dB"


@dataclass(frozen=True)
class HopDifference:
    """The first layer of a hop that differs, as far as the recording shows it.

    Attributes:
        layer: its name.
        text: a sentence.
    """

    layer: str
    text: str


def first_layer(
    golden: GoldenNetwork, hop: HopParts, after: bytes | None, tolerance: Tolerance
) -> HopDifference | None:
    """Run a hop once more and name the first layer that differs; None where nothing recorded does.

    Args:
        golden: with the states before the hop loaded.
        hop: the device's.
        after: the device's states after it, where they were recorded.
        tolerance: of the build.
    """
    if hop.layers is not None:
        _, layers = golden.trace(hop, hop.layers)
        return _differing_layer(golden, layers, hop.layers, tolerance)
    outputs = golden.run(hop)
    made = _differing_states(golden, after, tolerance) if after is not None else []
    steps = {layer.name: layer for layer in golden.build.layers}
    order = {layer.node: step for step, layer in enumerate(golden.build.layers)}
    for name, value in outputs.items():
        if not tolerance.fits(value, hop.outputs[name]):
            node = steps[name].node if name in steps else name
            text = f"output '{name}' ({distance_text(value, hop.outputs[name])})"
            made.append((order.get(node, len(order)), node, text))
    if not made:
        return None
    _, layer, text = min(made)
    known = "states and outputs" if after is not None else "outputs"
    return HopDifference(
        layer,
        f"Of the recorded {known}, the first that differs is {text}, which layer '{layer}' computes. "
        "It or a layer before it is at fault: a recording of layers names it.",
    )


def _differing_layer(
    golden: GoldenNetwork, found: Mapping[int, Array], device: Mapping[int, Array], near: Tolerance
) -> HopDifference | None:
    """The first layer whose own computation differs: each had the device's operands."""
    for layer in golden.build.layers:
        value, other = found[layer.number], device[layer.number]
        if not near.fits(value, other):
            what = f"Layer '{layer.node}' ({layer.operator}) is the first that differs"
            return HopDifference(
                layer.node,
                f"{what}: {distance_text(value, other)}. Its operands were those of the device.",
            )
    return None


def _differing_states(
    golden: GoldenNetwork, after: bytes, tolerance: Tolerance
) -> list[tuple[int, str, str]]:
    """The states after a hop that differ: the place of the layer that computes each, its name, and a text."""
    found = []
    order = {layer.node: step for step, layer in enumerate(golden.build.layers)}
    for row, own, other in differing_fields(golden.build.states, golden.state, after, tolerance):
        node = row.node or "the input"
        step = order.get(node, row.step)
        found.append((step, node, f"state '{row.name}' ({distance_text(own, other)})"))
    return found


def differing_fields(
    fields: Sequence[StateField], golden: Array, device: bytes, tolerance: Tolerance
) -> list[tuple[StateField, Array, Array]]:
    """The fields of two state blocks that differ, with both values."""
    rows = [(row, field_of(golden, row), field_of(device, row)) for row in fields]
    return [(row, own, other) for row, own, other in rows if not tolerance.fits(own, other)]
