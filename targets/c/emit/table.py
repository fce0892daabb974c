"""The table of operators that the C targets emit: ``(domain, operator)`` to its `Emitter`."""

from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators import indexing
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.normalize import lrn_numbers
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.qdq import FAKE_DOMAIN, INTEGER_DOMAIN
from edgekit.operators.spectral.forms import finite_bounds
from edgekit.targets.c.emit import (
    axis_operators,
    border,
    fused,
    linear,
    micro,
    noise,
    normalize,
    pointwise,
    pooling,
    recurrent,
    reduce,
    spectral,
)
from edgekit.targets.c.emit.base import (
    ANY,
    BOOL,
    INT64,
    INTEGERS,
    NUMBERS,
    ORDERED,
    POOLED,
    Emitter,
    call_emitter,
    elementwise,
    size,
    view,
)
from edgekit.targets.c.emit.conv import deform
from edgekit.targets.c.emit.conv import float32 as conv
from edgekit.targets.c.emit.conv import integer as conv_int
from edgekit.targets.c.emit.movement import computed_indices, move, resize, ring
from edgekit.targets.c.emit.movement import copies as movement
from edgekit.targets.c.emit.movement import indexing as gather
from edgekit.targets.c.rewrite import dense_frames, products, rings
from edgekit.targets.c.rewrite.moves import MOVE, MOVE_DOMAIN

