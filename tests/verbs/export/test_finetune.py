"""The verb `finetune`: a file that the other verbs take, checkpoints, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import tiny_networks
from builds import float_model, noise
from tiny_networks import WIDTH

from edgekit import api
from edgekit.base.errors import UsageError, VerificationError
from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import find_recipe, to_toml
from edgekit.quantize.tuning.tune import WeightTuner
from edgekit.verbs.export import finetune as verb
from edgekit.verbs.export.importing import ImportOptions, load_model

pytest.importorskip("torch")
STEPS = 30


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, str, str]:
    """A network, a recipe of 4-bit weights, and clips."""
    recipe = Recipe("narrow", weights="int4", activations="int16", products="int16")
    (tmp_path / "narrow.toml").write_text(to_toml(recipe))
    (clips := tmp_path / "clips").mkdir()
    for seed in range(4):
        np.savez(clips / f"{seed}.npz", **noise(float_model("gru_mask"), 40, seed=seed))
    return "zoo:gru_mask", str(tmp_path / "narrow.toml"), str(clips)


@pytest.mark.slow
def test_what_was_cut_off_goes_on_and_gives_the_same_file(
    given: tuple[str, str, str], tmp_path: Path
) -> None:
    whole = api.finetune(*given, tmp_path / "whole.onnx", steps=STEPS)
    assert whole.after_db > whole.before_db
    assert (whole.clips, whole.of, whole.steps, whole.resumed) == (1, 4, STEPS, 0)
    out, checkpoint = tmp_path / "tuned.onnx", tmp_path / "tuned.onnx.checkpoint.npz"

    def interrupt(stage: str, done: int, _total: int) -> None:
        if stage == "train" and done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.finetune(*given, out, steps=STEPS, progress=interrupt)
    assert checkpoint.is_file() and not out.exists()
    with pytest.raises(UsageError, match="of another network"):
        api.finetune(*given, out, steps=STEPS, seed=1)
    again = api.finetune(*given, out, steps=STEPS)
    assert again.resumed == 7 and again.after_db == whole.after_db
    assert out.read_bytes() == (tmp_path / "whole.onnx").read_bytes()
    assert not checkpoint.exists()
    recipes = {"whole.recipe.toml", "tuned.recipe.toml"}
    left = {"narrow.toml", "clips", "whole.onnx", "tuned.onnx", *recipes}
    assert {path.name for path in tmp_path.iterdir()} == left
    assert load_model(str(out), ImportOptions()).model.states == float_model("gru_mask").states
    api.quantize(str(out), again.recipe, given[2], tmp_path / "integers.onnx")


def test_nothing_is_written_where_it_did_not_help(
    given: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "_ratio_db", lambda *_: 20.0)
    with pytest.raises(VerificationError, match=r"20.0 dB before, 20.0 dB after, on clips"):
        api.finetune(*given, tmp_path / "tuned.onnx", steps=1)
    assert not list(tmp_path.glob("tuned*"))


def test_everything_that_is_wrong_is_said_at_once(
    given: tuple[str, str, str], tmp_path: Path
) -> None:
    network, _, clips = given
    with pytest.raises(UsageError) as raised:
        api.finetune(network, "auto", clips, tmp_path / "tuned.pt", steps=0, seed=-1)
    found = str(raised.value)
    assert all(word in found for word in ("a search", ".onnx", "--steps", "--seed"))
    with pytest.raises(UsageError, match="no integers"):
        api.finetune(network, "float32", clips, tmp_path / "tuned.onnx", steps=5)


def chain(folder: Path, *operators: str) -> tuple[str, str]:
    """A network of these, MatMul by the identity, and one clip."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, WIDTH]) for n in "xy")
    names = ["x", *(f"t{at}" for at in range(1, len(operators))), "y"]
    nodes = [
        helper.make_node(kind, [names[at], "w"][: 1 + (kind == "MatMul")], [names[at + 1]])
        for at, kind in enumerate(operators)
    ]
    weight = [numpy_helper.from_array(np.eye(WIDTH, dtype=np.float32), "w")]
    graph = helper.make_graph(nodes, "chain", [x], [y], weight if "MatMul" in operators else [])
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "n.onnx")
    (clips := folder / "clips").mkdir()
    x = np.random.default_rng(0).standard_normal((40, 1, WIDTH)).astype(np.float32)
    np.savez(clips / "0.npz", x=x)
    return str(folder / "n.onnx"), str(clips)


