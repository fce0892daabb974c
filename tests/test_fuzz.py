"""A part of the fuzzing of `tests/fuzz`, the same each time, and every file that ever failed there."""

import os
import pickle
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import fuzz.judge
import numpy as np
import onnx
import pytest
from c_kernels import needs_cc
from fuzz.cores import cores, differing
from fuzz.coverage import OUT_OF_REACH, all_of, never_reached
from fuzz.damage import ACTIONS, damaged
from fuzz.graphs import Graph, drawn, shapes_of
from fuzz.judge import Seed, Wrong, judge, judge_seed, seed_of, seeds
from fuzz.run import FAULTLESS, Campaign, judged, kind_of, prepare, resume, save, told
from fuzz.texts import FORMATS, judge_text
from hostile_workers import outcomes
from quick_build import own_instruction_sets

from edgekit.base.errors import UsageError
from edgekit.operators.oracle import Oracle

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").iterdir())
TEXTS = 12  # of each format
SLICE = {"graph": range(4), "damage": range(40), "hops": range(2)}
REST = {"graph": range(4, 200), "damage": range(40, 400), "hops": range(2, 80)}


@pytest.fixture(scope="module", autouse=True)
def kernels(pytestconfig: pytest.Config) -> Iterator[None]:
    """Of the portable C, and in the slow tests of the first instruction set; `make fuzz` takes all."""
    is_quick = "not slow" in pytestconfig.getoption("markexpr")
    some = own_instruction_sets()[: 0 if is_quick else 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzz.judge, "own_instruction_sets", lambda: some)
        prepare(some)
        yield


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
    refused = set() if kind == "hops" else {"refused"}  # networks of one hop are whole
    assert {"accepted", *refused} <= {text for _, text, _ in found}


@needs_cc
def test_other_files_are_read_or_refused() -> None:
    """Of all formats beside networks; what is whole is read."""
    found = judged([Seed(kind, number) for kind in FORMATS for number in range(TEXTS)], 2)
    bad = [f"{seed}: {outcome.text}" for seed, text, outcome in found if text not in FAULTLESS]
    assert not bad, "\n".join(bad)
    for kind, form in FORMATS.items():
        assert "refused" in {text for seed, text, _ in found if seed.kind == kind}
        for data in form.whole():
            assert judge_text(kind, data) == kind


@needs_cc
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_fails_no_more(path: Path) -> None:
    kind, data = path.suffix[1:], path.read_bytes()
    case = partial(judge_text, kind, data) if kind in FORMATS else partial(judge, data, 0, True)
    (outcome,) = outcomes([case], 1)
    assert kind_of(outcome) in FAULTLESS, outcome.text


@pytest.mark.parametrize(
    "place",
    [
        "c99",
        pytest.param(
            "core",
            marks=pytest.mark.skipif(
                not cores(), reason="needs an emulated core: `edgekit doctor`"
            ),
        ),
    ],
)
@needs_cc
def test_a_wrong_result_in_a_program_of_many_is_told(place: str, tmp_path: Path) -> None:
    place = cores()[0] if place == "core" else place
    numbers = (n for n in range(100) if seed_of(n).kind == "graph")
    while len(files := sorted(tmp_path.iterdir())) < 2:
        number = next(numbers)
        judged([Seed("graph", number)], 1, tmp_path)
    assert list(differing(files, place)) == []
    kept = pickle.loads(files[0].read_bytes())
    outputs = {name: values + 1 for name, values in kept.outputs.items()}
    files[0].write_bytes(pickle.dumps(replace(kept, outputs=outputs)))
    ((found, message),) = differing(files, place)
    assert found == files[0] and "FAIL" in message


def test_a_campaign_goes_on_from_its_counts(tmp_path: Path) -> None:
    kept, state = tmp_path / "kept", tmp_path / "state.json"
    kept.mkdir()
    first = Campaign(tmp_path, kept, 7)
    first.counts.update({("graph", "accepted"): 3, ("compiled", "c99"): 50})
    save(first, state)
    second = Campaign(tmp_path, kept, 0)
    resume(second, state)
    assert (second.next, second.counts, second.faults) == (7, first.counts, 0)
    second.counts.update({("graph", "crashed"): 1, ("compiled", "wrong on c99"): 2})
    assert second.faults == 3


def test_what_ends_its_process_while_it_is_drawn_is_kept_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Seed, "data", lambda self: os.kill(os.getpid(), signal.SIGKILL))
    Campaign(tmp_path, tmp_path, 0).keep("crashed-graph-7", Seed("graph", 7), "signal 6")
    assert [path.name for path in tmp_path.iterdir()] == ["crashed-graph-7.txt"]


@pytest.mark.slow
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


def test_a_slice_of_a_size_below_zero_is_no_graph() -> None:
    """ONNX's shape inference would end the process."""
    g = Graph(np.random.default_rng(0), values={"x": (1, 1, 2)}, inputs=["x"])
    short = g.add("Conv", "x", g.normal(1, 1, 5))
    sliced = g.add("Slice", short, *(g.const([n], np.int64) for n in (0, 1, 2, 1)))
    with pytest.raises(UsageError):
        shapes_of(g.proto(sliced))


def test_what_two_stages_disagree_on_is_wrong_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing could fail above: an oracle that is off by one part in 100."""
    number = next(n for n in range(1, 100) if accepted(n))
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


@needs_cc
def test_what_an_accepted_network_reaches_is_named_and_the_rest_listed(tmp_path: Path) -> None:
    path = Path(__file__).parent / "pinned" / "gru_mask-float32.onnx"
    words = judge(path.read_bytes(), 0, False).split()
    reached = {tuple(word.split(":")) for word in words if ":" in word}
    assert {("kernel", "ek_gru_f32"), ("kernel", "ek_gru_s8_s8"), ("emitter", "GRU")} <= reached
    assert any(kind == "pass" for kind, _ in reached)
    assert all(name in all_of(kind) for kind, name in reached)
    left = never_reached(reached)
    assert "ek_lrn_f32" in left["kernel"] and "ek_gru_f32" not in left["kernel"]
    whole = {f"{kind}:{name}" for kind in left for name in all_of(kind)}
    rest = {f"{kind}:{name}" for kind, names in never_reached([]).items() for name in names}
    assert whole - rest == {*OUT_OF_REACH}
