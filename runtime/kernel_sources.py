"""The folders of kernel sources: ``src/<instruction set>``, in it a folder for each family."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

PORTABLE = "portable"
SOURCES = "src"


@cache
def kernel_sources(folder: str = PORTABLE) -> dict[str, Traversable]:
    """Return the files of ``src/<folder>`` and of the folders in it, by name; none if it does not exist."""
    return {item.name: item for item in _files_below(files("edgekit.runtime") / SOURCES / folder)}


def _files_below(place: Traversable) -> Iterator[Traversable]:
    for item in sorted(place.iterdir(), key=lambda item: item.name) if place.is_dir() else ():
        yield from _files_below(item) if item.is_dir() else [item]
