"""The sound devices of this machine, through sounddevice and PortAudio."""

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.installation import install_extra
from edgekit.runtime.audio.files import list_tensors
from edgekit.runtime.audio.live import Live, LiveFacts, block_of, check_live
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

QUIT, SWITCH = "quit", "switch"
Watch = Callable[[LiveFacts], str | None]
SWITCH_INTERVAL_S = 0.0005  # how long a thread may keep the callback waiting for the interpreter


def sounddevice() -> Any:
    """The module.

    Raises:
        ToolError: it is not installed, or finds no PortAudio.
    """
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise ToolError(f"sounddevice is not installed; {install_extra('mic')}") from error
    except OSError as error:  # its error where PortAudio is missing
        raise ToolError(f"sounddevice: {error}; apt-get install libportaudio2") from error


def check_devices(manifest: Manifest) -> None:
    """Refuse a build that `play` does not take, and a machine without its packages.

    Raises:
        UsageError: the build is none of audio.
        ToolError: no sounddevice, or no PortAudio.
    """
    check_live(manifest)
    sounddevice()


def play(stream: Stream, watch: Watch) -> LiveFacts:
    """Stream the default microphone through a build to the default loudspeaker, until `watch` ends it or Ctrl-C.

    Args:
        stream: a build with PCM input, and PCM output or decisions; the device's channels go to its inputs in order.
        watch: gets the facts, waits as long as it wants between two calls, and returns `QUIT`,
            `SWITCH` (to the microphone itself, or back) or None.

    Returns:
        The facts of the whole stream.

    Raises:
        UsageError: the build has no audio, or the device does not run at its rate.
        ToolError: no sounddevice, no PortAudio, no device, or it stopped.
    """
    check_live(stream.manifest)
    module = sounddevice()
    live = Live(stream, block_of(stream))
    device = _open_audio(module, live, stream)
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            live.serve()
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=serve, name="edgekit live", daemon=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(min(interval, SWITCH_INTERVAL_S))
    worker.start()
    try:
        with device:
            _attend(device, live, watch, failed)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setswitchinterval(interval)
        live.end()
        worker.join()
    if failed:
        raise failed[0]
    return live.facts(whole=True)


def _attend(device: Any, live: Live, watch: Watch, failed: list[BaseException]) -> None:
    """Follow the commands of `watch` until the end."""
    while not failed:
        if not device.active:
            raise ToolError(f"the sound device stopped after {live.facts().hops:,} hops")
        command = watch(live.facts())
        if command == QUIT:
            return
        if command == SWITCH:
            live.dry = not live.dry


def _open_audio(module: Any, live: Live, stream: Stream) -> Any:
    """The default devices at the build's rate, with as many channels as its streams have."""
    rate = stream.manifest.stream["sample_rate_hz"]
    manifest, problems = stream.manifest, []
    for kind, check, channels, streams in (
        ("input", module.check_input_settings, live.channels[0], manifest.stream_inputs),
        ("output", module.check_output_settings, live.channels[1], manifest.sounds),
    ):
        if not channels:
            continue
        try:
            device = module.query_devices(kind=kind)
        except (module.PortAudioError, ValueError) as error:
            raise ToolError(f"no default {kind} device: {error}") from error
        try:
            check(channels=channels, dtype="float32", samplerate=rate)
        except module.PortAudioError as error:
            own = f"its own rate is {device['default_samplerate']:,.0f} Hz"
            what = (
                "one channel" if channels == 1 else f"{channels} channels ({list_tensors(streams)})"
            )
            found = f"does not take {what} at {rate:,} Hz ({error}); {own}"
            step = "make a device the default that converts, as those of PulseAudio or PipeWire do"
            allowed = "a device that runs at the build's rate"
            problems.append(Problem(f"{kind} device '{device['name']}'", found, allowed, step))
    if problems:
        raise UsageError(problems)
    settings = {
        "samplerate": rate,
        "blocksize": block_of(stream),
        "dtype": "float32",
        "latency": "low",
    }
    try:
        if not live.channels[1]:
            return module.InputStream(channels=live.channels[0], callback=live.listen, **settings)
        return module.Stream(channels=live.channels, callback=live.callback, **settings)
    except module.PortAudioError as error:
        raise ToolError(f"the sound device does not open: {error}") from error
