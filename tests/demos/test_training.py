"""What trainings share: runs that go on, averages, pools, falling rates."""

import math
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.base.npz import read_npz
from edgekit.demos.training import (
    Plan,
    Run,
    cosine_fall,
    follow,
    pool_batches,
    run_training,
    train_steps,
)


def loss_of(network: nn.Linear, batch: Tensor) -> Tensor:
    return (network(batch) - 1).square().mean()


def ones(_first: int) -> Iterator[Tensor]:
    return repeat(torch.ones(4, 2))


def judge(network: nn.Linear) -> tuple[float, str]:
    with torch.no_grad():
        return float(loss_of(network, torch.ones(1, 2))), "said"


def test_a_training_goes_on_from_its_checkpoint_and_keeps_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    network, out = nn.Linear(2, 1), tmp_path / "w.npz"
    before = judge(network)[0]
    run_training(network, Plan(out, 0.1, 1, steps=30, every=10, warm_up=1), ones, loss_of, judge)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert first["step"] == 30 and first["best"] < before / 2
    assert capsys.readouterr().out.count("said") == 3
    again = nn.Linear(2, 1)
    run_training(again, Plan(out, 0.1, 1, steps=5), ones, loss_of, judge)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 35 and second["best"] <= first["best"]
    assert sorted(read_npz(out)) == ["bias", "weight"]


def test_a_run_without_a_file_begins_anew(tmp_path: Path) -> None:
    networks = nn.Linear(1, 1), nn.Linear(1, 1)
    optimizer = torch.optim.SGD(networks[0].parameters(), 0.1)
    run = Run(tmp_path / "run.checkpoint", *networks, optimizer, best=math.inf)
    assert run.step == 0
    run.best = 3.0
    run.keep(7)
    found = Run(tmp_path / "run.checkpoint", *networks, optimizer, best=math.inf)
    assert (found.step, found.best) == (7, 3.0) and found.spent() >= run.seconds


def test_the_average_follows_floats_and_copies_counts() -> None:
    average, network = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    nn.init.constant_(network.weight, 3.0)
    network.num_batches_tracked.fill_(5)
    follow(average, network, 0.75)
    assert average.weight.item() == 1.5 and average.num_batches_tracked.item() == 5


def test_the_rate_falls_from_one_and_stays_at_its_end() -> None:
    assert cosine_fall(0) == 1 and cosine_fall(1) == cosine_fall(2) == pytest.approx(0.05)
    assert cosine_fall(0.5) == pytest.approx(0.525)


def test_a_pool_takes_new_items_and_drops_the_oldest() -> None:
    drawn = iter(range(100))
    pools = pool_batches(lambda: next(drawn), 2, 3, np.random.default_rng(0))
    batches = list(islice(pools, 20))
    assert all(len(set(batch)) == 2 for batch in batches)
    assert all(
        max(batch) - min(batch) < 3 and max(batch) <= n + 2 for n, batch in enumerate(batches)
    )
    assert min(batches[-1]) >= 19


def test_steps_end_with_the_time() -> None:
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    batches = ones(0)
    steps = list(
        train_steps(network, batches, lambda x: loss_of(network, x), 0.1, cosine_fall, 0.002, 0.9)
    )
    assert steps[-1].done >= 1 > steps[0].done and steps[-1].loss < 1
    assert str(steps[0]).startswith("step 1, ")
