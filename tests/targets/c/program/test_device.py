"""The adapter in C: the bits of the one in Python, on this machine and on a microcontroller."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from builds import STRICT, lowered
from c_kernels import CC
from devices import on_devices, run_program
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from port_networks import SHAPES, Mixer
from stream_networks import Net
from tiny_build import needs_cc

from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import Model
from edgekit.runtime.audio.device import at_device, open_device
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.stream import Stream
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.literals import array_text
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.devices import profile

Samples = NDArray[np.float32]


def network(device_hz: int, channels: int = 1, hop: int = 16) -> Model:
    """A 16 kHz network of PCM with a lookahead of one sample, behind a device of another rate."""
    net = Net()
    y = net.conv(
        net.add("Tanh", net.conv("x", channels, 4, 5, left=4)), 4, channels, 3, left=1, right=1
    )
    data = net.model([1, channels, "T"], y)
    model = guard_inputs(stream(onnx_offline(data, name="ear"), hop=hop, sample_rate=16_000))
    layouts = dict.fromkeys(("x", y), "NCT")
    return model.describe(device_rate_hz=device_hz, layouts=layouts)


def noise(channels: int, samples: int = 3000) -> Samples:
    random = np.random.default_rng(samples)
    return random.uniform(-0.6, 0.6, (channels, samples)).astype(np.float32)


def in_c(stream: Stream, x: Samples, kind: type[np.generic] = np.float32) -> NDArray[np.generic]:
    """Run interleaved blocks of random lengths through ``<name>_device_process``; x has the channels of all inputs."""
    library, name, facts = stream.runner.library, stream.manifest.c_name, stream.manifest.device
    memory = np.full(facts["state_bytes"] // 4, np.nan, np.float32)
    init = getattr(library, f"{name}_device_init")
    init.restype, init.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
    assert not init(memory.ctypes.data, memory.nbytes - 4)
    device = init(memory.ctypes.data, memory.nbytes)
    stream.reset()
    _, instance, scratch = stream.runner.addresses
    process = getattr(library, f"{name}_device_process{'_s16' if kind is np.int16 else ''}")
    sides = stream.manifest.stream_inputs, stream.manifest.sounds
    ins, outs = ([tensor.pcm_channels or 0 for tensor in side] for side in sides)
    process.argtypes = [ctypes.c_void_p] * (5 + len(ins) + len(outs)) + [ctypes.c_int32]
    random, start, found = np.random.default_rng(5), 0, []
    while start < x.shape[1]:
        block = x[:, start : start + random.integers(1, 400)].astype(kind)
        frames = block.shape[1]
        given = [np.ascontiguousarray(part.T) for part in np.split(block, np.cumsum(ins)[:-1])]
        made = [np.empty((frames, channels), kind) for channels in outs]
        pointers = [array.ctypes.data for array in (*given, *made)]
        assert process(device, instance, scratch, None, None, *pointers, frames) == 0
        found.append(np.concatenate(made, axis=1))
        start += frames
    for missing in range(len(pointers)):
        without = [*pointers[:missing], None, *pointers[missing + 1 :]]
        assert process(device, instance, scratch, None, None, *without, 1) == -1
    return np.concatenate(found).T


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize(
    ("device_hz", "channels"), [(48_000, 1), (44_100, 2), (8_000, 3), (16_000, 16)]
)
def test_c_and_python_give_the_same_bits(device_hz: int, channels: int, tmp_path: Path) -> None:
    build = lowered(network(device_hz, channels), tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    x = noise(channels)
    expected = open_device(stream, device_hz).process(x)
    np.testing.assert_array_equal(in_c(stream, x), expected)
    stream.reset()
    pcm = np.rint(x * 32768)
    whole = open_device(stream, device_hz).process((pcm / 32768).astype(np.float32))
    saturated = np.clip(np.rint(whole * np.float32(32768)), -32768, 32767)
    np.testing.assert_array_equal(in_c(stream, pcm, np.int16), saturated)
    for name in ("ear_device.c", "ear_device.h"):
        assert name in build.files


SEVERAL = (
    (48_000, {"mic": (1, "NCT"), "ref": (1, "NCT")}, {"out": (1, "NCT")}),
    (44_100, {"mic": (4, "NTC"), "bone": (1, "CT")}, {"left": (2, "TC"), "right": (3, "NCT")}),
    (11_025, {"a": (16, "NCT"), "b": (16, "TC"), "c": (2, "NCT")}, {"out": (16, "NTC")}),
)


ports = st.tuples(st.integers(1, 16), st.sampled_from(sorted(SHAPES)))


@needs_cc
@pytest.mark.parametrize(("device_hz", "inputs", "outputs"), SEVERAL)
def test_several_streams_stand_behind_one_device(
    device_hz: int,
    inputs: dict[str, tuple[int, str]],
    outputs: dict[str, tuple[int, str]],
    tmp_path: Path,
) -> None:
    check_device(device_hz, inputs, outputs, tmp_path)


@needs_cc
@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    st.integers(8, 192).map(lambda k: 1000 * k),
    st.dictionaries(st.sampled_from(["mic", "ref", "bone"]), ports, min_size=1),
    st.dictionaries(st.sampled_from(["out", "left"]), ports, min_size=1),
)
def test_random_streams_and_rates(
    tmp_path_factory: pytest.TempPathFactory,
    device_hz: int,
    inputs: dict[str, tuple[int, str]],
    outputs: dict[str, tuple[int, str]],
) -> None:
    check_device(device_hz, inputs, outputs, tmp_path_factory.mktemp("device"))


def check_device(
    device_hz: int,
    inputs: dict[str, tuple[int, str]],
    outputs: dict[str, tuple[int, str]],
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(device_hz)
    mixer = Mixer.drawn(random, inputs, outputs, 16)
    model = mixer.model().describe(device_rate_hz=device_hz)
    lowered(model, tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    channels = [count for count, _ in inputs.values()]
    slow = np.sin(random.uniform(0, 6, (sum(channels), 1)) + np.arange(4000) * 2e3 / device_hz)
    x = (0.5 * slow).astype(np.float32)
    expected = open_device(stream, device_hz).process(x)
    np.testing.assert_array_equal(in_c(stream, x), expected)
    pcm = np.rint(x * 32768)
    stream.reset()
    whole = open_device(stream, device_hz).process((pcm / 32768).astype(np.float32))
    rounded = np.rint(whole * np.float32(32768))
    np.testing.assert_array_equal(in_c(stream, pcm, np.int16), rounded)
    facts = stream.manifest.device
    assert facts is not None
    sounds = dict(zip(inputs, np.split(x, np.cumsum(channels)[:-1]), strict=True))
    mixed = np.concatenate(list(mixer.mixed(sounds).values()))
    late = facts["latency_samples"]
    np.testing.assert_allclose(expected[:, late + 500 :], mixed[:, 500:-late], atol=2e-3)


@needs_cc
def test_a_run_at_the_device_s_rate_takes_the_delay_out_of_each_stream(tmp_path: Path) -> None:
    inputs = {"mic": (2, "NCT"), "ref": (1, "NTC")}
    mixer = Mixer.drawn(np.random.default_rng(0), inputs, {"y": (2, "NCT"), "z": (1, "CT")}, 32)
    lowered(mixer.model(), tmp_path / "build")
    turns = np.arange(6000)[None] * 900 * 2 * np.pi / 48_000
    sounds = {
        "mic": 0.4 * np.sin(turns + np.array([[0.0], [1.0]])).astype(np.float32),
        "ref": 0.4 * np.cos(turns).astype(np.float32),
    }
    found = run_sounds(at_device(Stream.open(tmp_path / "build"), 48_000), sounds)
    for name, expected in mixer.mixed(sounds).items():
        assert found[name].shape == expected.shape
        np.testing.assert_allclose(found[name][:, 500:-500], expected[:, 500:-500], atol=1e-3)


@needs_cc
def test_the_adapter_compiles_without_a_warning(tmp_path: Path) -> None:
    mixer = Mixer.drawn(np.random.default_rng(0), SEVERAL[1][1], SEVERAL[1][2], 16)
    lowered(mixer.model().describe(device_rate_hz=44_100), tmp_path / "several")
    lowered(network(44_100), tmp_path)
    command = [str(CC), *STRICT, "-O2", "-c", "ear_device.c", "-o", "ear_device.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (several,) = (tmp_path / "several").glob("*_device.c")
    command = [str(CC), *STRICT, "-O2", "-c", several.name, "-o", "several.o"]
    subprocess.run(command, cwd=tmp_path / "several", check=True)


def test_without_a_device_rate_nothing_is_added(tmp_path: Path) -> None:
    model = network(48_000).describe(device_rate_hz=None)
    assert not [name for name in lowered(model, tmp_path).files if "device" in name]


MAIN = """\
#include "replay.h"
#include "ear_device.h"

