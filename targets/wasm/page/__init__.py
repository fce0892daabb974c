"""The page of a build for WebAssembly: files that read the facts of the build, and are the same in each."""

import html
from importlib.resources import files

from edgekit.targets.wasm.templates import filled

FOLDER = "page"  # of a build
ALWAYS = ("page.css", "page.js", "golden.js", "npz.js")
OF_SOUND = ("sound.js", "audio.js", "knobs.js", "pictures.js", "recording.js", "wav.js")
OF_SAMPLER = ("draw.js", "draw.worker.js")


def page_files(name: str, title: str, *, has_sound: bool, has_sampler: bool) -> dict[str, bytes]:
    """Return ``index.html`` and the files that it loads, by file name.

    Args:
        name: of the ES module, without its ending.
        title: for people.
        has_sound: whether the network takes sound at a known rate.
        has_sampler: whether it draws.
    """
    names = ALWAYS + OF_SOUND * has_sound + OF_SAMPLER * has_sampler
    made = {f"{FOLDER}/{file}": (files(__name__) / file).read_bytes() for file in names}
    fields = {"name": name, "title": html.escape(title)}
    return {"index.html": filled("index.html", fields).encode(), **made}
