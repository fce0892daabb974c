"""Noise of networks against their float reference, measured in C over clips; the measurements are cached."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import replacement_path
from edgekit.base.spread import SharedValue, Team
from edgekit.base.user_cache import ALLOWED, STEP
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.targets.trials import Trials

Clips = Sequence[Mapping[str, Array]]
RANKED = 3
BATCH = 8  # tables between two writes of the measurements
QUIETEST = 1e-3  # of the loudest clip's power: quieter ones count less
QUIETEST_HOP = 1e-2  # the same of hops
# Of the loudest clip's output, as loud as its level: what a network suppresses more is not heard, nor its noise.
AUDIBLE_SHARE = 0.1


class Reference:
    """Clips and the float network's outputs for them."""

    def __init__(
        self,
        model: Model,
        clips: Clips,
        allowances: Sequence[float] = (),
        each_hop: bool = False,
        forms: int = 1,
        gains: Sequence[float] = (),
    ) -> None:
        """Run the float network in onnxruntime.

        Args:
            model: a float network.
            clips: map stream inputs to (hops, *shape).
            allowances: divisors of the noise of each clip; 1 where not given.
            each_hop: the noise of a hop is divided by the power of that hop, not by that of its clip. So quiet hops
                count like all others, as in a segmental SNR.
            forms: the number of forms of each sound: all sounds in the first, then all in the second, ...
            gains: factors on the sound of each clip, of at least one clip 1. The noise of a clip is then compared with
                `AUDIBLE_SHARE` of the loudest output at its level at least.
        """
        self.clips, self.each_hop, runner = clips, each_hop, HopRunner(model)
        self._forms = forms
        self.runs = runs = [runner(clip) for clip in clips]
        self.outputs = [{name: run[name] for name in model.measured_outputs} for run in runs]
        self.allowances = (*allowances, *[1.0] * (len(clips) - len(allowances)))
        powers = [{n: _power(a) for n, a in outputs.items()} for outputs in self.outputs]
        loudest = {name: max(p[name] for p in powers) for name in powers[0]}
        self._floors = {name: max(QUIETEST_HOP * power, 1e-30) for name, power in loudest.items()}
        self.gains = (*gains, *[0.0] * (len(clips) - len(gains)))
        least = _least_powers(powers, self.gains)
        self._weights = [
            {name: 1 / max(p[name], floors[name]) / allowance for name in p}
            for p, floors, allowance in zip(powers, least, self.allowances, strict=True)
        ]

    @property
    def some(self) -> Sequence[int]:
        """Every `RANKED` th sound in each form, other ones in the next."""
        count = len(self.clips) // self._forms
        apart = min(count, RANKED)
        return [
            form * count + sound
            for form in range(self._forms)
            for sound in range(form % apart, count, RANKED)
        ]

    def noise(self, clip: int, outputs: Mapping[str, Array]) -> dict[str, float]:
        """The noise power of each output of a clip relative to its signal's."""
        exact = self.outputs[clip]
        if self.each_hop:
            return {name: self._of_hops(clip, name, outputs[name]) for name in exact}
        return {
            name: _power(outputs[name].astype(np.float64) - expected) * self._weights[clip][name]
            for name, expected in exact.items()
        }

    def _of_hops(self, clip: int, name: str, output: Array) -> float:
        """Return the mean of the noise of each hop, divided by its power."""
        exact = self.outputs[clip][name]
        noise = _powers(output.astype(np.float64) - exact)
        shares = noise / np.maximum(_powers(exact), self._floors[name])
        return float(shares.mean()) / self.allowances[clip]

    @staticmethod
    def total(noises: Sequence[Mapping[str, float]]) -> float:
        """Return the mean over several clips of the worst output."""
        return max(float(np.mean([noise[name] for noise in noises])) for name in noises[0])


@dataclass
class Bench:
    """The measuring setup of a worker: compiled there once, for one core."""

    model: bytes
    reference: Reference

    @cached_property
    def trials(self) -> Trials:
        """The network, in C."""
        return Trials(Model.from_bytes(self.model), self.reference.clips, instances=1)


Pair = tuple[Float32, int]  # a table of grids, the number of a clip


def noises(bench: Bench, pairs: Sequence[Pair]) -> list[dict[str, float]]:
    """The noise of each clip with its table."""
    runs = (bench.trials.run(bench.reference.noise, [table], [clip]) for table, clip in pairs)
    return [noise for ((noise,),) in runs]


