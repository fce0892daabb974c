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
    keep = kept is not None or _reads_window(writer, node)
    with _solid(writer, node, keep=keep, late=_takes_late(writer, node, tracks)):
        rule()
    if kept is not None and mirrors:
        writer.kept_mirror(node, kept)


@contextmanager
def _solid(writer: Rewriter, node: ir.Node, *, keep: bool, late: bool) -> Iterator[None]:
    """Give the inputs of a node all their frames while its rule runs."""
    before = {}
    for value in node.inputs:
        track = writer.track(value)
        if value is None or track is None or (track.mirror is not None and keep):
            continue
        if track.mirror is not None or (track.late and not late):
            before[value] = track
            writer.tracks[value] = writer.solid(value, late=late)
    try:
        yield
    finally:
        writer.tracks.update(before)


def _reads_window(writer: Rewriter, node: ir.Node) -> bool:
    """Whether the rule calls `Rewriter.window` for its first input, and the node has no padding."""
    track = writer.track(node.inputs[0]) if node.inputs else None
    made = writer.facts.time(node.outputs[0])
    if track is None or made is None or track.outer > 1:
        return False
    return rule_of(node).reads_window(node, track, made, writer.frames_read(node.outputs[0]))


def _padding_of_output(writer: Rewriter, node: ir.Node, tracks: list[Track]) -> Mirror | None:
    """Return the padding of a node's only stream, if its output has the same padding."""
    if len(tracks) != 1 or tracks[0].mirror is None:
        return None
    (track,) = tracks
    made = writer.facts.time(node.outputs[0])
    if made is None or made.rate != track.time.rate or track.outer > 1:
        return None
    if track.late and not _takes_late(writer, node, tracks):
        return None
    fixed = [value for value in node.inputs if value is not None and not writer.track(value)]
    if any(writer.facts.axes.get(value) for value in fixed):
        return None
    return track.mirror if _is_framewise(writer, node, track, made) else None


def _takes_late(writer: Rewriter, node: ir.Node, tracks: list[Track]) -> bool:
    """Whether a node takes streams that hold frames again: in it, only constants count the frames of a hop, too."""
    fixed = [value for value in node.inputs if value is not None and not writer.track(value)]
    counted = any(_counts_frames(writer, node, value) for value in fixed)
    same = len({(track.time.rate, track.outer) for track in tracks}) == 1
    return not counted and same and tracks[0].outer == 1 and rule_of(node).late


def _counts_frames(writer: Rewriter, node: ir.Node, value: ir.Value) -> bool:
    """Whether an operand that is no stream has the frames of one hop alone."""
    if value in writer.squares:
        return True
    return bool(writer.facts.axes.get(value)) and not facts_of(node).elementwise


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
