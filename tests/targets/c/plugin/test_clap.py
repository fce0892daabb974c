"""A build as a CLAP plug-in: built with CMake, in a host of our own in C, equal to `edgekit run`."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
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
from edgekit.runtime.build_folder.manifest import PLUGIN_FOLDERS
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.plugin.table import PLUGINS, wrap_problems
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.export.request import read_request
from edgekit.verbs.targets import TARGETS

MISSING = [
    f"{tool}: apt-get install {package}"
    for tool, package in (("cmake", "cmake"), ("cc", "gcc"))
    if not shutil.which(tool)
]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
HOST = Path(__file__).parents[3] / "clap_host.c"
KNOBS = {"knobs": "-60:0:-20,1:20:4,0.1:100:5,1:500:50"}
Sound = NDArray[np.float32]
Turn = tuple[int, int, float]  # frame, id, value


def run(*command: str | Path) -> None:
    """A tool that must succeed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Plugin:
    """A build in a folder, and its plug-in."""

    folder: Path
    name: str

    @property
    def file(self) -> Path:
        """What a host loads."""
        return self.folder / "clap" / "made" / f"{self.name}.clap"


@dataclass(frozen=True)
class Heard:
    """What a host made of a sound: (channels, samples), and what it printed, by first word."""

    sound: Sound
    lines: dict[str, list[str]]

    @property
    def latency(self) -> int:
        """In samples of the host."""
        return int(self.lines["latency"][0])


def made(model: Model, folder: Path, knobs: dict[str, str] | None = None) -> Plugin:
    """Lower a model with a plug-in, and build that with CMake, warnings being errors."""
    build = TARGETS["c99"].lower(model, "c99", wrap="clap", knobs=knobs)
    write_build(build, folder)
    plugin = Plugin(folder, build.manifest.c_name)
    flags = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"
    run("cmake", "-S", folder / "clap", "-B", plugin.file.parent, flags)
    run("cmake", "--build", plugin.file.parent)
    return plugin


def host_of(plugin: Plugin, folder: Path, *flags: str) -> Path:
    """The host's program."""
    program = folder / "host"
    words = "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-rdynamic", "-pthread", *flags
    run("cc", *words, "-I", plugin.folder / "clap", HOST, "-o", program, "-ldl")
    return program


