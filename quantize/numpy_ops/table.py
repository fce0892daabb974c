"""The table of operators that the oracle runs: ``(domain, operator)`` to its NumPy form."""

import numpy as np

from edgekit.export.model import FRONTEND_DOMAIN
from edgekit.quantize.elementwise import FORMS
from edgekit.quantize.integer import INTEGER_DOMAIN
from edgekit.quantize.numpy_ops import (
    along,
    indexing,
    integers,
    layers,
    movement,
    normalize,
    pointwise,
    pooling,
    rows,
    spectral,
)
from edgekit.quantize.numpy_ops.base import Operator, integer
from edgekit.quantize.pointwise import POINTWISE

OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Gemm"): layers.gemm,
    ("", "MatMul"): layers.matmul,
    ("", "Conv"): layers.conv,
    ("", "ConvTranspose"): layers.conv,
    ("", "GRU"): layers.recurrent,
    ("", "LSTM"): layers.recurrent,
    **{("", name): pointwise.elementwise for name in FORMS},
    **{("", name): pointwise.unary for name in POINTWISE},
    **{("", name): rows.reduce for name in rows.FLOAT},
    ("", "Softmax"): along.softmax,
    ("", "LogSoftmax"): along.softmax,
    ("", "Hardmax"): along.hardmax,
    ("", "ArgMax"): along.arg,
    ("", "ArgMin"): along.arg,
    ("", "CumSum"): along.cumsum,
    ("", "LpNormalization"): along.lp_normalization,
    ("", "LayerNormalization"): normalize.layernorm,
    ("", "InstanceNormalization"): normalize.instancenorm,
    ("", "BatchNormalization"): normalize.batchnorm,
    ("", "Identity"): lambda node, x: [x[0]],
    ("", "Reshape"): lambda node, x: [x[0]],
    ("", "Transpose"): movement.transpose,
    ("", "Slice"): movement.strided_slice,
    ("", "Concat"): lambda node, x: [np.concatenate(x, axis=integer(node, "axis"))],
    ("", "Split"): movement.split,
    ("", "Expand"): movement.expand,
    ("", "Pad"): indexing.pad,
    **{("", name): form for name, form in indexing.BY_INDEX.items()},
    **{("", name): form for name, form in indexing.SCATTERS.items()},
    ("", "MaxPool"): pooling.max_pool,
    ("", "GlobalMaxPool"): pooling.max_pool,
    ("", "AveragePool"): pooling.average_pool,
    ("", "GlobalAveragePool"): pooling.average_pool,
    ("", "LpPool"): pooling.lp_pool,
    ("", "GlobalLpPool"): pooling.lp_pool,
    (FRONTEND_DOMAIN, "STFT"): spectral.stft,
    (FRONTEND_DOMAIN, "ISTFT"): spectral.istft,
    (FRONTEND_DOMAIN, "Finite"): spectral.finite,
    (INTEGER_DOMAIN, "Quantize"): integers.quantize,
    (INTEGER_DOMAIN, "Dequantize"): integers.dequantize,
    (INTEGER_DOMAIN, "Requantize"): integers.requantize,
    (INTEGER_DOMAIN, "Gemm"): integers.gemm_int,
    (INTEGER_DOMAIN, "Conv"): integers.conv_int,
    (INTEGER_DOMAIN, "ConvTranspose"): integers.conv_int,
    (INTEGER_DOMAIN, "GRU"): integers.gru_int,
    (INTEGER_DOMAIN, "AveragePool"): pooling.average_pool_int,
    (INTEGER_DOMAIN, "Table"): integers.table,
    (INTEGER_DOMAIN, "PRelu"): integers.prelu_int,
    (INTEGER_DOMAIN, "Add"): integers.arithmetic_int,
    (INTEGER_DOMAIN, "Mul"): integers.arithmetic_int,
}
