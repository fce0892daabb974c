"""Selects the rules that read a padded value without its padding, and those that pass the padding on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.table import rule_of
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Mirror, Track
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import static_shape


def run_on_padded(writer: Rewriter, node: ir.Node, rule: Callable[[], None]) -> None:
    """Run the rule of a node, whose inputs may be padded with frames that repeat others.

    A window handles such an input itself. A node that works frame by frame on one stream reads the frames without
    padding. All others read it with its padding.
    """
    tracks = [track for value in node.inputs if (track := writer.track(value)) is not None]
    mirrors = [track.mirror for track in tracks if track.mirror is not None]
    kept = _padding_of_output(writer, node, tracks)
    with _solid(writer, node, keep=kept is not None or _reads_window(writer, node)):
        rule()
    if kept is not None and mirrors:
        writer.kept_mirror(node, kept)


@contextmanager
def _solid(writer: Rewriter, node: ir.Node, *, keep: bool) -> Iterator[None]:
    """Give the inputs of a node all their frames while its rule runs."""
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


def _reads_window(writer: Rewriter, node: ir.Node) -> bool:
    """Whether the rule calls `Rewriter.window` for its first input, and the node has no padding."""
    track = writer.track(node.inputs[0]) if node.inputs else None
    return track is not None and track.outer == 1 and rule_of(node).reads_window(node, track)


def _padding_of_output(writer: Rewriter, node: ir.Node, tracks: list[Track]) -> Mirror | None:
    """Return the padding of a node's only stream, if its output has the same padding."""
    if len(tracks) != 1 or tracks[0].mirror is None:
        return None
    (track,) = tracks
    made = writer.facts.time(node.outputs[0])
    if made is None or made.rate != track.time.rate or track.outer > 1:
        return None
    fixed = [value for value in node.inputs if value is not None and not writer.track(value)]
    if any(writer.facts.axes.get(value) for value in fixed):
        return None
    return track.mirror if _is_framewise(writer, node, track, made) else None


def _is_framewise(writer: Rewriter, node: ir.Node, track: Track, made: TimeAxis) -> bool:
    """Whether each frame of the output follows from the same frame of the stream."""
    if node.op_type == "Transpose":
        return True
    if facts_of(node).moves == "renames":
        shape = writer.hop_shape(node.outputs[0])
        return prod(shape[: made.axis]) == prod(track.shape[: track.axis])
    rank = len(static_shape(node.outputs[0]) or ())
    same_axis = track.axis - len(track.shape) == made.axis - rank
    return facts_of(node).elementwise and same_axis
