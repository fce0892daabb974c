"""From what a user names to a `Model`: a factory, a .pt2 or an .onnx."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.export.frontend.spec import Forms, FrontendSpec
from edgekit.verbs.export.frontends import frontend_problems, with_frontends
from edgekit.verbs.export.hop_continuity import check_continuity
from edgekit.verbs.export.import_options import ImportOptions as ImportOptions
from edgekit.verbs.export.input_settings import unknown_inputs, with_examples
from edgekit.verbs.export.named import is_onnx, other_file, source_name
from edgekit.verbs.export.offline import (
    calibration_feeds,
    described,
    with_fed,
    with_replacements,
)
from edgekit.verbs.export.option_split import split_options

if TYPE_CHECKING:
    from edgekit.export.diffusion.description import Description
    from edgekit.graph.model import Model


@dataclass(frozen=True)
class Imported:
    """The `network` as it was given, and the `model` that is lowered: with front end or guards.

    `examples` are the factory's inputs by name, (hops, *shape); None for an .onnx.
    """

    network: "Model"
    model: "Model"
    examples: Mapping[str, Float32] | None


def source_problems(source: str, options: ImportOptions) -> list[Problem]:
    """Return what is wrong with a source's name and options before anything is loaded."""
    problems = []
    path = Path(source)
    if path.suffix.lower() in (".onnx", ".pt2"):
        if not path.is_file():
            allowed = "an .onnx or .pt2 file, or package.module:factory"
            problems.append(
                Problem(f"model '{source}'", "does not exist", allowed, "check the path")
            )
    elif ":" not in source:
        allowed = "package.module:factory, a .pt2 or an .onnx"
        module, dot, function = source.rpartition(".")
        found = "neither a file nor a factory"
        step = f"name a function as {module}:{function}" if dot else "check the name"
        if path.exists():
            found, step = other_file(path)
        problems.append(Problem(f"model '{source}'", found, allowed, step))
    if options.constants and not is_onnx(source):
        names = ", ".join(options.constants)
        step = "fix the value inside the factory"
        problems.append(Problem(f"--constant {names}", "not an .onnx", "an .onnx", step))
    if options.frontend is not None:
        problems += frontend_problems(options.frontend, options.sample_rate)
    if options.sampler is not None:
        problems += [*sampler_conflicts(options), *options.sampler.problems()]
    if options.then is not None:
        problems += _then_problems(source, options.then, options.frontend)
    if options.replace and not options.time_axes and not is_onnx(source):
        flag = "--causal" if options.causal else "--replace"
        step = "add --time-axis INPUT:AXIS"
        allowed = "an offline network, whose time axis is named"
        problems.append(Problem(flag, f"with '{source}' in streaming form", allowed, step))
    return problems


def sampler_conflicts(options: ImportOptions) -> list[Problem]:
    """A denoiser is no stream."""
    streaming = {
        "--frontend": options.frontend,
        "--hop": options.hop,
        "--time-axis": options.time_axes,
        "--state": options.states,
        "--constant": options.session,
        "--rate": options.rates,
        "--control": options.controls,
        "--then": options.then,
        "--until": options.until,
        "--decide": options.decide,
        "--noise": options.noise,
        "--set": options.settings.settings,
    }
    return [
        Problem(
            f"--sampler with {flag}", "a denoiser is no stream", "one of the two", "leave one out"
        )
        for flag, value in streaming.items()
        if value
    ]


def _then_problems(source: str, then: str, frontend: Forms | None) -> list[Problem]:
    problems = []
    if not is_onnx(then) or not Path(then).is_file():
        found = "not an .onnx" if Path(then).is_file() else "does not exist"
        problems.append(Problem(f"--then {then}", found, "an .onnx file", "check the path"))
    if not is_onnx(source):
        step = "export both networks to .onnx, or call one from the other inside the factory"
        problems.append(Problem(f"--then {then}", f"behind '{source}'", "behind an .onnx", step))
    if frontend is not None and not isinstance(frontend, FrontendSpec):
        found, step = "--frontend for each stream by name", "give one SPEC without a name"
        problems.append(Problem(f"--then {then}", found, "one front end around both", step))
    if frontend is None:
        step = "add --frontend, as stft:512:128:rect:mag:plain"
        problems.append(Problem(f"--then {then}", "no --frontend", "--frontend SPEC with it", step))
    return problems


