"""A build as an LV2 plug-in: built with CMake, in lv2apply and in a host of our own, equal to `edgekit run`."""

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from port_networks import Mixer
from published_signals import bundled_speech

from edgekit.base.errors import UsageError
from edgekit.demos.compressor import show as compressor
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.audio.device import at_device
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.plugin.table import wrap_problems
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.export.request import read_request
from edgekit.verbs.targets import TARGETS

HEADERS = Path("/usr/include/lv2")
MISSING = [
    *(
        f"{tool}: apt-get install {package}"
        for tool, package in (("cmake", "cmake"), ("cc", "gcc"))
        if not shutil.which(tool)
    ),
    *([] if HEADERS.is_dir() else ["the headers of LV2: apt-get install lv2-dev"]),
]
needs_lv2 = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
needs_host = pytest.mark.skipif(
    shutil.which("lv2apply") is None, reason="needs lv2apply: apt-get install lilv-utils"
)
Sound = NDArray[np.float32]


class Descriptor(ctypes.Structure):
    """What a plug-in gives its host: lv2/core/lv2.h."""

    _fields_ = (
        ("uri", ctypes.c_char_p),
        (
            "instantiate",
            ctypes.CFUNCTYPE(
                ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_char_p, ctypes.c_void_p
            ),
        ),
        ("connect_port", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)),
        ("activate", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32)),
        ("deactivate", ctypes.c_void_p),
        ("cleanup", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("extension_data", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Plugin:
    """A build in a folder, its bundle, and the plug-in in it."""

    folder: Path
    bundle: Path
    descriptor: Descriptor

    @property
    def uri(self) -> str:
        """The plug-in's name."""
        uri = self.descriptor.uri
        assert uri is not None
        return uri.decode()


def made(model: Model, folder: Path, knobs: dict[str, str] | None = None) -> Plugin:
    """Lower a model with a plug-in, and build that with CMake."""
    build = TARGETS["c99"].lower(model, "c99", wrap="lv2", knobs=knobs)
    write_build(build, folder)
    out = folder / "lv2" / "made"
    for command in (["cmake", "-S", folder / "lv2", "-B", out], ["cmake", "--build", out]):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    name = build.manifest.c_name
    bundle = out / f"{name}.lv2"
    library = ctypes.CDLL(str(bundle / f"{name}.so"))
    library.lv2_descriptor.restype = ctypes.POINTER(Descriptor)
    assert not library.lv2_descriptor(1)
    return Plugin(folder, bundle, library.lv2_descriptor(0).contents)


def played(
    plugin: Plugin, sound: Sound, rate: int, controls: list[float], enabled: Sound | None = None
) -> tuple[Sound, int]:
    """(samples,) through the plug-in in blocks of uneven lengths, in place; and the latency that it reports."""
    d, heard = plugin.descriptor, sound.copy()
    values = [ctypes.c_float(v) for v in (*controls, 1.0, -1.0)]
    instance = d.instantiate(None, rate, str(plugin.bundle).encode(), None)
    assert instance
    for port, value in enumerate(values):
        d.connect_port(instance, 2 + port, ctypes.addressof(value))
    d.activate(instance)
    at, step = 0, 1
    while at < len(heard):
        frames = min(step, len(heard) - at)
        if enabled is not None:
            values[-2].value = float(enabled[at])
        for port in (0, 1):
            d.connect_port(instance, port, heard.ctypes.data + 4 * at)
        d.run(instance, frames)
        at, step = at + frames, step * 7 % 509
    d.cleanup(instance)
    return heard, int(values[-1].value)


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    """The bundled denoiser, w8a8."""
    model = load_model(str(NETWORK), OPTIONS).model
    speech = bundled_speech(128 * 12)[1].reshape(-1, 1, 128).astype(np.float32)
    quantized = quantize(model, Calibration(({"pcm": speech},), "speech"), "w8a8")
    return made(quantized, tmp_path_factory.mktemp("lv2") / "denoise")


@pytest.mark.slow
@needs_lv2
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_the_plug_in_gives_what_edgekit_run_gives_as_late_as_it_says(
    denoiser: Plugin, rate: int
) -> None:
    sound = bundled_speech(rate)[1].astype(np.float32)
    heard, latency = played(denoiser, sound, rate, [])
    stream = at_device(Stream.open(denoiser.folder), rate)
    assert latency == stream.manifest.stream["delay_samples"]
    (expected,) = run_sounds(stream, {"pcm": sound[None]}).values()
    assert np.abs(expected).max() > 0.05
    if rate == 16_000:
        np.testing.assert_array_equal(heard[latency:], expected[0, : len(sound) - latency])
    np.testing.assert_allclose(heard[latency:], expected[0, : len(sound) - latency], atol=2e-5)


@needs_lv2
def test_bypass_is_as_late_and_fades(denoiser: Plugin) -> None:
    sound = bundled_speech(16_000)[1].astype(np.float32)
    wet, latency = played(denoiser, sound, 16_000, [])
    dry = np.concatenate([np.zeros(latency, np.float32), sound])[: len(sound)]
    off = np.zeros(len(sound), np.float32)
    heard, _ = played(denoiser, sound, 16_000, [], off)
    np.testing.assert_array_equal(heard[200:], dry[200:])
    half = np.repeat(np.array([1, 0], np.float32), len(sound) // 2)
    heard, _ = played(denoiser, sound, 16_000, [], half)
    np.testing.assert_array_equal(heard[: len(sound) // 2], wet[: len(sound) // 2])
    np.testing.assert_array_equal(heard[-len(sound) // 4 :], dry[-len(sound) // 4 :])
    between = np.minimum(wet, dry) - 1e-6 <= heard, heard <= np.maximum(wet, dry) + 1e-6
    assert np.all(between)


@needs_lv2
@needs_host
def test_the_host_of_lilv_renders_the_same(denoiser: Plugin, tmp_path: Path) -> None:
    sound = bundled_speech(8_000)[1].astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound, 16_000, "FLOAT")
    environment = {**os.environ, "LV2_PATH": str(denoiser.bundle.parent)}
    command = ["lv2apply", "-i", "in.wav", "-o", "out.wav", denoiser.uri]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rendered, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    heard, _ = played(denoiser, sound, 16_000, [])
    assert rate == 16_000
    np.testing.assert_array_equal(rendered[: len(heard)], heard)
    listed = subprocess.run(
        ["lv2info", denoiser.uri], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "Has latency:       yes, reported by port 3" in listed


@pytest.mark.slow
@needs_lv2
def test_knobs_are_ports(tmp_path: Path) -> None:
    given = {**compressor.options("float32", tmp_path), "calibration": None}
    request = read_request(str(compressor.NETWORK), "c99", tmp_path / "unused", given)  # type: ignore[arg-type]
    plugin = made(load_model(str(compressor.NETWORK), request.imports).model, tmp_path / "build")
    sound = bundled_speech(64 * 120)[1].astype(np.float32)
    stream = Stream.open(plugin.folder)
    for threshold in (-30.0, -6.0):
        knobs = [threshold, 4.0, 2.0, 30.0]
        heard, latency = played(plugin, sound, 44_100, knobs)
        stream.reset()
        hops = {
            "pcm": sound.reshape(-1, 1, 1, 64),
            "knobs": np.reshape(np.float32(knobs), (1, 4, 1)),
        }
        expected = stream.run(hops)["out"].ravel()
        assert latency == 63
        np.testing.assert_array_equal(heard[latency:], expected[: len(sound) - latency])
    text = (plugin.bundle / "compressor.ttl").read_text()
    assert 'lv2:symbol "knobs_4"' in text and "lv2:index 7" in text


def test_what_is_no_sound_is_refused() -> None:
    model = load_model(str(NETWORK), ImportOptions()).model
    (first, *_) = wrap_problems(model, "c99", ["lv2"], None)
    assert first.where == "--wrap lv2" and "logpow [1, 1, 257]" in first.found


def test_other_targets_and_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--target host or c99"):
        read_request(str(NETWORK), "wasm", tmp_path / "out", {"wrap": "lv2"})
    with pytest.raises(UsageError, match=r"--wrap 'vst'.*allowed: lv2, clap"):
        read_request(str(NETWORK), "host", tmp_path / "out", {"wrap": "vst"})
    with pytest.raises(UsageError, match=r"^--wrap 'vst'[^\n]*allowed: lv2, clap[^\n]*$"):
        read_request(str(NETWORK), "host", tmp_path / "out", {"wrap": ("lv2", "vst")})


def test_each_kind_that_is_asked_for_is_made() -> None:
    model = Mixer.drawn(
        np.random.default_rng(0), {"in": (1, "NTC")}, {"out": (1, "NTC")}, 8
    ).model()
    both, *alone = (
        TARGETS["c99"].lower(model, "c99", wrap=kinds)
        for kinds in (("lv2", "clap"), "lv2", ("clap", "clap"))
    )
    assert both.files == {**alone[0].files, **alone[1].files}
    assert {name.partition("/")[0] for name in both.files if "/" in name} == {"lv2", "clap"}
