"""An echo canceller of two streams and a binaural network, from PCM to C and to a Cortex-M55."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from builds import lowered
from devices import QUICK, on_devices, replayed, with_golden
from hearable_networks import (
    EARS_HOP,
    EARS_N_FFT,
    HOP,
    N_FFT,
    RATE,
    binaural,
    overlapped,
    rendered,
    spectra,
)
from numpy.typing import NDArray
from port_networks import canceller_file
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.layout import frames_to_hops, parse_layout
from edgekit.export.frontend.spec import parse_spec
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model

CANCELLER = "hearable_networks:canceller"
SPECTRA = {name: parse_layout("NCFP") for name in ("mic", "ref", "out")}
BOTH_EARS = {"ears": parse_layout("N(PC)TF"), "out": parse_layout("N(CP)TF")}


def echo_options() -> ImportOptions:
    form = parse_spec(f"stft:{N_FFT}:{HOP}:sqrt_hann")
    return ImportOptions(frontend=form, sample_rate=RATE, layouts=SPECTRA)


def ears_options() -> ImportOptions:
    form = parse_spec(f"stft:{EARS_N_FFT}:{EARS_HOP}:sqrt_hann")
    return ImportOptions(frontend=form, sample_rate=RATE, layouts=BOTH_EARS, time_axes={"ears": 2})


def power_db(sound: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(sound.astype(np.float64)))))


def hops_of(model: Model, **sounds: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    shapes = {str(v.name): tuple(int(str(d)) for d in v.shape or ()) for v in model.stream_inputs}
    return {n: frames_to_hops(s, parse_layout("NCT"), shapes[n]) for n, s in sounds.items()}


@pytest.fixture(scope="module")
def echo_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("echo") / "build"
    api.export(
        CANCELLER,
        "host",
        folder,
        frontend=f"stft:{N_FFT}:{HOP}:sqrt_hann",
        sample_rate=RATE,
        layouts=SPECTRA,
    )
    return folder


@needs_cc
def test_the_echo_is_taken_out_and_the_voice_is_left(echo_build: Path, tmp_path: Path) -> None:
    far, echo, near = rendered(6)
    for name, sound in (("mic", echo + near), ("far", far)):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE, subtype="FLOAT")
    sources = {"mic": tmp_path / "mic.wav", "ref": tmp_path / "far.wav"}
    notes = api.run(echo_build, sources, tmp_path / "out.wav")
    assert notes == ("delay compensated: 128 samples, 8 ms",)
    out = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    settled = slice(3 * RATE, int(4.8 * RATE))  # the far end alone
    assert power_db(echo[settled]) - power_db(out[settled]) > 17
    both = slice(int(4.9 * RATE), 6 * RATE)
    before, after = (power_db(near[both]) - power_db(rest[both]) for rest in (echo, out - near))
    assert before < 4 and after > 9


@needs_cc
def test_16_bit_samples_of_both_streams_give_the_same(echo_build: Path) -> None:
    far, echo, near = rendered(1)
    pcm = {
        name: np.rint(sound * 32768).astype(np.int16)
        for name, sound in (("mic", echo + near), ("ref", far))
    }
    sounds = {name: (array / 32768).astype(np.float32)[None] for name, array in pcm.items()}
    expected = run_sounds(Stream.open(echo_build), sounds)["out"]
    stream, found = Stream.open(echo_build), []
    for hop in range(RATE // HOP):
        part = {n: a[hop * HOP : (hop + 1) * HOP, None] for n, a in pcm.items()}
        found.append(stream.process_interleaved(part)["out"])
    whole = np.concatenate(found)[HOP:, 0] / 32768
    assert np.abs(whole - expected[0][: len(whole)]).max() <= 0.5001 / 32768


@pytest.mark.slow
@on_devices("cortex-m55")
def test_the_echo_canceller_runs_on_a_microcontroller(target: str, tmp_path: Path) -> None:
    model = load_model(CANCELLER, echo_options()).model
    far, echo, near = rendered(0.25)
    inputs = hops_of(model, mic=(echo + near)[None, : 12 * HOP], ref=far[None, : 12 * HOP])
    build = lowered(model, tmp_path / "build", target)
    with_golden(build, model, tmp_path / "build", target, inputs, Oracle(model).run_hops(inputs))
    assert replayed(tmp_path / "build", target, *QUICK)[-1] == "PASS"


@pytest.mark.slow
@needs_cc
@on_devices("cortex-m55")
def test_a_plain_onnx_canceller_in_integers_with_clips_of_two_files(
    target: str, tmp_path: Path
) -> None:
    """A learned filter for one room: mic minus a convolution of ref, calibrated on NAME.mic.wav and NAME.ref.wav."""
    far, echo, near = rendered(2)
    path = canceller_file(tmp_path / "room.onnx", far, echo, taps=400)
    (tmp_path / "clips").mkdir()
    for name, sound in (("a.mic", echo + near), ("a.ref", far)):
        soundfile.write(tmp_path / "clips" / f"{name}.wav", sound, RATE, subtype="FLOAT")
    model = load_model(str(path), ImportOptions(hop=64, sample_rate=RATE)).model
    calibration = load_calibration(str(tmp_path / "clips"), model)
    integers = quantize(model, calibration, "w8a16")
    lowered(integers, tmp_path / "host")
    sounds = {"mic": (echo + near)[None], "ref": far[None]}
    out = run_sounds(Stream.open(tmp_path / "host"), sounds)["out"][0]
    alone = slice(RATE // 2, int(1.6 * RATE))
    assert power_db(echo[alone]) - power_db(out[alone]) > 30
    inputs = {name: array[:8] for name, array in calibration.clips[0].items()}
    build = lowered(integers, tmp_path / "m55", target)
    outputs = Oracle(integers).run_hops(inputs)
    with_golden(build, integers, tmp_path / "m55", target, inputs, outputs)
    assert replayed(tmp_path / "m55", target, *QUICK)[-1] == "PASS"


@pytest.mark.slow
@needs_cc
@on_devices("cortex-m55")
def test_a_binaural_network_is_its_offline_module_in_both_ears(target: str, tmp_path: Path) -> None:
    model = load_model("hearable_networks:binaural", ears_options()).model
    lowered(model, tmp_path / "host")
    stream = Stream.open(tmp_path / "host")
    (ears,), (out,) = stream.manifest.stream_inputs, stream.manifest.stream_outputs
    assert (ears.channels, out.channels, out.delay_samples) == (2, 2, EARS_N_FFT - EARS_HOP)
    sound = (0.2 * np.random.default_rng(1).standard_normal((2, 40 * EARS_HOP))).astype(np.float32)
    found = run_sounds(stream, {"ears": sound})["out"]
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(EARS_N_FFT) / EARS_N_FFT))
    frames = spectra(sound, window)
    given = np.concatenate([frames.real, frames.imag])[None].astype(np.float32)
    with torch.no_grad():
        made = binaural()[0](torch.from_numpy(given))[0].double().numpy()
    expected = overlapped(made[0::2] + 1j * made[1::2], window)
    length = expected.shape[1] - EARS_HOP
    peak = np.abs(expected).max()
    assert np.abs(found[:, :length] - expected[:, :length]).max() < 1e-5 * peak
    assert np.abs(found[0] - found[1]).max() > 0.1 * peak  # two ears, not one twice
    inputs = hops_of(model, ears=sound[:, : 8 * EARS_HOP])
    build = lowered(model, tmp_path / "m55", target)
    with_golden(build, model, tmp_path / "m55", target, inputs, Oracle(model).run_hops(inputs))
    assert replayed(tmp_path / "m55", target, *QUICK)[-1] == "PASS"
