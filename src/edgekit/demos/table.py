"""The demos by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.errors import Problem, ToolError, UsageError, unavailable
from edgekit.base.output import folder_problem
from edgekit.base.progress import Progress, silent
from edgekit.demos.data_wheel import has_data, how_to_get_data
from edgekit.verbs.doctor import NETWORKS, how_to_get_missing, missing_tools

if TYPE_CHECKING:
    from edgekit.demos.browser.show import BrowserDemo
    from edgekit.demos.hearable import HearableDemo
    from edgekit.demos.pictures.show import PicturesDemo
    from edgekit.demos.show_deform import DeformDemo
    from edgekit.demos.show_digits import DigitsDemo

    Shown = BrowserDemo | DeformDemo | DigitsDemo | HearableDemo | PicturesDemo


@dataclass(frozen=True)
class DemoFacts:
    """A demo of the table.

    Attributes:
        name: of the demo.
        shows: what one hears or sees.
        target: the default target.
        needs: packages for its pictures and recordings.
        data: a file of its data, below this folder.
    """

    name: str
    shows: str
    target: str
    needs: tuple[str, ...]
    data: str

    @property
    def has_data(self) -> bool:
        """Whether its network and recordings are installed."""
        return has_data(self.data)


PICTURE = ("matplotlib",)
SOUND = ("soundfile", "matplotlib")
PAGE = ("soundfile", "ziglang", "wasmtime")
DEMOS = {
    name: DemoFacts(name, shows, target, needs, data)
    for name, shows, target, needs, data in (
        ("denoise", "speech without its noise", "host", SOUND, "denoise.onnx"),
        (
            "compressor",
            "drums and bass through a compressor whose four knobs change",
            "host",
            SOUND,
            "compressor/compressor.onnx",
        ),
        (
            "instrument",
            "a trombone that follows a voice",
            "host",
            SOUND,
            "instrument/player.onnx",
        ),
        (
            "scene",
            "what sounds where, from four microphone channels",
            "host",
            SOUND,
            "scene/scene.onnx",
        ),
        (
            "sensor",
            "the position of a stylus from a touch sensor",
            "host",
            PICTURE,
            "sensor/hierarchy.onnx",
        ),
        (
            "stream-diffusion",
            "speech enhanced by a diffusion model",
            "host",
            SOUND,
            "stream_diffusion/stream_diffusion.onnx",
        ),
        (
            "target-speech",
            "only the person you looked at",
            "host",
            SOUND,
            "target_speech/target_speech.onnx",
        ),
        (
            "voice-source",
            "clicks when the vocal folds close",
            "host",
            SOUND,
            "voice_source/voice_source.onnx",
        ),
        ("wake", "a tone wherever the wake word occurs", "host", SOUND, "wake/wake.onnx"),
        ("digits", "handwritten digits drawn by a diffusion model", "host", PICTURE, "digits.onnx"),
        (
            "rddm",
            "digits without rain and blur, by diffusion",
            "host",
            PICTURE,
            "pictures/rddm.onnx",
        ),
        ("idm", "digits from a quarter of their values", "host", PICTURE, "pictures/idm.onnx"),
        (
            "c-bsn",
            "digits without noise, learnt from noisy pictures alone",
            "host",
            PICTURE,
            "pictures/c-bsn.onnx",
        ),
        (
            "noise2score",
            "digits without noise, by the gradient of their density",
            "host",
            PICTURE,
            "pictures/noise2score.onnx",
        ),
        (
            "bf-cnn",
            "digits without noise of any strength, which nobody states",
            "host",
            PICTURE,
            "pictures/bf-cnn.onnx",
        ),
        ("low-light", "raw colours of a dark scene", "host", PICTURE, "pictures/low-light.onnx"),
        ("diffusevae", "digits drawn from codes", "host", PICTURE, "pictures/diffusevae.onnx"),
        ("search", "better digits from more starts", "host", PICTURE, "digits_few.onnx"),
        ("anagrams", "digits with two readings", "host", PICTURE, "digits.onnx"),
        ("deform", "shapes found in pictures by an FPGA engine", "fpga", PICTURE, "deform.onnx"),
        (
            "browser",
            "a web page that plays and draws with four of them",
            "wasm",
            PAGE,
            "browser/page/index.html",
        ),
    )
}


def demos() -> tuple[DemoFacts, ...]:
    """Return the facts of every demo."""
    return tuple(DEMOS.values())


def run_demo(name: str, target: str, out: Path, progress: Progress) -> "Shown":
    """Run a demo of `DEMOS`."""
    from edgekit.demos import show_deform, show_denoise, show_digits
    from edgekit.demos.browser import show as show_browser
    from edgekit.demos.compressor import show as show_compressor
    from edgekit.demos.instrument import show as show_instrument
    from edgekit.demos.pictures import show as show_pictures
    from edgekit.demos.scene import show as show_scene
    from edgekit.demos.sensor import show as show_sensor
    from edgekit.demos.stream_diffusion import show as show_stream_diffusion
    from edgekit.demos.target_speech import show as show_target_speech
    from edgekit.demos.voice_source import show as show_voice_source
    from edgekit.demos.wake import show as show_wake

    shows: dict[str, Callable[[str, Path, Progress], Shown]] = {
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
        **{name: partial(show_pictures.show, name) for name in show_pictures.SYSTEMS},
        "browser": show_browser.show,
    }
    return shows[name](target, out, progress)


def demo(
    name: str,
    target: str | None = None,
    out: str | Path | None = None,
    *,
    progress: Progress = silent,
) -> "Shown":
    """Run a bundled demo and write its results.

    ``denoise`` without its packages, onnx among them, plays a build that comes with EdgeKit, and a note states this.

    Args:
        name: one of `demos`.
        target: ``host`` (default), ``c99`` or ``onnxruntime``; deform on ``fpga``, browser on
            ``wasm`` only.
        out: the folder to make; ``demo-NAME`` where not given.
        progress: see above.

    Raises:
        UsageError: unknown demo, or a folder that is not empty.
        ToolError: packages, or the demo's network and recordings, are not installed.
        CheckFailed: the export failed its verification.
    """
    from edgekit.runtime.stream import RUNNERS

    if name not in DEMOS:
        raise UsageError(unavailable("demo", name, DEMOS, ()))
    facts = DEMOS[name]
    wanted, folder = (*facts.needs, *NETWORKS), Path(out or f"demo-{name}")
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
    lines = [] if facts.has_data else [f"demo '{name}': {how_to_get_data()}"]
    if lines := [*lines, *how_to_get_missing(wanted)]:
        raise ToolError("\n".join(lines))
    return run_demo(name, target or facts.target, folder, progress)
