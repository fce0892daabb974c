"""``RULES``: the rule of every operator that may see time."""

from collections.abc import Callable

import onnx_ir as ir

from edgekit.export.own_operators.marked_layers import CUM_MAX, LOG_SUM
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules import (
    conv,
    cumulative_extremes,
    filtered_noise,
    movement,
    oscillators,
    overlap,
    partitioned_fir,
    recurrent,
    resize,
    selective,
    ssm,
)
from edgekit.export.stream.rules.elementwise import (
    axes_input,
    axis_input,
    axis_of,
    broadcast,
    framewise,
    mixing_rule,
    spatial_axes,
    trailing_axes,
)
from edgekit.export.stream.rules.linear import gemm, matmul
from edgekit.graph.facts import names
from edgekit.graph.model import FRONTEND_DOMAIN, SSM

Rule = Callable[[Rewriter, ir.Node], None]

SOFTMAX = "normalize over channels, or attend to a window"
NORM = "normalize each frame over its channels (LayerNorm), or use a cumulative norm"
NORMS = f"{NORM}; --replace norm=cumulative or norm=window:N puts one there"
REDUCE = "use a causal window, a cumulative sum or a recurrent layer"
REDUCES = f"{REDUCE}; --replace mean=cumulative, mean=window:N or max=window:N puts one there"
SPECTRA = (
    "transform frames, as an STFT does; write a convolution with a fixed kernel as conv1d; what needs the spectrum of "
    "the whole recording runs on recordings of one length: export it without --time-axis"
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(names(lambda row: row.elementwise), broadcast),
    **dict.fromkeys(
        names(lambda row: row.mixes == "axis"), mixing_rule(axis_of, "softmax", SOFTMAX)
    ),
    **dict.fromkeys(
        names(lambda row: row.mixes == "axes"), mixing_rule(axes_input, "a reduction", REDUCES)
    ),
    **dict.fromkeys(
        names(lambda row: row.mixes == "spatial"), mixing_rule(spatial_axes, "pooling", REDUCES)
    ),
    "LayerNormalization": mixing_rule(trailing_axes, "a norm", NORM),
    "LpNormalization": mixing_rule(axis_of, "a norm", NORM),
    "InstanceNormalization": mixing_rule(spatial_axes, "a norm", NORMS),
    "LRN": mixing_rule(lambda node, rank: [1], "a norm over neighbouring channels", NORM),
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK"), mixing_rule(axis_of, "a search", REDUCE)),
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": conv.conv,
    "ConvTranspose": conv.conv_transpose,
    "MaxPool": conv.max_pool,
    "AveragePool": conv.average_pool,
    "Col2Im": overlap.col2im,
    "Concat": movement.concat,
    "DFT": mixing_rule(axis_input, "a transform", SPECTRA),
    "Expand": movement.expand,
    "Gather": movement.gather,
    "GatherElements": movement.gather_elements,
    "GatherND": movement.refuse_gather_nd,
    "Pad": movement.pad,
    "Reshape": movement.reshape,
    "Slice": movement.slice_,
    "Split": movement.split,
    "Squeeze": movement.reshape,
    "Tile": framewise,
    "Transpose": framewise,
    "Unsqueeze": movement.reshape,
    "Resize": resize.resize,
    "CumSum": recurrent.cumsum,
    "GRU": recurrent.recurrent,
    "LSTM": recurrent.recurrent,
    "RNN": recurrent.recurrent,
}
OWN_RULES: dict[str, Rule] = {
    SSM: ssm.diagonal,
    "SelectiveSSM": selective.selective,
    "Oscillators": oscillators.oscillators,
    "FilteredNoise": filtered_noise.filtered_noise,
    "PartitionedFIR": partitioned_fir.partitioned_fir,
    CUM_MAX: cumulative_extremes.cum_max,
    LOG_SUM: cumulative_extremes.log_cum_sum_exp,
    "Finite": framewise,
}


def rule_of(node: ir.Node) -> Rule | None:
    """The rule of a node, of the standard or of our domain; None where there is none."""
    if node.domain == FRONTEND_DOMAIN:
        return OWN_RULES.get(node.op_type)
    return None if node.domain else RULES.get(node.op_type)
