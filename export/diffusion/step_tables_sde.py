"""Step tables of samplers with special schedules: bridges and stochastic equations towards a condition y.

Each is a frozen description with ``roles``, ``problems()`` and ``table()``, as
`edgekit.export.diffusion.description.Sampler` is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Float64, Int64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.sampler_table import Roles, StepTable
from edgekit.export.diffusion.schedule import Limit, limit_problems
from edgekit.export.diffusion.start_and_noise import StartAndNoise
from edgekit.export.diffusion.step_tables import first_network, guidance_columns, guidance_problems

WITH_Y = Roles(y="y")
PLAIN = Roles()
COMPLEX = np.sqrt(0.5)  # of a complex number of variance 1: real and imaginary part have 1/2 each


@dataclass(frozen=True, kw_only=True)
class _Description(StartAndNoise):
    """Common fields of the descriptions; start and noise as in `StartAndNoise`.

    Attributes:
        roles: the network's inputs; with guidance `roles.null` maps each condition to its replacement.
        guidance: weight w of classifier-free guidance, ``e_null + w (e - e_null)`` of every output; 1 is none.
        fold: whether values that depend only on the time become a table.
    """

    roles: Roles = PLAIN
    guidance: float = 1.0
    fold: bool = True

    def limits(self) -> list[Limit]:
        """Return the limits of its fields."""
        raise NotImplementedError

    def rows(self) -> StepTable:
        """Return the table of a description without problems, of one call a row."""
        raise NotImplementedError

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the description."""
        found = limit_problems("sampler", self.limits())
        return [*found, *guidance_problems(self), *self.given_problems(self.roles, False)]

    def table(self) -> StepTable:
        """Return the rows.

        Raises:
            UsageError: everything that is wrong with the description.
        """
        if problems := self.problems():
            raise UsageError(problems)
        table = replace(self, roles=replace(self.roles, null={})).rows()
        outputs = {"v": guidance_columns(table.v, self), "e": guidance_columns(table.e, self)}
        made = self.with_given(table.with_(**outputs, roles=self.roles))
        return first_network(made) if "first" in self.networks else made


SOLVERS = ("predictor-corrector", "posterior")
OUVE_PREDICTIONS = ("score", "preconditioned")


