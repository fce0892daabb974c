"""Import a named source as a `Model`: a factory, a .pt2, an .onnx or a .tflite."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.export.decide import add_decisions
from edgekit.export.diffusion.description import Description, Sampler, attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.diffusion.key_steps import with_key_steps
from edgekit.export.diffusion.networks import with_networks
from edgekit.export.from_onnx import from_onnx, input_names
from edgekit.export.from_tflite import from_tflite, tflite_inputs
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.export.mid_side import with_mid_side
from edgekit.export.noise import with_drawn, with_noise
from edgekit.export.onnx_file.file_checks import with_file_name
from edgekit.export.source_calls import fixed_axes
from edgekit.export.step_networks import with_until
from edgekit.export.stream.convert import stream
from edgekit.export.stream.examples import cut
from edgekit.export.stream.fixed_window.convert import stream_window
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import Offline, has_open_time, onnx_offline, torch_offline
from edgekit.graph.layouts import with_layouts
from edgekit.graph.model import Model
from edgekit.judge.fixed_window import prove_window
from edgekit.judge.tflite_runtimes import compare_runtimes
from edgekit.verbs.export.batch_note import with_batch_note
from edgekit.verbs.export.frontends import with_frontends
from edgekit.verbs.export.hop_continuity import check_continuity
from edgekit.verbs.export.import_options import ImportOptions as ImportOptions
from edgekit.verbs.export.input_settings import unknown_inputs, with_examples
from edgekit.verbs.export.offline import (
    calibration_feeds,
    with_fed,
    with_replacement_facts,
    with_replacements,
)
from edgekit.verbs.export.option_split import split_options
from edgekit.verbs.export.source_checks import find_code, source_problems
from edgekit.verbs.export.source_names import is_graph_file, is_tflite, source_name


@dataclass(frozen=True)
class ImportedNetwork:
    """The `network` as it was given, and the `model` that is lowered: with front end or guards.

    `examples` are the factory's inputs by name, (hops, *shape); None for an .onnx.
    """

    network: Model
    model: Model
    examples: Mapping[str, Float32] | None


@with_file_name
def load_model(source: str, options: ImportOptions) -> ImportedNetwork:
    """Import a network and put its front end or input guards around it.

    Raises:
        UsageError: unusable source or options, all problems that one stage finds.
        VerificationError: the imported network is not the same as its source.
    """
    if problems := source_problems(source, options):
        raise UsageError(problems)
    find_code(source)
    if options.then is not None:
        own, behind = _options_of_both(source, options)
        network, second = _import_network(source, own)[0], _import_graph(options.then, behind)
        return ImportedNetwork(network, with_surroundings(network, options, second), None)
    network, examples = _import_network(source, options)
    if options.sampler is not None:
        network, examples = with_sampler(network, examples, options.sampler)
    else:
        network = with_batch_note(network, options.layouts)
    model = with_surroundings(network, options)
    if options.iterate is not None:
        model = with_until(model, options.iterate)
    if examples is not None and options.noise:
        examples = with_drawn(network, examples, options.noise)
    return ImportedNetwork(network, model, examples)


def with_sampler(
    network: Model, examples: Mapping[str, Array] | None, sampler: Description
) -> tuple[Model, Mapping[str, Array] | None]:
    """Give a denoiser the step table of its sampler and fold its timesteps.

    Returns:
        The network, and its example inputs with the first step in place of the time.

    Raises:
        UsageError: the sampler does not fit this network.
    """
    attached = attach(network, sampler)
    folded = fold_steps(attached) if sampler.fold else attached
    if isinstance(sampler, Sampler) and sampler.keys:
        folded = with_key_steps(folded, sampler.keys, sampler.prior_noise)
    if sampler.networks:
        folded, examples = _with_networks(folded, examples, sampler.networks)
    return folded, _with_first_step(folded, examples, sampler.roles.time)


def _with_first_step(
    folded: Model, examples: Mapping[str, Array] | None, time: str | None
) -> Mapping[str, Array] | None:
    """The examples with the first step in place of the time, where steps are folded."""
    table = folded.sampler
    if examples is None or table is None or not table.folded or table.roles.time is None:
        return examples
    kept = {name: array for name, array in examples.items() if name != time}
    return {**kept, table.roles.time: np.zeros((1, 1), np.int64)}


def _with_networks(
    model: Model, examples: Mapping[str, Array] | None, sources: Mapping[str, str]
) -> tuple[Model, Mapping[str, Array] | None]:
    """Import the other networks of a sampler; their examples are of conditions, too."""
    networks, known = {}, dict(examples or {})
    for role, source in sources.items():
        if problems := source_problems(source, ImportOptions()):
            raise UsageError(problems)
        networks[role], own = _import_network(source, ImportOptions())
        known = {**(own or {}), **known}
    return with_networks(model, networks), known or None


def _import_network(
    source: str, options: ImportOptions
) -> tuple[Model, Mapping[str, Float32] | None]:
    if is_offline(source, options):
        return load_streamed(source, options)
    _refuse_until(options, "the network is called hop by hop")
    network, examples = _import_hop(source, options)
    checked = check_continuity(source, options, network, examples)
    if checked.rewrite is not None:
        streamed, hops = load_streamed(source, checked.rewrite)
        return streamed.describe(notes=[*streamed.notes, checked.note]), hops
    if examples is None:
        return checked.network, None
    known = {n: array if n in network.constants else array[None] for n, array in examples.items()}
    return checked.network, known


def _import_hop(source: str, options: ImportOptions) -> tuple[Model, dict[str, Array] | None]:
    """The network as it was given: a function of one hop; and the inputs of a factory's example."""
    if is_graph_file(source):
        return _import_graph(source, options), None

    from edgekit.export.from_torch import from_torch

    return from_torch(
        source,
        name=source_name(source),
        states=options.states,
        shapes=options.shapes,
        session=options.session_constants,
        controls=options.controls,
        hop=options.hop,
        sample_rate=options.sample_rate,
    )


