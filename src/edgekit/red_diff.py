"""RED-Diff: inverse problems with a denoiser as the prior (Mardani et al., 2023); a solver, not a step table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step, image_seeds
from edgekit.base.sampler_table import Roles

Map = Callable[[Float64], Float64]
Network = Callable[[dict[str, Array], Step], Sequence[Array]]
BETA1, BETA2, SMALLEST = 0.9, 0.99, 1e-8  # of Adam


@dataclass(frozen=True)
class RedDiff:
    """``y = H x + noise``: x by stochastic gradients, without backpropagation through the network.

    At each time from the noisiest down, with ``x_t = sqrt(ab) mu + sqrt(1 - ab) n``, mu takes one step of Adam along
    ``w_t (eps(x_t) - n) / numel - weight H^T (y - H mu) / numel(y)``, ``w_t = prior sqrt((1 - ab) / ab)``.

    Attributes:
        ab: cumulative products of the training steps that are visited, from the noisiest down.
        times: the network's time input there.
        prior: weight of the denoiser.
        weight: of the measurement.
        rate: Adam's learning rate, 0.1 to 0.5.
        roles: names of the network's inputs x and time.
    """

    ab: Float64
    times: Float64
    prior: float = 0.25
    weight: float = 1.0
    rate: float = 0.1
    roles: Roles = Roles()  # noqa: RUF009

    def solve(
        self, network: Network, y: Float64, forward: Map, adjoint: Map, start: Float64, seed: int
    ) -> Float64:
        """Return the estimates of x, (n, ...).

        Args:
            network: an eps prediction, called as by `edgekit.base.sampler_loop.sample`.
            y: measurements (n, ...).
            forward: H, of batches.
            adjoint: its transpose.
            start: the first estimates (n, ...), as ``adjoint(y)``.
            seed: of the noise: row r draws number 1 + r.

        Raises:
            UsageError: as many products as times are needed, and as many starts as measurements.
        """
        if problems := self._problems(y, start):
            raise UsageError(problems)
        mu = np.array(start, np.float64)
        first, second = np.zeros_like(mu), np.zeros_like(mu)
        for row in range(len(self.ab)):
            gradient = self.gradient(network, y, forward, adjoint, mu, row, seed)
            first = BETA1 * first + (1 - BETA1) * gradient
            second = BETA2 * second + (1 - BETA2) * gradient**2
            scale = np.sqrt(second / (1 - BETA2 ** (row + 1))) + SMALLEST
            mu = mu - self.rate * first / (1 - BETA1 ** (row + 1)) / scale
        return mu

    def gradient(
        self,
        network: Network,
        y: Float64,
        forward: Map,
        adjoint: Map,
        mu: Float64,
        row: int,
        seed: int,
    ) -> Float64:
        """Return the direction of Adam's step at estimates `mu` (n, ...), row number `row`; arguments as in `solve`."""
        ab, time, size = self.ab[row], self.times[row], math.prod(mu.shape[1:])
        noise = normals(image_seeds(seed, 0, len(mu)), 1 + row, size).reshape(mu.shape)
        x = np.sqrt(ab) * mu + np.sqrt(1 - ab) * noise
        inputs: dict[str, Array] = {self.roles.x: x}
        if self.roles.time is not None:
            inputs[self.roles.time] = np.full(len(mu), time, np.float32)
        (eps,) = network(inputs, Step(row, 0, float(time), 0, 0))
        trust = self.prior * math.sqrt((1 - ab) / ab)
        misfit = adjoint(y - forward(mu)) / math.prod(y.shape[1:])
        return trust * (eps - noise) / size - self.weight * misfit

    def _problems(self, y: Float64, start: Float64) -> list[Problem]:
        found = []
        if len(self.ab) != len(self.times) or not len(self.ab):
            what = f"{len(self.ab)} products, {len(self.times)} times"
            found.append(Problem("RED-Diff", what, "one of each for a step", "correct ab or times"))
        if len(self.ab) and not (np.asarray(self.ab) > 0).all():
            found.append(Problem("RED-Diff, ab", "0 or less", "above 0 to 1", "correct it"))
        if len(y) != len(start):
            what = f"{len(start)} starts, {len(y)} measurements"
            found.append(Problem("RED-Diff", what, "equal numbers of both", "correct them"))
        return found
