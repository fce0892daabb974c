"""The demos by name."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.output import folder_problem
from edgekit.base.progress import Progress, silent
from edgekit.verbs.doctor import NETWORKS, missing_tools, require

if TYPE_CHECKING:
    from edgekit.demos.browser.show import BrowserDemo
    from edgekit.demos.hearable import HearableDemo
    from edgekit.demos.show_deform import DeformDemo
    from edgekit.demos.show_digits import DigitsDemo

# name -> default target, and the packages for its pictures and recordings
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


def run_demo(
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
        str, Callable[[str, Path, Progress], BrowserDemo | DigitsDemo | DeformDemo | HearableDemo]
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


def demo(
    name: str,
    target: str | None = None,
    out: str | Path | None = None,
    *,
    progress: Progress = silent,
) -> "BrowserDemo | DigitsDemo | DeformDemo | HearableDemo":
    """Run a bundled demo and write its results.

    ``denoise`` without its packages, onnx among them, plays a build that comes with EdgeKit, and a note states this.

    Args:
        name: ``denoise``, ``digits``, ``deform``, ``compressor``, ``instrument``, ``scene``,
            ``sensor``, ``stream-diffusion``, ``target-speech``, ``voice-source``, ``wake`` or ``browser``.
        target: ``host`` (default), ``c99`` or ``onnxruntime``; deform on ``fpga``, browser on
            ``wasm`` only.
        out: the folder to make; ``demo-NAME`` where not given.
        progress: see above.

    Raises:
        UsageError: unknown demo, or a folder that is not empty.
        CheckFailed: the export failed its verification.
    """
    from edgekit.runtime.stream import RUNNERS

    if name not in DEMOS:
        raise UsageError(unavailable("demo", name, DEMOS, ()))
    usual, needs = DEMOS[name]
    wanted, folder = (*needs, *NETWORKS), Path(out or f"demo-{name}")
    if name == "denoise" and target is None and (absent := missing_tools(wanted)):
        from edgekit.demos.show_denoise import show_bundled

        return show_bundled(folder, progress, absent)
    problems = []
    if target is not None and target not in RUNNERS:
        found, step = f"target '{target}'", "export the network itself for other machines"
        problems.append(Problem(f"demo '{name}'", found, ", ".join(RUNNERS), step))
    if problem := folder_problem(folder):
        problems.append(problem)
    if problems:
        raise UsageError(problems)
    require(wanted)
    return run_demo(name, target or usual, folder, progress)
