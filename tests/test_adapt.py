"""A frozen classifier is fitted to shifted digits by SPSA: in floats, in integers, and in C."""

import ctypes
import subprocess
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builds import lowered
from c_kernels import CC, needs_cc
from doc_code import code
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.adapt import Adapted, spsa
from edgekit.base.errors import UsageError
from edgekit.demos.digit_classifier import load_classifier
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration, load_calibration
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_cc
DIGITS = Path(__file__).parent / "seeds" / "digits.npz"
SIDE, CELL, BATCH, KNOWN = 28, 4, 8, 200
CELLS = (SIDE // CELL) ** 2
CONSTANTS = {"a": 0.003, "c": 0.1}


class Prompted(nn.Module):
    """The bundled classifier, told what to add to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = load_classifier()

    def forward(self, image: Tensor, prompt: Tensor) -> Tensor:
        y: Tensor = self.inner(image + prompt)
        return y


def classifier() -> tuple[nn.Module, dict[str, Tensor]]:
    image = torch.zeros(1, 1, SIDE, SIDE)
    return Prompted().eval(), {"image": image, "prompt": image.clone()}


@cache
def shifted() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pale digits on a ramp of grey, (400, 1, 28, 28), and their labels."""
    with np.load(DIGITS) as file:
        x, label = file["x"] / 127.5 - 1, file["label"]
    ramp = np.linspace(0, 1, SIDE)
    return np.clip(0.35 * x - 0.9 + 0.8 * ramp, -1, 1).astype(np.float32), label


@cache
def basis() -> NDArray[np.float32]:
    """(49, 1, 1, 28, 28): cells of 4 x 4."""
    cells = np.eye(CELLS).reshape(CELLS, 1, 1, SIDE // CELL, SIDE // CELL)
    return cells.repeat(CELL, 3).repeat(CELL, 4).astype(np.float32)


@cache
def model(recipe: str) -> Model:
    made = load_model(
        f"{__name__}:classifier", ImportOptions(session_constants=("prompt",))
    ).network
    if recipe == "float32":
        return made
    random, (x, _) = np.random.default_rng(0), shifted()
    clips = []
    for part in np.split(x[:100], 5):
        cells = random.normal(0, 0.2, (1, CELLS)) @ basis().reshape(CELLS, -1)
        clips.append({"image": part[:, None], "prompt": cells.reshape(x[:1].shape).astype("f4")})
    return quantize(made, Calibration(tuple(clips), "digits"), recipe)


def opened(recipe: str, folder: Path) -> Stream:
    """A build in portable C that is compiled quickly."""
    manifest = lowered(model(recipe), folder, "c99").manifest
    library, compiler = load_library(folder, manifest, quick=True)
    return Stream(manifest, NativeRunner(library, manifest, folder, compiler))


def logits(stream: Stream, images: NDArray[np.float32]) -> NDArray[np.float64]:
    (out,) = stream.run({"image": images[:, None]}).values()
    return out[:, 0].astype(np.float64)


def loss(stream: Stream, step: int) -> float:
    """Cross entropy of some of the digits."""
    x, label = shifted()
    chosen = np.random.default_rng(step).integers(0, KNOWN, BATCH)
    y = logits(stream, x[chosen])
    y -= y.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(y).sum(1)) - y[np.arange(BATCH), label[chosen]]))


def accuracy(stream: Stream) -> float:
    """Of the digits that nothing was fitted to."""
    x, label = shifted()
    return float(np.mean(logits(stream, x[KNOWN:]).argmax(1) == label[KNOWN:]))


def adapted(recipe: str, steps: int, folder: Path) -> tuple[float, float, Adapted]:
    stream = opened(recipe, folder)
    stream.session({"prompt": np.zeros((1, 1, SIDE, SIDE), np.float32)})
    before = accuracy(stream)
    found = spsa(stream, "prompt", basis(), loss, steps, **CONSTANTS)
    assert np.allclose(np.tensordot(found.weights, basis(), 1), found.constant)
    return before, accuracy(stream), found


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "gain"), [(50, 0.02), (312, 0.08)])
def test_digits_are_read_better_in_floats_and_in_integers(
    steps: int, gain: float, tmp_path: Path
) -> None:
    after = []
    for recipe in ("float32", "w8a8"):
        before, accurate, found = adapted(recipe, steps, tmp_path / recipe)
        print(f"{recipe}: {before:.3f} -> {accurate:.3f} in {2 * BATCH * steps} calls")
        assert accurate >= before + gain and found.told_apart >= 0.9
        assert found.losses.shape == (steps, 2)
        after.append(accurate)
    assert abs(after[0] - after[1]) <= 0.02


DARK = {"a": 0.01, "c": 0.2}


def dark() -> NDArray[np.float32]:
    """Digits of half the contrast and 2.5 darker, on the ramp: (400, 1, 28, 28)."""
    with np.load(DIGITS) as file:
        x = file["x"] / 127.5 - 1
    return (0.5 * x - 2.5 + np.linspace(0, 1, SIDE)).astype(np.float32)


