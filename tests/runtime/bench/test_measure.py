"""What a benchmark found: times, shares of layers, peers in turn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_build

from edgekit.base.errors import CheckFailed
from edgekit.runtime.bench.measure import (
    ROUNDS,
    ByLayer,
    Measurement,
    SlowLayer,
    Times,
    golden_inputs,
    hop_us,
    measure_local,
    ram_bytes,
)
from edgekit.runtime.bench.modelled_time import ModelledTime


class FixedContender:
    """Gives the same output in the same time, and counts the calls."""

    def __init__(self, factor: float, us: float) -> None:
        self.factor, self.us, self.calls = factor, us, 0

    def run(self, inputs: dict) -> tuple[dict, np.ndarray]:
        self.calls += 1
        return {"y": self.factor * inputs["pcm"]}, np.full(len(inputs["pcm"]), self.us)


def slow_layer(name: str, kernels: int = 0, in_recipe: float = 9.0) -> SlowLayer:
    return SlowLayer(name, "Conv", f"{name}_out", 10.0, 4.0, kernels, (), 10.0, in_recipe)


def test_times_are_facts_in_their_order() -> None:
    times = Times(np.array([10.0, 30.0, 20.0, 400.0]))
    facts = Measurement("local", 4, 250.0, 64, times).to_dict()
    assert list(facts)[4:10] == [
        *("median_us", "p99_us", "max_us", "hop_us", "real_time_factor", "deadline_misses"),
    ]
    assert (facts["median_us"], facts["max_us"], facts["deadline_misses"]) == (25.0, 400.0, 1)
    assert facts["real_time_factor"] == 0.1


def test_what_nothing_measured_is_none() -> None:
    facts = Measurement("qemu", 2, None, None, instructions=(10, 30), functions={"f": 7}).to_dict()
    assert facts["median_us"] is None and facts["deadline_misses"] is None
    assert facts["instructions_per_hop"] == 20 and facts["max_instructions_per_hop"] == 30
    assert facts["instructions_by_function"] == {"f": 4}
    assert Measurement("local", 0, None, None).to_dict()["instructions_per_hop"] is None


def test_advice_names_each_layer_for_which_something_can_be_done() -> None:
    layers = (slow_layer("a", kernels=2), slow_layer("b", in_recipe=1.0), slow_layer("c"))
    found = ByLayer("us", (("a", "Conv", 30.0), ("b", "Conv", 10.0)), layers)
    first, second, third = found.advice
    assert "--tune, which measures 2 more" in first and '"b_out" = "float32"' in second
    assert "hardly helps" in third and found.percent(10.0) == 25.0
    assert found.to_dict()["layers"][0]["percent"] == 75.0


def test_ours_and_peers_run_in_turn() -> None:
    ours, peer = FixedContender(1.0, 2.0), FixedContender(1.0001, 4.0)
    inputs = {"pcm": np.ones((5, 1, 4), np.float32)}
    told = list[tuple[int, int]]()
    found = measure_local(
        ours, {"peer": (peer, "7")}, inputs, tiny_build.manifest(), lambda *done: told.append(done)
    )
    assert ours.calls == peer.calls == ROUNDS + 1 and told[-1] == (ROUNDS, ROUNDS)
    facts = found.to_dict()["against"]["peer"]
    assert facts["ratio"] == 2.0 and facts["snr_db"] == pytest.approx(80, abs=0.1)


def test_a_peer_of_another_network_is_no_peer() -> None:
    inputs = {"pcm": np.ones((5, 1, 4), np.float32)}
    peers = {"peer": (FixedContender(-1.0, 4.0), "7")}
    with pytest.raises(CheckFailed, match="not that of the same network"):
        measure_local(
            FixedContender(1.0, 2.0), peers, inputs, tiny_build.manifest(), lambda *_: None
        )


def test_golden_inputs_are_given_over_and_over(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    np.savez(tmp_path / "golden" / "input.npz", pcm=np.arange(8.0).reshape(2, 1, 4))
    found = golden_inputs(tmp_path, tiny_build.manifest(), 5)["pcm"]
    assert found.shape == (5, 1, 4) and found[4, 0].tolist() == [0, 1, 2, 3]


def test_memory_and_the_length_of_a_hop_are_those_of_the_manifest() -> None:
    manifest = tiny_build.manifest()
    assert hop_us(manifest) == 250.0 and ram_bytes(manifest, 100) == 120
    unknown = {**manifest.memory, "state_bytes": None, "scratch_bytes": None}
    assert ram_bytes(tiny_build.manifest(memory=unknown)) is None


def test_a_hop_that_takes_longer_than_it_lasts_is_said() -> None:
    times = Times(np.full(3, 900.0))
    slow = Measurement("local", 3, 800.0, None, times=times)
    assert "takes 900 us (measured)" in slow.warnings[0]
    assert "w8a8 where it computes in float" in slow.warnings[0]
    assert not replace(slow, hop_us=1000.0).warnings
    modelled = ModelledTime(10_000_000, 1.0, 850.0, "a test")
    assert "(modelled)" in replace(slow, times=None, modelled=modelled).warnings[0]
    assert not replace(slow, times=None).warnings
