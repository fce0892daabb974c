"""Live audio: a build between a microphone and a loudspeaker.

The device calls `Live.callback` with every block. It copies into one ring and out of another, in preallocated buffers,
and waits for nothing. A worker runs the hops. A sample that comes too late is dropped, not played later, so that the
latency stays the same.
"""

import math
import queue
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import frames_to_hops, hops_to_frames
from edgekit.runtime.audio.device import DeviceRunner, split_channels
from edgekit.runtime.audio.files import check_pcm
from edgekit.runtime.audio.rings import HopTimes, Meter, Ring, Samples
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.detections import Detection, Detector
from edgekit.runtime.stream import Stream

XRUNS = ("input_overflow", "input_underflow", "output_overflow", "output_underflow")
LEAST_BLOCK_MS = 4  # shorter hops are asked for several at a time
SPARE_MS = 20  # hosts call in bursts
MOST_WAITING = 8  # blocks of hops; then all but the newest are left out


@dataclass(frozen=True)
class LiveFacts:
    """The counts and levels of a live stream.

    Attributes:
        hops: the number run.
        hop_us: the length of a hop.
        median_us: computing time of a hop, over the last ones.
        max_us: the longest.
        deadline_misses: hops that took longer than a hop lasts.
        dropped_hops: those left out, because too many were waiting.
        late_samples: those that were silent, because their hop was not ready.
        xruns: losses that the device reported, by the name of the flag, in blocks.
        in_dbfs: level of the microphone since the last facts, in the end of the whole stream; None for silence.
        out_dbfs: level of the build's output.
        dry: whether the microphone is played, delayed as much as the build's output.
        latency_samples: from the microphone's samples to those of the loudspeaker, without the device's own.
        latency_ms: the same.
        plays: whether the build has sound output.
        detections: of a build that decides, in order; times count from the first sample.
    """

    hops: int
    hop_us: float
    median_us: float | None
    max_us: float
    deadline_misses: int
    dropped_hops: int
    late_samples: int
    xruns: dict[str, int]
    in_dbfs: float | None
    out_dbfs: float | None
    dry: bool
    latency_samples: int
    latency_ms: float
    plays: bool = True
    detections: tuple[Detection, ...] = ()

    def to_dict(self) -> JsonObject:
        """Return the JSON of ``edgekit run --mic --json``."""
        return asdict(self)


