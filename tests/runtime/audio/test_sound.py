"""The sound device, the keys and the picture of levels."""

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_build
from fake_sound import FakeSound, Flags
from numpy.typing import NDArray
from port_networks import Mixer

from edgekit.base.errors import ToolError, UsageError
from edgekit.cli.keys import keys
from edgekit.cli.live import picture
from edgekit.runtime.audio.live import Live, LiveFacts
from edgekit.runtime.audio.sound import QUIT, SWITCH, play
from edgekit.runtime.stream import Stream
from edgekit.targets.describe import describe


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


def played(sound: FakeSound, stream: Stream, watch: Callable[[LiveFacts], str | None]) -> LiveFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sounddevice", sound)
        return play(stream, watch)


def test_watch_switches_and_ends() -> None:
    seen: list[LiveFacts] = []
    commands = iter([None, SWITCH, None, SWITCH, QUIT])

    def watch(facts: LiveFacts) -> str | None:
        seen.append(facts)
        return next(commands)

    facts = played(FakeSound(noise(640)), slow(), watch)
    assert [look.dry for look in seen] == [False, False, True, True, False]
    assert not facts.dry


def test_a_network_that_fails_ends_the_stream_with_its_error() -> None:
    class Broken(Slow):
        def process(self, inputs: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], int]:
            raise ToolError("the runner broke")

    with pytest.raises(ToolError, match="the runner broke"):
        played(FakeSound(noise(64)), Stream(tiny_build.manifest(), Broken()), lambda facts: None)  # type: ignore[arg-type]


def test_a_device_that_stops_is_an_error() -> None:
    def unplug(sound: FakeSound) -> None:
        sound.active = False

    with pytest.raises(ToolError, match="the sound device stopped after"):
        played(FakeSound(noise(64), unplug), slow(), lambda facts: None)


def test_devices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError) as refusal:
        played(FakeSound(noise(8), rates=(44100, 48000)), slow(), lambda facts: QUIT)
    assert len(refusal.value.problems) == 2
    for word in ("input device 'fake input'", "16,000 Hz", "Invalid sample rate", "44,100 Hz"):
        assert word in str(refusal.value.problems[0])
    with pytest.raises(ToolError, match="no default input device: Error querying"):
        played(FakeSound(noise(8), kinds=("output",)), slow(), lambda facts: QUIT)


def test_without_sounddevice_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ToolError, match="pip install sounddevice"):
        play(slow(), lambda facts: QUIT)


def test_without_portaudio_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(ToolError, match=r"PortAudio library not found; apt-get .* libportaudio2"):
        play(slow(), lambda facts: QUIT)


def test_keys_are_read_without_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with open(theirs, closefd=True) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with keys() as poll:
            assert poll(0) == ""
            os.write(ours, b"dq")
            assert poll(5) == "d" and poll(5) == "q" and poll(0) == ""
    os.close(ours)


def test_the_picture_shows_levels() -> None:
    live = Live(slow(), 8)
    assert "silent" in picture(live.facts()) and "none yet" in picture(live.facts())
    through(live, np.full(800, 0.5, np.float32), 8)
    live.dry = True
    drawn = picture(live.facts())
    assert "-6.0 dBFS" in drawn and "the microphone (dry)" in drawn and "####" in drawn


def test_a_device_without_the_channels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixer = Mixer.drawn(np.random.default_rng(0), {"mic": (2, "NCT")}, {"out": (1, "NCT")}, 16)
    stream = Stream(describe(mixer.model(), "c99"), Slow())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(noise(64)))
    with pytest.raises(UsageError, match=r"2 channels \(mic \(2 channels\)\)"):
        play(stream, lambda facts: QUIT)
