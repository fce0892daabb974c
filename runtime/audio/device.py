"""A network between two ends of a sound device of another rate, block by block, like ``ek_device.h`` in C.

Both take their sums in the same order from the same filter, so that they give the same bits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgekit.base.arrays import Array, Float32, Int64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import frames_to_hops, hops_to_frames
from edgekit.base.resampling import Resampling, resampling_between
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, Timing
from edgekit.runtime.runners.toolchain import Compiler
from edgekit.runtime.stream import Arrays, Stream

Samples = Float32
COUNTERS = 24  # bytes of them in C


class Device:
    """Takes blocks of any length at the device's rate, and returns as many samples, `Resampling.lead` later."""

    def __init__(
        self,
        rates: Resampling,
        hop: int,
        inputs: int,
        outputs: int,
        run: Callable[[Samples], Samples],
    ) -> None:
        """Start with silence.

        Args:
            rates: of the device and the network.
            hop: samples of the network in a call.
            inputs: channels of the network's inputs, one stream after another.
            outputs: channels of its outputs; 0 where it gives no sound.
            run: runs a hop, (inputs, hop) to (outputs, hop).
        """
        self._rates, self._hop, self._run = rates, hop, run
        self._heard = np.zeros((inputs, rates.past_in - 1), np.float32)
        self._waiting = np.zeros((inputs, 0), np.float32)
        self._made = np.zeros((outputs, rates.past_out), np.float32)
        self._in_phase = self._out_phase = 0  # of the next sum, see `_sums`
        self._out_at = rates.past_out  # the newest sample that the next output reads, in `_made`
        self._silent = rates.lead(hop)

    def process(self, block: Samples) -> Samples:
        """Process (inputs, frames) to (outputs, frames)."""
        self._push(block)
        return self._pop(block.shape[1])

    def _push(self, block: Samples) -> None:
        up, down = self._rates.up, self._rates.down
        heard = np.concatenate([self._heard, block], 1)
        count = -((self._in_phase - block.shape[1] * up) // down)
        places = self._in_phase + down * np.arange(max(count, 0))
        first = self._heard.shape[1]
        taken = self._sums(heard, places % up, first + places // up, up)
        self._in_phase += down * len(places) - up * block.shape[1]
        self._heard = heard[:, block.shape[1] :]
        self._waiting = np.concatenate([self._waiting, taken], 1)
        while self._waiting.shape[1] >= self._hop:
            made = self._run(np.ascontiguousarray(self._waiting[:, : self._hop]))
            self._waiting = self._waiting[:, self._hop :]
            self._made = np.concatenate([self._made, made], 1)

    def _pop(self, frames: int) -> Samples:
        up, down = self._rates.up, self._rates.down
        silent = min(self._silent, frames)
        places = self._out_phase + up * np.arange(frames - silent)
        given = self._sums(self._made, places % down, self._out_at + places // down, down)
        self._silent -= silent
        after = self._out_phase + up * len(places)
        self._out_phase, passed = after % down, after // down
        gone = max(min(passed, self._made.shape[1] - self._rates.past_out), 0)
        self._made = self._made[:, gone:]
        self._out_at += passed - gone
        return np.concatenate([np.zeros((len(given), silent), np.float32), given], 1)

    def _sums(self, samples: Samples, phases: Int64, newest: Int64, step: int) -> Samples:
        """Sum taps[phase], taps[phase + step] ... times the sample `newest` and those before it, one after another."""
        taps = self._rates.taps
        total = np.zeros((len(samples), len(phases)), np.float32)
        for back in range(-(-len(taps) // step)):
            places = phases + back * step
            factors = np.where(places < len(taps), taps[np.minimum(places, len(taps) - 1)], 0)
            total += factors.astype(np.float32) * samples[:, np.maximum(newest - back, 0)]
        return total * np.float32(step)


def device_facts(manifest: Manifest, device_hz: int) -> JsonObject:
    """Return `Manifest.device` of a build that serves a sound device of this rate.

    Raises:
        UsageError: the build takes other data than sound, or the rates are impossible, see `resampling_between`.
    """
    rates, facts = resampling_between(device_hz, manifest.stream["sample_rate_hz"]), manifest.stream
    if not manifest.takes_pcm:
        found = ", ".join(f"takes {t.name} {list(t.shape)}" for t in manifest.stream_inputs)
        allowed = "inputs of sound at the network's rate, and controls"
        step = "leave it out, or export with --frontend; --layout INPUT=NCT names channels"
        raise UsageError(Problem(f"--device-rate {device_hz}", found, allowed, step))
    hop, delay = int(facts["hop_samples"]), int(facts["delay_samples"] or 0)
    sides = manifest.stream_inputs, manifest.sounds
    channels = tuple(sum(tensor.pcm_channels or 0 for tensor in side) for side in sides)
    latency = rates.latency(hop, delay)
    floats = channels[0] * (2 * rates.past_in + hop) + channels[1] * (rates.past_out + 2 * hop)
    return {
        "sample_rate_hz": device_hz,
        "latency_samples": latency,
        "latency_ms": round(latency * 1000 / device_hz, 3),
        "state_bytes": COUNTERS + 4 * floats,
        "filter_bytes": rates.taps.nbytes,
    }


def open_device(
    stream: Stream, device_hz: int, listen: Callable[[Arrays], None] = lambda made: None
) -> Device:
    """Return a build, in its present state, at a sound device's rate; its outputs are the sound alone.

    The device's channels are those of all streams, one after another. `listen` gets all outputs of each hop.

    Raises:
        UsageError: see `device_facts`.
    """
    manifest = stream.manifest
    device_facts(manifest, device_hz)
    rates = resampling_between(device_hz, manifest.stream["sample_rate_hz"])
    sources, sounds = manifest.stream_inputs, manifest.sounds

    def run(hop: Samples) -> Samples:
        parts = dict(zip(sources, split_channels(hop, sources), strict=True))
        made = stream.process(
            {t.name: frames_to_hops(x, t.axes, t.shape)[0] for t, x in parts.items() if t.axes}
        )
        listen(made)
        given = [hops_to_frames(made[t.name][None], t.axes) for t in sounds if t.axes]
        return np.concatenate([np.zeros((0, hop.shape[1]), np.float32), *given])

    inputs, outputs = (sum(t.pcm_channels or 0 for t in side) for side in (sources, sounds))
    return Device(rates, int(manifest.stream["hop_samples"]), inputs, outputs, run)


def split_channels(samples: Samples, streams: Sequence[Tensor]) -> list[Samples]:
    """Cut (channels, samples) of several streams, one after another, into those of each."""
    ends = np.cumsum([tensor.pcm_channels or 0 for tensor in streams])
    return np.split(samples, ends[:-1]) if streams else []


class DeviceRunner:
    """Runs blocks of a sound device through a build, as a runner of a `Stream` that has the device's rate.

    Attributes:
        stream: the build, at its own rate.
        listen: gets the outputs of each of its hops.
    """

    def __init__(self, stream: Stream, device_hz: int) -> None:
        """Take a build in its fresh state."""
        self.stream, self._device_hz = stream, device_hz
        self.listen: Callable[[Arrays], None] = lambda made: None
        self._device = self._fresh()

    def _fresh(self) -> Device:
        return open_device(self.stream, self._device_hz, lambda made: self.listen(made))

    @property
    def compiler(self) -> Compiler | None:
        """The compiler of the build."""
        return self.stream.compiler

    def process(self, inputs: list[Array]) -> tuple[list[Array], int]:
        """Run one block; return the sound and the nanoseconds that adapter and build took."""
        manifest = self.stream.manifest
        given = dict(zip((tensor.name for tensor in manifest.hop_inputs), inputs, strict=True))
        sound = np.concatenate([given.pop(tensor.name)[0] for tensor in manifest.stream_inputs])
        start = time.perf_counter_ns()
        self.stream.turn(given)
        made = split_channels(self._device.process(sound), manifest.sounds)
        return [part[None] for part in made], time.perf_counter_ns() - start

    def session(self, constants: list[Array]) -> None:
        """Take the session constants."""
        names = (tensor.name for tensor in self.stream.manifest.constants)
        self.stream.session(dict(zip(names, constants, strict=True)))

    def end(self, valid_samples: int) -> None:
        """Silence follows, as it does on a device."""

    def seed(self, seed: int) -> None:
        """Draw noise of this seed."""
        self.stream.runner.seed(seed)

    def reset(self) -> None:
        """Return to silence."""
        self.stream.reset()
        self._device = self._fresh()


def at_device(stream: Stream, device_hz: int, *, live: bool = False) -> Stream:
    """Return a build as a stream at a device's rate: blocks as long as a hop, the adapter's latency as its delay.

    It gives the build's sounds. Other outputs have the network's hops; `live` they are left to `DeviceRunner.listen`.

    Raises:
        UsageError: see `device_facts`; or outputs that are no sound.
    """
    made = manifest_at_device(stream.manifest, device_hz, live=live)
    return Stream(made, DeviceRunner(stream, device_hz), in_session=stream.in_session)


def _port_at_device(
    tensor: Tensor, rates: Resampling, block: int, delay_samples: int | None
) -> Tensor:
    """Return a stream of sound at a device's rate, in blocks of this number of samples."""
    return replace(
        tensor,
        shape=(1, tensor.pcm_channels or 1, block),
        time=Timing(2, delay_samples or 0, 0),
        layout="NCT",
        frames_per_hop=block,
        delay_samples=delay_samples,
        sample_rate_hz=rates.device_hz,
    )


def manifest_at_device(manifest: Manifest, device_hz: int, *, live: bool = False) -> Manifest:
    """Return the manifest of the stream that `at_device` returns.

    Raises:
        UsageError: see `device_facts`; or outputs that are no sound.
    """
    delay = device_facts(manifest, device_hz)["latency_samples"]
    if not live and (manifest.sounds != manifest.stream_outputs or not manifest.sounds):
        found = ", ".join(f"{t.name} {list(t.shape)}" for t in manifest.stream_outputs)
        step = "leave it out: a file is resampled as it is read"
        allowed = "a build that gives sound alone"
        raise UsageError(Problem(f"--device-rate {device_hz}", f"gives {found}", allowed, step))
    rates = resampling_between(device_hz, manifest.stream["sample_rate_hz"])
    hop = int(manifest.stream["hop_samples"])
    block = max(1, round(hop * device_hz / rates.network_hz))
    latency = delay + block

    def sound_output(tensor: Tensor) -> Tensor:
        return _port_at_device(tensor, rates, block, rates.latency(hop, tensor.delay_samples or 0))

    return replace(
        manifest,
        inputs=tuple(
            _port_at_device(tensor, rates, block, None) if tensor.role == "stream" else tensor
            for tensor in manifest.inputs
        ),
        outputs=tuple(
            sound_output(tensor) if tensor.role == "stream" else tensor
            for tensor in manifest.outputs
            if tensor.role != "stream" or tensor.pcm_channels
        ),
        stream={
            **manifest.stream,
            "hop_samples": block,
            "sample_rate_hz": device_hz,
            "delay_samples": delay,
            "latency_samples": latency,
            "latency_ms": round(latency * 1000 / device_hz, 3),
            "minimum_hop_samples": 1,
            "end_state": None,
        },
    )
