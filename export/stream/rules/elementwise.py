"""Operators that work frame by frame: elementwise ones, and those that mix only axes other than time."""

from collections.abc import Callable, Sequence

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import StreamingRule, needs_same_frames
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.export.stream.values import INSIDE
from edgekit.graph.facts import Facts, facts_of, names
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import array_of, attribute, static_shape

Rewrite = Callable[[Rewriter, ir.Node], None]
SOFTMAX = "normalize over channels, or attend to a window"
NORM = "normalize each frame over its channels (LayerNorm), or use a cumulative norm"
NORMS = f"{NORM}; --replace norm=cumulative or norm=window:N puts one there"
REDUCE = "use a causal window, a cumulative sum or a recurrent layer"
MEANS = f"{REDUCE}; --replace mean=cumulative or mean=window:N puts one there"
EXTREMES = f"{REDUCE}; --replace max=window:N puts one there"
SPECTRA = (
    "transform frames, as an STFT does; write a convolution with a fixed kernel as conv1d, and with the kernel of a "
    "state space (S4D) as DiagonalSSM of edgekit.export.own_operators; what needs the spectrum of the whole recording "
    "runs on recordings of one length: export it without --time-axis"
)


def framewise(writer: Rewriter, node: ir.Node) -> None:
    """Copy a node whose frames of the output follow from the same frames of its inputs."""
    output = node.outputs[0]
    made = writer.facts.time(output)
    if made is None:
        writer.set(output, output, 0)  # refuses
        return
    rank = len(static_shape(output) or ())
    tracks = align_streams(writer, node)
    aligned = next(iter(tracks.values()))
    outer = max(track.outer for track in tracks.values())
    read = writer.frames_read(output).end if output in writer.needs else None
    inputs: list[ir.Value | None] = []
    for value in node.inputs:
        track = tracks.get(value) if value is not None else None
        if track is None:
            inputs.append(writer.operand(value, made, rank, aligned.delay, read, aligned.again))
            continue
        if not _has_frames_of(track, made, outer):
            raise StreamingRefused(*INSIDE)
        inputs.append(writer.allowed(node, track))
    record_outputs(writer, node, writer.new.copy(node, inputs), list(tracks.values()))


def _has_frames_of(track: Track, time: TimeAxis, outer: int) -> bool:
    """Whether a tensor has as many frames per sample as the output, and is as many streams."""
    return track.time.rate * track.outer == time.rate and track.outer == outer


def broadcast(writer: Rewriter, node: ir.Node) -> None:
    """Copy an elementwise node of several operands that broadcast."""
    output = node.outputs[0]
    made, rank = writer.facts.time(output), len(static_shape(output) or ())
    for value in node.inputs:
        track = writer.track(value)
        if track is not None and made and track.axis - len(track.shape) != made.axis - rank:
            raise StreamingRefused(
                f"time is another axis in '{track.offline.name}' than in the output",
                "operands with time on the same axis",
                "transpose one of them",
            )
    framewise(writer, node)


def mixing_rule(
    axes_of: Callable[[ir.Node, int], Sequence[int]], what: str, instead: str
) -> Rewrite:
    """Return the rule of a node that mixes the axes `axes_of(node, rank)` of its first input."""

    def rule(writer: Rewriter, node: ir.Node) -> None:
        for value in node.inputs:
            track = writer.track(value)
            if track is not None and track.axis in axes_of(node, len(track.shape)):
                raise StreamingRefused(
                    f"{what} over all of time", f"{what} over other axes", instead
                )
        framewise(writer, node)

    return rule


def align_streams(writer: Rewriter, node: ir.Node) -> dict[ir.Value, Track]:
    """Return the streams among a node's inputs, all at the greatest delay."""
    tracks = {value: track for value in node.inputs if (track := writer.track(value)) and value}
    return writer.align(tracks, str(node.name))


def record_outputs(
    writer: Rewriter, node: ir.Node, results: Sequence[ir.Value], tracks: Sequence[Track]
) -> None:
    """Record the outputs of a framewise node whose inputs are aligned."""
    keeps = facts_of(node).keeps_zero and not _brings_constants(writer, node, tracks)
    before = keeps and all(track.zero_before for track in tracks)
    after = keeps and all(track.zero_after for track in tracks)
    for output, result in zip(node.outputs, results, strict=True):
        if not output.uses() and not output.is_graph_output():
            continue
        writer.set(
            output,
            result,
            tracks[0].delay,
            *tracks,
            node=node,
            before=before,
            after=after,
            outer=tracks[0].outer,
            late=tracks[0].late,
        )


