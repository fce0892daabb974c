"""Inputs that the build draws: the same numbers at every hop, in C, the oracle and onnxruntime, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from builds import noise as random_inputs
from c_kernels import needs_cc
from devices import on_devices, replayable, replayed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from port_networks import SHAPES, Mixer
from quick_build import load_kernels, quick_build

from edgekit.base.errors import UsageError
from edgekit.base.random_normals import DISTRIBUTIONS
from edgekit.base.random_normals import noise as numbers
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.hop_runner import run_hops
from edgekit.export.noise import drawn, noises_of, with_noise
from edgekit.export.onnx_file.session_constants import declare_constants, declare_controls
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.audio.files import run_sounds
from edgekit.verbs.targets import TARGETS

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
ports = st.tuples(st.integers(1, 5), st.sampled_from(sorted(SHAPES)))
drawn_ports = st.tuples(ports, st.sampled_from(DISTRIBUTIONS))


@st.composite
def mixers(draw: st.DrawFn) -> tuple[Mixer, dict[str, str]]:
    """A mixer of sound and of one to three noises, of random channels and orders of axes, and their distributions."""
    noises = draw(st.dictionaries(st.sampled_from("abz"), drawn_ports, min_size=1))
    inputs = {"pcm": draw(ports), **{name: port for name, (port, _) in noises.items()}}
    order = draw(st.permutations(sorted(inputs)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    inputs = {name: inputs[name] for name in order}
    mixer = Mixer.drawn(random, inputs, {"y": draw(ports)}, draw(st.integers(1, 9)))
    return mixer, {name: kind for name, (_, kind) in noises.items()}


def expected(
    mixer: Mixer, kinds: dict[str, str], pcm: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """What the mixer gives of sound and of the library's numbers, frame by frame."""
    length, sounds = pcm.shape[1], {"pcm": pcm}
    names = [name for name in mixer.inputs if name in kinds]
    for port, name in enumerate(names):
        channels = mixer.inputs[name][0]
        flat = numbers(kinds[name], seed, 0, channels * length, port)
        sounds[name] = flat.reshape(length, channels).T
    return mixer.mixed(sounds)["y"]


@pytest.mark.slow
@needs_cc
@FEW
@given(case=mixers(), length=st.integers(20, 60), seed=st.integers(0, 2**64 - 1))
def test_c_draws_the_library_s_numbers_at_any_hop_and_seed(
    case: tuple[Mixer, dict[str, str]], length: int, seed: int
) -> None:
    load_kernels()
    mixer, kinds = case
    stream = quick_build(with_noise(mixer.model(), kinds))
    shape = (mixer.inputs["pcm"][0], length)
    pcm = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    first = run_sounds(stream, {"pcm": pcm})["y"]
    np.testing.assert_allclose(first, expected(mixer, kinds, pcm, 0), atol=2e-6)
    stream.reset(seed)
    other = run_sounds(stream, {"pcm": pcm})["y"]
    np.testing.assert_allclose(other, expected(mixer, kinds, pcm, seed), atol=2e-6)
    rows = {t.name: t for t in stream.manifest.inputs if t.role == "noise"}
    assert {name: rows[name].channels for name in kinds} == {
        name: mixer.inputs[name][0] for name in kinds
    }
    assert stream.manifest.noise is not None
    assert stream.manifest.noise["inputs"] == kinds
    assert [t.name for t in stream.manifest.stream_inputs] == ["pcm"]


KINDS = {"z": "normal", "y": "uniform"}


def given_model() -> Model:
    random = np.random.default_rng(3)
    inputs = {"pcm": (1, "NCT"), "z": (3, "NCT"), "y": (2, "NTC")}
    return Mixer.drawn(random, inputs, {"out": (2, "NCT")}, 6).model()


def test_onnxruntime_draws_the_same_bits() -> None:
    model = given_model()
    drawing = with_noise(model, KINDS)
    found = run_hops(drawing, random_inputs(drawing, 7), ("z", "y"))
    for port, row in enumerate(noises_of(model, KINDS)):
        np.testing.assert_array_equal(found[row.name], drawn(model, row, port, 7))
    assert [row.name for row in drawing.noises] == ["z", "y"]
    assert Model.from_bytes(drawing.to_bytes()).noises == drawing.noises


def test_what_is_drawn_needs_no_guard() -> None:
    stateful = with_noise(given_model(), {"y": "normal"})
    model = with_noise(guard_inputs(stateful), {"z": "normal"})
    guarded = [node.inputs[0] for node in model.ir.graph if node.op_type == "Finite"]
    assert [value.name for value in guarded if value is not None] == ["pcm"]
    assert [row.name for row in model.noises] == ["y", "z"]


def refusals() -> dict[str, tuple[Model, dict[str, str], str]]:
    model = given_model()
    turned, kept = declare_controls(model, ["y"]), declare_constants(model, ["y"])
    heard = model.describe(frontend="stft:512:256:hann")
    drawing = with_noise(model, {"z": "normal"})
    return {
        "unknown": (
            model,
            {"q": "normal"},
            r"--noise q: the network has no such input; allowed: pcm, z, y",
        ),
        "control": (
            turned,
            {"y": "normal"},
            r"--noise y: also declared as a control; allowed: one of the two",
        ),
        "constant": (kept, {"y": "normal"}, r"--noise y: also declared as a session constant"),
        "law": (model, {"z": "gauss"}, r"--noise z=gauss: unknown; allowed: normal or uniform"),
        "sound": (heard, {"pcm": "normal"}, r"--noise pcm: the sound that --frontend stft:512:256"),
        "state": (drawing, {"noise/z/state": "normal"}, r"a state of the network"),
        "all": (
            model,
            {"pcm": "normal", **KINDS},
            r"--noise pcm, z, y: no input is left that is new",
        ),
    }


@pytest.mark.parametrize("name", refusals())
def test_what_cannot_be_drawn_is_refused(name: str) -> None:
    model, kinds, message = refusals()[name]
    with pytest.raises(UsageError) as refused:
        with_noise(model, kinds)
    assert re.search(message, str(refused.value)), str(refused.value)


@pytest.mark.parametrize("target", ["litert", "ethos-u55"])
def test_a_tflite_draws_nothing(target: str) -> None:
    problems = TARGETS[target].check(with_noise(given_model(), KINDS))
    assert [problem.where for problem in problems] == ["--noise z", "--noise y"]


@pytest.mark.slow
@needs_cc
@on_devices("cortex-m55", "cortex-m4")
@pytest.mark.parametrize("recipe", ["float32", "w8a8", "w8a16"])
def test_a_microcontroller_draws_the_oracle_s_numbers(
    recipe: str, target: str, tmp_path: Path
) -> None:
    model = with_noise(given_model(), KINDS)
    if recipe != "float32":
        model = quantize(model, Calibration((random_inputs(model, 60, 1),), "noise"), recipe)
    build = replayable(model, target, tmp_path)
    assert build.manifest.noise is not None
    assert replayed(tmp_path, target)[-1] == "PASS"
