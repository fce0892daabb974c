"""Does a network that was given without a time axis carry from hop to hop all that it needs?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite, prod
from pathlib import Path

from edgekit.base.errors import ModelError, Problem
from edgekit.export.continuity import Growth, growths
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.export.hop_runner import Arrays
from edgekit.export.source_calls import graph_call, onnx_call, open_axes, torch_call
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.source_names import is_graph_file, is_tflite

ALONE = (
    "the network has no states: each hop is computed alone, nothing is carried from one to the next"
)


@dataclass(frozen=True)
class Continuity:
    """The findings about a network's hops.

    Attributes:
        network: as it was given, with notes for the user about its hops.
        rewrite: options that rewrite it along time; None where its hops follow one another as they are.
        note: for the user, about the rewrite.
    """

    network: Model
    rewrite: ImportOptions | None = None
    note: str = ""


def check_continuity(
    source: str, options: ImportOptions, network: Model, examples: Arrays | None
) -> Continuity:
    """Compare calls of one hop with one call over several, along every axis that may be time.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        options: the user's description of it.
        network: the imported form, whose calls follow one another as hops.
        examples: inputs of one call.

    Raises:
        ModelError: one call gives another result, and the time axis is not evident.
    """
    has_hops = (options.hop or options.frontend) is not None
    if options.iterate is not None or not has_hops or network.frontend or network.timing:
        return Continuity(network)
    found = _growths(source, options, network, examples)
    if not network.states:
        return _without_states(found, network, _HopAxes(source, options, network))
    if broken := _broken_beside_states(found):
        raise ModelError(_problem(growth, source, options, network) for growth in broken)
    return Continuity(network)


def _broken_beside_states(found: list[Growth]) -> list[Growth]:
    """Axes along which calls differ from the whole; others of an input whose time the states carry are not time."""
    carried = {name for growth in found if growth.carried for name in growth.axes}
    return [g for g in found if g.error > 0 and not g.axes.keys() <= carried]


def _without_states(found: list[Growth], network: Model, hop_axes: "_HopAxes") -> Continuity:
    """Accept, rewrite or refuse a network without states."""
    broken = [growth for growth in found if growth.error > 0]
    equal = [growth for growth in found if growth.outputs and not growth.error]
    longer = list(filter(hop_axes.is_longer, equal))
    alike = list(filter(hop_axes.is_time, equal))
    is_told = hop_axes.hop > 1 and bool(alike or longer)
    if is_told and not any(map(hop_axes.is_evident, broken)):
        broken = []  # along the axis of time it is the same, so that the others are not time
    if rewrite := _streaming_options(broken or longer, hop_axes):
        return Continuity(network, rewrite, _rewrite_note(rewrite, broken))
    if broken:
        source, options = hop_axes.source, hop_axes.options
        raise ModelError(_problem(growth, source, options, network) for growth in broken)
    return _alone(network, alike, hop_axes)


def _alone(network: Model, alike: list[Growth], hop_axes: "_HopAxes") -> Continuity:
    """The network, with a note on outputs that each hop makes alone."""
    timed = {name for growth in alike for name in growth.outputs}
    if not (timeless := [n for v in network.stream_outputs if (n := str(v.name)) not in timed]):
        return Continuity(network)
    notes = _timeless_notes(timeless) if alike else [ALONE, *hop_axes.windows()]
    return Continuity(network.describe(hops_alone=True, notes=[*network.notes, *notes]))


def _timeless_notes(outputs: Sequence[str]) -> list[str]:
    listed = ", ".join(outputs)
    return [f"output {listed} has no time: in each hop it is computed of that hop alone"]


def _growths(
    source: str, options: ImportOptions, network: Model, examples: Arrays | None
) -> list[Growth]:

    if is_tflite(source):  # its nodes hold its sizes
        return []
    allowed = _axes_of_time(options, network)
    if is_graph_file(source) and network.states:
        # nodes of a file in streaming form may hold the length of a hop: with another one it is another network
        left = open_axes(source, options.shapes)
        allowed = {name: [a for a in axes if a in left[name]] for name, axes in allowed.items()}
    if not any(allowed.values()):
        return []
    if is_graph_file(source):
        call = onnx_call(source, network, options.shapes, options.constants)
        return growths(call, network, allowed, examples)
    call = torch_call(source, network, options.shapes)
    found = growths(call, network, allowed, examples)
    checks_sizes = Path(source).suffix.lower() == ".pt2"
    if not found and checks_sizes and not network.states:
        found = growths(graph_call(network), network, allowed, examples)
    return found


def _axes_of_time(options: ImportOptions, network: Model) -> dict[str, list[int]]:
    """The axes of each input that may be time: that of its layout, or all that a front end does not fill."""
    allowed = {}
    for value in network.stream_inputs:
        name = str(value.name)
        if (layout := options.layouts.get(name)) is not None:
            axis = layout.axis("T")
            allowed[name] = [] if axis is None else [axis]
        else:
            allowed[name] = _unfilled_axes(static_shape(value) or (), _form(name, options))
    return allowed


def _unfilled_axes(shape: Sequence[int], form: FrontendSpec | None) -> list[int]:
    """The axes that a front end does not fill with features, or with a real and an imaginary part."""
    if form is None:
        return list(range(len(shape)))
    if form.kind == "frame" or form.stack is not None:
        return []
    filled = {form.width, 2} if form.kind == "complex" else {form.width}
    return [axis for axis, size in enumerate(shape) if size not in filled]


def _form(name: str, options: ImportOptions) -> FrontendSpec | None:
    forms = options.frontend
    if forms is None or isinstance(forms, FrontendSpec):
        return forms
    return forms.get(name)


class _HopAxes:
    """The relation of a network's axes to the hop that the user named."""

    def __init__(self, source: str, options: ImportOptions, network: Model) -> None:

        self.source, self.options = source, options
        self.allowed = _axes_of_time(options, network)
        self.shapes = {str(v.name): static_shape(v) or () for v in network.stream_inputs}
        self.hop = self._hop()

    def _hop(self) -> int:
        """Return the steps of the time axis in one hop: samples, or frames after a front end."""
        forms, hop = self.options.frontend, self.options.hop
        if forms is None:
            return hop or 1
        form = forms if isinstance(forms, FrontendSpec) else next(iter(forms.values()))
        return max((hop or form.hop) // form.hop, 1)

    def sizes(self, growth: Growth) -> list[int]:
        return [self.shapes[name][axis] for name, axis in growth.axes.items()]

    def is_evident(self, growth: Growth) -> bool:
        """Whether the longest of the axes counts the same as the hop."""
        size = max(self.sizes(growth))
        if self.options.frontend is not None:
            return True
        return size == self.hop or (self.hop > 1 and size % self.hop == 0)

    def is_longer(self, growth: Growth) -> bool:
        """Whether a call takes several hops as the user counts them."""
        return self.is_evident(growth) and max(self.sizes(growth)) > self.hop

    def is_time(self, growth: Growth) -> bool:
        """Whether the axes are as long as a hop, and not the batch where another one is as long."""
        if max(self.sizes(growth)) != self.hop:
            return False
        return any(growth.axes.values()) or all(
            axis == 0 or self.shapes[name][axis] != self.hop
            for name in growth.axes
            for axis in self.allowed[name]
        )

    def windows(self) -> list[str]:
        """Return hints on front ends that feed inputs longer than a hop."""
        if self.options.hop is None or self.options.frontend is not None:
            return []
        return [
            f"input '{name}' {list(shape)} is longer than a hop of {self.hop} samples: where it is sound, "
            f"--frontend frame:{shape[-1]}:{self.hop} gives it the last {shape[-1]} samples in every hop"
            for name, shape in self.shapes.items()
            if shape and shape[-1] == prod(shape) > self.hop and shape[-1] % self.hop == 0
        ]


def _streaming_options(growths: Sequence[Growth], hop_axes: _HopAxes) -> ImportOptions | None:
    """The options with the time axes that are evident; None where they are not, or the source has one length."""
    axes: dict[str, int] = {}
    for growth in filter(hop_axes.is_evident, growths):
        if any(axes.get(name, axis) != axis for name, axis in growth.axes.items()):
            return None
        axes |= growth.axes
    if not axes or not _takes_lengths(hop_axes.source, hop_axes.options, axes):
        return None
    hop = hop_axes.options.hop
    if hop is not None and hop_axes.options.frontend is not None:
        hop = hop_axes.hop
    sizes = {name: hop_axes.shapes[name][axis] for name, axis in axes.items()}
    slower = {n: Fraction(size, max(sizes.values())) for n, size in sizes.items()}
    rates = {name: rate for name, rate in slower.items() if rate != 1}
    return replace(hop_axes.options, time_axes=axes, rates=rates, hop=hop)


def _takes_lengths(source: str, options: ImportOptions, axes: Mapping[str, int]) -> bool:
    """Whether the source can be read at several lengths: torch code, or a file that leaves these axes open."""
    if not is_graph_file(source):
        return Path(source).suffix.lower() != ".pt2"
    left = open_axes(source, options.shapes)
    return all(axis in left[name] for name, axis in axes.items())


def _rewrite_note(options: ImportOptions, broken: Sequence[Growth]) -> str:
    flags = _flags(options.time_axes)
    flags += "".join(f" --rate {name}={1 / rate}" for name, rate in options.rates.items())
    if not broken:
        return f"{flags} was taken: a call of the network takes several hops, which its layers compute alone"
    worst = max(growth.error for growth in broken)
    far = f"differ from those of one call by {worst:.2g} of the peak"
    if not isfinite(worst):
        far = "cannot be compared with those of one call"
    return (
        f"{flags} was taken: the network takes other lengths, and its layers remember earlier hops. Without that "
        f"memory the outputs of single hops {far}"
    )


def _flags(axes: Mapping[str, int]) -> str:
    return " ".join(f"--time-axis {name}:{axis}" for name, axis in axes.items())


def _problem(growth: Growth, source: str, options: ImportOptions, network: Model) -> Problem:
    """Return the problem of hops that differ from the whole, and what the user may have meant."""
    places = " and ".join(f"axis {axis} of input '{name}'" for name, axis in growth.axes.items())
    states = ", ".join(pair.input for pair in network.states)
    carried = f"its states ({states}) carry less than" if states else "no state carries what"
    found = (
        f"along {places} the network takes several hops in a call, and gives something else then: in '{growth.worst}' "
        f"{growth.hops} calls differ from one call over the same hops by {growth.error:.2g} of the peak, as {carried} "
        "its layers need"
    )
    layouts = " ".join(
        f"--layout {v.name}=N{'.' * (len(v.shape or ()) - 1)}"
        for v in network.stream_inputs
        if v.name in growth.axes
    )
    step = _step(growth, source, options, bool(states))
    step += f"; where this axis is not time, or a call is meant for this size alone, {layouts}"
    if options.frontend is None:
        step += (
            f"; to compute each hop of sound alone, --frontend frame:{options.hop}:{options.hop}"
        )
    where = "--frontend" if options.hop is None else f"--hop {options.hop}"
    allowed = "a network whose hops, one after another, are the whole recording"
    return Problem(where, found, allowed, step)


def _step(growth: Growth, source: str, options: ImportOptions, has_states: bool) -> str:
    """Return the step to take so that the hops become the same."""
    flags = _flags(growth.axes)
    if has_states:
        return f"pass on what its other layers need too, or give it without states and with {flags}"
    if _takes_lengths(source, options, growth.axes):
        return f"{flags} rewrites it to hops that are the same"
    return "give a factory, or an .onnx that leaves this axis open, which is rewritten to hops"