EMITTERS: dict[tuple[str, str], Emitter] = {
    # float
    ("", "Gemm"): Emitter(linear.emit_gemm, check=linear.check_gemm, macs=linear.macs_gemm),
    ("", "MatMul"): Emitter(linear.emit_matmul, macs=linear.macs_matmul),
    **{
        ("", name): Emitter(
            conv.emit_conv,
            check=conv.check_spatial,
            macs=conv.macs_conv,
            kernels=conv.FLOAT_KERNELS,
        )
        for name in conv.KERNELS
    },
    ("", "DeformConv"): Emitter(
        deform.emit_deform_conv,
        deform.traits_deform_conv,
        deform.check_deform_conv,
        deform.macs_deform_conv,
    ),
    **{
        ("", name): Emitter(
            recurrent.emit_float,
            recurrent.traits_float,
            recurrent.check_float_cell,
            recurrent.macs_float,
            sizes=recurrent.sizes_float,
        )
        for name in recurrent.FLOAT_KERNELS
    },
    **{
        ("", name): Emitter(pointwise.emit_unary, elementwise)
        for name in POINTWISE
        if name != "Identity"
    },
    **{
        ("", name): Emitter(pointwise.emit_unary, elementwise, reads=NUMBERS)
        for name in ("Abs", "Neg", "Sign", "Relu")
    },
    # numbers or truth values; only numbers for functions without a row below
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise, reads=NUMBERS)
        for name in FORMS
        if name not in POINTWISE and name not in FUSED_BODIES
    },
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise, reads=NUMBERS)
        for name in ("Add", "Sub", "Mul", "Div", "Clip")
    },
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise, reads=ORDERED)
        for name in ("Max", "Min")
    },
    ("", "Mod"): Emitter(
        pointwise.emit_elementwise, elementwise, pointwise.check_mod, reads=NUMBERS
    ),
    ("", "Pow"): Emitter(
        pointwise.emit_elementwise, elementwise, pointwise.check_pow, reads=NUMBERS
    ),
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise)
        for name in ("Sum", "Mean", "PRelu")
    },
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise, reads=INTEGERS)
        for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot")
    },
    **{
        ("", name): Emitter(pointwise.emit_elementwise, elementwise, reads=BOOL)
        for name in ("And", "Or", "Xor", "Not")
    },
    **{
        ("", name): Emitter(pointwise.emit_elementwise, reads=NUMBERS | BOOL, writes=BOOL)
        for name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    },
    ("", "IsNaN"): Emitter(pointwise.emit_elementwise, writes=BOOL),
    ("", "IsInf"): Emitter(pointwise.emit_elementwise, writes=BOOL),
    ("", "Where"): Emitter(pointwise.emit_elementwise, elementwise, reads=ORDERED | BOOL),
    ("", "Cast"): Emitter(pointwise.emit_elementwise, reads=NUMBERS | BOOL),
    ("", "CastLike"): Emitter(pointwise.emit_elementwise, reads=NUMBERS | BOOL),
    **{
        ("", name): Emitter(reduce.emit_reduce, check=reduce.check_reduce)
        for name in reduce.REDUCTIONS
        if name not in FUSED_BODIES
    },
    **{
        ("", name): Emitter(reduce.emit_reduce, check=reduce.check_reduce, reads=NUMBERS)
        for name, rule in reduce.REDUCTIONS.items()
        if rule.whole is not None
    },
    **{
        ("", name): Emitter(reduce.emit_reduce, check=reduce.check_reduce, reads=ORDERED | BOOL)
        for name in ("ReduceMax", "ReduceMin")
    },
    ("", "Softmax"): Emitter(reduce.emit_softmax, elementwise, sizes=reduce.sizes_softmax),
    ("", "LogSoftmax"): Emitter(axis_operators.emit_softmax_along, elementwise),
    ("", "Hardmax"): Emitter(axis_operators.emit_hardmax, elementwise),
    ("", "ArgMax"): Emitter(axis_operators.emit_arg, reads=NUMBERS, writes=INT64),
    ("", "ArgMin"): Emitter(axis_operators.emit_arg, reads=NUMBERS, writes=INT64),
    ("", "TopK"): Emitter(
        axis_operators.emit_topk, check=movement.check_constant_tail, reads=ORDERED, writes=ORDERED
    ),
    ("", "CumSum"): Emitter(
        axis_operators.emit_cumsum, elementwise, axis_operators.check_cumsum, reads=NUMBERS
    ),
    ("", "LpNormalization"): Emitter(axis_operators.emit_lp_normalization, elementwise),
    ("", "LayerNormalization"): Emitter(
        normalize.emit_layernorm, elementwise, normalize.check_layernorm
    ),
    ("", "InstanceNormalization"): Emitter(
        normalize.emit_instancenorm, elementwise, sizes=normalize.sizes_instancenorm
    ),
    ("", "BatchNormalization"): Emitter(
        normalize.emit_batchnorm, elementwise, normalize.check_batchnorm
    ),
    ("", "LRN"): Emitter(call_emitter("ek_lrn_f32", lrn_numbers), sizes=normalize.sizes_lrn),
    # float or integer
    ("", "Identity"): Emitter(movement.emit_view, view, reads=ANY),
    ("", "Reshape"): Emitter(
        movement.emit_view, view, check=movement.check_constant_tail, reads=ANY
    ),
    (MOVE_DOMAIN, MOVE): Emitter(move.emit_move, move.traits_move, reads=ANY),
    (rings.DOMAIN, rings.PUSH): Emitter(ring.emit_push, ring.traits_push, reads=ANY),
    (rings.DOMAIN, rings.TAKE): Emitter(ring.emit_take, reads=ANY),
    (rings.DOMAIN, rings.CONV): Emitter(
        ring.emit_ring_conv, macs=ring.macs_ring_conv, reads=ORDERED
    ),
    (rings.DOMAIN, dense_frames.FC): Emitter(
        ring.emit_ring_fc, macs=ring.macs_ring_conv, reads=ORDERED
    ),
    **{
        (rings.DOMAIN, name): Emitter(
            ring.emit_ring_product, macs=linear.macs_matmul, reads=ORDERED
        )
        for name in (products.DOTS, products.SUMS)
    },
    ("", "Transpose"): Emitter(movement.emit_transpose, reads=ANY),
    ("", "Slice"): Emitter(movement.emit_slice, check=movement.check_constant_tail, reads=ANY),
    ("", "Concat"): Emitter(movement.emit_concat, reads=ANY),
    ("", "Split"): Emitter(movement.emit_split, check=movement.check_constant_tail, reads=ANY),
    ("", "Expand"): Emitter(movement.emit_expand, check=movement.check_constant_tail, reads=ANY),
    ("", "Pad"): Emitter(movement.emit_pad, check=movement.check_constant_tail, reads=ANY),
    **{
        ("", name): Emitter(gather.emit_by_index(form), check=gather.check_constants(1), reads=ANY)
        for name, form in indexing.BY_INDEX.items()
    },
    **{
        ("", name): Emitter(
            computed_indices.emit_gather(indexing.BY_INDEX[name], computed), reads=ANY
        )
        for name, computed in (
            ("Gather", computed_indices.emit_rows),
            ("GatherElements", computed_indices.emit_elements),
            ("GatherND", computed_indices.emit_tuples),
        )
    },
    **{
        ("", name): Emitter(gather.emit_scatter(form), check=gather.check_scatter, reads=ANY)
        for name, form in indexing.SCATTERS.items()
    },
    **{
        ("", name): Emitter(pooling.emit_max_pool, check=pooling.check_pool, reads=POOLED)
        for name in ("MaxPool", "GlobalMaxPool")
    },
    **{
        ("", name): Emitter(
            pooling.emit_average_pool, check=pooling.check_pool, sizes=pooling.sizes_average_pool
        )
        for name in ("AveragePool", "GlobalAveragePool")
    },
    **{
        ("", name): Emitter(pooling.emit_lp_pool, check=pooling.check_pool)
        for name in ("LpPool", "GlobalLpPool")
    },
    ("", "Resize"): Emitter(
        resize.emit_resize,
        resize.traits_resize,
        resize.check_resize,
        sizes=resize.sizes_resize,
        reads=ANY,
    ),
    ("", "GridSample"): Emitter(
        resize.emit_grid_sample, check=resize.check_grid_sample, sizes=resize.sizes_grid_sample
    ),
    ("", "DFT"): Emitter(spectral.emit_dft, spectral.traits_dft, spectral.check_dft),
    # the PCM front end
    (FRONTEND_DOMAIN, "STFT"): Emitter(
        spectral.emit_stft, spectral.traits_frame, spectral.check_frame
    ),
    (FRONTEND_DOMAIN, "ISTFT"): Emitter(
        spectral.emit_istft, spectral.traits_frame, spectral.check_frame
    ),
    (FRONTEND_DOMAIN, "IRFFT"): Emitter(
        spectral.emit_irfft, spectral.traits_irfft, spectral.check_frame
    ),
    (FRONTEND_DOMAIN, "Finite"): Emitter(
        call_emitter("ek_finite_f32", lambda node: [size(node.inputs[0]), *finite_bounds(node)]),
        elementwise,
        sizes=lambda node: {"floor": finite_bounds(node)[0]},
    ),
    (FRONTEND_DOMAIN, "NormalNoise"): Emitter(noise.emit_normal, noise.traits),
    (FRONTEND_DOMAIN, "UniformNoise"): Emitter(noise.emit_uniform, noise.traits),
    (FRONTEND_DOMAIN, "MicroFrontend"): Emitter(
        micro.emit, micro.traits, micro.check, reads=ORDERED
    ),
    (FAKE_DOMAIN, "FakeQuantize"): Emitter(border.emit_fake_quantize),
    # operators that a quantizer fuses
    (FRONTEND_DOMAIN, "Magnitude"): Emitter(
        pointwise.emit_elementwise, elementwise, fused.check_magnitude
    ),
    (FRONTEND_DOMAIN, "ProductSum"): Emitter(pointwise.emit_elementwise, elementwise),
    (FRONTEND_DOMAIN, "MeanSquare"): Emitter(
        reduce.emit_reduce, check=reduce.check_reduce, sizes=reduce.sizes_mean_square
    ),
    # integer
    (INTEGER_DOMAIN, "Quantize"): Emitter(border.emit_quantize),
    (INTEGER_DOMAIN, "Dequantize"): Emitter(border.emit_dequantize),
    (INTEGER_DOMAIN, "Requantize"): Emitter(border.emit_requantize),
    (INTEGER_DOMAIN, "Gemm"): Emitter(
        linear.emit_gemm_int, macs=linear.macs_gemm_int, kernels=linear.GEMM_KERNELS
    ),
    (INTEGER_DOMAIN, "MatMul"): Emitter(linear.emit_matmul_int, macs=linear.macs_matmul),
    **{
        (INTEGER_DOMAIN, name): Emitter(
            conv_int.emit_conv_int, macs=conv_int.macs_conv_int, kernels=conv_int.INT_KERNELS
        )
        for name in conv.KERNELS
    },
    (INTEGER_DOMAIN, "SquareDeform"): Emitter(
        deform.emit_square_deform_int,
        macs=deform.macs_square_deform_int,
        sizes=deform.sizes_square_deform,
    ),
    **{
        (INTEGER_DOMAIN, name): Emitter(
            recurrent.emit_int, recurrent.traits_int, macs=recurrent.macs_int
        )
        for name in recurrent.INT_SCRATCH
    },
    (INTEGER_DOMAIN, "AveragePool"): Emitter(pooling.emit_average_pool_int),
    (INTEGER_DOMAIN, "Table"): Emitter(pointwise.emit_table),
    (INTEGER_DOMAIN, "PRelu"): Emitter(pointwise.emit_prelu_int),
    (INTEGER_DOMAIN, "Add"): Emitter(pointwise.emit_arithmetic_int, elementwise),
    (INTEGER_DOMAIN, "Mul"): Emitter(pointwise.emit_arithmetic_int, elementwise),
    (INTEGER_DOMAIN, "InstanceNormalization"): Emitter(
        fused.emit_instancenorm_int, sizes=normalize.sizes_instancenorm
    ),
    (INTEGER_DOMAIN, "LayerNormalization"): Emitter(fused.emit_layernorm_int),
    (INTEGER_DOMAIN, "Magnitude"): Emitter(fused.emit_magnitude_int),
    (INTEGER_DOMAIN, "MeanSquare"): Emitter(
        fused.emit_mean_square_int, sizes=reduce.sizes_mean_square
    ),
    (INTEGER_DOMAIN, "ProductSum"): Emitter(fused.emit_product_sum_int),
    (INTEGER_DOMAIN, "Softmax"): Emitter(fused.emit_softmax_int, sizes=reduce.sizes_softmax),
}