def load_model(source: str, options: ImportOptions) -> Imported:
    """Import a network and put its front end or input guards around it.

    Raises:
        UsageError: unusable source or options, all problems that one stage finds.
        VerificationError: the imported network is not the same as its source.
    """
    if problems := source_problems(source, options):
        raise UsageError(problems)
    find_code(source)
    if options.then is not None:
        own, behind = _divided(source, options)
        network, second = _import_network(source, own)[0], _import_onnx(options.then, behind)
        return Imported(network, surrounded(network, options, second), None)
    network, examples = _import_network(source, options)
    if options.sampler is not None:
        network, examples = with_sampler(network, examples, options.sampler)
    model = surrounded(network, options)
    if options.until is not None:
        from edgekit.export.step_networks import with_until

        model = with_until(model, options.until)
    if examples is not None and options.noise:
        from edgekit.export.noise import with_drawn

        examples = with_drawn(network, examples, options.noise)
    return Imported(network, model, examples)


def find_code(source: str) -> None:
    """See that a factory is there, before what imports networks is loaded.

    Raises:
        UsageError: it is not.
    """
    if not is_onnx(source) and Path(source).suffix != ".pt2":
        from edgekit.export.torch_source import find_factory

        find_factory(source)


def with_sampler(
    network: "Model", examples: Mapping[str, Array] | None, sampler: "Description"
) -> tuple["Model", Mapping[str, Array] | None]:
    """Give a denoiser the step table of its sampler and fold its timesteps.

    Returns:
        The network, and its example inputs with the first step in place of the time.

    Raises:
        UsageError: the sampler is not one of this network.
    """
    from edgekit.export.diffusion.description import Sampler, attach
    from edgekit.export.diffusion.fold_steps import fold_steps
    from edgekit.export.diffusion.key_steps import with_key_steps

    attached = attach(network, sampler)
    folded = fold_steps(attached) if sampler.fold else attached
    if isinstance(sampler, Sampler) and sampler.keys:
        folded = with_key_steps(folded, sampler.keys, sampler.prior_noise)
    if sampler.networks:
        folded, examples = _with_networks(folded, examples, sampler.networks)
    table, time = folded.sampler, sampler.roles.time
    if examples is None or table is None or not table.folded or table.roles.time is None:
        return folded, examples
    kept = {name: array for name, array in examples.items() if name != time}
    return folded, {**kept, table.roles.time: np.zeros((1, 1), np.int64)}


def _with_networks(
    model: "Model", examples: Mapping[str, Array] | None, sources: Mapping[str, str]
) -> tuple["Model", Mapping[str, Array] | None]:
    """Import the other networks of a sampler; their examples are of conditions, too."""
    from edgekit.export.diffusion.networks import with_networks

    networks, known = {}, dict(examples or {})
    for role, source in sources.items():
        if problems := source_problems(source, ImportOptions()):
            raise UsageError(problems)
        networks[role], own = _import_network(source, ImportOptions())
        known = {**(own or {}), **known}
    return with_networks(model, networks), known or None


def _import_network(
    source: str, options: ImportOptions
) -> tuple["Model", Mapping[str, Float32] | None]:
    if is_offline(source, options):
        return load_streamed(source, options)
    network, examples = _import_hop(source, options)
    checked = check_continuity(source, options, network, examples)
    if checked.rewrite is not None:
        streamed, hops = load_streamed(source, checked.rewrite)
        return streamed.describe(notes=[*streamed.notes, checked.note]), hops
    if examples is None:
        return checked.network, None
    known = {n: array if n in network.constants else array[None] for n, array in examples.items()}
    return checked.network, known


def _import_hop(source: str, options: ImportOptions) -> tuple["Model", dict[str, Array] | None]:
    """The network as it was given: a function of one hop; and the inputs of a factory's example."""
    if is_onnx(source):
        return _import_onnx(source, options), None
    from edgekit.export.from_torch import from_torch

    return from_torch(
        source,
        name=source_name(source),
        states=options.states,
        shapes=options.shapes,
        session=options.session,
        controls=options.controls,
        hop=options.hop,
        sample_rate=options.sample_rate,
    )


