"""Picture files through a build: the findings in each, drawn, as arrays and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import write_npz
from edgekit.base.output import complete_folder, replacement_path
from edgekit.base.picture_files import FittedPicture, fit_picture, read_picture
from edgekit.base.pictures import Pictures, read_pictures
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.pictures.draw import drawn
from edgekit.runtime.pictures.found import Found, find, summary
from edgekit.runtime.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

F32 = Float32
Row = tuple[FittedPicture, dict[str, F32]]  # a picture as the network takes it, and its outputs


def pictures_of(manifest: Manifest) -> Pictures:
    """Return the pictures that a build declares.

    Raises:
        UsageError: nothing.
    """
    if manifest.picture is None:
        found = "says nothing of the values that its pictures have"
        step = "export it again, with --picture range=0,1 or the like, or run it on a .npz"
        where = f"build for {manifest.target}"
        raise UsageError(Problem(where, found, "a build with `picture` in its manifest", step))
    labels = tuple(manifest.picture["labels"])
    return replace(read_pictures(manifest.picture["text"]), labels=labels)


def run_pictures(
    stream: Stream,
    sources: Sequence[Path],
    out: Path,
    found_file: Path | None,
    told: "Callable[[int, int], None]",
) -> tuple[str, ...]:
    """Run picture files through a build; return notes.

    `out` is a .npz with the outputs, first axis = pictures; or a picture of one; or a new folder of named pictures.
    `found_file` is a .json of the findings.

    Raises:
        UsageError: every picture that cannot be read; a build that does not declare the kind of its outputs.
    """
    form, raw = pictures_of(stream.manifest), out.suffix.lower() == ".npz"
    if form.gives is None and (not raw or found_file is not None):
        names = ", ".join(f"{t.name} {t.shape}" for t in stream.manifest.stream_outputs)
        step = "write a .npz, or export it again with --picture ...:gives=boxes or the like"
        allowed = "boxes, classes, a map or a picture"
        raise UsageError(Problem("what the outputs are", names, allowed, step))
    _check_all(sources)
    rows = list(_run_each(stream, sources, form, told))
    found = [] if form.gives is None else [_found(made, given, form) for given, made in rows]
    with ExitStack() as stack:
        if found_file is not None:
            temporary = stack.enter_context(replacement_path(found_file, *sources))
            temporary.write_text(_json(sources, rows, found, form), encoding="utf-8")
        hidden = 0
        if raw:
            write_npz(stack.enter_context(replacement_path(out, *sources)), _outputs(rows))
        elif out.suffix:
            temporary = stack.enter_context(replacement_path(out, *sources))
            hidden = _draw(sources[0], temporary, out.suffix, found[0], form)
        else:
            folder = stack.enter_context(complete_folder(out))
            pairs = zip(sources, found, strict=True)
            hidden = sum(_draw(p, folder / p.name, p.suffix, one, form) for p, one in pairs)
    notes = (summary(found, form),) if found else ()
    return (*notes, f"{hidden} labels found no place in their picture") if hidden else notes


def _run_each(
    stream: Stream, sources: Sequence[Path], form: Pictures, told: "Callable[[int, int], None]"
) -> Iterator[Row]:
    (port,) = stream.manifest.stream_inputs
    for number, path in enumerate(sources, 1):
        given = fit_picture(read_picture(path), form, port.shape)
        yield given, stream.run({port.name: given.x[None]})
        told(number, len(sources))


def _outputs(rows: Sequence[Row]) -> dict[str, F32]:
    """The outputs of all pictures, (pictures, *shape) by name."""
    return {name: np.concatenate([made[name] for _, made in rows]) for name in rows[0][1]}


def _check_all(sources: Sequence[Path]) -> None:
    """Refuse, before any of them runs, all pictures that cannot be read."""
    problems: list[Problem] = []
    for path in sources:
        try:
            read_picture(path)
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)


def _found(made: Mapping[str, F32], given: FittedPicture, form: Pictures) -> Found:
    return find({name: array[0] for name, array in made.items()}, given, form)


def _draw(source: Path, target: Path, suffix: str, found: Found, form: Pictures) -> int:
    """Write a picture with the findings drawn on it; return the number of labels without a place."""
    picture: Image
    picture, hidden = drawn(read_picture(source), found, form)
    kind = "PNG" if suffix.lower() == ".png" else "JPEG"
    picture.save(target, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return hidden


def _json(
    sources: Sequence[Path], rows: Sequence[Row], found: Sequence[Found], form: Pictures
) -> str:
    pictures = [
        {"file": path.name, "width": given.size[0], "height": given.size[1], **one.facts(form)}
        for path, (given, _), one in zip(sources, rows, found, strict=True)
    ]
    return json.dumps({"gives": form.gives, "pictures": pictures}, indent=1) + "\n"