@pytest.mark.slow
def test_integers_need_a_calibration_with_prompts_as_large_as_the_adaptation_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, (_, label) = dark().reshape(-1, 1, SIDE, SIDE), shifted()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(f"{__name__}.shifted", lambda: (x, label))
    np.savez("images.npz", images=x[:100])
    block = code("guides/adaptation.md", "Calibration", "python")
    Path("prompts.py").write_text(block + "\n\ndef small():\n    return clips(0.2)\n")
    options = ImportOptions(session_constants=("prompt",))
    network = load_model("prompts:classifier", options).network
    after = {}
    for name in ("float32", "small", "clips"):
        made = network
        if name != "float32":
            made = quantize(network, load_calibration(f"prompts:{name}", network), "w8a8")
        monkeypatch.setattr(f"{__name__}.model", lambda recipe, made=made: made)
        monkeypatch.setattr(f"{__name__}.CONSTANTS", DARK)
        before, after[name], _ = adapted(name, 312, tmp_path / name)
        print(f"{name}: {before:.3f} -> {after[name]:.3f}")
    assert after["float32"] >= before + 0.25
    assert abs(after["clips"] - after["float32"]) <= 0.05
    assert after["small"] <= after["clips"] - 0.15


def test_c_takes_the_same_steps(tmp_path: Path) -> None:
    manifest = lowered(model("float32"), tmp_path / "b", "c99").manifest
    (tmp_path / "b" / "adapt.c").write_text(code("guides/adaptation.md", "In C", "c"))
    sources = [path.name for path in sorted((tmp_path / "b").glob("*.c"))]
    options = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off", "-fPIC"]
    done = subprocess.run(
        [str(CC), *options, *sources, "-shared", "-o", "adapt.so", "-lm"],
        cwd=tmp_path / "b",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    library = ctypes.CDLL(str(tmp_path / "b" / "adapt.so"))
    runner = NativeRunner(library, manifest, tmp_path / "b", None)
    stream, told = Stream(manifest, runner, in_session=True), list[float]()

    class State(ctypes.Structure):
        _fields_ = (
            ("w", ctypes.c_double * CELLS),
            ("m", ctypes.c_double * CELLS),
            ("random", ctypes.c_uint32),
            ("k", ctypes.c_int32),
        )

    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)

    @function
    def query(net: int, scratch: int) -> float:
        told.append(loss(stream, len(told) // 2))
        return told[-1]

    state, (_, instance, scratch) = State(random=5), runner.addresses
    for _ in range(4):
        library.adapt_step(
            ctypes.c_void_p(instance), ctypes.c_void_p(scratch), ctypes.byref(state), query
        )
    found = spsa(stream, "prompt", basis(), loss, 4, 5, **CONSTANTS)
    assert np.allclose(np.ravel(found.losses), told, rtol=1e-12)
    assert np.allclose(found.weights, list(state.w), rtol=1e-9)


class Bowl:
    """Stands for a stream whose loss is known: no network."""

    def __init__(self) -> None:
        self.constant: Any = None
        facts = {"name": "p", "shape": (3,), "dtype": "float32", "role": "constant"}
        self.manifest: Any = type("M", (), {"constants": (type("T", (), facts)(),)})()

    def session(self, constants: dict[str, Any]) -> None:
        self.constant = constants["p"]


def test_a_quadratic_comes_down_to_its_least_value() -> None:
    bowl: Any = Bowl()
    goal = np.array([0.5, -1.0, 0.25])

    def height(stream: Any, step: int) -> float:
        return float(np.sum((stream.constant - goal) ** 2))

    found = spsa(bowl, "p", np.eye(3), height, 400, a=0.02, start=[1.0, 1.0, 1.0])
    assert np.abs(found.weights - goal).max() < 0.05 and found.told_apart > 0.9
    assert np.array_equal(bowl.constant, found.constant)


@pytest.mark.parametrize(("moves", "equal"), [(lambda step: False, 20), (lambda step: step % 4, 5)])
def test_outputs_that_do_not_move_with_the_constant_are_warned_of(moves: Any, equal: int) -> None:
    bowl: Any = Bowl()

    def height(stream: Any, step: int) -> float:
        return float(np.sum(stream.constant**2)) if moves(step) else 1.0

    with pytest.warns(UserWarning, match=rf"'p'.* are equal in {equal} of 20 steps.*enlarge c"):
        found = spsa(bowl, "p", np.eye(3), height, 20, start=[1.0, 2.0, 3.0])
    assert found.told_apart == 1 - equal / 20


def test_a_rounded_constant_that_does_not_move_is_warned_of() -> None:
    """An integer network sees steps of 0.5 only: a c below them moves nothing, a larger one does."""
    bowl: Any = Bowl()

    def height(stream: Any, step: int) -> float:
        return float(np.sum((np.round(2 * stream.constant) / 2 - 2) ** 2))

    with pytest.warns(UserWarning, match="calibrate an integer build on clips with such constants"):
        found = spsa(bowl, "p", np.eye(3), height, 20, c=0.05)
    assert found.told_apart == 0 and not found.weights.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert spsa(bowl, "p", np.eye(3), height, 20, c=2.0).told_apart >= 0.9


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"constant": "q"}, "adapt, constant: 'q'; allowed: p"),
        ({"basis": np.eye(4)}, "adapt, basis: shape (4, 4); allowed: (parameters, 3)"),
        ({"start": [0.0]}, "adapt, start: shape (1,); allowed: (3,)"),
        ({"steps": 0}, "adapt, steps: 0; allowed: above 0"),
        ({"seed": 0}, "adapt, seed: 0; allowed: above 0"),
        ({"c": 0.0}, "adapt, c: 0.0; allowed: above 0"),
    ],
)
def test_a_wrong_call_says_why(facts: dict[str, Any], said: str) -> None:
    call = {"constant": "p", "basis": np.eye(3), "loss": lambda *_: 0.0, "steps": 1, **facts}
    with pytest.raises(UsageError) as error:
        spsa(Bowl(), **call)  # type: ignore[arg-type]
    assert said in str(error.value)
