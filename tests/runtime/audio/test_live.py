"""Live audio: a build between a microphone and a loudspeaker."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny_build
import tiny_networks
from fake_sound import FakeSound, Flags
from numpy.typing import NDArray
from port_networks import Mixer
from tiny_build import HOP, needs_cc

from edgekit import api, cli
from edgekit.base.errors import UsageError
from edgekit.cli.live import picture
from edgekit.runtime.audio.live import SPARE_MS, Live, LiveFacts, block_of
from edgekit.runtime.audio.sound import QUIT, play
from edgekit.runtime.stream import Stream

RATE = 16000
SPARE = SPARE_MS * RATE // 1000
HOP_US = HOP * 1e6 / RATE


class Slow:
    """A runner that gives its input back and says that a hop took so long."""

    compiler = None

    def __init__(self, us: float = 1.0) -> None:
        self.us = us

    def process(self, inputs: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], int]:
        return [inputs[0].copy()], int(self.us * 1000)

    def reset(self) -> None:
        pass


def slow(us: float = 1.0, **changes: Any) -> Stream:
    return Stream(tiny_build.manifest(**changes), Slow(us))  # type: ignore[arg-type]


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def through(
    live: Live,
    samples: NDArray[np.float32],
    block: int,
    flags: dict[int, Flags] | None = None,
    before: Callable[[int], None] = lambda number: None,
) -> NDArray[np.float32]:
    """Call back with block after block, the worker at once behind each."""
    heard = []
    for number, part in enumerate(samples.reshape(-1, block, 1)):
        before(number)
        out = np.full_like(part, np.nan)
        live.callback(part, out, block, None, (flags or {}).get(number, Flags()))
        heard.append(out[:, 0])
        while live.work():
            pass
    return np.concatenate(heard)


@needs_cc
@pytest.mark.parametrize("block", [HOP, 3 * HOP, 1, 6, 7, 64])
def test_what_is_heard_is_the_build_later(block: int, tmp_path: Path) -> None:
    live = Live(Stream.open(tiny_build.write(tmp_path)), block)
    samples = noise(40 * block * HOP)
    heard, facts = through(live, samples, block), live.facts(whole=True)
    lead = facts.latency_samples - 1  # the build's own delay is one sample
    assert lead == block + HOP - np.gcd(block, HOP) + SPARE
    if len(samples) > lead:
        assert np.array_equal(heard[lead:], tiny_build.expected(samples)[: len(samples) - lead])
    assert not heard[:lead].any() and not np.isnan(heard).any()
    assert facts.late_samples == facts.dropped_hops == 0
    assert facts.hops == len(samples) // HOP
    level = 10 * np.log10(np.mean(samples.astype(np.float64) ** 2))
    assert facts.in_dbfs == pytest.approx(level, abs=0.06)


@needs_cc
def test_run_with_files_gives_the_same_samples(tmp_path: Path) -> None:
    """Through the whole verb: a worker, a callback thread, and Ctrl-C at the end."""
    folder = tiny_build.write(tmp_path / "build")
    samples = noise(RATE)
    soundfile.write(tmp_path / "in.wav", samples, RATE, subtype="FLOAT")
    api.run(folder, tmp_path / "in.wav", tmp_path / "out.wav")
    expected = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    sound = FakeSound(samples, lambda sound: os.kill(os.getpid(), signal.SIGINT))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sounddevice", sound)
        facts = api.live(folder, lambda facts: _pause())
    assert sound.block == 64  # 4 ms: hops of a quarter of a millisecond come 16 at a time
    latency = facts.latency_samples
    assert np.array_equal(sound.heard[latency:], expected[: len(sound.heard) - latency])
    assert facts.late_samples == 0 and facts.hops == len(samples) // HOP


def _pause() -> None:
    time.sleep(0.02)


def test_dry_is_the_microphone_as_late_as_the_build() -> None:
    live = Live(slow(), 8)
    samples = noise(1600)

    def switch(number: int) -> None:
        if number in (100, 150):
            live.dry = not live.dry

    heard, facts = through(live, samples, 8, before=switch), live.facts()
    lead, delay = facts.latency_samples - 1, 1
    wet, dry = (
        np.concatenate([np.zeros(n, np.float32), samples[:-n]]) for n in (lead, lead + delay)
    )
    for first, last, expected in ((0, 800, wet), (808, 1200, dry), (1208, 1600, wet)):
        assert np.array_equal(heard[first:last], expected[first:last])
    rise = np.linspace(0, 1, 8, dtype=np.float32)
    faded = dry[800:808] * rise + wet[800:808] * rise[::-1]
    np.testing.assert_allclose(heard[800:808], faded, atol=1e-7)


def test_what_the_device_loses_is_counted_and_the_stream_goes_on() -> None:
    live = Live(slow(), 8)
    flags = {
        3: Flags("input_overflow"),
        5: Flags("input_overflow", "output_underflow"),
        6: Flags("priming_output"),
    }
    samples = noise(1600)
    heard, facts = through(live, samples, 8, flags), live.facts()
    assert facts.xruns == {
        "input_overflow": 2,
        "input_underflow": 0,
        "output_overflow": 0,
        "output_underflow": 1,
    }
    lead = facts.latency_samples - 1
    assert np.array_equal(heard[lead:], samples[:-lead])
    assert "input overflow 2, output underflow 1" in picture(facts)


def test_hops_that_take_too_long_are_counted() -> None:
    live = Live(slow(HOP_US * 1.5), 8)
    through(live, noise(160), 8)
    facts = live.facts()
    assert facts.deadline_misses == facts.hops == 40
    assert facts.median_us == facts.max_us == HOP_US * 1.5
    assert "40 of 40 took longer than 0.25 ms" in picture(facts)
    assert Live(slow(HOP_US), 8).facts().deadline_misses == 0


def test_a_worker_that_falls_behind_is_silent_and_catches_up_with_the_same_latency() -> None:
    live = Live(slow(), HOP)
    lead = live.facts().latency_samples - 1
    samples, heard = noise(4000), []
    for number, part in enumerate(samples.reshape(-1, HOP, 1)):
        out = np.full_like(part, np.nan)
        live.callback(part, out, HOP, None, Flags())
        heard.append(out[:, 0])
        if not 300 <= number < 500:  # where the worker sleeps
            while live.work():
                pass
    played, facts = np.concatenate(heard), live.facts()
    expected = np.concatenate([np.zeros(lead, np.float32), samples[:-lead]])
    sleep, awake = 300 * HOP + lead, 500 * HOP + lead
    assert np.array_equal(played[:sleep], expected[:sleep])
    assert np.array_equal(played[awake:], expected[awake:])
    assert not played[sleep + HOP : 500 * HOP].any()
    assert facts.dropped_hops == 200 and facts.hops == 1000 - 200
    assert facts.late_samples == 200 * HOP - lead + HOP


@pytest.mark.parametrize("target", ["onnxruntime", "litert"])
def test_other_engines_are_heard_alike(target: str, tmp_path: Path) -> None:
    if target == "litert":
        pytest.importorskip(
            "ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert"
        )
    network = str(tiny_networks.spectral_gain(tmp_path / "gain.onnx"))
    api.export(network, target, tmp_path / "b", sample_rate=RATE, frontend=tiny_networks.FRONTEND)
    stream = Stream.open(tmp_path / "b")
    hop = stream.manifest.stream["hop_samples"]
    live, samples = Live(stream, 3 * hop), noise(300 * hop)
    heard = through(live, samples, 3 * hop)
    lead = live.facts().latency_samples - stream.manifest.stream["delay_samples"]
    (name,) = (t.name for t in stream.manifest.stream_inputs)
    stream.reset()
    (expected,) = stream.run({name: samples.reshape(-1, 1, hop)}).values()
    assert np.array_equal(heard[lead:], expected.reshape(-1)[:-lead])


def played(sound: FakeSound, stream: Stream, watch: Callable[[LiveFacts], str | None]) -> LiveFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sounddevice", sound)
        return play(stream, watch)


def test_builds_without_audio_or_rate_are_refused() -> None:
    facts = tiny_build.manifest().stream
    with pytest.raises(UsageError, match="takes pcm"):
        play(slow(stream={**facts, "hop_samples": 8}), lambda facts: QUIT)
    with pytest.raises(UsageError, match="no sample rate"):
        play(slow(stream={**facts, "sample_rate_hz": None}), lambda facts: QUIT)


def test_long_hops_are_blocks_and_short_ones_come_together() -> None:
    assert block_of(slow()) == 64


@needs_cc
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_run_mic_prints_what_happened(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tiny_build.write(tmp_path)
    sound = FakeSound(noise(6400), lambda sound: os.kill(os.getpid(), signal.SIGINT))
    monkeypatch.setitem(sys.modules, "sounddevice", sound)
    monkeypatch.setattr(sys, "argv", ["edgekit", "run", str(folder), "--mic", *arguments])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert not ended.value.code
    printed = capsys.readouterr().out
    if arguments:
        facts = json.loads(printed)
        assert facts["hops"] == 1600 and facts["late_samples"] == 0 and facts["dry"] is False
    else:
        words = " ".join(printed.split())  # a line of a terminal may end anywhere
        assert "dBFS" in words and "of 1,600 took longer than 0.25 ms" in words


@needs_cc
def test_channels_of_one_device_are_those_of_all_inputs(tmp_path: Path) -> None:
    inputs, outputs = (
        {"mic": (2, "NCT"), "ref": (1, "NTC")},
        {"out": (2, "NTC"), "echo": (1, "NCT")},
    )
    mixer = Mixer.drawn(np.random.default_rng(0), inputs, outputs, 16)
    live = Live(mixer.stream(tmp_path), 32)
    assert live.channels == (3, 3)
    samples = noise(32 * 60).reshape(-1, 32, 1) * np.float32([1, 0.5, 0.25])
    heard = []
    for number, block in enumerate(samples):
        live.dry = number >= 50
        out = np.full_like(block, np.nan)
        live.callback(block, out, 32, None, Flags())
        heard.append(out)
        while live.work():
            pass
    whole, said = np.concatenate(heard), samples.reshape(-1, 3)
    expected = mixer.mixed({"mic": said[:, :2].T, "ref": said[:, 2:].T})
    late, wet = live.facts().latency_samples, 50 * 32
    made = np.concatenate([expected["out"], expected["echo"]]).T
    np.testing.assert_allclose(whole[late:wet], made[: wet - late], atol=1e-6)
    dry = slice(wet + 32, len(whole))  # a block to fade
    np.testing.assert_array_equal(
        whole[dry], said[:, [0, 1, 0]][wet + 32 - late : len(whole) - late]
    )
