"""The verb `finetune`: weights and scales trained a little, so that a recipe's integers hold the network."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError, VerificationError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import replacement_path
from edgekit.base.progress import Progress
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.levels import sound_inputs
from edgekit.judge.measurement import Reference
from edgekit.judge.preparation_choice import choose_preparation
from edgekit.quantize import apply
from edgekit.quantize.calibrate.clips import Calibration, load_calibration
from edgekit.quantize.calibrate.held_out import QUARTERS
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import to_toml
from edgekit.quantize.tuning.integer_forward import Key
from edgekit.quantize.tuning.tune import RATE, WeightTuner, with_weights
from edgekit.quantize.tuning.tune import Progress as Done
from edgekit.verbs.export.importing import load_model, with_surroundings
from edgekit.verbs.export.input_settings import with_examples
from edgekit.verbs.export.network_requests import FinetuneRequest
from edgekit.verbs.export.quantizing import recipe_conflict

KEPT_STEPS = 25  # between two checkpoints, and between two measurements in integers
RATES = (RATE, 6 * RATE, 40 * RATE)  # that are tried: the last one moves weights of 4 bits
TRIED_SHARE = 5  # each is tried for one step in so many
WORTH_DB = 0.5  # of gain on clips left out: less is chance, and not written
MOSTLY = 0.75  # of the noise: most of it
UNLIKE_DB = (
    3.0  # by which clips left out are worse than those that are trained on: these show too little
)
JUDGED_CLIPS = 6  # of those that are trained on, to choose the rate and the step


@dataclass(frozen=True)
class TuningResult:
    """The result of a training.

    Attributes:
        before_db: the SNR of the worst output, integers against floats, with the original weights. The clips were left
            out of calibration and training; infinity without loss.
        after_db: with the trained weights, against the original float network.
        clips: the number left out; for a single clip, a quarter.
        of: the number of all clips.
        weights: constants that were trained.
        scales: tensors whose scale was trained; the recipe beside the network has them.
        recipe: that file.
        steps: the number done, those of an earlier run included.
        rate: of the first step, relative to a weight's size; the best of those tried.
        skipped: of the steps, those left out because their gradient was not finite.
        resumed: the step at which it went on from a checkpoint, else 0.
        unknown: operators through which no gradient goes; their inputs were compared instead.
    """

    before_db: float
    after_db: float
    clips: int
    of: int
    weights: int
    scales: int
    recipe: str
    steps: int
    rate: float
    skipped: int
    resumed: int
    unknown: tuple[str, ...]


def finetune(request: FinetuneRequest, progress: Progress) -> TuningResult:
    """Train a network's weights, see `edgekit.api.finetune`."""
    progress("import", 0, 1)
    imports, out = request.imports, request.out
    imported = load_model(request.source, imports)
    model = imported.model
    if found := recipe_conflict(model, request.recipe):
        raise UsageError(found)
    settings = with_examples(imports.settings, imported.examples)
    clips = at_common_level(model, load_calibration(request.calibration, model, settings))
    trained_on, held, of = split_calibration(model, clips)
    start = choose_preparation(model, trained_on, request.recipe, progress)
    reference = Reference(model, held)
    before = _ratio_db(reference, model, trained_on, start.recipe)
    tuning = WeightTuner(start.seen, start.recipe, request.steps, request.seed)
    judged = Reference(model, trained_on.clips[:JUDGED_CLIPS])

    def build(values: Mapping[Key, Array]) -> TunedNetwork:
        network, taken = with_weights(imported.network, tuning.seen.model, values)
        name, scales = f"{request.recipe.name}-tuned", tuning.forward.scales(values)
        recipe = replace(start.recipe, name=name, scales=scales)
        return TunedNetwork(network, with_surroundings(network, imports), recipe, taken)

    def judge(values: Mapping[Key, Array]) -> float:
        tuned = build(values)
        return _ratio_db(judged, tuned.model, trained_on, tuned.recipe)

    checkpoint = out.with_name(f"{out.name}.checkpoint.npz")
    training = TrainingRun(tuning, judge, progress)
    resumed, done = training.run(checkpoint)
    tuned = build(done.best)
    progress("measure", 0, 1)
    after = _ratio_db(reference, tuned.model, trained_on, tuned.recipe)
    checkpoint.unlink(missing_ok=True)
    if after < before + WORTH_DB:
        wide = replace(start.recipe, activations="int16", products="int16", tensors={})
        wide_db = _ratio_db(reference, model, trained_on, wide)
        reason = _reason(before, wide_db, judge(tuning.forward.values))
        raise VerificationError(_no_gain(before, after, training.said, reason))
    recipe_path = out.with_suffix(".recipe.toml")
    with replacement_path(out, Path(request.source)) as temporary:
        tuned.network.save(temporary)
    with replacement_path(recipe_path) as temporary:
        temporary.write_text(to_toml(tuned.recipe), encoding="utf-8")
    return TuningResult(
        before_db=before,
        after_db=after,
        clips=len(held),
        of=of,
        weights=tuned.weights,
        scales=len(tuned.recipe.scales),
        recipe=str(recipe_path),
        steps=done.step,
        rate=done.rate,
        skipped=done.skipped,
        resumed=resumed,
        unknown=tuning.forward.unknown,
    )