def test_a_network_without_weights_to_train_is_refused(tmp_path: Path) -> None:
    network, clips = chain(tmp_path, "Tanh")
    with pytest.raises(UsageError, match="no gradient"):
        api.finetune(network, "w8a8", clips, tmp_path / "tuned.onnx", steps=5)


def test_a_training_most_of_whose_gradients_are_not_finite_fails(tmp_path: Path) -> None:
    network, clips = chain(tmp_path, "MatMul", "Cos", "Acos")
    faint = np.load(clips + "/0.npz")["x"] * np.where(np.arange(WIDTH), 1e-4, 1)
    np.savez(clips + "/0.npz", x=faint.astype(np.float32))  # cosines of 1
    with pytest.raises(VerificationError, match="of 3 of the first 3 steps the gradient is not"):
        api.finetune(network, "w8a8", clips, tmp_path / "tuned.onnx", steps=5)
    assert not list(tmp_path.glob("tuned*"))


@pytest.mark.parametrize(
    ("wide", "known", "said"),
    [
        (40.0, 21.0, "99.0 % of the noise comes from rounded activations"),
        (21.0, 21.0, "79.4 % of the noise comes from rounded weights"),
        (40.0, 30.0, "clips that are trained on have 30.0 dB before"),
    ],
)
def test_the_reason_is_the_source_of_most_noise(wide: float, known: float, said: str) -> None:
    assert said in verb._reason(20.0, wide, known)


def test_clips_that_show_too_little_are_the_reason_where_others_are_worse(tmp_path: Path) -> None:
    network = tiny_networks.recurrent(tmp_path / "tiny.onnx")
    (clips := tmp_path / "clips").mkdir()
    for seed in range(4):
        random = np.random.default_rng(seed)
        np.savez(clips / f"{seed}.npz", x=random.standard_normal((16, 1, WIDTH)).astype(np.float32))
    with pytest.raises(VerificationError, match="give more and more different clips") as raised:
        api.finetune(str(network), "w8a8", str(clips), tmp_path / "tuned.onnx", steps=2)
    assert "dB at 0.02" in str(raised.value)
    assert not list(tmp_path.glob("tuned*"))


@pytest.mark.slow
def test_the_best_rate_and_the_best_step_are_kept(given: tuple[str, str, str]) -> None:
    network, recipe, clips = given
    model = load_model(network, ImportOptions()).model
    calibration = load_calibration(clips, model)
    narrow = find_recipe(recipe)
    tuning = WeightTuner(observe_model(model, calibration, narrow), narrow, 60, 0)
    judged: list[float] = []

    def judge(values: dict) -> float:
        """Fall after the third measurement: the second rate is the best one, and the values of its trial too."""
        judged.append([10.0, 11.0, 15.0, 12.0][len(judged)] if len(judged) < 4 else 5.0)
        return judged[-1]

    _, done = verb.TrainingRun(tuning, judge, api.silent).run(Path(clips) / "none.npz")
    assert done.rate == verb.RATES[1] and done.best_db == 15.0 and done.step == 60
    assert len(judged) == 4 + 3  # at steps 25, 50 and 60
    *_, after = tuning.run(tuning.start(verb.RATES[1]), 12)  # the rate falls to 0 in a trial, too
    for key, value in after.values.items():
        np.testing.assert_array_equal(done.best[key], value)