def is_offline(source: str, options: ImportOptions) -> bool:
    """Whether the network is to be rewritten to one hop: its time axis is named, or left open."""
    if options.time_axes or options.rates:
        return True
    if not is_onnx(source) or options.states or (options.hop is None and not options.frontend):
        return False
    from edgekit.export.stream.sources import has_open_time

    return has_open_time(
        source, options.shapes, [*options.constants, *options.session, *options.controls]
    )


def load_streamed(
    source: str, options: ImportOptions
) -> tuple["Model", Mapping[str, Float32] | None]:
    """Rewrite an offline network to one hop; behind a front end a hop is one frame.

    Returns:
        The network, and a factory's example inputs, (hops, *shape).

    Raises:
        ModelError: everything that cannot be streamed.
        VerificationError: hop by hop it is not the same network.
    """
    find_code(source)
    from edgekit.export.stream.convert import stream
    from edgekit.export.stream.examples import cut
    from edgekit.export.stream.sources import onnx_offline, torch_offline
    from edgekit.graph.layouts import with_layouts

    name, axes, shapes = source_name(source), options.time_axes, options.shapes
    if is_onnx(source):
        offline = onnx_offline(
            source,
            name=name,
            time_axes=axes,
            shapes=shapes,
            constants=options.constants,
            session=options.session,
            rates=options.rates,
        )
    else:
        offline = torch_offline(
            source, name=name, time_axes=axes, shapes=shapes, rates=options.rates
        )
    if offline.examples is not None and (
        problems := unknown_inputs(options.settings.settings, offline.examples)
    ):
        raise UsageError(problems)
    original = offline
    offline, found = with_replacements(offline, options.replace, causal=options.causal)
    recordings: list[dict[str, Array]] = []

    def real(network: "Model") -> list[dict[str, Array]]:
        if options.calibration is not None:
            network = with_layouts(network, options.layouts)
            pcm = None if options.frontend is None else surrounded(with_fed(network), options)
            settings = with_examples(options.settings, offline.examples)
            feeds = calibration_feeds(options.calibration, network, pcm, options.noise, settings)
            recordings.extend(feeds)
        return recordings

    rate = options.sample_rate if options.frontend is None else None
    network = stream(
        offline,
        hop=options.hop,
        sample_rate=rate,
        session=options.session,
        controls=options.controls,
        recordings=real,
    )
    if options.replace:
        network = described(network, original, offline, found, recordings)
    network = with_layouts(network, options.layouts)
    return network, None if offline.examples is None else cut(offline.examples, network)


def _import_onnx(source: str, options: ImportOptions) -> "Model":
    from edgekit.export.from_onnx import from_onnx

    return from_onnx(
        source,
        name=source_name(source),
        states=options.states,
        shapes=options.shapes,
        constants=options.constants,
        session=options.session,
        controls=options.controls,
        hop=options.hop,
        sample_rate=options.sample_rate,
    )


def _divided(source: str, options: ImportOptions) -> tuple[ImportOptions, ImportOptions]:
    """Return what the options say of the first network's inputs, and all else, for the second one."""
    from edgekit.export.from_onnx import input_names

    kept = ("states", "shapes", "constants", "session", "controls")
    own, behind = split_options(
        {name: getattr(options, name) for name in kept}, input_names(source)
    )
    return replace(options, **own), replace(options, **behind)


def surrounded(network: "Model", options: ImportOptions, second: "Model | None" = None) -> "Model":
    """Return the network with its PCM front end, or, where it has states, with guarded inputs; and its decisions."""
    from edgekit.export.decide import add_decisions
    from edgekit.export.mid_side import with_mid_side
    from edgekit.export.noise import with_noise

    fed = with_noise(_fed(network, options, second), options.noise)
    fed = with_mid_side(fed, options.mid_side)
    return fed if options.decide is None else add_decisions(fed, options.decide)


def _fed(network: "Model", options: ImportOptions, second: "Model | None") -> "Model":
    from edgekit.graph.layouts import with_layouts

    network = with_layouts(network, options.layouts)
    if options.frontend is not None:
        return with_frontends(network, options.frontend, options.sample_rate, second)
    if network.states and network.frontend is None:
        from edgekit.export.frontend.guard import guard_inputs

        return guard_inputs(network)
    return network