def is_offline(source: str, options: ImportOptions) -> bool:
    """Whether the network is to be rewritten to one hop: its time axis is named, or left open."""
    if options.time_axes or options.rates:
        return True
    if is_tflite(source):
        return False
    if (
        not is_graph_file(source)
        or options.states
        or (options.hop is None and not options.frontend)
    ):
        return False

    return has_open_time(
        source, options.shapes, [*options.constants, *options.session_constants, *options.controls]
    )


@with_file_name
def load_streamed(
    source: str, options: ImportOptions
) -> tuple[Model, Mapping[str, Float32] | None]:
    """Rewrite an offline network to one hop; after a front end a hop is one frame.

    Returns:
        The network, and a factory's example inputs, (hops, *shape).

    Raises:
        ModelError: everything that cannot be streamed.
        VerificationError: hop by hop it is not the same network.
    """
    find_code(source)
    if has_fixed_window(source, options):
        _refuse_until(options, "the network has a window of one length")
        return _window_stream(source, options)

    offline = _offline(source, options)
    offline = replace(offline, end=_recording_end(options))
    _refuse_unknown_inputs(offline, options)
    original = offline
    offline, found = with_replacements(offline, options.replace, causal=options.causal)
    recordings: list[dict[str, Array]] = []

    def real(network: Model) -> list[dict[str, Array]]:
        if options.calibration is not None:
            network = with_layouts(network, options.layouts)
            pcm = (
                None if options.frontend is None else with_surroundings(with_fed(network), options)
            )
            settings = with_examples(options.settings, offline.examples)
            feeds = calibration_feeds(options.calibration, network, pcm, options.noise, settings)
            recordings.extend(feeds)
        return recordings

    rate = options.sample_rate if options.frontend is None else None
    network = stream(
        offline,
        hop=options.hop,
        sample_rate=rate,
        session=options.session_constants,
        controls=options.controls,
        recordings=real,
    )
    if options.replace:
        network = with_replacement_facts(network, original, offline, found, recordings)
    network = with_layouts(network, options.layouts)
    return network, None if offline.examples is None else cut(offline.examples, network)