class Meter:
    """The relative noise of a selectable network for tables of grids."""

    def __init__(self, model: Model, reference: Reference, folder: Path | None, team: Team) -> None:
        """Keep measurements in `folder`, so that an interrupted search goes on from there."""
        self._model, self._reference, self._team = model, reference, team
        self._path = folder and folder / f"{_digest(model, reference)}.json"
        self._known: dict[str, float] = {}
        if self._path:
            self._known = _read_cache(self._path)

    def __call__(
        self,
        tables: Sequence[Float32],
        progress: Callable[[int], None] | None = None,
    ) -> list[float]:
        """Return the noise power of each table, (rows, 3), relative to the signal's."""
        return self._measured(tables, progress, range(len(self._reference.clips)))

    def coarse(
        self,
        tables: Sequence[Float32],
        progress: Callable[[int], None] | None = None,
    ) -> list[float]:
        """The same of some of the clips, see `Reference.some`: enough to rank by."""
        return self._measured(tables, progress, self._reference.some)

    def _measured(
        self,
        tables: Sequence[Float32],
        progress: Callable[[int], None] | None,
        clips: Sequence[int],
    ) -> list[float]:
        known_of = repr(tuple(clips)).encode()
        keys = [hashlib.sha256(known_of + table.tobytes()).hexdigest() for table in tables]
        missing = [i for i, key in enumerate(keys) if key not in self._known]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            runs = self._runs([tables[i] for i in part], clips)
            found = [self._reference.total(noises) for noises in runs]
            self._known.update(zip((keys[i] for i in part), found, strict=True))
            self._save()
            if progress:
                progress(len(tables) - len(missing) + start + len(part))
        return [self._known[key] for key in keys]

    def _runs(
        self, tables: Sequence[Float32], clips: Sequence[int]
    ) -> list[list[dict[str, float]]]:
        if self._team.is_here:
            return self._trials.run(self._reference.noise, tables, clips)
        pairs = [(table, clip) for table in tables for clip in clips]
        found = self._team.joined(noises, pairs, self._shared)
        return [found[i : i + len(clips)] for i in range(0, len(found), len(clips))]

    @cached_property
    def _shared(self) -> SharedValue:
        return SharedValue(Bench(self._model.to_bytes(), self._reference))

    @cached_property
    def _trials(self) -> Trials:

        return Trials(self._model, self._reference.clips)

    def _save(self) -> None:
        if self._path:
            with replacement_path(self._path) as temporary:
                temporary.write_text(json.dumps(self._known), encoding="utf-8")


def _least_powers(
    powers: Sequence[Mapping[str, float]], gains: Sequence[float]
) -> list[dict[str, float]]:
    """Return the power of each clip's outputs below which quieter ones count less."""
    names = list(powers[0])
    loudest = {name: max(p[name] for p in powers) for name in names}
    full = [p for p, gain in zip(powers, gains, strict=True) if gain == 1]
    audible = {n: AUDIBLE_SHARE * max((p[n] for p in full), default=0.0) for n in names}
    return [
        {n: max(QUIETEST * loudest[n], audible[n] * gain**2, 1e-30) for n in names}
        for gain in gains
    ]


def _read_cache(path: Path) -> dict[str, float]:
    """Return the earlier measurements.

    Raises:
        UsageError: the folder cannot be made or written to, or `_save` did not write the file. It is raised before the
            search, which takes long.
    """
    where = f"cache folder '{path.parent}'"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise UsageError(Problem(where, "cannot be written to", ALLOWED, STEP))
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {str(key): float(value) for key, value in known.items()}
    except OSError as error:
        raise UsageError(Problem(where, str(error.strerror), ALLOWED, STEP)) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        found = f"damaged: {error}"
        raise UsageError(
            Problem(f"file '{path}'", found, "what a search keeps", "remove it")
        ) from error


def _power(array: Array) -> float:
    return float(np.mean(np.square(array, dtype=np.float64)))


def _powers(array: Array) -> Float64:
    """Return the power of each hop."""
    return np.asarray(np.square(array, dtype=np.float64).reshape(len(array), -1).mean(axis=1))


def _digest(model: Model, reference: Reference) -> str:
    total = hashlib.sha256(model.to_bytes())
    total.update(repr((reference.allowances, reference.gains, reference.each_hop)).encode())
    for clip in reference.clips:
        for name, array in sorted(clip.items()):
            total.update(f"{name} {array.dtype} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
