"""C with fields to fill, in the syntax of `str.format`: code of more than a few lines."""

from importlib.resources import files


def template(name: str) -> str:
    """The text of a file of this folder."""
    return (files(__name__) / name).read_text(encoding="utf-8")
