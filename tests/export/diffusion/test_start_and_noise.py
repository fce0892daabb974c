"""Starts and noise that are given: the bits of drawn ones, images found again, the moments of Analytic-Init."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import STRICT, lowered
from c_kernels import CC, needs_cc
from diffusion_networks import NULL, SAMPLER, SHAPE, labels, tiny_model
from numpy.typing import NDArray
from sampler_networks import two_outputs
from typer.testing import CliRunner

from edgekit import api
from edgekit.base import sampler_loop
from edgekit.base.errors import UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import COLUMNS, Arrays, Roles, StepTable
from edgekit.cli import app
from edgekit.export.diffusion.description import Sampler, attach, read_sampler
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.diffusion.schedule import Schedule
from edgekit.export.diffusion.step_tables_sde import Bridge, Interpolant, Ouve, Rddm
from edgekit.graph.model import Model
from edgekit.judge.sampling import sampled_calls
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe_file import find_recipe
from edgekit.runtime.sampler import Sampler as Running

pytestmark = pytest.mark.usefixtures("few_calls")
N, SEED = 2, 5
DRAWN = replace(SAMPLER, eta=1.0)
GIVEN = replace(DRAWN, start="given", noise="given")


network = cache(tiny_model)


def model(sampler: Sampler, recipe: str) -> Model:
    """The tiny denoiser with a sampler, in a recipe; calibrated alike whoever draws."""
    made = fold_steps(attach(network(), sampler))
    if recipe == "float32":
        return made
    return quantize(made, Calibration((calls(),), "own"), find_recipe(recipe))


@cache
def calls() -> Arrays:
    drawn = fold_steps(attach(network(), DRAWN))
    return sampled_calls(drawn, drawn, None, 2)


def draws(seed: int, rows: int, shape: tuple[int, ...]) -> Arrays:
    """What the counter draws, as conditions."""
    seeds, size = sampler_loop.image_seeds(seed, 0, N), int(np.prod(shape))
    noise = [normals(seeds, 1 + row, size).reshape(N, 1, *shape) for row in range(rows)]
    start = normals(seeds, 0, size).reshape(N, *shape)
    return {"start": start, "noise": np.concatenate(noise, axis=1)}


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("recipe", ["float32", "w8a8"])
def test_what_is_given_draws_the_bits_of_what_is_drawn(recipe: str, tmp_path: Path) -> None:
    lowered(model(DRAWN, recipe), tmp_path / "drawn", "c99")
    lowered(model(GIVEN, recipe), tmp_path / "given", "c99")
    expected = Running.open(tmp_path / "drawn").sample(N, SEED, labels(N))
    running = Running.open(tmp_path / "given")
    given = labels(N) | draws(SEED, 5, SHAPE)
    assert [tensor.shape for tensor in running.conditions] == [
        (1,),
        (1, *SHAPE),
        (1, 5, *SHAPE),
        (1, *SHAPE),
    ]
    found = running.sample(N, SEED + 1, given)
    assert np.array_equal(found, expected)
    whole = given | {"residual": np.zeros((N, *SHAPE))}
    assert np.array_equal(found, running.by_rows(N, SEED + 2, whole))


@needs_cc
@pytest.mark.parametrize(("recipe", "kind"), [("float32", "ddpm"), ("w8a8", "ddim")])
def test_inverted_images_are_drawn_again(recipe: str, kind: str, tmp_path: Path) -> None:
    """As exactly by integers as by floats, whatever they make of an image that they never saw."""
    sampler = replace(GIVEN, kind=kind, eta=float(kind == "ddim"))
    lowered(model(sampler, recipe), tmp_path, "c99")
    running = Running.open(tmp_path)
    images = np.random.default_rng(3).uniform(-1, 1, (N, *SHAPE)).astype(np.float32)
    maps = running.invert(images, SEED, labels(N))
    assert {name: array.shape for name, array in maps.items()} == {
        "start": images.shape,
        "noise": (N, 5, *SHAPE),
        "residual": images.shape,
    }
    again = running.sample(N, 0, labels(N) | maps)
    assert np.sqrt(np.mean(np.square(again - images))) < 1e-6
    without = running.sample(N, 0, labels(N) | {**maps, "residual": 0.0})
    assert np.abs(without - images).max() > 1e-4
    other = running.sample(N, 0, {"label": np.full(N, 7)} | maps)
    assert np.abs(other - images).max() > 1e-3


def test_an_image_is_inverted_alike_in_any_number() -> None:
    table = replace(GIVEN, guidance=1.0, roles=Roles()).table()

    def denoiser(inputs: Arrays, step: Step) -> list[NDArray[Any]]:
        return [np.tanh(inputs["x"] + np.float32(step.row))]

    images = np.random.default_rng(0).standard_normal((3, *SHAPE)).astype(np.float32)
    whole = sampler_loop.invert(table, denoiser, images, SEED)
    last = sampler_loop.invert(table, denoiser, images[2:], SEED, first=2)
    for name, array in whole.items():
        assert np.array_equal(array[2:], last[name])


# -- Gaussian data -----------------------------------------------------------------------------------


def moments(sampler: Sampler, given: Callable[[int], Arrays] | None = None) -> tuple[float, float]:
    """Of samples of N(0.8, 0.3^2), where the network is exact."""
    ab, n = sampler.schedule.ab, 20_000

    def denoiser(inputs: Arrays, step: Step) -> list[NDArray[Any]]:
        bar, x = ab[int(step.time)], inputs["x"]
        return [np.sqrt(1 - bar) * (x - np.sqrt(bar) * 0.8) / (bar * 0.09 + 1 - bar)]

    conditions = {} if given is None else given(n)
    x = sampler_loop.sample(sampler.table(), denoiser, (1,), n, SEED, conditions, np.float64)
    return float(x.mean()), float(x.std())


def late(**facts: Any) -> Sampler:
    """From 0.7 T on, in 200 steps."""
    visited = tuple(int(t) for t in np.rint(np.linspace(699, 0, 200)))
    return Sampler(Schedule("linear"), "eps", steps=200, timesteps=visited, **facts)


def test_a_late_start_needs_the_moments_of_the_data() -> None:
    mean, spread = moments(late(start="analytic", start_mean=(0.8,), start_variance=0.09))
    assert abs(mean - 0.8) < 0.005 and 0.285 < spread < 0.305
    bare, _ = moments(late())
    assert bare < 0.79


def test_a_noised_image_starts_as_the_analytic_start_does() -> None:
    """SDEdit: the image and the seed's noise, each at the level of the first row."""
    first = float(Schedule("linear").ab[699])
    sampler = late(start="given", start_scale=np.sqrt(first), start_noise=np.sqrt(1 - first))
    random = np.random.default_rng(1)
    mean, spread = moments(sampler, lambda n: {"start": random.normal(0.8, 0.3, (n, 1))})
    assert abs(mean - 0.8) < 0.007 and 0.285 < spread < 0.31


