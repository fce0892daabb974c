"""Search over starts: what it finds is drawn again, a verifier's best never falls, and C finds the same seed."""

import ctypes
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builds import lowered
from c_kernels import CC, needs_cc
from doc_code import code, names
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit import search
from edgekit.base.errors import UsageError
from edgekit.export.diffusion.description import Sampler as Description
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.diffusion.schedule import Schedule
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_cc
SHAPE = (1, 8, 8)
SCHEDULE = Schedule("linear")
GIVEN = Description(SCHEDULE, steps=5, start="given")


class Field(nn.Module):
    """The exact eps of pixels N(mean, 0.3^2), whose mean falls from left to right."""

    def __init__(self) -> None:
        super().__init__()
        self.ab = nn.Buffer(torch.from_numpy(SCHEDULE.ab).float())
        self.mean = nn.Buffer(torch.linspace(0.9, -0.9, SHAPE[2]))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        bar = self.ab[t.long()][:, None, None, None]
        gain = (1 - bar).sqrt() / (bar * 0.09 + 1 - bar)
        return gain * x - gain * bar.sqrt() * self.mean


class Critic(nn.Module):
    """How much brighter the upper half is: no property of the field."""

    def forward(self, image: Tensor) -> Tensor:
        return image[:, :, :4].mean((1, 2, 3)) - image[:, :, 4:].mean((1, 2, 3))


def painter() -> tuple[nn.Module, dict[str, Tensor]]:
    return Field(), {"x": torch.zeros(1, *SHAPE), "t": torch.tensor([3.0])}


def critic() -> tuple[nn.Module, dict[str, Tensor]]:
    return Critic(), {"image": torch.zeros(1, *SHAPE)}


@cache
def network(factory: str) -> Any:
    return load_model(f"{__name__}:{factory}", ImportOptions()).network


def built(description: Description | None, folder: Path, factory: str = "painter") -> Path:
    model = network(factory)
    if description is not None:
        model = fold_steps(attach(model, description))
    lowered(model, folder, "c99")
    return folder


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    return Sampler.open(built(GIVEN, tmp_path_factory.mktemp("given") / "b"))


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(None, tmp_path_factory.mktemp("judge") / "b", "critic")


def rewarded(image: NDArray[np.float32]) -> float:
    return float(image[0, 0, :4].mean() - image[0, 0, 4:].mean())


def is_drawn_again(found: search.Found) -> bool:
    return np.array_equal(found.sampler.sample(1, found.seed, found.given), found.image)


def test_the_best_of_more_is_better_and_a_plain_sample_of_its_start(
    given: Sampler, judge: Path
) -> None:
    verifier, plain = Stream.open(judge), []
    for seed in range(7, 15):
        z = search._normals(given, seed)
        plain.append(rewarded(given.sample(1, seed, {"start": z})))
    best = [search.random(given, verifier, n, 7) for n in (1, 4, 8)]
    assert [found.score for found in best] == pytest.approx(
        [max(plain[:n]) for n in (1, 4, 8)], abs=1e-6
    )
    assert best[0].score < best[2].score and all(map(is_drawn_again, best))
    assert best[2].seed == 7 + int(np.argmax(plain))
    assert best[2].scores == tuple(np.maximum.accumulate(best[2].scores))
    assert best[2].scores[3] == best[1].score


def test_neighbours_keep_their_norm_and_the_walk_never_falls(given: Sampler) -> None:
    seen: list[float] = []

    def verifier(image: NDArray[np.float32]) -> float:
        seen.append(rewarded(image))
        return seen[-1]

    found = search.zero_order(given, verifier, 4, 6, 0.5, 3)
    assert len(seen) == 25 == len(found.scores) and is_drawn_again(found)
    assert found.scores == tuple(np.maximum.accumulate(seen)) and found.score > 2 * seen[0]
    assert 0.8 < np.std(found.given["start"]) < 1.2
    near = search.zero_order(given, rewarded, 1, 1, 1e-3, 3, {"start": found.given["start"]})
    assert abs(near.score - found.score) < 1e-2 and near.score >= found.score


@pytest.mark.parametrize("kind", ["ddim", "ddpm"])
def test_paths_begin_within_and_are_drawn_again(kind: str, given: Sampler, tmp_path: Path) -> None:
    sampler = given
    if kind == "ddpm":
        drawn = Description(SCHEDULE, kind="ddpm", steps=5, start="given")
        sampler = Sampler.open(built(drawn, tmp_path / "b"))
    seen: list[NDArray[np.float32]] = []

    def verifier(image: NDArray[np.float32]) -> float:
        seen.append(image)
        return rewarded(image)

    found = search.paths(sampler, verifier, 3, 4, 3, 2, 11)
    assert len(seen) == 15 and is_drawn_again(found)
    assert found.score == max(map(rewarded, seen))
    assert np.array_equal(seen[5], search.random(sampler, rewarded, 1, 12).image)
    paths = np.concatenate(seen[1:5])
    assert np.ptp(paths, axis=0).min() > 0  # each noise is its own
    assert search.paths(sampler, rewarded, 3, 0, 3, 2, 11).score <= found.score
    columns = np.concatenate(seen).mean((0, 1, 2))
    assert np.abs(columns - np.linspace(0.9, -0.9, 8)).max() < 0.2  # still the data's