static const float given[] = {{
{given}
}};
static const float expected[] = {{
{expected}
}};
static _Alignas(64) unsigned char state[EAR_STATE_BYTES], scratch[EAR_SCRATCH_BYTES + 64], memory[EAR_DEVICE_BYTES];

int main(void)
{{
    ear *const network = ear_init(state, sizeof state);
    ear_device *const device = ear_device_init(memory, sizeof memory);
    int32_t start = 0, block = 1, bad = device == NULL;
    while (start < {frames}) {{
        static float out[64 * {channels}];
        const int32_t left = {frames} - start, frames = block < left ? block : left;
        bad += ear_device_process(device, network, scratch, NULL, NULL, given + start * {channels}, out, frames) != 0;
        for (int32_t i = 0; i < frames * {channels}; i++) {{
            const float distance = out[i] - expected[start * {channels} + i];
            bad += !(distance <= 1e-6f && distance >= -1e-6f);
        }}
        start += frames;
        block = block % 61 + 3;
    }}
    replay_print(bad ? "FAIL\\n" : "PASS\\n");
    return bad != 0;
}}
"""


@pytest.mark.slow
@needs_cc
@on_devices("cortex-m55", "cortex-m4")
def test_a_16_khz_network_in_a_48_khz_device(target: str, tmp_path: Path) -> None:
    """From PCM of the device to PCM of the device, blocks of every length, on an emulated microcontroller."""
    lowered(network(48_000, 2), tmp_path / "host")
    x = noise(2, 700)
    expected = open_device(Stream.open(tmp_path / "host"), 48_000).process(x)
    lowered(network(48_000, 2), tmp_path / "device", target)
    folder, device = tmp_path / "device" / "replay", profile(target)
    for file in folder.iterdir():
        file.unlink()
    for name, text in port_files(device).items():
        (folder / name).write_bytes(text)
    facts = {"frames": x.shape[1], "channels": 2}
    texts = {"given": array_text(np.ascontiguousarray(x.T)), "expected": array_text(expected.T)}
    (folder / "main.c").write_text(MAIN.format(**facts, **texts))
    (folder / "board.ld").write_bytes(linker_script("[fw]*", device).encode())
    compile_replay(tmp_path / "device", device, tmp_path / "program.elf")
    assert run_program(target, tmp_path / "program.elf").splitlines()[-1] == "PASS"
