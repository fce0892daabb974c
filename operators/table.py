"""The table of operators that the oracle runs: ``(domain, operator)`` to its NumPy form."""

import numpy as np

from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators import along, indexing, movement, normalize, reduce
from edgekit.operators.border import forms as border_forms
from edgekit.operators.conv import forms as conv_forms
from edgekit.operators.deform import forms as deform_forms
from edgekit.operators.elementwise import forms as elementwise_forms
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.fused import forms as fused
from edgekit.operators.linear import forms as linear_forms
from edgekit.operators.operator import Operator, integer
from edgekit.operators.pointwise import forms as pointwise
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.pooling import forms as pooling
from edgekit.operators.qdq import FAKE_DOMAIN, INTEGER_DOMAIN
from edgekit.operators.recurrent import forms as recurrent_forms
from edgekit.operators.resize import forms as resize
from edgekit.operators.spectral import forms as spectral

OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Gemm"): linear_forms.gemm,
    ("", "MatMul"): linear_forms.matmul,
    ("", "Conv"): conv_forms.conv,
    ("", "ConvTranspose"): conv_forms.conv,
    ("", "DeformConv"): deform_forms.deform_conv,
    ("", "GRU"): recurrent_forms.recurrent,
    ("", "LSTM"): recurrent_forms.recurrent,
    ("", "RNN"): recurrent_forms.recurrent,
    **{("", name): elementwise_forms.elementwise for name in FORMS if name not in FUSED_BODIES},
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
    ("", "Identity"): movement.renamed,
    ("", "Reshape"): movement.renamed,
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
    (FAKE_DOMAIN, "FakeQuantize"): border_forms.fake_quantize,
    (FRONTEND_DOMAIN, "Magnitude"): elementwise_forms.elementwise,
    (FRONTEND_DOMAIN, "ProductSum"): elementwise_forms.elementwise,
    (FRONTEND_DOMAIN, "MeanSquare"): reduce.reduce,
    (INTEGER_DOMAIN, "Quantize"): border_forms.quantize,
    (INTEGER_DOMAIN, "Dequantize"): border_forms.dequantize,
    (INTEGER_DOMAIN, "Requantize"): border_forms.requantize,
    (INTEGER_DOMAIN, "Gemm"): linear_forms.gemm_int,
    (INTEGER_DOMAIN, "MatMul"): linear_forms.matmul_int,
    (INTEGER_DOMAIN, "Conv"): conv_forms.conv_int,
    (INTEGER_DOMAIN, "ConvTranspose"): conv_forms.conv_int,
    (INTEGER_DOMAIN, "SquareDeform"): deform_forms.square_deform_int,
    (INTEGER_DOMAIN, "GRU"): recurrent_forms.gru_int,
    (INTEGER_DOMAIN, "LSTM"): recurrent_forms.lstm_int,
    (INTEGER_DOMAIN, "AveragePool"): pooling.average_pool_int,
    (INTEGER_DOMAIN, "Table"): pointwise.table,
    (INTEGER_DOMAIN, "PRelu"): elementwise_forms.prelu_int,
    (INTEGER_DOMAIN, "Add"): elementwise_forms.arithmetic_int,
    (INTEGER_DOMAIN, "Mul"): elementwise_forms.arithmetic_int,
    (INTEGER_DOMAIN, "LayerNormalization"): fused.layernorm_int,
    (INTEGER_DOMAIN, "Magnitude"): fused.magnitude_int,
    (INTEGER_DOMAIN, "MeanSquare"): fused.mean_square_int,
    (INTEGER_DOMAIN, "ProductSum"): fused.product_sum_int,
    (INTEGER_DOMAIN, "Softmax"): fused.softmax_int,
}