class Live:
    """A running build, the rings around it, and the counts. `dry` may be set at any time."""

    def __init__(self, stream: Stream, block_samples: int) -> None:
        """Take a build of PCM, and the size of the device's blocks.

        The device's channels are those of all inputs, and of all outputs of sound, one stream after another.

        Raises:
            UsageError: see `check_live`.
        """
        check_live(stream.manifest)
        facts = stream.manifest.stream
        self._stream, self._hop, self._rate = stream, facts["hop_samples"], facts["sample_rate_hz"]
        self._sources = stream.manifest.stream_inputs
        self._sinks = stream.manifest.sounds
        self.channels = channels_of(stream.manifest)
        self._delay = facts["delay_samples"] or 0
        spare = math.ceil(SPARE_MS * self._rate / 1000)
        # After block n, the hops that begin in blocks before it are ready.
        self._lead = block_samples + self._hop - math.gcd(block_samples, self._hop) + spare
        self._most_waiting = MOST_WAITING * math.ceil(block_samples / self._hop)
        size = 2 * (self._most_waiting * self._hop + block_samples) + self._lead + self._delay
        ins, outs = self.channels
        self._heard, self._made = Ring(size, ins), Ring(size, outs)
        self._input = np.zeros((self._hop, ins), np.float32)
        self._silence = np.zeros((self._hop, outs), np.float32)
        self._dry_input = np.zeros((block_samples, ins), np.float32)
        self._dry_block = np.zeros((block_samples, outs), np.float32)
        # Dry, a loudspeaker's channel plays one of the first input's.
        self._dry_from = [i % (self._sources[0].pcm_channels or 1) for i in range(outs)]
        self._rise = np.linspace(0, 1, block_samples, dtype=np.float32)[:, None]
        self._fall = self._rise[::-1].copy()
        self._taken = 0  # samples that the device gave, and asked for
        self._done = 0  # samples that the build made of them
        self._late = self._dropped = 0
        self._xruns = dict.fromkeys(XRUNS, 0)
        self._times = HopTimes(self._hop * 1e6 / self._rate)
        self._in, self._out = Meter(), Meter()
        self._was_dry = self.dry = False
        self._nothing = np.zeros((block_samples, 0), np.float32)
        self._is_at_device = isinstance(stream.runner, DeviceRunner)
        self._detector = _detector(stream)
        self._blocks: queue.SimpleQueue[bool] = queue.SimpleQueue()  # of which put never waits
        stream.reset()

    @property
    def waiting(self) -> int:
        """Whole hops that are there and have not been run."""
        return int((self._taken - self._done) // self._hop)

    def callback(
        self, indata: Samples, outdata: Samples, frames: int, _time: object, status: Any
    ) -> None:
        """Take a block of (frames, channels) and return one, as sounddevice calls it."""
        if status:
            for name in XRUNS:
                if getattr(status, name):
                    self._xruns[name] += 1
        start, ready, out = self._taken, self._done, outdata
        self._heard.write(start, indata)
        first = start - self._lead
        self._made.read(first, out)
        missing = min(frames, max(0, first + frames - ready))
        if missing and out.shape[1]:
            out[frames - missing :] = 0
            self._late += missing
        self._mix(first - self._delay, out)
        self._taken = start + frames
        self._blocks.put(True)

    def listen(self, indata: Samples, frames: int, time: object, status: Any) -> None:
        """Take a block for a build without sound output, as sounddevice calls it."""
        self.callback(indata, self._nothing[:frames], frames, time, status)

    def _mix(self, first: int, out: Samples) -> None:
        """Put the microphone in the place of the build, or fade from one to the other."""
        dry, was = self.dry, self._was_dry
        if not dry and not was:
            return
        if dry and was:
            self._read_dry(first, out)
            return
        block, rise, fall = (a[: len(out)] for a in (self._dry_block, self._rise, self._fall))
        self._read_dry(first, block)
        out *= fall if dry else rise
        block *= rise if dry else fall
        out += block
        self._was_dry = dry

    def _read_dry(self, first: int, out: Samples) -> None:
        """Copy the microphone, (count, channels) of the loudspeaker."""
        heard = self._dry_input[: len(out)]
        self._heard.read(first, heard)
        for channel, source in enumerate(self._dry_from):
            out[:, channel] = heard[:, source]

    def work(self) -> bool:
        """Run the next hop; return whether there was one."""
        if self.waiting < 1:
            return False
        if self.waiting > self._most_waiting:
            self._drop_hops(self.waiting - 1)
        self._heard.read(self._done, self._input)
        outputs, times_us = self._stream.timed_run(self._input_hops())
        if self._detector is not None and not self._is_at_device:
            self._detector.hear(outputs)
        given = [hops_to_frames(outputs[s.name], axes) for s in self._sinks if (axes := s.axes)]
        made = np.concatenate(given).T if given else self._silence
        self._made.write(self._done, made)
        self._done += self._hop
        self._times.add(float(times_us[0]))
        self._in.add(self._input)
        self._out.add(made)
        return True

    def _drop_hops(self, count: int) -> None:
        """Insert silence for the oldest hops, which are not run."""
        for _ in range(count):
            self._made.write(self._done, self._silence)
            self._done += self._hop
        self._dropped += count
        if self._detector is not None:
            self._detector.skip(count * self._hop / self._rate)

    def _input_hops(self) -> dict[str, Float32]:
        """Return the samples read for a hop, (1, *shape) of each input."""
        parts = split_channels(self._input.T, self._sources)
        streams = zip(self._sources, parts, strict=True)
        return {t.name: frames_to_hops(x, t.axes, t.shape) for t, x in streams if t.axes}

    def serve(self) -> None:
        """Run hops as they come, until `end`."""
        while self._blocks.get():
            while self.work():
                pass

    def end(self) -> None:
        """Let `serve` return."""
        self._blocks.put(False)

    def facts(self, whole: bool = False) -> LiveFacts:
        """Return the counts; with `whole` the levels of the whole stream."""
        latency = self._lead + self._delay
        return LiveFacts(
            self._times.hops,
            self._times.hop_us,
            self._times.median_us,
            self._times.max_us,
            self._times.misses,
            self._dropped,
            self._late,
            dict(self._xruns),
            self._in.read_dbfs(whole),
            self._out.read_dbfs(whole),
            self.dry,
            latency,
            round(latency * 1000 / self._rate, 3),
            bool(self._sinks),
            () if self._detector is None else tuple(self._detector.found),
        )


def _detector(stream: Stream) -> Detector | None:
    """Return the collector of a deciding build's detections; it gets the build's hops, also at a device's rate."""
    runner = stream.runner
    own = runner.stream if isinstance(runner, DeviceRunner) else stream
    if own.manifest.decide is None:
        return None
    detector = Detector(own.manifest, own.manifest.stream["sample_rate_hz"])
    if isinstance(runner, DeviceRunner):
        runner.listen = detector.hear
    return detector


def channels_of(manifest: Manifest) -> tuple[int, int]:
    """The channels of all inputs, and of all outputs of sound."""
    sides = manifest.stream_inputs, manifest.sounds
    ins, outs = (sum(tensor.pcm_channels or 0 for tensor in side) for side in sides)
    return ins, outs


def check_live(manifest: Manifest) -> None:
    """Raise a UsageError for other inputs than PCM, neither PCM output nor decisions, or a missing rate."""
    if not (manifest.takes_pcm and (manifest.sounds or manifest.decide is not None)):
        check_pcm(manifest)
    if manifest.stream["sample_rate_hz"] is None:
        where, step = f"build of '{manifest.source['name']}'", "export with --sample-rate"
        raise UsageError(Problem(where, "no sample rate", "a build that states it", step))


def block_of(stream: Stream) -> int:
    """Return the device's block for a build: a hop, or as many hops as last `LEAST_BLOCK_MS`."""
    hop, rate = stream.manifest.stream["hop_samples"], stream.manifest.stream["sample_rate_hz"]
    return int(hop * math.ceil(LEAST_BLOCK_MS * rate / 1000 / hop))