def _brings_constants(writer: Rewriter, node: ir.Node, tracks: Sequence[Track]) -> bool:
    """Whether nonzero elements join a stream of zeros, or an index of 0 picks some."""
    if node.op_type == "Concat":
        return len(tracks) < len(node.inputs)
    return node.op_type == "Gather" and writer.track(node.inputs[0]) is None


def axis_of(node: ir.Node, rank: int) -> list[int]:
    """Return the attribute ``axis``."""
    return [int(attribute(node, "axis", facts_of(node).axis)) % rank]


def trailing_axes(node: ir.Node, rank: int) -> list[int]:
    """Return all axes from the attribute ``axis`` on."""
    return list(range(int(attribute(node, "axis", -1)) % rank, rank))


def axes_input(node: ir.Node, rank: int) -> list[int]:
    """Return the axes of a reduction."""
    axes = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if axes is None:
        given = attribute(node, "axes", None)
        if given is None:
            return [] if attribute(node, "noop_with_empty_axes", 0) else list(range(rank))
        return [int(axis) % rank for axis in given]
    return [int(axis) % rank for axis in axes]


def axis_input(node: ir.Node, rank: int) -> list[int]:
    """Return the axis in the third input; by default the last but one."""
    axis = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    return [rank - 2 if axis is None else int(axis.ravel()[0]) % rank]


def last_axes(node: ir.Node, rank: int) -> list[int]:
    """Return the last two axes."""
    return [rank - 2, rank - 1]


def spatial_axes(node: ir.Node, rank: int) -> list[int]:
    """Return all axes after batch and channels."""
    return list(range(2, rank))


def _row(name: str, rewrite: Rewrite, domain: str = "") -> StreamingRule:
    return StreamingRule(name, rewrite, needs_same_frames, domain=domain, late=True)


def _rows(holds: Callable[[Facts], object], rewrite: Rewrite) -> list[StreamingRule]:
    """Return the rows of all operators whose facts hold."""
    return [_row(name, rewrite) for name in sorted(names(holds))]


def _mixers(
    mixes: str, axes_of: Callable[[ir.Node, int], Sequence[int]], what: str
) -> list[StreamingRule]:
    """Return the rows of operators that take a mean or a sum of axes, and of those that choose an element."""
    means, extremes = (mixing_rule(axes_of, what, step) for step in (MEANS, EXTREMES))
    return [
        *_rows(lambda row: row.mixes == mixes and not row.moves, means),
        *_rows(lambda row: row.mixes == mixes and row.moves, extremes),
    ]


# a later row stands for an earlier one of the same name
RULES = (
    *_rows(lambda row: row.elementwise, broadcast),
    *_rows(lambda row: row.mixes == "axis", mixing_rule(axis_of, "softmax", SOFTMAX)),
    *_mixers("axes", axes_input, "a reduction"),
    *_mixers("spatial", spatial_axes, "pooling"),
    _row("LayerNormalization", mixing_rule(trailing_axes, "a norm", NORM)),
    _row("LpNormalization", mixing_rule(axis_of, "a norm", NORM)),
    _row("InstanceNormalization", mixing_rule(spatial_axes, "a norm", NORMS)),
    _row("LRN", mixing_rule(lambda node, rank: [1], "a norm over neighbouring channels", NORM)),
    _row("ArgMax", mixing_rule(axis_of, "a search", REDUCE)),
    _row("ArgMin", mixing_rule(axis_of, "a search", REDUCE)),
    _row("TopK", mixing_rule(axis_of, "a search", REDUCE)),
    _row("DFT", mixing_rule(axis_input, "a transform", SPECTRA)),
    _row("Tile", framewise),
    _row("Trilu", mixing_rule(last_axes, "a triangle", "put a causal mask on the scores")),
    _row("Transpose", framewise),
    _row("Finite", framewise, domain=FRONTEND_DOMAIN),
)
