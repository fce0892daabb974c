"""What a shell completes: names of targets, recipes and demos, and folders of builds.

A shell waits for each answer, so no table is imported: targets come from the list for type checkers, demos stand here.
Tests hold them equal.
"""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

from edgekit.verbs.export.literal_names import TargetName

TARGETS: tuple[str, ...] = get_args(TargetName)
DEMOS = (
    "denoise",
    "compressor",
    "instrument",
    "scene",
    "sensor",
    "stream-diffusion",
    "target-speech",
    "voice-source",
    "wake",
    "digits",
    "rddm",
    "idm",
    "c-bsn",
    "noise2score",
    "bf-cnn",
    "low-light",
    "diffusevae",
    "search",
    "anagrams",
    "deform",
    "browser",
)
DEVICES = ("local", "qemu", "ssh://", "adb")
PEERS = ("onnxruntime", "litert", "executorch", "tract")
FRONTENDS = (
    "stft:",
    "frame:",
    "mel:",
    "mfcc:",
    "erb:",
    "gcc:",
    "intensity:",
    "micro:30:10:40",
    "mlperf",
)
Completion = Callable[[str], list[str]]


def names(known: tuple[str, ...]) -> Completion:
    """Return a completion of one of several names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return complete


def files(*endings: str, first: tuple[str, ...] = ()) -> Completion:
    """Return a completion of names, then of files with one of these endings, and of folders on the way to them."""

    def complete(incomplete: str) -> list[str]:
        found = [name for name in first if name.startswith(incomplete)]
        for path, shown in _entries(incomplete):
            if path.is_dir():
                found.append(f"{shown}/")
            elif path.suffix.lower() in endings:
                found.append(shown)
        return found

    return complete


def folders(incomplete: str) -> list[str]:
    """Complete folders."""
    return [f"{shown}/" for path, shown in _entries(incomplete) if path.is_dir()]


def builds(incomplete: str) -> list[str]:
    """Complete folders of builds; other folders end with a slash, since a build may be in them."""
    found = [(path, shown) for path, shown in _entries(incomplete) if path.is_dir()]
    made = [shown for path, shown in found if (path / "manifest.json").is_file()]
    return [*made, *(f"{shown}/" for _, shown in found if shown not in made)]


def _entries(incomplete: str) -> list[tuple[Path, str]]:
    """Files and folders whose name begins so, each with the text that names it."""
    head, slash, tail = incomplete.rpartition("/")
    folder = Path(head + slash or ".")
    try:
        every = sorted(folder.iterdir())
    except OSError:
        return []
    hidden = tail.startswith(".")
    return [
        (path, f"{head}{slash}{path.name}")
        for path in every
        if path.name.startswith(tail) and (hidden or not path.name.startswith("."))
    ]


RECIPES = ("float32", "float16", "w8a8", "w8a16", "w4a8", "auto")
MODEL = files(".onnx", ".pt2")
TOML = files(".toml")
# By the name of an option's keyword.
COMPLETIONS: dict[str, Completion] = {
    "recipe": files(".toml", first=RECIPES),
    "calibration": folders,
    "frontend": names(FRONTENDS),
    "sampler": TOML,
    "board": TOML,
    "schedule": TOML,
    "then": files(".onnx"),
    "wrap": names(("lv2", "clap")),
    "packages": names(("zephyr", "arduino", "platformio", "esp-idf", "cmsis-pack", "cmake")),
    "bindings": names(("cpp", "rust")),
    "weights": names(("inside", "external")),
    "part": names(("XCZU3EG", "XC7Z020", "LFE5UM5G-85F")),
    "goal": names(("fps", "small")),
    "datapath": names(("rtl", "hls")),
    "replace": names(
        (
            "pad=zeros",
            "pad=first",
            "mean=cumulative",
            "mean=window:",
            "norm=cumulative",
            "norm=window:",
            "max=window:",
            "attention=window:",
            "stft=causal",
        )
    ),
}


def page_names(incomplete: str) -> list[str]:
    """Complete the name of a page of the documentation."""
    pages = sorted(Path(__file__).parent.parent.glob("pages/*/*.md"))
    return [page.stem for page in pages if page.stem.startswith(incomplete)]
