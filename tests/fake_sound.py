"""sounddevice's interface over arrays in the place of sound devices."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Callback = Callable[[NDArray[np.float32], NDArray[np.float32], int, object, Any], None]
PATIENCE_S = 60


class PortAudioError(Exception):
    """As sounddevice raises it."""


class Flags:
    """CallbackFlags: true where any is set."""

    def __init__(self, *names: str) -> None:
        for name in (
            "input_underflow",
            "input_overflow",
            "output_underflow",
            "output_overflow",
            "priming_output",
        ):
            setattr(self, name, name in names)
        self._any = bool(names)

    def __bool__(self) -> bool:
        return self._any


class FakeSound:
    """The module: a microphone that plays `samples`, (samples,) or (samples, channels), a loudspeaker that keeps
    what it gets in `heard`.

    `blocks` forces a size of blocks; `flags` are said with the block of a number; `at_end` is called behind the last
    block, `rates` are those that the devices take, `kinds` those that there are.
    """

    PortAudioError = PortAudioError

    def __init__(
        self,
        samples: NDArray[np.float32],
        at_end: Callable[["FakeSound"], None] = lambda sound: None,
        flags: Mapping[int, Flags] | None = None,
        rates: tuple[int, ...] = (16000,),
        kinds: tuple[str, ...] = ("input", "output"),
    ) -> None:
        self.samples, self.at_end, self.flags = samples, at_end, flags or {}
        self.rates, self.kinds = rates, kinds
        self.heard = np.zeros(0, np.float32)
        self.active = False
        self.block = 0

    def query_devices(self, kind: str) -> dict[str, Any]:
        if kind not in self.kinds:
            raise PortAudioError("Error querying device -1")
        return {"name": f"fake {kind}", "default_samplerate": float(self.rates[0])}

    def check_input_settings(self, channels: int, dtype: str, samplerate: int) -> None:
        assert dtype == "float32"
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        if channels > self.channels:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")

    check_output_settings = check_input_settings

    @property
    def channels(self) -> int:
        """Of the devices."""
        return int(self.samples.shape[1]) if self.samples.ndim > 1 else 1

    def Stream(  # noqa: N802
        self,
        samplerate: int,
        blocksize: int,
        channels: tuple[int, int],
        dtype: str,
        latency: str,
        callback: Callback,
    ) -> "FakeSound":
        assert samplerate in self.rates and dtype == "float32" and latency == "low"
        self._outs = channels[1]
        self.block, self._callback = blocksize, callback
        self._live: Any = callback.__self__  # type: ignore[attr-defined]
        return self

    def InputStream(  # noqa: N802
        self,
        samplerate: int,
        blocksize: int,
        channels: int,
        dtype: str,
        latency: str,
        callback: Any,
    ) -> "FakeSound":
        def both(given: Any, _out: Any, frames: int, now: object, status: Any) -> None:
            callback(given, frames, now, status)

        self.Stream(samplerate, blocksize, (channels, 0), dtype, latency, self._nowhere)
        self._live, self._callback = callback.__self__, both
        return self

    def _nowhere(self, *_: Any) -> None:
        """Stands in for the callback of a stream that plays."""

    def __enter__(self) -> "FakeSound":
        self.active = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.active = False
        self._thread.join()

    def _run(self) -> None:
        """Give block after block, the next when the worker has run what there is; a real device gives it time."""
        samples = self.samples.reshape(len(self.samples), -1)
        padded = np.pad(samples, ((0, -len(samples) % self.block), (0, 0)))
        heard = []
        for number, block in enumerate(padded.reshape(-1, self.block, samples.shape[1])):
            out = np.full((self.block, self._outs), np.nan, np.float32)
            self._callback(block, out, len(block), object(), self.flags.get(number, Flags()))
            heard.append(out[:, 0] if self.samples.ndim == 1 else out)
            end = time.monotonic() + PATIENCE_S
            while self._live.waiting and self.active and time.monotonic() < end:
                time.sleep(0.0005)
        self.heard = np.concatenate(heard)
        self.at_end(self)
