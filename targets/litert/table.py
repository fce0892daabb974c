"""The table of operators that the litert target writes: ``(domain, operator)`` to its emitter."""

from functools import partial

from edgekit.graph.facts import names
from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.litert_builtins import BUILTINS
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.indexing import BY_INDEX, SCATTERS
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.targets.litert.emit import (
    conv,
    elementwise,
    movement,
    pointwise,
    pooling,
    recurrent,
    reduce,
    spectral,
    traced_functions,
)
from edgekit.targets.litert.emit.base import Emitter, always

_UNARY = POINTWISE.keys() - {"Identity"}
_FOLDS = BUILTINS.keys() & names(lambda row: row.mixes == "axes")
_MOVE = movement.is_move

EMITTERS: dict[tuple[str, str], Emitter] = {
    # elementwise operators without a more specific row below
    **{("", name): Emitter(traced_functions.form) for name in FORMS if name not in FUSED_BODIES},
    **{("", name): Emitter(pointwise.unary, pointwise.is_integer) for name in _UNARY},
    ("", "Clip"): Emitter(pointwise.clip, always),
    (FRONTEND_DOMAIN, "Finite"): Emitter(pointwise.finite),
    **{("", name): Emitter(elementwise.binary, always) for name in ("Add", "Sub", "Mul")},
    ("", "Div"): Emitter(elementwise.division, elementwise.is_division),
    **{("", name): Emitter(elementwise.fold, always) for name in ("Max", "Min")},
    **{("", name): Emitter(elementwise.fold) for name in ("Sum", "Mean")},
    ("", "Pow"): Emitter(elementwise.power),
    **{
        ("", name): Emitter(elementwise.compare)
        for name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    },
    **{("", name): Emitter(elementwise.logic) for name in ("And", "Or", "Xor", "Not")},
    **{("", name): Emitter(elementwise.bits) for name in ("BitwiseXor", "BitwiseNot")},
    ("", "Mod"): Emitter(elementwise.modulo),
    ("", "Where"): Emitter(elementwise.emit_where, elementwise.is_where),
    ("", "Cast"): Emitter(elementwise.cast),
    ("", "CastLike"): Emitter(elementwise.cast),
    ("", "IsNaN"): Emitter(elementwise.strange),
    ("", "IsInf"): Emitter(elementwise.strange),
    ("", "PRelu"): Emitter(elementwise.prelu, elementwise.is_prelu),
    (FRONTEND_DOMAIN, "ProductSum"): Emitter(elementwise.product_sum),
    (FRONTEND_DOMAIN, "Magnitude"): Emitter(elementwise.magnitude),
    ("", "Conv"): Emitter(conv.conv, conv.is_conv),
    ("", "ConvTranspose"): Emitter(conv.transpose, conv.is_conv),
    ("", "Gemm"): Emitter(conv.gemm, conv.is_conv),
    ("", "MatMul"): Emitter(conv.matmul, always),
    ("", "Identity"): Emitter(movement.reshape, _MOVE),
    ("", "Reshape"): Emitter(movement.reshape, _MOVE),
    ("", "Transpose"): Emitter(movement.transpose, _MOVE),
    ("", "Slice"): Emitter(movement.slices, _MOVE),
    ("", "Split"): Emitter(movement.split, _MOVE),
    ("", "Concat"): Emitter(movement.concat, _MOVE),
    ("", "Expand"): Emitter(movement.expand, _MOVE),
    ("", "Pad"): Emitter(movement.pads, _MOVE),
    ("", "Resize"): Emitter(movement.resize, _MOVE),
    **{("", name): Emitter(movement.by_index, _MOVE) for name in (*BY_INDEX, *SCATTERS)},
    ("", "Gather"): Emitter(movement.gather, _MOVE),
    **{("", name): Emitter(reduce.reduce, reduce.is_fold) for name in _FOLDS},
    **{
        ("", f"Reduce{name}"): Emitter(reduce.reduce)
        for name in ("L1", "L2", "SumSquare", "LogSum", "LogSumExp", "Prod")
    },
    (FRONTEND_DOMAIN, "MeanSquare"): Emitter(reduce.mean_square),
    ("", "Softmax"): Emitter(reduce.softmax, reduce.is_softmax),
    ("", "LogSoftmax"): Emitter(reduce.softmax),
    ("", "Hardmax"): Emitter(reduce.hardmax),
    ("", "ArgMax"): Emitter(reduce.arg),
    ("", "ArgMin"): Emitter(reduce.arg),
    ("", "CumSum"): Emitter(reduce.cumsum),
    ("", "LpNormalization"): Emitter(reduce.lp_normalization),
    ("", "LayerNormalization"): Emitter(reduce.layer_normalization),
    ("", "InstanceNormalization"): Emitter(reduce.instance_normalization),
    ("", "BatchNormalization"): Emitter(reduce.batch_normalization),
    ("", "MaxPool"): Emitter(pooling.max_pool, _MOVE),
    ("", "AveragePool"): Emitter(pooling.average_pool, pooling.is_average),
    ("", "LpPool"): Emitter(pooling.lp_pool),
    ("", "GlobalMaxPool"): Emitter(pooling.global_pool, _MOVE),
    ("", "GlobalAveragePool"): Emitter(pooling.global_pool, always),
    ("", "GlobalLpPool"): Emitter(pooling.global_pool),
    ("", "GRU"): Emitter(partial(recurrent.layer, recurrent.gru_step), recurrent.is_recurrent),
    ("", "LSTM"): Emitter(partial(recurrent.layer, recurrent.lstm_step), recurrent.is_recurrent),
    ("", "RNN"): Emitter(partial(recurrent.layer, recurrent.rnn_step)),
    ("", "DFT"): Emitter(spectral.dft),
    (FRONTEND_DOMAIN, "STFT"): Emitter(spectral.stft),
    (FRONTEND_DOMAIN, "ISTFT"): Emitter(spectral.istft),
    (FRONTEND_DOMAIN, "IRFFT"): Emitter(spectral.irfft),
}
