"""Decisions as nodes against plain Python, over random sequences, in onnxruntime, C and LiteRT."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from builds import lowered
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.decide import Decide, read_decide
from edgekit.base.errors import UsageError
from edgekit.export.decide import add_decisions
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.runtime.stream import Stream

HOP_S = 0.01


def network(shape: tuple[int, ...], inner: str = "n", state: bool = False) -> Model:
    """A network that gives its input out."""
    dims = ",".join(map(str, shape))
    carried = (", float[1] h", ", float[1] h_next", "h_next = Neg (h)") if state else ("", "", "")
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[{dims}] x{carried[0]}) => '
        f"(float[{dims}] y{carried[1]}) {{ {inner} = Neg (x)  y = Neg ({inner})  {carried[2]} }}"
    )
    return from_onnx(proto.SerializeToString(), name="net", hop=160, sample_rate=16000)


def plain(decide: Decide, scores: np.ndarray) -> list[tuple[bool, int, float]]:
    """Detected, label and score of each hop: the reference, a loop over labels and hops."""
    f, labels = np.float32, decide.labels or tuple(map(str, range(scores.shape[1])))
    window = max(1, round(decide.smooth.hops(HOP_S))) if decide.smooth else 1
    hold = max(1, round(decide.hold.hops(HOP_S))) if decide.hold else 1
    start = max(1, round(decide.start.hops(HOP_S))) if decide.start else 0
    smooth = [f(0)] * len(labels)
    on, last, label, found = [False] * len(labels), -(10**9), -1, []
    for hop in range(len(scores)):
        begins = []
        for index in range(len(labels)):
            if decide.pole:
                step = f(-np.expm1(-1 / decide.pole.hops(HOP_S)))
                smooth[index] = smooth[index] + (f(scores[hop][index]) - smooth[index]) * step
            else:
                seen = scores[max(0, hop - window + 1) : hop + 1, index]
                smooth[index] = f(sum(float(s) for s in seen)) * f(1 / window)
            if labels[index] in decide.ignore:
                continue
            was = on[index]
            on[index] = smooth[index] >= f(decide.on) or (was and smooth[index] >= f(decide.off))
            on[index] = on[index] and hop >= start
            if on[index] and not was:
                begins.append((smooth[index], -index))
        detected = bool(begins) and hop - last >= hold
        if detected:
            last, label = hop, -max(begins)[1]
        heard = [s for s, name in zip(smooth, labels, strict=True) if name not in decide.ignore]
        found.append((detected, label, float(max(heard))))
    return found


def assert_decides(model: Model, decide: Decide, scores: np.ndarray, outputs: dict) -> None:
    expected = plain(decide, scores)
    for name, dtype, column in (
        ("detected", bool, 0),
        ("label", np.int32, 1),
        ("score", np.float32, 2),
    ):
        assert outputs[name].dtype == dtype and outputs[name].shape == (len(scores), 1)
        wanted = np.array([row[column] for row in expected], dtype)
        np.testing.assert_array_equal(outputs[name].ravel(), wanted)


def random_scores(seed: int, hops: int, labels: int) -> np.ndarray:
    """Scores that stay for a while; sixteenths, so that their sums are exact."""
    random = np.random.default_rng(seed)
    steps = random.integers(-4, 5, (hops, labels)) * (random.random((hops, labels)) < 0.4)
    return (np.abs((np.cumsum(steps, axis=0) + 5) % 32 - 16) / 16).astype(np.float32)


TEXTS = st.builds(
    lambda on, off, smooth, hold, start, ignore: ":".join(
        [f"on={on / 16}", f"off={max(0, on - off) / 16}", *smooth, *hold, *start, *ignore]
    ),
    st.integers(4, 14),
    st.integers(0, 6),
    st.sampled_from(
        [[], ["smooth=1"], ["smooth=40ms"], ["smooth=0.08s"], ["pole=30ms"], ["pole=2"]]
    ),
    st.sampled_from([[], ["hold=1"], ["hold=0.05s"], ["hold=300ms"]]),
    st.sampled_from([[], ["start=1"], ["start=0.2s"]]),
    st.sampled_from([[], ["ignore=0"], ["labels=a,b,c", "ignore=a,c"], ["labels=a,b,c"]]),
)


@settings(max_examples=25, deadline=None)
@given(TEXTS, st.integers(0, 1000))
def test_the_nodes_decide_as_plain_python_does(text: str, seed: int) -> None:
    decide, scores = read_decide(text), random_scores(seed, 120, 3)
    model = add_decisions(network((1, 3)), decide)
    assert_decides(model, decide, scores, run_hops(model, {"x": scores[:, None]}))


def test_equal_scores_detect_the_first_label_and_hold_swallows_what_begins_within_it() -> None:
    decide = read_decide("on=0.5:hold=3")
    scores = np.zeros((9, 2), np.float32)
    scores[1], scores[3:, 0], scores[5, 1] = 0.75, 0.75, 1
    outputs = run_hops(add_decisions(network((1, 2)), decide), {"x": scores[:, None]})
    assert np.flatnonzero(outputs["detected"]).tolist() == [1, 5]
    assert outputs["label"].ravel().tolist() == [-1, 0, 0, 0, 0, 1, 1, 1, 1]


def test_softmax_and_sigmoid_make_scores() -> None:
    x = np.random.default_rng(0).normal(size=(20, 1, 4)).astype(np.float32)
    wide = x[:, 0].astype(np.float64)
    chances = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    for text, expected in (("softmax", chances), ("sigmoid", 1 / (1 + np.exp(-wide)))):
        model = add_decisions(network((1, 4)), read_decide(f"on=0.9:{text}"))
        found = run_hops(model, {"x": x})["score"].ravel()
        np.testing.assert_allclose(found, expected.max(axis=1), rtol=1e-6)


@needs_cc
@pytest.mark.parametrize("target", ["host", "litert"])
@pytest.mark.parametrize(
    "text", ["on=0.5:off=0.25:smooth=5:hold=9:labels=a,b,c:ignore=b", "on=0.5:pole=2"]
)
def test_builds_decide_alike_and_forget_when_they_are_reset(
    text: str, target: str, tmp_path: Path
) -> None:
    decide, scores = read_decide(text), random_scores(3, 200, 3)
    model = add_decisions(network((1, 3), state=True), decide)
    build = lowered(model, tmp_path / "build", target)
    assert build.manifest.decide == {
        "text": text,
        "labels": list(decide.labels or ("0", "1", "2")),
    }
    stream = Stream.open(tmp_path / "build")
    for _ in range(2):
        outputs = stream.run({"x": scores[:, None]})
        assert outputs["detected"].any()
        assert_decides(model, decide, scores, outputs)
        stream.reset()


def test_names_inside_the_network_give_way() -> None:
    model = add_decisions(network((1, 3), inner="score"), read_decide("on=0.5"))
    scores = random_scores(1, 50, 3)
    assert_decides(model, read_decide("on=0.5"), scores, run_hops(model, {"x": scores[:, None]}))


@pytest.mark.parametrize(
    ("shape", "text", "found"),
    [
        ((1, 3), "on=0.5:labels=a,b", "3 scores, 2 labels"),
        ((1, 3), "on=0.5:ignore=3", "ignore: 3; allowed: 0 to 2"),
        ((1, 2), "on=0.5:ignore=0,1", "ignore: all labels"),
        ((2, 3), "on=0.5", "shape [2, 3]; allowed: a score per label"),
        ((1, 3), "on=0.5:hold=20000s", "2e+06 hops"),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], text: str, found: str) -> None:
    with pytest.raises(UsageError) as refused:
        add_decisions(network(shape), read_decide(text))
    assert found in str(refused.value)


def test_a_time_needs_the_length_of_a_hop() -> None:
    model = network((1, 3)).describe(stream={})
    with pytest.raises(UsageError, match="the length of a hop is not known"):
        add_decisions(model, read_decide("on=0.5:hold=1s"))
    add_decisions(model, read_decide("on=0.5:hold=7"))


@needs_cc
def test_an_export_counts_the_hops_that_it_decides_otherwise(tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> net (float[1,160] pcm) => (float[1,3] y) '
        "<float[160,3] w = {"
        + ",".join(["0.01", "-0.01", "0.02"] * 160)
        + "}> { y = MatMul (pcm, w) }"
    )
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    exported = api.export(
        str(tmp_path / "net.onnx"),
        "host",
        tmp_path / "build",
        hop=160,
        sample_rate=16000,
        decide="sigmoid:on=0.52:off=0.5:labels=a,b,c",
    )
    facts = exported.manifest.verification
    assert facts is not None and facts["hops_decided_otherwise"] == 0 and facts["snr_db"] >= 100
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "in.wav", rng.normal(size=8000) * 0.2, 16000, subtype="FLOAT")
    notes = api.run(tmp_path / "build", tmp_path / "in.wav", tmp_path / "out.json")
    rows = json.loads((tmp_path / "out.json").read_text())["detections"]
    assert rows and {row["label"] for row in rows} <= {"a", "b", "c"}
    assert rows[0].keys() == {"time_s", "label", "score"}
    assert notes[0] == f"{rows[0]['time_s']:.3f} s: {rows[0]['label']} ({rows[0]['score']:.2f})"
    api.run(tmp_path / "build", tmp_path / "in.wav", tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == len(rows) + 1