def _refuse_until(options: ImportOptions, found: str) -> None:
    if options.until is not None:
        step = "name its time axis with --time-axis, or leave --until out"
        allowed = "a number of samples for an offline network"
        raise UsageError(Problem(f"--until {options.until}", found, allowed, step))


def _recording_end(options: ImportOptions) -> RecordingEnd:
    """Return the declared end of recordings; after a front end a step of time is a frame."""
    hz = options.sample_rate
    if hz is None or options.frontend is None:
        return RecordingEnd(options.until, hz)
    forms = options.frontend
    hops = {forms.hop} if isinstance(forms, FrontendSpec) else {form.hop for form in forms.values()}
    return RecordingEnd(options.until, hz / max(hops))


def _refuse_unknown_inputs(offline: Offline, options: ImportOptions) -> None:
    if offline.examples is not None and (
        problems := unknown_inputs(options.settings.settings, offline.examples)
    ):
        raise UsageError(problems)


def _offline(source: str, options: ImportOptions) -> Offline:
    """Return the network at any number of samples."""
    name, axes, shapes = source_name(source), options.time_axes, options.shapes
    if is_graph_file(source):
        return onnx_offline(
            source,
            name=name,
            time_axes=axes,
            shapes=shapes,
            constants=options.constants,
            session=options.session_constants,
            rates=options.rates,
        )
    return torch_offline(source, name=name, time_axes=axes, shapes=shapes, rates=options.rates)


def has_fixed_window(source: str, options: ImportOptions) -> bool:
    """Whether a file states a size for the axes that are named as time: that of a window."""
    if not options.time_axes or options.rates:
        return False
    if is_tflite(source):
        return True
    if not is_graph_file(source):
        return Path(source).suffix.lower() == ".pt2"
    stated = fixed_axes(source)
    return all(axis in stated.get(name, ()) for name, axis in options.time_axes.items())


def _window_stream(
    source: str, options: ImportOptions
) -> tuple[Model, Mapping[str, Float32] | None]:
    """Import a network of one window, and rewrite it to the window's newest frames."""
    window = _import_hop(source, replace(options, hop=None, time_axes={}))[0]
    made = stream_window(window, options.time_axes, options.hop)
    note = prove_window(window, made, options.time_axes)
    return with_layouts(made.describe(notes=[*window.notes, note]), options.layouts), None


@with_file_name
def _import_graph(source: str, options: ImportOptions) -> Model:
    """Import an .onnx or a .tflite."""
    facts: dict[str, Any] = {
        "name": source_name(source),
        "states": options.states,
        "shapes": options.shapes,
        "constants": options.constants,
        "session": options.session_constants,
        "controls": options.controls,
        "hop": options.hop,
        "sample_rate": options.sample_rate,
    }
    if is_tflite(source):
        model = from_tflite(source, signature=options.signature, **facts)
        found = compare_runtimes(source, options.signature, model)
        return model.describe(notes=[*model.notes, *found])
    return from_onnx(source, **facts)


def _options_of_both(source: str, options: ImportOptions) -> tuple[ImportOptions, ImportOptions]:
    """Return the options for the first network's inputs, and all others, for the second one."""
    names = ("states", "shapes", "constants", "session_constants", "controls")
    known = tflite_inputs(source) if is_tflite(source) else input_names(source)
    own, behind = split_options({name: getattr(options, name) for name in names}, known)
    return replace(options, **own), replace(options, **behind)


def with_surroundings(network: Model, options: ImportOptions, second: Model | None = None) -> Model:
    """Return the network with its PCM front end, or, where it has states, with guarded inputs; and its decisions."""
    fed = with_noise(_fed(network, options, second), options.noise)
    fed = with_mid_side(fed, options.mid_side)
    return fed if options.decide is None else add_decisions(fed, options.decide)


def _fed(network: Model, options: ImportOptions, second: Model | None) -> Model:

    network = with_layouts(network, options.layouts)
    if options.frontend is not None:
        return with_frontends(network, options.frontend, options.sample_rate, second)
    if network.states and network.frontend is None:
        return guard_inputs(network)
    return network
