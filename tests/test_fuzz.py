"""A part of the fuzzing of `tests/fuzz`, the same each time, and every file that ever failed there."""

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from c_kernels import needs_cc
from fuzz.damage import ACTIONS, damaged
from fuzz.graphs import drawn, shapes_of
from fuzz.judge import COMPILED, Seed, Wrong, judge, judge_seed, seeds
from fuzz.run import FAULTLESS, judged, kind_of, told
from hostile_workers import outcomes
from quick_build import load_kernels

from edgekit.base.errors import UsageError

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").glob("*.onnx"))
SLICE = {"graph": range(40), "damage": range(120)}
REST = {"graph": range(40, 200), "damage": range(120, 400)}


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


@needs_cc
@pytest.mark.parametrize(
    ("kind", "numbers"),
    [*SLICE.items(), *(pytest.param(*row, marks=pytest.mark.slow) for row in REST.items())],
)
def test_each_is_refused_or_the_same_in_every_stage(kind: str, numbers: range) -> None:
    seeds()  # before the workers: they have it then
    found = judged([Seed(kind, number) for number in numbers], 2)
    assert len(found) == len(numbers)
    bad = [
        f"{seed}: {text}: {outcome.text}" for seed, text, outcome in found if text not in FAULTLESS
    ]
    assert not bad, "\n".join(bad)
    assert {"accepted", "refused"} <= {text for _, text, _ in found}


@needs_cc
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_fails_no_more(path: Path) -> None:
    (outcome,) = outcomes([partial(judge, path.read_bytes(), 0, True)], 1)
    assert kind_of(outcome) in FAULTLESS, outcome.text


def test_a_seed_is_a_file() -> None:
    for kind in SLICE:
        files = [Seed(kind, number).data() for number in range(5)]
        assert files == [Seed(kind, number).data() for number in range(5)]
        assert len(set(files)) == len(files)


def test_graphs_have_shapes_and_damage_changes_something() -> None:
    random = np.random.default_rng(0)
    whole = drawn(random)
    assert shapes_of(onnx.load_model_from_string(whole))
    changed = sum(damaged(whole, random) != whole for _ in range(60))
    assert changed > 40 and len({action.__name__ for action in ACTIONS}) == 11


def test_what_two_stages_disagree_on_is_wrong_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing could fail above: an oracle that is off by one part in 100."""
    from edgekit.operators.oracle import Oracle

    number = next(n for n in range(1, 100) if n % COMPILED and accepted(n))
    run = Oracle.run_hops
    monkeypatch.setattr(
        Oracle,
        "run_hops",
        lambda self, x: {k: v * np.float32(1.01) for k, v in run(self, x).items()},
    )
    with pytest.raises(Wrong, match="oracle and onnxruntime"):
        judge_seed(Seed("graph", number))
    ((_, kind, _),) = judged([Seed("graph", number)], 1)
    assert kind == "wrong"
    assert "1 wrong" in told({("graph", "wrong"): 1})


def accepted(number: int) -> bool:
    try:
        judge_seed(Seed("graph", number))
    except UsageError:
        return False
    return True
