"""Descriptions of samplers: what they may say, what suits a network, and files of them."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from diffusion_networks import SAMPLER, tiny_model

from edgekit.base.errors import UsageError
from edgekit.base.sampler_table import Roles
from edgekit.export.diffusion.description import Sampler, attach, condition_values, read_sampler
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.diffusion.step_tables_sde import Bridge, Interpolant, Ouve, Rddm
from edgekit.graph.model import Model

COSINE = Schedule("cosine", 1000)
RISING = Sampler(COSINE, kind="ddim-encode", steps=2)


@cache
def plain() -> Model:
    return tiny_model()


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (Sampler(COSINE, steps=1001), "sampler, steps: 1001; allowed: 1 to the schedule's 1000"),
        (Sampler(COSINE, "noise"), "allowed: eps, v, x0, score"),
        (Sampler(COSINE, kind="euler"), "sampler, kind: 'euler'; allowed: ddim, ddpm, dpm++2m"),
        (Sampler(COSINE, spacing="log"), "sampler, spacing: 'log'"),
        (Sampler(COSINE, kind="ddpm", eta=0.5), "sampler, eta: 0.5 with ddpm"),
        (Sampler(COSINE, guidance=3.0), "sampler, guidance: 3.0 without roles.null"),
        (
            Sampler(COSINE, variance="large"),
            "sampler, variance: 'large' with ddim; allowed: with ddpm",
        ),
        (Sampler(COSINE, kind="ddpm", variance="beta"), "'beta'; allowed: small, large"),
        (Sampler(COSINE, steps=2, timesteps=(10, 20)), "sampler, timesteps: (10, 20)"),
        (Sampler(COSINE, clip=-1.0), "sampler, clip: -1.0"),
        (Sampler(Schedule("given", 3, alphas_bar=(0.9, 0.95, 0.1)), steps=2), "do not fall"),
        (Sampler(Schedule("linear", 10, 0.5, 0.1), steps=2), "schedule, betas: 0.5 to 0.1"),
        (
            replace(RISING, timesteps=(20, 10, 0)),
            "integers that rise, from 0 to below 1000, one more",
        ),
        (replace(RISING, timesteps=(0, 10)), "timesteps: (0, 10) with ddim-encode"),
        (replace(RISING, steps=1000), "steps: 1000 with ddim-encode; allowed: below 1000"),
        (replace(RISING, clip=1.0), "clip: 1.0 with ddim-encode; allowed: none"),
        (
            replace(RISING, guidance=2.0, roles=Roles(null={"label": 1})),
            "guidance: 2.0 with ddim-encode",
        ),
        (replace(RISING, eta=0.5), "eta: 0.5 with ddim-encode"),
        (replace(RISING, start="analytic", start_mean=(0.0,)), "start: analytic with ddim-encode"),
        (replace(RISING, start_noise=0.5), "start_noise: 0.5 with ddim-encode"),
        (replace(RISING, noise="given"), "noise: given to rows that draw none"),
        (Sampler(Schedule("sqrt")), "schedule, kind: 'sqrt'; allowed: cosine, linear"),
    ],
)
def test_a_description_that_cannot_be_says_why(sampler: Sampler, said: str) -> None:
    with pytest.raises(UsageError) as error:
        sampler.table()
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (
            replace(SAMPLER, roles=Roles(time="timestep")),
            "no input 'timestep'; allowed: x, t, label",
        ),
        (replace(SAMPLER, roles=Roles(x="z")), "sampler, roles.x: the network has no input 'z'"),
        (
            replace(SAMPLER, roles=Roles(x="t"), guidance=1.0),
            "sampler: x (1,), outputs (1, 1, 8, 8)",
        ),
        (replace(SAMPLER, roles=Roles(null={"class": 3})), "the network has no input 'class'"),
        (
            replace(SAMPLER, prediction="eps"),
            "sampler, prediction: eps; allowed: v: the network's own",
        ),
        (
            replace(SAMPLER, schedule=replace(SAMPLER.schedule, timesteps=500)),
            "sampler, schedule, timesteps: 500; allowed: 1000: the network's own",
        ),
        (replace(SAMPLER, steps=2000), "sampler, steps: 2000"),
    ],
)
def test_a_sampler_that_is_not_the_networks_says_why(sampler: Sampler, said: str) -> None:
    model = plain().describe(trained={"prediction": "v", "timesteps": 1000})
    with pytest.raises(UsageError) as error:
        attach(model, sampler)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind = 'ouve'\nsteps = 3\n[roles]\ny = 'noisy'", Ouve(steps=3, roles=Roles(y="noisy"))),
        ("kind = 'bridge'\nstochastic = true", Bridge(stochastic=True)),
        ("kind = 'rddm'\neta = 1", Rddm(eta=1)),
        ("kind = 'interpolant'\neps = 0.5", Interpolant(eps=0.5)),
    ],
)
def test_files_name_them_by_their_kind(text: str, expected: Any, tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(text)
    assert read_sampler(tmp_path / "sampler.toml") == expected


def test_conditions_are_what_the_loop_does_not_fill() -> None:
    assert list(condition_values(attach(plain(), SAMPLER))) == ["label"]