@pytest.fixture(scope="module")
def host(mixer: Plugin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that loads plug-ins."""
    return host_of(mixer, tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    """The bundled denoiser, w8a8."""
    model = load_model(str(NETWORK), OPTIONS).model
    speech = bundled_speech(128 * 12)[1].reshape(-1, 1, 128).astype(np.float32)
    quantized = quantize(model, Calibration(({"pcm": speech},), "speech"), "w8a8")
    return made(quantized, tmp_path_factory.mktemp("clap") / "denoise")


MIXER = Mixer.drawn(
    np.random.default_rng(3),
    {"voice": (2, "NTC"), "far": (1, "NCT")},
    {"left_right": (2, "NCT"), "rest": (3, "NTC")},
    8,
)


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    """Two streams of three channels in, two of five out."""
    return made(MIXER.model(), tmp_path_factory.mktemp("mixer") / "mixer")


@pytest.fixture(scope="module")
def knobbed(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    """The bundled compressor with its four knobs."""
    folder = tmp_path_factory.mktemp("knobs")
    given = {**compressor.options("float32", folder), "calibration": None}
    request = read_request(str(compressor.NETWORK), "c99", folder / "unused", given)  # type: ignore[arg-type]
    model = load_model(str(compressor.NETWORK), request.imports).model
    return made(model, folder / "compressor", KNOBS)


def played(
    host: Path,
    plugin: Plugin,
    sound: Sound,
    rate: int,
    scratch: Path,
    *,
    out: int = 1,
    turns: tuple[Turn, ...] = (),
    seed: int = 0,
    state: bytes | None = None,
) -> Heard:
    """(channels, samples) through the plug-in in the host, with knobs turned at frames."""
    given, result = scratch / "in.f32", scratch / "out.f32"
    given.write_bytes(np.ascontiguousarray(sound, np.float32).tobytes())
    saved = scratch / "state.in"
    if state is not None:
        saved.write_bytes(state)
    words = [host, plugin.file, rate, seed, given, result, len(sound), out]
    words += ["-" if state is None else saved, scratch / "state.out"]
    events = "".join(f"{frame} {id_} {value!r}\n" for frame, id_, value in turns)
    done = subprocess.run(list(map(str, words)), input=events, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        lines.setdefault(word, []).append(rest)
    return Heard(np.fromfile(result, np.float32).reshape(out, -1), lines)


@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_the_plug_in_gives_what_edgekit_run_gives_as_late_as_it_says(
    host: Path, denoiser: Plugin, rate: int, tmp_path: Path
) -> None:
    sound = bundled_speech(rate)[1].astype(np.float32)
    heard = played(host, denoiser, sound[None], rate, tmp_path, seed=rate)
    late = heard.latency
    stream = at_device(Stream.open(denoiser.folder), rate)
    assert late == stream.manifest.stream["delay_samples"]
    (expected,) = run_sounds(stream, {"pcm": sound[None]}).values()
    found, expected = heard.sound[:, late:], expected[:, : len(sound) - late]
    assert np.abs(expected).max() > 0.05
    if rate == 16_000:
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert heard.lines["id"] == ["edgekit.denoise"]
    assert heard.lines["feature"] == ["audio-effect", "mono"]


@needs_tools
def test_streams_are_ports_and_channels_stay_apart(
    host: Path, mixer: Plugin, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    sound = random.uniform(-0.5, 0.5, (3, 4_000)).astype(np.float32)
    heard = played(host, mixer, sound, 16_000, tmp_path, out=5)
    expected = MIXER.mixed({"voice": sound[:2], "far": sound[2:]})
    late = heard.latency
    assert late == 7
    found = heard.sound[:, late:]
    whole = np.concatenate([expected["left_right"], expected["rest"]])[:, : found.shape[1]]
    np.testing.assert_allclose(found, whole, atol=1e-6)
    assert heard.lines["port"] == [
        "in voice 2 stereo",
        "in far 1 mono",
        "out left_right 2 stereo",
        "out rest 3 -",
    ]
    assert heard.lines["feature"] == ["audio-effect", "stereo"]


@pytest.mark.slow
@needs_tools
def test_knobs_are_turned_at_the_hop_that_their_event_falls_in(
    host: Path, knobbed: Plugin, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    sound = bundled_speech(64 * 200)[1].astype(np.float32)
    knobs = np.array([-20.0, 4.0, 5.0, 50.0], np.float32)
    frames = np.sort(random.integers(0, len(sound), 60))
    turns, hops = [], np.empty((200, 4), np.float32)
    for frame in frames:
        which = int(random.integers(4))
        low, high = ((-40, -6), (1, 10), (1, 50), (5, 100))[which]
        turns.append((int(frame), which + 1, float(np.float32(random.uniform(low, high)))))
    for hop in range(200):
        for frame, which, value in turns:
            if 64 * hop <= frame < 64 * (hop + 1):
                knobs[which - 1] = value
        hops[hop] = knobs
    heard = played(host, knobbed, sound[None], 44_100, tmp_path, turns=tuple(turns))
    stream = Stream.open(knobbed.folder)
    given = {"pcm": sound.reshape(-1, 1, 1, 64), "knobs": hops.reshape(-1, 1, 4, 1)}
    expected = stream.run(given)["out"].ravel()
    assert heard.latency == 63
    np.testing.assert_array_equal(heard.sound[0, 63:], expected[:-63])
    assert heard.lines["knob"][0] == "0 49 0 1 0 Bypass".replace("49", str(1 | 16 | 32))
    assert heard.lines["knob"][1] == "1 32 -60 0 -20 knobs 1"


@pytest.mark.slow
@needs_tools
def test_bypass_is_as_late_and_a_state_brings_knobs_back(
    host: Path, knobbed: Plugin, tmp_path: Path
) -> None:
    sound = bundled_speech(22_050)[1].astype(np.float32)
    wet = played(host, knobbed, sound[None], 44_100, tmp_path).sound[0]
    late = np.concatenate([np.zeros(63, np.float32), sound])[: len(sound)]
    turned = ((10_000, 0, 1.0), (10_000, 2, 9.5), (10_000, 1, 70.0), (10_001, 99, 1.0))
    heard = played(host, knobbed, sound[None], 44_100, tmp_path, turns=turned)
    np.testing.assert_array_equal(heard.sound[0, :10_000], wet[:10_000])
    np.testing.assert_array_equal(heard.sound[0, 10_500:], late[10_500:])
    values = ["0 1", "1 0", "2 9.5", "3 5", "4 50"]  # 70 is beyond its range
    assert heard.lines["value"] == values
    saved = (tmp_path / "state.out").read_bytes()
    again = played(host, knobbed, sound[None], 44_100, tmp_path, state=saved)
    assert again.lines["value"] == values and again.lines["loaded"] == ["1"]
    np.testing.assert_array_equal(again.sound[0, 1_000:], late[1_000:])
    for damaged in (b"", saved[:-1], b"another" + saved[7:]):
        again = played(host, knobbed, sound[None], 44_100, tmp_path, state=damaged)
        assert again.lines["loaded"] == ["0"] and again.lines["value"][0] == "0 0"
        np.testing.assert_array_equal(again.sound[0], wet)


@needs_tools
def test_its_threads_share_nothing_that_races(mixer: Plugin, tmp_path: Path) -> None:
    flags = "-fsanitize=thread", "-g"
    folder = mixer.folder / "clap" / "made-tsan"
    words = f"-DCMAKE_C_FLAGS={' '.join(flags)}"
    run("cmake", "-S", mixer.folder / "clap", "-B", folder, words)
    run("cmake", "--build", folder)
    checked = Plugin(mixer.folder, f"../made-tsan/{mixer.name}")
    sound = np.zeros((3, 20_000), np.float32)
    turns = tuple((frame, 0, float(frame // 500 % 2)) for frame in range(0, 20_000, 500))
    played(host_of(mixer, tmp_path, *flags), checked, sound, 48_000, tmp_path, out=5, turns=turns)


def test_ranges_are_wanted_and_read() -> None:
    given = {**compressor.options("float32", Path()), "calibration": None}
    request = read_request(str(compressor.NETWORK), "c99", Path("new"), given)  # type: ignore[arg-type]
    model = load_model(str(compressor.NETWORK), request.imports).model
    assert not wrap_problems(model, "c99", ["clap"], KNOBS)
    assert not wrap_problems(model, "c99", ["lv2"], None)
    (bare,) = wrap_problems(model, "c99", ["clap"], None)
    assert bare.found == "control 'knobs' without a range"
    wrong = {
        "gain=0:1:0": "no such control",
        "knobs=0:1:0,0:1:0": "2 ranges",
        "knobs=0:1": "'0:1'",
        "knobs=1:0:0": "'1:0:0'",
        "knobs=0:1:2": "'0:1:2'",
        "knobs=0:inf:2": "'0:inf:2'",
        "knobs=a:b:c": "'a:b:c'",
    }
    for text, found in wrong.items():
        name, _, ranges = text.partition("=")
        assert found in [p.found for p in wrap_problems(model, "c99", ["lv2"], {name: ranges})]


def test_knobs_without_a_plug_in_are_refused(tmp_path: Path) -> None:
    (problem,) = TARGETS["c99"].check(MIXER.model(), knobs={"gain": "0:1:0"})
    assert problem.where == "--knob" and "--wrap" in problem.allowed
    with pytest.raises(UsageError, match="--target host or c99 or wasm"):
        read_request(str(NETWORK), "cortex-m4", tmp_path / "out", {"knobs": {"gain": "0:1:0"}})


def test_kinds_have_a_folder_each() -> None:
    assert tuple(PLUGINS) == PLUGIN_FOLDERS
