"""Which rules read a padded value without its padding, and which hand the padding on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.track import Mirror, Track
from edgekit.export.stream.windows import paddings, sliding_of, spatial
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import attribute, static_shape


def run_on_padded(writer: Rewriter, node: ir.Node, rule: Callable[[], None]) -> None:
    """Run the rule of a node, whose inputs may be padded with frames that repeat others.

    A window reads such an input by itself. What works frame by frame on one stream works on the frames
    without padding. All others get it with its padding.
    """
    tracks = [track for value in node.inputs if (track := writer.track(value)) is not None]
    mirrors = [track.mirror for track in tracks if track.mirror is not None]
    kept = _padding_of_output(writer, node, tracks)
    with _solid(writer, node, keep=kept is not None or _slides(writer, node)):
        rule()
    if kept is not None and mirrors:
        writer.kept_mirror(node, kept)


@contextmanager
def _solid(writer: Rewriter, node: ir.Node, *, keep: bool) -> Iterator[None]:
    """Let the inputs of a node stand with all their frames while its rule runs."""
    before = {}
    for value in node.inputs:
        track = writer.track(value)
        if value is not None and track is not None and track.mirror is not None and not keep:
            before[value] = track
            writer.tracks[value] = writer.solid(value)
    try:
        yield
    finally:
        writer.tracks.update(before)


def _slides(writer: Rewriter, node: ir.Node) -> bool:
    """Whether the rule asks `Rewriter.window` for its first input, without padding of its own."""
    track = writer.track(node.inputs[0]) if node.inputs else None
    if track is None or track.outer > 1:
        return False
    if facts_of(node).slides and node.op_type != "ConvTranspose" and track.axis >= 2:
        behind = paddings(node)[track.axis - 2 + spatial(node)]
        return sliding_of(node, track.axis).left <= 0 and behind <= 0
    if node.op_type == "Slice":
        return True
    rank = len(track.shape)
    return node.op_type == "Gather" and int(attribute(node, "axis", 0)) % rank == track.axis


def _padding_of_output(writer: Rewriter, node: ir.Node, tracks: list[Track]) -> Mirror | None:
    """The padding of the only stream that a node reads, where its output is padded alike."""
    if len(tracks) != 1 or tracks[0].mirror is None:
        return None
    (track,) = tracks
    made = writer.facts.time(node.outputs[0])
    if made is None or made.rate != track.time.rate or track.outer > 1:
        return None
    others = [value for value in node.inputs if writer.track(value) is None]
    if any(writer.facts.axes.get(value) for value in others if value is not None):
        return None
    if node.op_type == "Transpose":
        return track.mirror
    if facts_of(node).moves == "renames":
        shape, other = writer.hop_shape(node.outputs[0]), track.shape
        still = prod(shape[: made.axis]) == prod(other[: track.axis])
        return track.mirror if still else None
    rank = len(static_shape(node.outputs[0]) or ())
    same_axis = track.axis - len(track.shape) == made.axis - rank
    return track.mirror if facts_of(node).elementwise and same_axis else None
