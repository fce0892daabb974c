"""Trains float weights and the scales of int8 tensors a little, so that integers have the outputs of the float network.

This is knowledge distillation from the float network's outputs (Hinton, Vinyals and Dean, 2015) on the calibration,
without labels. Stretches of clips run through the integer forward from their recorded states. Adam (Kingma and Ba,
ICLR 2015, algorithm 1) reduces the relative square error of the outputs.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    remove_unread_constants,
    static_shape,
    values_by_name,
)
from edgekit.operators.qdq import require
from edgekit.quantize.apply import ObservedModel, quantize_observed
from edgekit.quantize.calibrate.clips import Clip
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.tuning.integer_forward import SCALE, IntegerForward, Key

if TYPE_CHECKING:
    from torch import Tensor

HOPS = 16  # of a stretch, of a network with states
BATCH = 32  # stretches of a step
SCALE_LIMIT = 4.0  # factor on a scale, both ways
RATE = 5e-4  # of a weight's root mean square, in the first step
DECAYS, EPSILON = (0.9, 0.999), 1e-8
MOST_BYTES = 400_000_000  # of what is recorded
QUIET = 1e-3  # of an output's mean power: quieter stretches count as this one


@dataclass
class Progress:
    """Progress of a tuning: the content of a checkpoint.

    Attributes:
        step: number of finished steps.
        values: of the trained weights, by node and input.
        means: of their gradients; `squares` of their squares.
        places: of the next stretches: the numbers of their clips, and of their first hops, (2, `BATCH`).
        states: before them, (`BATCH`, ...) by name.
        losses: of every step; NaN for a skipped step, whose gradient was not finite.
        rate: of the first step, relative to a weight's root mean square; it falls to 0 by a cosine.
        best: the best values so far, and their SNR `best_db`, by the caller's judgement.
    """

    step: int
    values: dict[Key, Array]
    means: dict[Key, Array]
    squares: dict[Key, Array]
    places: Array
    states: dict[str, Array]
    losses: list[float] = field(default_factory=list)
    rate: float = RATE
    best: dict[Key, Array] = field(default_factory=dict)
    best_db: float = -math.inf

    @property
    def skipped(self) -> int:
        """Number of skipped steps."""
        return int(np.isnan(self.losses).sum())

    def arrays(self) -> dict[str, Array]:
        """Return the arrays for a .npz."""
        tables = (self.values, self.means, self.squares, self.best or self.values)
        found = {
            f"{kind}{at}": array
            for kind, table in zip("vmsb", tables, strict=True)
            for at, array in enumerate(table.values())
        }
        states = {f"x{at}": array for at, array in enumerate(self.states.values())}
        facts = {"step": np.array(self.step), "losses": np.array(self.losses)}
        rates = {"rate": np.array(self.rate), "best_db": np.array(self.best_db)}
        return {**found, **states, **facts, **rates, "places": self.places}

    @classmethod
    def read(
        cls, arrays: Mapping[str, Array], keys: Sequence[Key], states: Sequence[str]
    ) -> "Progress":
        """Return the progress in `arrays`, with weights and states in this order."""
        values, means, squares, best = (
            {key: arrays[f"{kind}{at}"] for at, key in enumerate(keys)} for kind in "vmsb"
        )
        before = {name: arrays[f"x{at}"] for at, name in enumerate(states)}
        losses = [float(x) for x in arrays["losses"]]
        step, places = int(arrays["step"]), arrays["places"]
        rate, best_db = float(arrays["rate"]), float(arrays["best_db"])
        return cls(step, values, means, squares, places, before, losses, rate, best, best_db)


@dataclass(frozen=True)
class RecordedClip:
    """A clip: inputs of the network, the states before each hop, and the float network's values, (hops, ...)."""

    fed: dict[str, Array]
    states: dict[str, Array]
    wanted: dict[str, Array]
    hops: int


