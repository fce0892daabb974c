"""Start value and noise of a sampler: the user may give both, image by image."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.sampler_table import NETWORKS, Roles, StepTable
from edgekit.export.diffusion.schedule import Limit, limit_problems

STARTS = ("noise", "given", "analytic")
NOISES = ("drawn", "given")
START, NOISE, RESIDUAL = "start", "noise", "residual"  # names of these conditions


@dataclass(frozen=True, kw_only=True)
class StartAndNoise:
    """The start and the noise of a description.

    ``given`` makes them conditions of the build, not inputs of the network. `start` is (1, channels, ...). `noise` is
    (1, rows, channels, ...), with `residual`, which is added after the last row.

    Attributes:
        start: ``noise`` is the kind's own; ``given`` is `start_scale` times a condition, and `start_noise` of the
            seed's noise; ``analytic`` is Analytic-Init (Zhao et al., NeurIPS 2024), the Gaussian nearest to the
            training data at the first time, ``sqrt(ab) mean + sqrt(1 - ab + ab variance) z``.
        start_noise: factor of the noise, if not the kind's own; the default for a given start is 0.
        start_scale: factor of a given start: 1, or sqrt(ab) of an image (SDEdit, Meng et al., ICLR 2022).
        start_mean: of the data, one number or one per element of x.
        start_variance: of the data around it, the mean over the elements.
        noise: ``drawn`` of the seed, or ``given``.
        networks: sources of additional networks, by their role, see `edgekit.base.sampler_table.StepTable`.
    """

    start: str = "noise"
    start_noise: float | None = None
    start_scale: float = 1.0
    start_mean: tuple[float, ...] = ()
    start_variance: float = 0.0
    noise: str = "drawn"
    networks: Mapping[str, str] = field(default_factory=dict)

    def given_problems(self, roles: Roles, has_schedule: bool) -> list[Problem]:
        """Return the problems of the fields; `has_schedule`: whether times have cumulative products."""
        limits = *self._limits_of_start(has_schedule), *self._limits_of_networks(roles)
        return limit_problems("sampler", limits) + [
            Problem(f"sampler, {name}", "given", f"with {needed} alone", "leave it out")
            for name, is_there, fits, needed in self._uses(roles)
            if is_there and not fits
        ]

    def _limits_of_start(self, has_schedule: bool) -> Iterator[Limit]:
        analytic = self.start == "analytic"
        own, scale, spread = self.start_noise, self.start_scale, self.start_variance
        kinds, mean = "analytic of kinds with a [schedule]", "one number, or as many as x has"
        yield "start", self.start, self.start in STARTS, ", ".join(STARTS)
        yield "noise", self.noise, self.noise in NOISES, ", ".join(NOISES)
        yield "start", self.start, has_schedule or not analytic, kinds
        yield "start_noise", own, own is None or 0 <= own < math.inf, "a number from 0 up"
        yield "start_scale", scale, 0 < abs(scale) < math.inf, "a number that is not 0"
        yield "start_mean", "none", bool(self.start_mean) or not analytic, mean
        yield "start_variance", spread, 0 <= spread < math.inf, "a number from 0 up"

    def _limits_of_networks(self, roles: Roles) -> Iterator[Limit]:
        names = self.networks.keys()
        made = "y" not in names or roles.y is not None
        first = "first" in names and self.noise == "given"
        yield "networks", ", ".join(names), names <= set(NETWORKS), ", ".join(NETWORKS)
        yield "networks", "y without roles.y", made, "the name of what it makes"
        yield "networks", "first with given noise", not first, "one of the two"

    def _uses(self, roles: Roles) -> Iterator[tuple[str, bool, bool, str]]:
        """Yield fields that need a certain start or noise: whether each is set, is allowed, and its need."""
        given, analytic, noise = (
            self.start == "given",
            self.start == "analytic",
            self.noise == "given",
        )
        start, drawn = "start = 'given'", "noise = 'given'"
        yield (
            "start_noise",
            self.start_noise is not None,
            not analytic,
            "start = 'noise' or 'given'",
        )
        yield "start_scale", self.start_scale != 1, given, start
        yield "start_mean", bool(self.start_mean), analytic, "start = 'analytic'"
        yield "start_variance", self.start_variance != 0, analytic, "start = 'analytic'"
        yield "roles.start", roles.start is not None, given, start
        yield "roles.noise", roles.noise is not None, noise, drawn
        yield "roles.residual", roles.residual is not None, noise, drawn

    def with_given(self, table: StepTable, ab: Float64 | None = None) -> StepTable:
        """Return a table with this start and noise.

        Args:
            table: of the kind's own start and noise.
            ab: (rows,) the cumulative products of its rows, where its kind has them.

        Raises:
            UsageError: noise is given to rows that draw none.
        """
        table = self._with_start(table, ab)
        if self.noise == "drawn":
            return table
        if not table.uses("s"):
            found, allowed = "given to rows that draw none", "eta above 0, or a kind that draws"
            raise UsageError(Problem("sampler, noise", found, allowed, "correct it"))
        roles = table.roles
        roles = replace(roles, noise=roles.noise or NOISE, residual=roles.residual or RESIDUAL)
        return table.with_(ab=ab, roles=roles)

    def _with_start(self, table: StepTable, ab: Float64 | None) -> StepTable:
        if self.start == "given":
            roles = replace(table.roles, start=table.roles.start or START)
            own, scale = self.start_noise or 0.0, self.start_scale
            return table.with_(start_noise=own, start_y=0.0, start_scale=scale, roles=roles, ab=ab)
        if self.start == "analytic":
            assert ab is not None
            mean = np.sqrt(ab[0]) * np.asarray(self.start_mean)
            spread = float(np.sqrt(1 - ab[0] + ab[0] * self.start_variance))
            return table.with_(start_noise=spread, start_mean=mean)
        return table if self.start_noise is None else table.with_(start_noise=self.start_noise)