@dataclass(frozen=True, kw_only=True)
class Ouve(_Description):
    """The OUVE equation of SGMSE+ (Richter et al., 2023), by its predictor and corrector or by its posterior.

    ``dx = theta (y - x) dt + g dW``, ``g(t) = s_min (s_max / s_min)^t sqrt(2 L)``, ``L = ln(s_max / s_min)``. Its
    x_t have the mean ``y + m (x0 - y)``, ``m = e^(-theta t)``, and the deviation std(t).

    ``predictor-corrector`` has two rows a step: an annealed Langevin step, then one of the reverse equation; the
    output is the last mean. ``posterior`` has one: from x_t and the estimate of x0 to x_s as DDIM does it (Song et
    al., 2021, equation 12, with this equation's means and deviations). The output is the last estimate. The start's
    mean is y, not y + m (x0 - y), so the first row treats all of x - y as noise.

    A ``preconditioned`` network returns F of Karras et al. (2022, equation 7) around y: with
    ``sigma = std / m`` and sigma_d, ``x0 - y = sigma_d^2 / (sigma^2 + sigma_d^2) (x - y) / m
    + sigma sigma_d / sqrt(sigma^2 + sigma_d^2) F``.

    Attributes:
        theta, sigma_min, sigma_max: of the equation.
        steps: N; network calls, twice as many with a corrector.
        t_min: the end; the last time that the network reads.
        solver: one of `SOLVERS`.
        prediction: one of `OUVE_PREDICTIONS`.
        sigma_data: sigma_d, the deviation of x0 - y (complex, where the noise is) in the network's training.
        snr: of the corrector, r in ``2 (r std(t))^2``.
        eta: of the posterior: 0 is deterministic but for the start, 1 draws from q(x_s | x_t, x0, y).
        sign: the score is this times the network's output; SGMSE+ returns -score.
        complex_noise: whether real and imaginary parts share the variance.
    """

    theta: float = 1.5
    sigma_min: float = 0.05
    sigma_max: float = 0.5
    steps: int = 30
    t_min: float = 0.03
    solver: str = "predictor-corrector"
    prediction: str = "score"
    sigma_data: float = 0.1
    snr: float = 0.5
    eta: float = 0.0
    sign: float = -1.0
    complex_noise: bool = True
    roles: Roles = WITH_Y

    def limits(self) -> list[Limit]:
        """Return the limits of its fields."""
        ordered = 0 < self.sigma_min < self.sigma_max
        posterior = self.solver == "posterior" and 0 < self.eta <= 1
        predictions = ", ".join(OUVE_PREDICTIONS)
        return [
            ("theta", self.theta, self.theta > 0, "above 0"),
            ("sigma", (self.sigma_min, self.sigma_max), ordered, "0 < sigma_min < sigma_max"),
            ("steps", self.steps, self.steps >= 1, "from 1 up"),
            ("t_min", self.t_min, 0 < self.t_min < 1, "between 0 and 1"),
            ("solver", self.solver, self.solver in SOLVERS, ", ".join(SOLVERS)),
            ("prediction", self.prediction, self.prediction in OUVE_PREDICTIONS, predictions),
            ("sigma_data", self.sigma_data, self.sigma_data > 0, "above 0"),
            ("snr", self.snr, self.snr > 0, "above 0"),
            ("eta", self.eta, self.eta == 0 or posterior, "0, to 1 of posterior"),
            ("roles.y", self.roles.y, self.roles.y is not None, "the condition's name"),
        ]

    def std(self, t: Float64) -> Float64:
        """Return the standard deviation of x_t around its mean."""
        growth = np.log(self.sigma_max / self.sigma_min)
        scale = self.sigma_min**2 * growth / (self.theta + growth)
        inside = np.exp(2 * (self.theta + growth) * t) - 1
        return np.asarray(np.sqrt(scale * np.exp(-2 * self.theta * t) * inside))

    def score(self, t: Float64) -> tuple[Float64, Float64]:
        """Return the factors of x - y and of the network's output in the score."""
        if self.prediction == "score":
            return np.zeros_like(t), np.full_like(t, self.sign)
        mean = np.exp(-self.theta * t)
        sigma, data = self.std(t) / mean, self.sigma_data
        whole = sigma**2 + data**2
        return -1 / (mean**2 * whole), data / (mean * sigma * np.sqrt(whole))

    def rows(self) -> StepTable:
        """Return rows of corrector and predictor in turn, or one row a step."""
        t = np.linspace(1, self.t_min, self.steps)
        part = COMPLEX if self.complex_noise else 1.0
        made = self._posterior(t) if self.solver == "posterior" else self._corrected(t)
        made["s"] = part * made["s"]
        start = float(part * self.std(np.ones(1))[0])
        times = np.repeat(t, len(made["a"]) // len(t))
        return StepTable.of(times, 1, self.roles, made, start_noise=start, start_y=1.0)

    def _corrected(self, t: Float64) -> dict[str, Float64]:
        dt = np.append(-np.diff(t), self.t_min)
        ratio = self.sigma_max / self.sigma_min
        g = self.sigma_min * ratio**t * np.sqrt(2 * np.log(ratio))
        step = 2 * (self.snr * self.std(t)) ** 2
        own, output = self.score(t)
        last = np.append(np.ones(len(t) - 1), 0.0)

        def turns(corrector: Float64, predictor: Float64) -> Float64:
            return np.stack([corrector, predictor], axis=1).ravel()

        towards = turns(step * own, self.theta * dt + g**2 * dt * own)  # of x - y
        return {
            "a": 1 + towards,
            "e": turns(step * output, g**2 * dt * output)[:, None],
            "c": -towards,
            "s": turns(np.sqrt(2 * step), last * g * np.sqrt(dt)),
        }

    def _posterior(self, t: Float64) -> dict[str, Float64]:
        later = np.append(t[1:], 0.0)
        mean, mean_s = (np.exp(-self.theta * v) for v in (t, later))
        std, std_s = self.std(t), self.std(later)
        own, output = self.score(t)
        # factors of x - y and of the output in x0 - y
        keep, new = (1 + std**2 * own) / mean, std**2 * output / mean
        noise = self.eta * std_s * np.sqrt(1 - (mean / mean_s * std_s / std) ** 2)
        rest = np.sqrt(std_s**2 - noise**2) / std
        known = mean_s - rest * np.where(np.arange(len(t)) > 0, mean, 0.0)
        a = rest + known * keep
        return {"a": a, "e": (known * new)[:, None], "c": 1 - a, "s": noise}


@dataclass(frozen=True, kw_only=True)
class Bridge(_Description):
    """The Schroedinger bridge from y to x0 with a data prediction, variance exploding: Jukic et al. (2024).

    ``sigma_t^2 = c (k^2t - 1) / (2 ln k)``, ``sbar_t^2 = sigma_1^2 - sigma_t^2``. The first step of the ODE is the
    limit of its formula, whose weights of x and y grow against each other without bound.

    Attributes:
        k, c: of the schedule.
        steps: network calls.
        t_min: the end.
        stochastic: the SDE in the place of the ODE.
    """

    k: float = 2.6
    c: float = 0.4
    steps: int = 10
    t_min: float = 1e-4
    stochastic: bool = False
    roles: Roles = WITH_Y

    def limits(self) -> list[Limit]:
        """Return the limits of its fields."""
        return [
            ("k", self.k, self.k > 1, "above 1"),
            ("c", self.c, self.c > 0, "above 0"),
            ("steps", self.steps, self.steps >= 1, "from 1 up"),
            ("t_min", self.t_min, 0 < self.t_min < 1, "between 0 and 1"),
            ("roles.y", self.roles.y, self.roles.y is not None, "the condition's name"),
        ]

    def rows(self) -> StepTable:
        """Return a row from each time to the next."""
        times = np.linspace(1, self.t_min, self.steps + 1)
        variance = self.c * (self.k ** (2 * times) - 1) / (2 * np.log(self.k))
        whole = variance[0]
        s2, t2 = variance[1:], variance[:-1]  # of the step's end, and of its start
        sbar2, tbar2 = whole - s2, whole - t2
        if self.stochastic:
            columns = {"a": s2 / t2, "b": 1 - s2 / t2, "s": np.sqrt(s2 * (1 - s2 / t2))}
        else:
            s, t, sbar, tbar = (np.sqrt(v) for v in (s2, t2, sbar2, tbar2))
            with np.errstate(divide="ignore", invalid="ignore"):
                columns = {
                    "a": s * sbar / (t * tbar),
                    "b": (sbar2 - tbar * s * sbar / t) / whole,
                    "c": (s2 - t * s * sbar / tbar) / whole,
                }
            first = {"a": 0.0, "b": sbar2[0] / whole, "c": s2[0] / whole}
            for name, value in first.items():
                columns[name][0] = value
        columns["v"] = np.ones((self.steps, 1))
        return StepTable.of(times[:-1], 1, self.roles, columns, start_noise=0.0, start_y=1.0)


@dataclass(frozen=True, kw_only=True)
class Rddm(_Description):
    """Residual denoising diffusion: Liu et al. (2024), equation 13; the network returns residual and noise.

    ``I_t = I_0 + A_t res + B_t eps``, ``x_s = x_t - (A_t - A_s) res - (B_t - sqrt(B_s^2 - sig^2)) eps + sig z``.
    Residuals are added in falling, noise in growing portions: ``i / (T (T + 1) / 2)``, as in the released experiments.

    The release clips the residual to [-1, 1] and x0 to the same: clamp the residual inside the module, x0 by `clip`.

    Attributes:
        timesteps: T.
        steps: network calls.
        eta: 0 is deterministic; ``sig^2 = eta (B_t^2 - B_s^2) B_s^2 / B_t^2``.
        sum_scale: B_T^2.
        from_zero: whether portions count from 0 to T - 1, as in the release's top-level source, not from 1 to T.
        clip: limit of the |x0| that the last row returns.
    """

    timesteps: int = 1000
    steps: int = 5
    eta: float = 0.0
    sum_scale: float = 0.01
    from_zero: bool = False
    clip: float | None = None
    roles: Roles = WITH_Y

    def limits(self) -> list[Limit]:
        """Return the limits of its fields."""
        return [
            (
                "steps",
                self.steps,
                1 <= self.steps <= self.timesteps,
                f"1 to {self.timesteps} timesteps",
            ),
            ("eta", self.eta, 0 <= self.eta <= 1, "0 to 1"),
            ("sum_scale", self.sum_scale, self.sum_scale > 0, "above 0"),
            ("clip", self.clip, self.clip is None or self.clip > 0, "a number above 0, or none"),
            ("roles.y", self.roles.y, self.roles.y is not None, "the degraded input's name"),
        ]

    def cumulative(self) -> tuple[Float64, Float64]:
        """Return A_t and B_t, (timesteps,)."""
        growing = np.arange(self.timesteps) + (0.0 if self.from_zero else 1.0)
        portions = growing / growing.sum() if self.timesteps > 1 else np.ones(1)
        return np.cumsum(portions[::-1]), np.sqrt(self.sum_scale * np.cumsum(portions))

    def times(self) -> Int64:
        """Times that are visited, from T - 1 down, and then -1: as torch.linspace counts, truncated."""
        part, number = (
            np.float32(self.timesteps) / np.float32(self.steps),
            np.arange(self.steps + 1),
        )
        up = number.astype(np.float32) * part - np.float32(1)
        down = np.float32(self.timesteps - 1) - (self.steps - number).astype(np.float32) * part
        rising = np.where(number < (self.steps + 1) // 2, up, down)
        return np.trunc(rising).astype(np.int64)[::-1]

    def rows(self) -> StepTable:
        """Return a row from each time to the next; the last outputs x0."""
        a, b = self.cumulative()
        times = self.times()
        a_t, b_t = a[times[:-1]], b[times[:-1]]
        a_s, b_s = (np.where(times[1:] < 0, 0.0, v[times[1:]]) for v in (a, b))
        rest = np.divide(b_s, b_t, out=np.zeros_like(b_t), where=b_t > 0)
        variance = self.eta * (b_t**2 - b_s**2) * rest**2
        weights = -np.stack([a_t - a_s, b_t - np.sqrt(b_s**2 - variance)], axis=1)
        columns = {"a": np.ones(self.steps), "e": weights, "s": np.sqrt(variance)}
        if self.clip is not None:  # the sum of the last row is its x0
            last = np.arange(self.steps) == self.steps - 1
            columns |= {"u": last * 1.0, "b": last * 1.0, "a": ~last * 1.0}
            columns |= {"v": weights * last[:, None], "e": weights * ~last[:, None]}
        return StepTable.of(
            times[:-1],
            2,
            self.roles,
            columns,
            clip=self.clip,
            start_noise=float(b[-1]),
            start_y=1.0,
        )


GAMMAS: dict[str, Callable[[Float64], Float64]] = {
    "root": lambda t: np.sqrt(t * (1 - t)),
    "product": lambda t: t * (1 - t),
    "sine": lambda t: np.sin(np.pi * t) ** 2,
}
ONE_SIDED, ZERO = "none", "zero"


@dataclass(frozen=True, kw_only=True)
class Interpolant(_Description):
    """The linear interpolant ``x_t = (1 - t) z + t x1`` by its velocity: Albergo et al. (2023), flow matching.

    ``x <- x + dt (v + eps (t v - x)) + sqrt(2 eps (1 - t) dt) z``; the score is ``(t v - x) / (1 - t)``, and the
    diffusion ``eps (1 - t)`` vanishes with the noise.

    With `gamma` it is two-sided, from data y to data x1, ``x_t = (1 - t) y + t x1 + gamma(t) z``, and begins with y:
    ``x <- x + dt (b - eps e / gamma) + sqrt(2 eps dt) z``. The network returns the drift b and, but for ``zero``,
    e = E[z | x], two outputs. gamma is 0 at both ends, so the first row reads its network at dt, and the first and the
    last row have no eps.

    Attributes:
        steps: network calls, t from 0 to 1.
        eps: 0 is the ODE, above it the SDE.
        gamma: ``none`` is one-sided; ``root`` of t (1 - t), the ``product``, ``sine`` squared of pi t, ``zero``.
    """

    steps: int = 20
    eps: float = 0.0
    gamma: str = ONE_SIDED
    roles: Roles = PLAIN

    def limits(self) -> list[Limit]:
        """Return the limits of its fields."""
        two_sided = self.gamma != ONE_SIDED
        kinds, drawn = (ONE_SIDED, ZERO, *GAMMAS), self.eps > 0 and self.gamma != ZERO
        return [
            ("steps", self.steps, self.steps >= 1 + two_sided, f"from {1 + two_sided} up"),
            ("eps", self.eps, self.eps == 0 or drawn, "from 0 up, 0 of zero"),
            ("gamma", self.gamma, self.gamma in kinds, ", ".join(kinds)),
            ("roles.y", self.roles.y, not two_sided or self.roles.y is not None, "where it begins"),
        ]

    def rows(self) -> StepTable:
        """Return rows by Euler and Maruyama."""
        if self.gamma != ONE_SIDED:
            return self._two_sided()
        t, dt = np.arange(self.steps) / self.steps, 1 / self.steps
        columns = {
            "a": np.full(self.steps, 1 - dt * self.eps),
            "e": (dt * (1 + self.eps * t))[:, None],
            "s": np.sqrt(2 * self.eps * (1 - t) * dt),
        }
        return StepTable.of(t, 1, self.roles, columns)

    def _two_sided(self) -> StepTable:
        number, dt = np.arange(self.steps), 1 / self.steps
        t = np.maximum(number, 1) * dt
        eps = self.eps * ((number > 0) & (number < self.steps - 1))
        drift = np.full(self.steps, dt)
        weights = [drift] if self.gamma == ZERO else [drift, -dt * eps / GAMMAS[self.gamma](t)]
        columns = {
            "a": np.ones(self.steps),
            "e": np.stack(weights, axis=1),
            "s": np.sqrt(2 * eps * dt),
        }
        return StepTable.of(t, len(weights), self.roles, columns, start_noise=0.0, start_y=1.0)