class WeightTuner:
    """A network whose weights are trained on clips."""

    def __init__(self, seen: ObservedModel, recipe: Recipe, steps: int, seed: int) -> None:
        """Store a float network that was prepared and observed on the clips.

        Raises:
            ModelError: it has no weights that can be trained.
        """
        self.seen, self.recipe, self.steps, self.seed = seen, recipe, steps, seed
        quantized = quantize_observed(seen, recipe, "")
        groups = seen.plan_types(recipe).groups
        self.forward = IntegerForward(quantized, seen.model, recipe, groups)
        if not self.forward.ends or not self.forward.weights:
            found = ", ".join(self.forward.unknown) or "no layer that integers compute"
            raise ModelError(
                Problem(
                    "finetune",
                    f"no gradient from any output to any weight: {found}",
                    "layers with constant weights, and after them operators that are trained through",
                    "train in torch, with rounding of your own",
                )
            )
        self.clips = [self._record_clip(clip, quantized) for clip in self._cut()]
        self.powers = {
            end: float(
                np.mean([np.mean(np.square(c.wanted[end], dtype=np.float64)) for c in self.clips])
            )
            for end in self.forward.ends
        }

    @property
    def key(self) -> str:
        """Digest of everything that affects a tuning, except the number of its step."""
        digest = hashlib.sha256(self.seen.model.to_bytes())
        digest.update(repr((self.recipe, self.steps, self.seed)).encode())
        for clip in self.seen.calibration.clips:
            for name, array in sorted(clip.items()):
                digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def start(self, rate: float = RATE) -> Progress:
        """Return the start: no step done; stretches begin anywhere, in the float network's states."""
        means, squares = (
            {key: np.zeros_like(v) for key, v in self.forward.values.items()} for _ in "ms"
        )
        random = np.random.default_rng(self.seed)
        picked = random.integers(0, len(self.clips), BATCH)
        last = [self.clips[number].hops - self._hops for number in picked]
        places = np.stack([picked, random.integers(0, np.array(last) + 1)])
        rows = [(self.clips[number], at) for number, at in places.T.tolist()]
        states = {
            x: np.stack([clip.states[x][at] for clip, at in rows]) for x, _ in self.forward.states
        }
        return Progress(0, dict(self.forward.values), means, squares, places, states, rate=rate)

    def run(self, progress: Progress, steps: int | None = None) -> Iterator[Progress]:
        """Yield the progress after every step, from `progress` on; an interruption does not change it.

        The rate falls to 0 within `steps`, by default all.
        """
        last = self.steps if steps is None else steps
        while progress.step < last:
            loss, gradients, states = self._loss(progress)
            places, before = self._followed(progress, states)
            if all(np.isfinite(gradient).all() for gradient in gradients.values()):
                progress = self._next_progress(progress, gradients, last)
            else:
                loss = math.nan
            losses = [*progress.losses, loss]
            progress = replace(
                progress, step=progress.step + 1, places=places, states=before, losses=losses
            )
            yield progress

    def _cut(self) -> list[Clip]:
        """Return the clips, each cut to the hops that fit in `MOST_BYTES`."""
        model, clips = self.seen.model, self.seen.calibration.clips
        first = str(model.stream_inputs[0].name)
        values = values_by_name(self.forward.quantized.ir.graph)
        names = (*self.forward.fed, *(x for x, _ in self.forward.states), *self.forward.ends)
        a_hop = sum(4 * math.prod(static_shape(values[name]) or ()) for name in names)
        most = max(MOST_BYTES // max(a_hop, 1) // len(clips), HOPS)
        return [
            {
                n: a if n in model.constants else a[: min(most, len(clip[first]))]
                for n, a in clip.items()
            }
            for clip in clips
        ]

    def _record_clip(self, clip: Clip, quantized: Model) -> RecordedClip:
        states = [x for x, _ in self.forward.states]
        heard = HopRunner(quantized, self.forward.fed)(clip)
        wanted = HopRunner(self.seen.model, [*self.forward.ends, *states])(clip)
        return RecordedClip(
            {name: heard[name] for name in self.forward.fed},
            {name: wanted[name] for name in states},
            {name: wanted[name] for name in self.forward.ends},
            len(wanted[self.forward.ends[0]]),
        )

    def _followed(
        self, progress: Progress, states: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """Return the places of the next stretches and their states: after the last ones, or at the start of a clip.

        States that are not finite are dropped, as at the end of a clip.
        """
        random = np.random.default_rng([self.seed, progress.step])
        places, before = progress.places.copy(), {x: a.copy() for x, a in states.items()}
        places[1] += self._hops
        for lane, (number, at) in enumerate(places.T.tolist()):
            finite = all(np.isfinite(array[lane]).all() for array in before.values())
            if at + self._hops > self.clips[number].hops or not before or not finite:
                places[0, lane] = chosen = random.integers(0, len(self.clips))
                behind = self.clips[chosen].hops - self._hops
                places[1, lane] = 0 if before else random.integers(0, behind + 1)
                for array in before.values():
                    array[lane] = 0
        return places, before

    @property
    def _hops(self) -> int:
        """Hops of a stretch: one if no state is carried on."""
        return min(HOPS, *(clip.hops for clip in self.clips)) if self.forward.states else 1

    def _loss(self, progress: Progress) -> tuple[float, dict[Key, Array], dict[str, Array]]:
        """Return the mean relative square error of the ends, its gradients, and the states after the stretches."""
        import torch

        values = {k: torch.tensor(v, requires_grad=True) for k, v in progress.values.items()}
        rounded = self.forward.rounded(values)
        drawn = [(self.clips[number], at) for number, at in progress.places.T.tolist()]

        def stack(table: str, name: str, hop: int) -> "Tensor":
            rows = [getattr(clip, table)[name][at + hop] for clip, at in drawn]
            return torch.from_numpy(np.stack(rows))

        def one(fed: "Mapping[str, Tensor]", states: "Mapping[str, Tensor]") -> Any:
            return self.forward.hop(rounded, fed, states)

        batched = torch.func.vmap(one)
        states = {x: torch.from_numpy(array) for x, array in progress.states.items()}
        errors, powers = (dict.fromkeys(self.forward.ends, torch.zeros(BATCH)) for _ in range(2))
        for hop in range(self._hops):
            made, states = batched(
                {name: stack("fed", name, hop) for name in self.forward.fed}, states
            )
            for end, y in made.items():
                wanted = stack("wanted", end, hop).reshape(y.shape)
                errors[end] = errors[end] + (y - wanted).square().reshape(BATCH, -1).mean(1)
                powers[end] = powers[end] + wanted.square().reshape(BATCH, -1).mean(1)
        total = self._relative(errors, powers)
        total.backward()  # type: ignore[no-untyped-call]
        gradients = {
            key: np.zeros_like(progress.values[key]) if v.grad is None else v.grad.numpy()
            for key, v in values.items()
        }
        behind = {x: array.detach().numpy() for x, array in states.items()}
        return float(total.detach()), gradients, behind

    def _relative(self, errors: "Mapping[str, Tensor]", powers: "Mapping[str, Tensor]") -> "Tensor":
        """Return the mean of the ends' errors, each relative to its power."""
        import torch

        total = torch.zeros(())
        for end in self.forward.ends:
            floor = QUIET * self.powers[end] * self._hops + 1e-30
            total = total + (errors[end] / (powers[end] + floor)).mean()
        return total / len(self.forward.ends)

    def _next_progress(
        self, progress: Progress, gradients: Mapping[Key, Array], last: int
    ) -> Progress:
        """Return the progress after one step of Adam, scaled for each weight by its size."""
        step, (first, second) = progress.step + 1 - progress.skipped, DECAYS
        rate = progress.rate * 0.5 * (1 + np.cos(np.pi * progress.step / last))
        values, means, squares = {}, {}, {}
        for key, gradient in gradients.items():
            means[key] = first * progress.means[key] + (1 - first) * gradient
            squares[key] = second * progress.squares[key] + (1 - second) * gradient**2
            mean, square = means[key] / (1 - first**step), squares[key] / (1 - second**step)
            size = float(np.sqrt(np.mean(self.forward.values[key] ** 2))) or 1e-3
            pace = rate * self.forward.weights[key].pace
            move = pace * size * mean / (np.sqrt(square) + EPSILON)
            values[key] = np.asarray(progress.values[key] - move, np.float32)
            if key[1] == SCALE:
                values[key] = np.asarray(
                    np.clip(values[key], size / SCALE_LIMIT, size * SCALE_LIMIT)
                )
        return replace(progress, values=values, means=means, squares=squares)


def with_weights(network: Model, prepared: Model, values: Mapping[Key, Array]) -> tuple[Model, int]:
    """Return a network with weights that were trained in its prepared form, and the number of these weights.

    A preparation scales weights; those of another shape in the network stay unchanged.
    """
    result, taken = Model(network.ir.clone()), 0
    before = {str(node.name): node for node in prepared.ir.graph}
    for node in list(result.ir.graph):
        for index, own_value in enumerate(node.inputs):
            value, own = values.get((str(node.name), index)), array_of(own_value)
            if value is None or own is None or own.shape != value.shape:
                continue
            scaled = array_of(before[str(node.name)].inputs[index])
            tuned = _weight_before_preparation(value, require(scaled), own)
            stem = require(own_value).name
            node.replace_input_with(index, add_initializer(result.ir.graph, f"{stem}_tuned", tuned))
            taken += 1
    remove_unread_constants(result.ir.graph)
    return result, taken


def _weight_before_preparation(value: Array, scaled: Array, own: Array) -> Array:
    """Return a weight without the factors by which a preparation scaled `own` to `scaled`."""
    factor = np.divide(scaled, own, out=np.ones_like(own), where=own != 0)
    factor[factor == 0] = 1
    return (value / factor).astype(np.float32)
