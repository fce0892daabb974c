"""The demos by name."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.progress import Progress

if TYPE_CHECKING:
    from edgekit.demos.browser.show import BrowserDemo
    from edgekit.demos.hearable import HearableDemo
    from edgekit.demos.show_deform import DeformDemo
    from edgekit.demos.show_digits import DigitsDemo

# name -> target where none is given, and what its pictures and recordings take
DEMOS: dict[str, tuple[str, tuple[str, ...]]] = {
    "denoise": ("host", ("soundfile", "matplotlib")),
    "digits": ("host", ("matplotlib",)),
    "deform": ("fpga", ("matplotlib",)),
    "compressor": ("host", ("soundfile", "matplotlib")),
    "instrument": ("host", ("soundfile", "matplotlib")),
    "scene": ("host", ("soundfile", "matplotlib")),
    "sensor": ("host", ("matplotlib",)),
    "stream-diffusion": ("host", ("soundfile", "matplotlib")),
    "target-speech": ("host", ("soundfile", "matplotlib")),
    "voice-source": ("host", ("soundfile", "matplotlib")),
    "wake": ("host", ("soundfile", "matplotlib")),
    "browser": ("wasm", ("soundfile", "ziglang", "wasmtime")),
}


def shown(
    name: str, target: str, out: Path, progress: Progress
) -> "BrowserDemo | DigitsDemo | DeformDemo | HearableDemo":
    """Run a demo of `DEMOS`."""
    from edgekit.demos import show_deform, show_denoise, show_digits
    from edgekit.demos.browser import show as show_browser
    from edgekit.demos.compressor import show as show_compressor
    from edgekit.demos.instrument import show as show_instrument
    from edgekit.demos.scene import show as show_scene
    from edgekit.demos.sensor import show as show_sensor
    from edgekit.demos.stream_diffusion import show as show_stream_diffusion
    from edgekit.demos.target_speech import show as show_target_speech
    from edgekit.demos.voice_source import show as show_voice_source
    from edgekit.demos.wake import show as show_wake

    shows: dict[
        str,
        Callable[
            [str, Path, Progress],
            BrowserDemo | DigitsDemo | DeformDemo | HearableDemo,
        ],
    ] = {
        "denoise": show_denoise.show,
        "digits": show_digits.show,
        "deform": show_deform.show,
        "compressor": show_compressor.show,
        "instrument": show_instrument.show,
        "scene": show_scene.show,
        "sensor": show_sensor.show,
        "stream-diffusion": show_stream_diffusion.show,
        "target-speech": show_target_speech.show,
        "voice-source": show_voice_source.show,
        "wake": show_wake.show,
        "browser": show_browser.show,
    }
    return shows[name](target, out, progress)
