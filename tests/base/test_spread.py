"""Items on workers of Dask: the results of one machine, whatever dies meanwhile."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import float_model, noise
from c_kernels import needs_cc
from spread_work import ends, refused, scaled

import edgekit
from edgekit import api
from edgekit.base import spread
from edgekit.base.errors import ToolError, UsageError
from edgekit.base.spread import HERE, SharedValue, Team, Workers, open_team
from edgekit.judge.measurement import Meter, Reference
from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.search.search import rank
from edgekit.quantize.search.space import make_space
from edgekit.targets.macs import node_macs
from edgekit.verbs.auto import search as auto

dask = pytest.importorskip("dask", reason="needs dask: pip install distributed")
distributed = pytest.importorskip("distributed", reason="needs dask: pip install distributed")

LOOPBACK = {
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "silence_logs": logging.CRITICAL,
}


@pytest.fixture(scope="module")
def there() -> Iterator[Workers]:
    """A cluster of two worker processes on loopback, which waits 5 s, not 30, for one that was killed."""
    waits = {
        "distributed.comm.timeouts.connect": "5s",
        "distributed.deploy.lost-worker-timeout": "1 day",
    }
    with (
        dask.config.set(waits),
        distributed.LocalCluster(**LOOPBACK, n_workers=2) as cluster,
    ):
        yield Workers(scheduler=cluster.scheduler_address)


@pytest.mark.slow
def test_results_are_those_of_one_process_though_workers_are_killed(there: Workers) -> None:
    with open_team(HERE) as team:
        expected = [value for value, _ in team.spread(scaled, range(40), SharedValue(0.1))]
    came: dict[int, float] = {}

    def told(place: int, result: tuple[float, int]) -> None:
        came[place] = result[0]
        if len(came) in (3, 12):
            os.kill(result[1], signal.SIGKILL)

    with open_team(there) as team:
        found = team.spread(scaled, range(40), SharedValue(0.1), told)
        # what a worker that began later has not heard of
        other = team.spread(scaled, range(3), SharedValue(2.0))
    assert [value for value, _ in found] == expected == [came[place] for place in range(40)]
    assert len({pid for _, pid in found}) > 2
    assert [value for value, _ in other] == [scaled(2.0, item)[0] for item in range(3)]


def test_there_are_as_many_workers_as_asked_for() -> None:
    with open_team(Workers(3)) as team:
        assert team.size == 3


def test_what_an_item_raises_is_raised_and_workers_stay(there: Workers) -> None:
    with open_team(there) as team:
        with pytest.raises(UsageError, match="item 7: two; allowed: one; next: three"):
            team.spread(refused, [7], SharedValue(None))
        assert len(team.spread(scaled, range(3), SharedValue(1.0))) == 3


def test_an_item_that_ends_its_workers_is_named(there: Workers) -> None:
    with distributed.Client(there.scheduler) as client:
        client.run_on_scheduler(
            lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0)
        )
    with open_team(there) as team, pytest.raises(ToolError, match="item 1 ended each"):
        team.spread(ends, [0], SharedValue(None))


@pytest.mark.parametrize("gone", ["workers", "scheduler"])
def test_items_end_once_no_worker_is_left(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "CONNECT_S", 1)
    with distributed.LocalCluster(
        **LOOPBACK, n_workers=1, processes=False, protocol="tcp://"
    ) as cluster:

        def told(place: int, _result: tuple[float, int]) -> None:
            if place == 0:
                part = cluster.workers[0] if gone == "workers" else cluster.scheduler
                cluster.sync(part.close)

        words = "no worker was there for 1 s; allowed: at least one worker; next: start workers"
        with (
            pytest.raises(ToolError, match=words),
            open_team(Workers(scheduler=cluster.scheduler_address)) as team,
        ):
            team.spread(scaled, range(200), SharedValue(1.0), told)


def test_a_cluster_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "CONNECT_S", 1)
    with (
        distributed.LocalCluster(**LOOPBACK, n_workers=0) as cluster,
        pytest.raises(ToolError, match="no worker was there for 1 s"),
        open_team(Workers(scheduler=cluster.scheduler_address)) as team,
    ):
        team.spread(scaled, [0], SharedValue(1.0))


def test_a_worker_of_another_version_is_refused(
    there: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgekit, "__version__", "9.9")
    with (
        open_team(there) as team,
        pytest.raises(ToolError, match=r"a worker has EdgeKit .*, not 9\.9"),
    ):
        team.spread(scaled, [0], SharedValue(1.0))


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (Workers(0), "--workers: 0; allowed: 1 to"),
        (Workers(2, "tcp://127.0.0.1:1"), "one of the two"),
        (Workers(None, "udp://x:1"), "allowed: tcp://host:port"),
    ],
)
def test_what_cannot_be_workers_is_refused(workers: Workers, words: str) -> None:
    with pytest.raises(UsageError, match=words), open_team(workers):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "CONNECT_S", 0.3)
    workers = Workers(scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ToolError, match=r"tcp://127\.0\.0\.1:9"), open_team(workers):
        pass


@needs_cc
def test_types_are_ranked_the_same_on_workers_that_die(
    there: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, recipe = float_model("raw"), RECIPES["w8a16"]
    clips = tuple(noise(model, 30, seed=seed) for seed in range(4))
    seen = observe_model(model, Calibration(clips, "x"), recipe)
    space = make_space(seen, recipe, node_macs(seen.model))
    reference = Reference(model, clips)
    with open_team(HERE) as team:
        here = rank(space, Meter(space.model, reference, tmp_path / "here", team), api.silent)
    with distributed.Client(there.scheduler) as client:
        client.run_on_scheduler(
            lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 3)
        )
    kill: list[int] = []

    def killing(team: Team, *arguments: Any) -> Any:
        if not kill:
            kill.extend(pid for _, pid in team.spread(scaled, range(4), SharedValue(1.0)))
            os.kill(kill[0], signal.SIGKILL)
        return usual(team, *arguments)

    usual = Team.joined
    monkeypatch.setattr(Team, "joined", killing)
    with open_team(there) as team:
        found = rank(space, Meter(space.model, reference, tmp_path / "there", team), api.silent)
    assert kill and found == here and any(map(any, here.noises))
    kept = [next((tmp_path / name).iterdir()).read_bytes() for name in ("here", "there")]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_what_workers_need_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "DASK", "no_such_package")
    with pytest.raises(ToolError, match="pip install distributed"), open_team(Workers(2)):
        pass


@needs_cc
@pytest.mark.slow
def test_a_search_for_types_finds_the_same_on_workers(there: Workers, tmp_path: Path) -> None:
    model = float_model("gru_mask")
    calibration = Calibration(tuple(noise(model, 40, seed=seed) for seed in range(3)), "x")
    here = auto.find(model, calibration, 50, api.silent, tmp_path / "here")
    found = auto.find(model, calibration, 50, api.silent, tmp_path / "there", workers=there)
    assert (found.recipe, found.snr_db, found.cost) == (here.recipe, here.snr_db, here.cost)
