"""Requests of the verbs that write a network, not a build: `stream`, `prune`, `quantize` and `finetune`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import network_problem
from edgekit.base.settings import InputSettings
from edgekit.graph.sparsity import Pattern, expression_problem, read_pattern
from edgekit.quantize.recipe import AUTO, FLOATS, Recipe
from edgekit.targets.board_names import board_problem
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.input_settings import clip_problems, input_settings
from edgekit.verbs.export.option_checks import read_options, value_or_problems
from edgekit.verbs.export.options import NetworkOptions, QuantizeOptions, StreamOptions
from edgekit.verbs.export.readers import read_min_snr, read_recipe
from edgekit.verbs.export.request import Quantization, read_imports, read_limits, read_workers
from edgekit.verbs.export.source_checks import source_problems
from edgekit.verbs.export.source_names import source_needs
from edgekit.verbs.targets import TARGETS, Target, named_target

HOST = "host"
MOST_STEPS = 1_000_000  # of a training
MOST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class NetworkRequest:
    """A network, and the output file of the verb."""

    source: str
    out: Path

    @property
    def needs(self) -> list[str]:
        """Packages and tools that it takes, see `doctor.require`."""
        return source_needs(self.source)


@dataclass(frozen=True, kw_only=True)
class StreamRequest(NetworkRequest):
    """A request to write an offline network hop by hop; `imports` holds the facts that its file lacks."""

    imports: ImportOptions


@dataclass(frozen=True, kw_only=True)
class PruneRequest(NetworkRequest):
    """The pattern of the weights that stay, in layers whose names match, None for all, and of at least `smallest`."""

    pattern: Pattern
    layers: str | None
    smallest: int | None


@dataclass(frozen=True, kw_only=True)
class QuantizeRequest(NetworkRequest):
    """A request to quantize a network: the device of the bounds, the clips, and values that these lack."""

    target: Target
    calibration: str
    settings: InputSettings
    quantization: Quantization

    @property
    def needs(self) -> list[str]:
        """The packages and tools needed; bounds on instructions also need the emulator that counts them."""
        counts = "instructions" in self.quantization.limits.most
        own = self.target.needs if counts else ()
        return [*super().needs, *own, *self.quantization.needs]


@dataclass(frozen=True, kw_only=True)
class FinetuneRequest(NetworkRequest):
    """A request to train weights of a network: the integers, the clips and the number of steps."""

    imports: ImportOptions
    recipe: Recipe
    calibration: str
    steps: int
    seed: int

    @property
    def needs(self) -> list[str]:
        """The training runs in torch."""
        return [*super().needs, "torch"]


def read_stream_request(source: str, out: Path, options: StreamOptions) -> StreamRequest:
    """Read the user's arguments of `edgekit.api.stream`.

    Raises:
        UsageError: all problems with them.
    """
    read = read_options(options, StreamOptions)
    imports, problems = read_imports(source, read)
    _refuse([*problems, *read.problems, *_file_problems(out, source)])
    return StreamRequest(source=source, out=out, imports=imports)


def read_prune_request(
    source: str, out: Path, pattern: str, layers: str | None, smallest: int | None
) -> PruneRequest:
    """Read the user's arguments of `edgekit.api.prune`.

    Raises:
        UsageError: all problems with them.
    """
    chosen, wrong_pattern = value_or_problems(read_pattern, pattern)
    problems = [*source_problems(source, ImportOptions()), *wrong_pattern]
    if smallest is not None and smallest < 0:
        problems.append(Problem("--smallest", str(smallest), "0 or more", "correct it"))
    if problem := expression_problem(layers):
        problems.append(problem)
    _refuse([*problems, *_file_problems(out, source)])
    assert chosen is not None
    return PruneRequest(source=source, out=out, pattern=chosen, layers=layers, smallest=smallest)


def read_quantize_request(
    source: str,
    out: Path,
    recipe: str,
    calibration: str,
    min_snr_db: float | None,
    target: str | None,
    options: QuantizeOptions,
) -> QuantizeRequest:
    """Read the user's arguments of `edgekit.api.quantize`.

    Raises:
        UsageError: all problems with them.
    """
    read = read_options(options, QuantizeOptions)
    chosen, wrong_recipe = value_or_problems(read_recipe, recipe)
    (row, _), values = named_target(target or HOST), {**read.values, "calibration": calibration}
    limits, wrong_limits = read_limits(values, row, chosen)
    workers, wrong_workers = read_workers(values, chosen)
    _refuse(
        [
            *source_problems(source, ImportOptions()),
            *wrong_recipe,
            *read.problems,
            *clip_problems(source, calibration, read.user_options),
            *value_or_problems(read_min_snr, min_snr_db)[1],
            *_recipe_problems(recipe, chosen, min_snr_db),
            *_target_problems(target, row, bool(limits.most)),
            *wrong_limits,
            *wrong_workers,
            *_file_problems(out, source),
        ]
    )
    assert chosen is not None and row is not None
    quantization = Quantization(
        recipe=chosen, min_snr_db=min_snr_db, limits=limits, workers=workers
    )
    return QuantizeRequest(
        source=source,
        out=out,
        target=row,
        calibration=calibration,
        settings=input_settings(read),
        quantization=quantization,
    )


def read_finetune_request(
    source: str,
    out: Path,
    recipe: str,
    calibration: str,
    steps: int,
    seed: int,
    options: NetworkOptions,
) -> FinetuneRequest:
    """Read the user's arguments of `edgekit.api.finetune`.

    Raises:
        UsageError: all problems with them.
    """
    read = read_options(options, NetworkOptions)
    imports, problems = read_imports(source, read)
    chosen, wrong_recipe = value_or_problems(read_recipe, recipe)
    problems += [*read.problems, *wrong_recipe, *_training_problems(chosen, recipe, steps, seed)]
    problems += clip_problems(source, calibration, read.user_options)
    if out.suffix.lower() != ".onnx":
        problems.append(Problem(f"output '{out}'", "no .onnx", "an .onnx", "name such a file"))
    else:
        problems += _file_problems(out, source)
    _refuse(problems)
    assert chosen is not None
    return FinetuneRequest(
        source=source,
        out=out,
        imports=imports,
        recipe=chosen,
        calibration=calibration,
        steps=steps,
        seed=seed,
    )


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise UsageError(problems)


def _file_problems(out: Path, source: str) -> Iterator[Problem]:
    if problem := network_problem(out, Path(source)):
        yield problem


def _recipe_problems(
    name: str, recipe: Recipe | None, min_snr_db: float | None
) -> Iterator[Problem]:
    """Yield the reasons why `quantize` does not take a recipe."""
    if min_snr_db is not None and recipe is not AUTO:
        step = "leave it out: only an export is judged"
        yield Problem("--min-snr", f"with recipe '{name}'", "recipe auto", step)
    if recipe is not None and recipe.weights in FLOATS:
        allowed = "w8a8, w8a16, auto, or a recipe.toml"
        yield Problem(f"recipe '{name}'", "no integers", allowed, "choose one of these")


def _target_problems(name: str | None, target: Target | None, bounded: bool) -> Iterator[Problem]:
    """Yield the reasons why `quantize` does not take a target."""
    if target is None:
        yield board_problem(str(name), tuple(TARGETS))
    elif name is not None and not bounded:
        allowed = "with a bound, as --max-ram BYTES: the file is for every target"
        yield Problem(f"--target {name}", "no bound", allowed, "leave it out")


def _training_problems(
    recipe: Recipe | None, name: str, steps: int, seed: int
) -> Iterator[Problem]:
    if recipe is not None and (recipe is AUTO or recipe.weights in FLOATS):
        found = "a search" if recipe is AUTO else "no integers"
        allowed = "w8a8, w8a16, w4a8, or a recipe.toml, as auto writes one"
        yield Problem(f"recipe '{name}'", found, allowed, "choose one of these")
    elif recipe is not None and recipe.step_groups > 1:
        found = f"{recipe.step_groups} groups of steps"
        yield Problem(f"recipe '{name}'", found, "one", "leave step_groups out")
    if not 1 <= steps <= MOST_STEPS:
        allowed = f"1 to {MOST_STEPS:,}"
        yield Problem("--steps", str(steps), allowed, "give some hundreds")
    if not 0 <= seed <= MOST_SEED:
        yield Problem("--seed", str(seed), f"0 to {MOST_SEED}", "change it")
