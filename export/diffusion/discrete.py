"""Fields of a sampler of a discrete schedule, from which step tables are made."""

from dataclasses import dataclass

from edgekit.base.sampler_table import Roles
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.diffusion.start_and_noise import StartAndNoise

LINEAR, ROLES = Schedule(), Roles()


@dataclass(frozen=True)
class Discrete(StartAndNoise):
    """A sampler of a discrete variance-preserving schedule; start and noise as in `StartAndNoise`.

    Attributes:
        schedule: the schedule of the network's training.
        prediction: the network's output: ``eps``, ``v``, ``x0``, or the ``score``.
        kind: a row of `description.SAMPLERS`.
        steps: network calls (pairs of them, with guidance).
        spacing: which training steps these are, see `schedule.timesteps`; `timesteps` names them instead.
        eta: of ddim: 0 is deterministic, 1 is DDPM's noise.
        variance: of ddpm and diffusevae: ``small`` is the posterior's, ``large`` the step's beta, as DiffuseVAE's
            release draws.
        guidance: weight w of classifier-free guidance, ``e_null + w (e - e_null)``; 1 is none.
        clip: limit of |x0|.
        timesteps: given training steps, from the noisiest down; for ddim-encode rising, with the last one included.
        one_more_step: whether the network `first` draws x_T, see `step_tables.one_more_step`.
        keys: rows that run the whole network, the others its decoder alone: rows, ``paper``, ``every:M`` or
            ``saving:SHARE``, see `key_steps.with_key_steps`; empty for all.
        cut: names of the tensors between encoder and decoder; found automatically if empty.
        prior_noise: of x_T, added in the second half of the rows.
        fold: whether values that depend only on the timestep become a table, see `fold_steps`.
        roles: the network's inputs; with guidance `roles.null` maps each condition to its replacement.
    """

    schedule: Schedule = LINEAR
    prediction: str = "eps"
    kind: str = "ddim"
    steps: int = 20
    spacing: str = "uniform"
    eta: float = 0.0
    variance: str = "small"
    guidance: float = 1.0
    clip: float | None = None
    timesteps: tuple[int, ...] = ()
    one_more_step: bool = False
    keys: str | tuple[int, ...] = ()
    cut: tuple[str, ...] = ()
    prior_noise: float = 0.0
    fold: bool = True
    roles: Roles = ROLES