def test_every_kind_takes_its_start_and_noise() -> None:
    kinds: list[Any] = [
        Interpolant(eps=0.5, start="given", noise="given"),
        Rddm(eta=0.5, start="given", start_noise=0.1, noise="given"),
        Bridge(stochastic=True, start="given", noise="given"),
        Ouve(steps=3, start="given", noise="given"),
        Sampler(kind="diffusevae", roles=Roles(y="y"), start="given", noise="given"),
    ]
    for sampler in kinds:
        table = sampler.table()
        own = table.own_conditions((1, *SHAPE))
        assert own["noise"] == (1, table.rows, *SHAPE) and {"start", "residual"} <= own.keys()
        assert (table.start_scale, table.start_y) == (1.0, 0.0)
        assert StepTable.from_facts(json.loads(json.dumps(table.facts()))).digest == table.digest


# -- every term of a start in C ----------------------------------------------------------------------


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize(
    ("scalars", "roles"),
    [
        ({"start_noise": 0.7, "start_y": 0.3, "start_scale": 0.5}, {"start": "begin"}),
        ({"start_noise": 0.0, "start_scale": 1.0}, {"start": "begin"}),
        ({"start_mean": [0.25]}, {"noise": "drawn", "residual": "rest"}),
        ({"start_noise": 0.0, "start_mean": np.arange(6) / 7}, {"noise": "drawn"}),
        ({"start_noise": 0.0}, {"residual": "rest", "noise": "drawn"}),
    ],
)
def test_every_term_of_a_start_has_the_same_bits_in_c(
    scalars: dict[str, Any], roles: dict[str, str], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {name: random.standard_normal(4) for name in COLUMNS}
    columns |= {name: random.standard_normal((4, 2)) for name in ("v", "e")}
    table = StepTable.of(np.arange(4) / 4, 2, Roles(y="y", **roles), columns, **scalars)
    build = lowered(attach(two_outputs(), table), tmp_path, "c99")
    sampler = Running.open(tmp_path)
    given = {
        tensor.name: random.standard_normal((N, *tensor.shape[1:])).astype(np.float32)
        for tensor in sampler.conditions
    }
    assert {"y", *roles.values()} == given.keys()
    found = sampler.sample(N, SEED, given)
    assert found.std() > 0.1
    assert np.array_equal(found, sampler.by_rows(N, SEED, given))
    counted = scalars.get("start_noise", 1.0) != 0 or "noise" not in roles
    assert ("ek_normal_f32.c" in " ".join(build.files)) == counted
    sources = [name for name in build.files if name.endswith(".c")]
    done = subprocess.run(
        [str(CC), *STRICT, "-Wshadow", "-Wconversion", "-c", *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# -- the verbs ---------------------------------------------------------------------------------------

DESCRIPTION = f"""\
prediction = "v"
steps = 5
eta = 1.0
guidance = 2.0
clip = 1.5
start = "given"
noise = "given"
[schedule]
kind = "cosine"
[roles]
null = {{ label = {NULL} }}
"""


@pytest.mark.slow
@needs_cc
def test_the_verbs_give_images_back(tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(DESCRIPTION)
    build, run = tmp_path / "build", CliRunner()
    made = api.export(
        "diffusion_networks:tiny_unet",
        "c99",
        build,
        recipe="w8a8",
        sampler=tmp_path / "sampler.toml",
    )
    assert made.manifest.verification is not None
    assert made.manifest.verification["bit_exact_with_oracle"] is True
    x = np.random.default_rng(0).uniform(-1, 1, (N, *SHAPE)).astype(np.float32)
    np.savez(tmp_path / "images.npz", x=x)
    told = ["--condition", "label=1,2"]
    maps, again = str(tmp_path / "maps.npz"), str(tmp_path / "again.npz")
    done = run.invoke(app, ["invert", str(build), str(tmp_path / "images.npz"), "-o", maps, *told])
    assert done.exit_code == 0, done.output
    done = run.invoke(
        app, ["sample", str(build), "-n", "2", "-o", again, "--start", maps, "--noise", maps, *told]
    )
    assert done.exit_code == 0, done.output
    with np.load(again) as found:
        assert np.sqrt(np.mean(np.square(found["x"] - x))) < 1e-6
    with pytest.raises(UsageError, match="condition 'noise': not given"):
        api.sample(build, N, 0, conditions={"label": 1}, start=maps)
    with pytest.raises(UsageError, match="x, label; allowed: an array 'start'"):
        np.savez(tmp_path / "other.npz", x=x, label=[1, 2])
        api.sample(build, N, 0, conditions={"label": 1}, start=tmp_path / "other.npz")
    with pytest.raises(UsageError, match=r"images: shape \(2, 3\); allowed: \(images, 1, 8, 8\)"):
        np.savez(tmp_path / "other.npz", x=np.zeros((2, 3)))
        api.invert(build, tmp_path / "other.npz", conditions={"label": 1})
    with pytest.raises(UsageError, match=r"allowed: \.npz"):
        api.invert(build, tmp_path / "images.npz", out=tmp_path / "maps.png")


@needs_cc
def test_a_build_of_its_own_noise_says_so(tmp_path: Path) -> None:
    lowered(model(DRAWN, "float32"), tmp_path / "build")
    np.savez(tmp_path / "x.npz", x=np.zeros((1, *SHAPE)))
    x = tmp_path / "x.npz"
    with pytest.raises(UsageError) as error:
        api.sample(tmp_path / "build", 1, 0, conditions={"label": 1}, start=x, noise=x)
    assert [p.where for p in error.value.problems] == ["--start", "--noise"]
    with pytest.raises(UsageError, match="inversion: a start or noise of its own"):
        api.invert(tmp_path / "build", x, conditions={"label": 1})


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (Sampler(start="zero"), "sampler, start: zero; allowed: noise, given, analytic"),
        (Sampler(noise="mine"), "sampler, noise: mine; allowed: drawn, given"),
        (Sampler(start="analytic"), "sampler, start_mean: none"),
        (Interpolant(start="analytic", start_mean=(0.0,)), "analytic of kinds with a [schedule]"),
        (Sampler(start_scale=0.5), "start_scale: given; allowed: with start = 'given' alone"),
        (Sampler(start_mean=(1.0,)), "start_mean: given; allowed: with start = 'analytic' alone"),
        (Sampler(start="given", start_noise=-1.0), "start_noise: -1.0"),
        (Sampler(noise="given"), "sampler, noise: given to rows that draw none"),
        (Sampler(roles=Roles(start="x_T")), "roles.start: given; allowed: with start = 'given'"),
        (Sampler(one_more_step=True, start="given"), "one_more_step: start = 'given'"),
    ],
)
def test_a_description_that_cannot_be_says_why(sampler: Any, said: str) -> None:
    with pytest.raises(UsageError) as error:
        sampler.table()
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (Sampler(kind="ddpm", start="given", start_scale=0.5, noise="given"), "of its own"),
        (Sampler(kind="diffusevae", roles=Roles(y="y"), start="given", noise="given"), "how noisy"),
        (Interpolant(eps=1.0, start="given", noise="given"), "do not say how noisy x is"),
    ],
)
def test_rows_that_cannot_be_inverted_say_why(sampler: Any, said: str) -> None:
    with pytest.raises(UsageError) as error:
        sampler_loop.invert(sampler.table(), lambda *_: [], np.zeros((1, *SHAPE)), 0)
    assert said in str(error.value)


def test_names_and_sizes_must_suit_the_network() -> None:
    with pytest.raises(UsageError, match=r"roles.noise: 'label' is an input of the network"):
        attach(network(), replace(GIVEN, roles=replace(GIVEN.roles, noise="label")))
    with pytest.raises(UsageError, match="start_mean: 2 numbers; allowed: 1, or the 64 of x"):
        attach(network(), replace(SAMPLER, start="analytic", start_mean=(1.0, 2.0)))


def test_a_file_says_it(tmp_path: Path) -> None:
    path = tmp_path / "sampler.toml"
    path.write_text("start = 'given'\nstart_noise = 0.5\nstart_scale = 0.5\n[roles]\nstart = 'x_T'")
    assert read_sampler(path) == Sampler(
        start="given", start_noise=0.5, start_scale=0.5, roles=Roles(start="x_T")
    )
    path.write_text("kind = 'interpolant'\neps = 1.0\nnoise = 'given'")
    assert read_sampler(path) == Interpolant(eps=1.0, noise="given")
