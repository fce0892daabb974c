"""Facts about a network that its file does not contain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from edgekit.base.decide import Decide
from edgekit.base.layout import Layout
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.base.until import Until
from edgekit.export.frontend.spec import Forms

if TYPE_CHECKING:
    from edgekit.export.diffusion.description import Description
    from edgekit.export.onnx_file.constants import Constants
    from edgekit.export.stream.replace.forms import Form


@dataclass(frozen=True)
class ImportOptions:
    """Facts about a network that its file does not contain.

    Attributes:
        hop: samples that one call consumes.
        sample_rate: samples per second.
        states: (input, output) names of state pairs, besides those found by name.
        shapes: dims of inputs that the network leaves open.
        frontend: the transforms around the network: for all its streams, or for each by name.
        then: an .onnx whose network follows the first one, inside the front end.
        time_axes: input name -> its time axis, where the network is offline and does not name it.
        constants: values of inputs of an .onnx that become constants.
        session_constants: names of inputs that stay the same for a session.
        rates: input name -> frames of it in one sample of the reference stream.
        controls: names of inputs that hold one value for a hop.
        sampler: the sampling method; the network is a denoiser.
        iterate: the rule by which its calls have settled, if the network is a step.
        until: samples that a recording has at most, for an offline network.
        replace: replacements, by kind, of parts of an offline network that need the end of a recording.
        causal: whether everything with a default is replaced, see `stream.replace.forms`.
        calibration: a source of real recordings, which an offline network is proven on.
        decide: the rule that makes decisions of its scores.
        layouts: the meaning of the axes of inputs and outputs, by name.
        mid_side: inputs and outputs of left and right that the network has as mid and side.
        noise: inputs that the build draws itself, by distribution.
        settings: values of inputs that calibration clips lack, without the examples.
        signature: the name of a .tflite's graph, where it has several.
    """

    hop: int | None = None
    sample_rate: int | None = None
    states: Sequence[tuple[str, str]] = ()
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    frontend: Forms | None = None
    constants: "Constants" = field(default_factory=dict)
    then: str | None = None
    time_axes: Mapping[str, int] = field(default_factory=dict)
    session_constants: Sequence[str] = ()
    rates: Mapping[str, Fraction] = field(default_factory=dict)
    controls: Sequence[str] = ()
    sampler: "Description | None" = None
    iterate: Until | None = None
    until: int | None = None
    replace: "Mapping[str, Form]" = field(default_factory=dict)
    causal: bool = False
    calibration: str | None = None
    decide: Decide | None = None
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    mid_side: Sequence[str] = ()
    noise: Mapping[str, str] = field(default_factory=dict)
    settings: InputSettings = NO_SETTINGS
    signature: str | None = None
