"""The table of operators that the oracle runs: ``(domain, operator)`` to its NumPy form."""

import numpy as np

from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators import along, indexing, integers, layers, movement, normalize, reduce
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.fused import forms as fused
from edgekit.operators.operator import Operator, integer
from edgekit.operators.pointwise import forms as pointwise
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.pooling import forms as pooling
from edgekit.operators.qdq import FAKE_DOMAIN, INTEGER_DOMAIN
from edgekit.operators.resize import forms as resize
from edgekit.operators.spectral import forms as spectral

OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Gemm"): layers.gemm,
    ("", "MatMul"): layers.matmul,
    ("", "Conv"): layers.conv,
    ("", "ConvTranspose"): layers.conv,
    ("", "DeformConv"): layers.deform_conv,
    ("", "GRU"): layers.recurrent,
    ("", "LSTM"): layers.recurrent,
    ("", "RNN"): layers.recurrent,
    **{("", name): pointwise.elementwise for name in FORMS if name not in FUSED_BODIES},
    **{("", name): pointwise.unary for name in POINTWISE},
    **{("", name): reduce.reduce for name in reduce.FLOAT if name not in FUSED_BODIES},
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
    ("", "Resize"): resize.resize,
    ("", "GridSample"): resize.grid_sample,
    ("", "DFT"): spectral.dft,
    (FRONTEND_DOMAIN, "STFT"): spectral.stft,
    (FRONTEND_DOMAIN, "ISTFT"): spectral.istft,
    (FRONTEND_DOMAIN, "IRFFT"): spectral.irfft,
    (FRONTEND_DOMAIN, "Finite"): spectral.finite,
    (FAKE_DOMAIN, "FakeQuantize"): integers.fake_quantize,
    (FRONTEND_DOMAIN, "Magnitude"): pointwise.elementwise,
    (FRONTEND_DOMAIN, "ProductSum"): pointwise.elementwise,
    (FRONTEND_DOMAIN, "MeanSquare"): reduce.reduce,
    (INTEGER_DOMAIN, "Quantize"): integers.quantize,
    (INTEGER_DOMAIN, "Dequantize"): integers.dequantize,
    (INTEGER_DOMAIN, "Requantize"): integers.requantize,
    (INTEGER_DOMAIN, "Gemm"): integers.gemm_int,
    (INTEGER_DOMAIN, "MatMul"): integers.matmul_int,
    (INTEGER_DOMAIN, "Conv"): integers.conv_int,
    (INTEGER_DOMAIN, "ConvTranspose"): integers.conv_int,
    (INTEGER_DOMAIN, "SquareDeform"): layers.square_deform_int,
    (INTEGER_DOMAIN, "GRU"): integers.gru_int,
    (INTEGER_DOMAIN, "LSTM"): integers.lstm_int,
    (INTEGER_DOMAIN, "AveragePool"): pooling.average_pool_int,
    (INTEGER_DOMAIN, "Table"): integers.table,
    (INTEGER_DOMAIN, "PRelu"): integers.prelu_int,
    (INTEGER_DOMAIN, "Add"): integers.arithmetic_int,
    (INTEGER_DOMAIN, "Mul"): integers.arithmetic_int,
    (INTEGER_DOMAIN, "LayerNormalization"): fused.layernorm_int,
    (INTEGER_DOMAIN, "Magnitude"): fused.magnitude_int,
    (INTEGER_DOMAIN, "MeanSquare"): fused.mean_square_int,
    (INTEGER_DOMAIN, "ProductSum"): fused.product_sum_int,
    (INTEGER_DOMAIN, "Softmax"): fused.softmax_int,
}