@dataclass(frozen=True)
class TunedNetwork:
    """A network with trained weights, as it is written and as it runs, and the recipe with the trained scales."""

    network: Model
    model: Model
    recipe: Recipe
    weights: int


@dataclass
class TrainingRun:
    """A training that keeps its best step, judged in integers on some of the clips that are trained on.

    Attributes:
        tuning: the network and its clips.
        judge: returns the SNR of the integers with these weights, in dB.
        progress: see `edgekit.api`.
        said: for each rate that was tried its SNR, for people.
    """

    tuning: WeightTuner
    judge: Callable[[Mapping[Key, Array]], float]
    progress: Progress
    said: str = ""

    def run(self, checkpoint: Path) -> tuple[int, Done]:
        """Train, from a checkpoint where there is one; return the step it began at, and the final state.

        An interrupted training leaves a checkpoint.

        Raises:
            UsageError: the checkpoint belongs to another training.
            VerificationError: of most steps the gradient is not finite.
        """
        resumed = checkpoint.exists()
        done = _read_checkpoint(checkpoint, self.tuning) if resumed else self._best_rate()
        first = saved = done.step if resumed else 0
        try:
            self.progress("train", done.step, self.tuning.steps)
            for done in self._steps(done):  # noqa: B020
                self.progress("train", done.step, self.tuning.steps)
                if done.step % KEPT_STEPS == 0:
                    _write(checkpoint, self.tuning, done)
                    saved = done.step
        except (KeyboardInterrupt, SystemExit):
            if done.step > saved:
                _write(checkpoint, self.tuning, done)
            raise
        return first, done

    def _best_rate(self) -> Done:
        """Train a little at each rate, as if that were all; return the start with the best rate and the best values.

        The rate of such a training falls to 0, too: at a high rate the values are good only after that.
        """
        start = self.tuning.start()
        start = replace(start, best=start.values, best_db=self.judge(start.values))
        count = -(-self.tuning.steps // TRIED_SHARE)
        tried: list[tuple[float, Done]] = []
        for number, rate in enumerate(RATES):
            self.progress("find a rate", number, len(RATES))
            done = start
            for done in self.tuning.run(replace(start, rate=rate), count):
                self._refuse_skipped(done)
            tried.append((self.judge(done.values), done))
        rows = ", ".join(f"{ratio:.1f} dB at {done.rate:g}" for ratio, done in tried)
        self.said = (
            f"rates, on clips that are trained on: {start.best_db:.1f} dB before, then {rows}"
        )
        ratio, best = max(tried, key=lambda pair: (round(pair[0], 1), pair[1].rate))
        if ratio > start.best_db:
            start = replace(start, best=best.values, best_db=ratio)
        return replace(start, rate=best.rate)

    def _steps(self, done: Done) -> Iterator[Done]:
        """Yield the state after every step; judged at every `KEPT_STEPS` and at the end of all."""
        for after in self.tuning.run(done):
            self._refuse_skipped(after)
            done = replace(after, best=done.best, best_db=done.best_db)
            if done.step % KEPT_STEPS == 0 or done.step == self.tuning.steps:
                done = self._judged(done)
            yield done

    def _refuse_skipped(self, done: Done) -> None:
        if 2 * done.skipped > self.tuning.steps:
            raise VerificationError(_not_finite(done))

    def _judged(self, done: Done) -> Done:
        """Return the state with its values as the best, if they are."""
        ratio = self.judge(done.values)
        return replace(done, best=done.values, best_db=ratio) if ratio > done.best_db else done


def _no_gain(before: float, after: float, rates: str, reason: str) -> str:
    said = f"; {rates}" if rates else ""
    return (
        f"finetune: {before:.1f} dB before, {after:.1f} dB after, on clips that were left out; "
        f"nothing is written{said}; {reason}"
    )


def _reason(before: float, wide: float, known: float) -> str:
    """Return where the noise comes from.

    `wide` is the SNR with activations in 16 bits: that of rounded weights; `known` that of clips that are trained on.
    """
    share = 1 - 10 ** ((before - wide) / 10)
    if known >= before + UNLIKE_DB:
        return (
            f"reason: clips that are trained on have {known:.1f} dB before, so the others hold what these do not show; "
            "next: give more and more different clips"
        )
    if share >= MOSTLY:
        return (
            f"reason: {100 * share:.1f} % of the noise comes from rounded activations, and neither weights nor scales "
            f"took it back: the same weights have {wide:.1f} dB where activations have 16 bits; next: --recipe auto, "
            "w8a16, or a recipe.toml that keeps in int16 what the report says is sensitive"
        )
    return (
        f"reason: {100 * min(1 - share, 1.0):.1f} % of the noise comes from rounded weights ({wide:.1f} dB where "
        "activations have 16 bits); next: give more and more different clips, or more --steps"
    )


def _not_finite(done: Done) -> str:
    return (
        f"finetune: of {done.skipped} of the first {done.step} steps the gradient is not finite; nothing is written; "
        "next: look for roots and quotients near 0 in the network, give louder clips, or a recipe.toml that keeps in "
        "float32 what these read"
    )


def split_calibration(
    model: Model, calibration: Calibration
) -> tuple[Calibration, list[dict[str, np.ndarray]], int]:
    """Return the training part, the part left out to be measured, and the number of all clips or quarters.

    Raises:
        UsageError: there is too little to leave anything out, or the network is a denoiser of a sampler.
    """
    parts = sound_inputs(model, calibration).parts
    if parts is None:
        allowed = "a clip of four hops or more, of a network that is no denoiser of a sampler"
        step = "give more and longer clips"
        raise UsageError(Problem("--calibration", "nothing to leave out", allowed, step))
    most = max(len(parts.judging) // QUARTERS, 1)  # to train on all others
    fold, clips = parts.folds[0][:most], calibration.clips
    held = [dict(parts.parts[number].cut(clips, model.constants)) for number in fold]
    kept = parts.clips_without(fold, clips, model.constants)
    return replace(calibration, clips=kept), held, len(parts.parts)


def _ratio_db(reference: Reference, model: Model, trained_on: Calibration, recipe: Recipe) -> float:
    """Return the SNR of the integers on the clips that were left out, in dB; all clips have equal weight."""
    runner = HopRunner(apply.quantize(model, trained_on, recipe))
    noise = Reference.total(
        [reference.noise(at, runner(clip)) for at, clip in enumerate(reference.clips)]
    )
    if not math.isfinite(noise):
        return -math.inf
    return -10 * math.log10(noise) if noise > 0 else math.inf


def _write(path: Path, tuning: WeightTuner, done: Done) -> None:
    key = np.frombuffer(bytes.fromhex(tuning.key), np.uint8)
    with replacement_path(path) as temporary:
        write_npz(temporary, {**done.arrays(), "key": key})


def _read_checkpoint(path: Path, tuning: WeightTuner) -> Done:
    arrays = read_npz(path)
    key = arrays.get("key", np.zeros(0, np.uint8))
    if bytes(np.asarray(key, np.uint8)).hex() != tuning.key:
        found = "of another network, recipe, calibration, seed or number of steps"
        step = "give what it was begun with, or remove this file"
        raise UsageError(Problem(f"checkpoint '{path}'", found, "one of this training", step))

    states: Sequence[str] = [name for name, _ in tuning.forward.states]
    return Done.read(arrays, list(tuning.forward.values), states)