def test_c_finds_the_seed_that_python_finds(judge: Path, tmp_path: Path) -> None:
    folder = built(Description(SCHEDULE, steps=5), tmp_path / "painter")
    (tmp_path / "best.c").write_text(code("guides/diffusion-search.md", "Search over starts", "c"))
    sources = [str(path) for place in (folder, judge) for path in sorted(place.glob("*.c"))]
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off", "-fPIC"]
    include = [f"-I{folder}", f"-I{judge}"]
    command = [str(CC), *options, *include, "best.c", *sources, "-shared", "-o", "best.so"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    best_of = ctypes.CDLL(str(tmp_path / "best.so")).best_of
    best_of.restype = ctypes.c_int64
    image, score = np.zeros((1, *SHAPE), np.float32), ctypes.c_float()
    seed = best_of(
        ctypes.c_uint32(20), 9, image.ctypes.data_as(ctypes.c_void_p), ctypes.byref(score)
    )
    found = search.random(Sampler.open(folder), Stream.open(judge), 9, 20)
    assert seed == found.seed and np.array_equal(image, found.image)
    assert score.value == found.score


def test_noise_diffusion_goes_from_one_picture_to_another(tmp_path: Path) -> None:
    encode = Description(SCHEDULE, kind="ddim-encode", steps=100, spacing="linspace")
    decode = Description(SCHEDULE, steps=101, spacing="linspace", start="given")
    there, back = (Sampler.open(built(each, tmp_path / each.kind)) for each in (encode, decode))
    mean, random = np.linspace(0.9, -0.9, 8), np.random.default_rng(0)
    ends = [(mean + 0.3 * random.standard_normal((1, *SHAPE))).astype(np.float32) for _ in "ab"]
    between, ab = (
        names("guides/diffusion.md", "From an image to its noise")["between"],
        SCHEDULE.ab[999],
    )
    for f, end in zip((0.0, 1.0), ends, strict=True):
        found = between(there, back, *ends, f, ab, boost=1.0)
        noise = np.clip(there.sample(1, 0, {"start": end}), -2, 2)
        again = back.sample(1, 0, {"start": noise})
        assert np.abs(found - again).max() < 1e-5
        assert 10 * np.log10(4 / np.mean((found - end) ** 2)) > 20
    half = between(there, back, *ends, 0.5, ab)
    apart = [float(np.abs(half - end).mean()) for end in ends]
    assert max(apart) < float(np.abs(ends[0] - ends[1]).mean())
    assert np.abs((half - mean).std() - 0.3) < 0.12


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: search.random(s, rewarded, 0, 0), "search, n: 0; allowed: 1 or more"),
        (lambda s: search.random(s, rewarded, 2, 2**32 - 1), "allowed: 0 to 2^32 - 2"),
        (lambda s: search.zero_order(s, rewarded, 1, 0, 0.5, 0), "search, rounds: 0"),
        (lambda s: search.zero_order(s, rewarded, 1, 1, 1.5, 0), "distance: 1.5; allowed: above 0"),
        (lambda s: search.paths(s, rewarded, 1, 1, 5, 1, 0), "search, stop: 5; allowed: 1 to 4"),
        (lambda s: search.paths(s, rewarded, 1, 1, 2, 3, 0), "search, back: 3; allowed: 1 to 2"),
        (lambda s: search.random(s, s.stream, 1, 0), "verifier: 2 inputs, outputs of 64 numbers"),
        (lambda s: search.random(s, rewarded, 1, 0, {"label": 1}), "condition 'label'"),
    ],
)
def test_a_wrong_search_says_why(call: Any, said: str, given: Sampler) -> None:
    with pytest.raises(UsageError) as error:
        call(given)
    assert said in str(error.value)


def test_samplers_that_cannot_be_searched_say_why(tmp_path: Path) -> None:
    own = Sampler.open(built(Description(SCHEDULE, steps=3), tmp_path / "own"))
    for call in (search.zero_order, search.paths):
        with pytest.raises(
            UsageError, match="a start that the build draws itself; allowed: a given start"
        ):
            call(own, rewarded, 1, 1, *((0.5,) if call is search.zero_order else (1, 1)), 0)
    multistep = Description(SCHEDULE, kind="dpm++2m", steps=4, start="given")
    steps = Sampler.open(built(multistep, tmp_path / "steps"))
    with pytest.raises(UsageError, match="rows that read a row before, or the start"):
        search.paths(steps, rewarded, 1, 1, 1, 1, 0)
