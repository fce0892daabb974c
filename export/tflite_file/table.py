"""``READERS``: how each builtin operator of a .tflite becomes ONNX operators."""

from edgekit.export.tflite_file import arithmetic, blocks, movement, products, recurrent, variables
from edgekit.export.tflite_file.arithmetic import Reader, clip, elementwise, reduction, sequence


def skip(*_: object) -> None:
    """CALL_ONCE: its graph is checked before, and sets zeros alone."""


READERS: dict[str, Reader] = {
    **arithmetic.UNARY,
    "FULLY_CONNECTED": products.dense,
    "CONV_2D": products.conv,
    "DEPTHWISE_CONV_2D": products.depthwise,
    "TRANSPOSE_CONV": products.transpose_conv,
    "BATCH_MATMUL": arithmetic.batch_matmul,
    "AVERAGE_POOL_2D": products.pool,
    "MAX_POOL_2D": products.pool,
    "RESHAPE": movement.reshape,
    "SQUEEZE": movement.reshape,
    "EXPAND_DIMS": movement.reshape,
    "CONCATENATION": movement.concat,
    "STRIDED_SLICE": movement.strided_slice,
    "SLICE": movement.slices,
    "SPLIT": movement.split,
    "SPLIT_V": movement.split,
    "PACK": movement.pack,
    "UNPACK": movement.unpack,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "MIRROR_PAD": movement.pad,
    "TRANSPOSE": movement.transpose,
    "RESIZE_NEAREST_NEIGHBOR": movement.resize,
    "RESIZE_BILINEAR": movement.resize,
    "GATHER": movement.gather,
    "GATHER_ND": movement.gather_nd,
    "ONE_HOT": movement.one_hot,
    "TILE": movement.tile,
    "BROADCAST_TO": movement.tile,
    "DEPTH_TO_SPACE": movement.block_space,
    "SPACE_TO_DEPTH": movement.block_space,
    "SPACE_TO_BATCH_ND": blocks.space_to_batch,
    "BATCH_TO_SPACE_ND": blocks.batch_to_space,
    "REVERSE_V2": movement.reverse,
    "CUMSUM": arithmetic.running_sum,
    "L2_NORMALIZATION": arithmetic.unit_length,
    "GELU": arithmetic.gelu,
    "RELU6": clip(0.0, 6.0),
    "RELU_N1_TO_1": clip(-1.0, 1.0),
    "RELU_0_TO_1": clip(0.0, 1.0),
    "LEAKY_RELU": arithmetic.leaky_relu,
    "PRELU": arithmetic.prelu,
    "ELU": elementwise("Elu"),
    "POW": elementwise("Pow"),
    "SOFTMAX": arithmetic.softmax,
    "LOG_SOFTMAX": arithmetic.softmax,
    "SQUARE": arithmetic.square,
    "SQUARED_DIFFERENCE": arithmetic.square,
    "RSQRT": sequence("Sqrt", "Reciprocal"),
    "NOT_EQUAL": sequence("Equal", "Not"),
    "FLOOR_DIV": arithmetic.floor_division,
    "FLOOR_MOD": arithmetic.floor_division,
    "LOGICAL_NOT": elementwise("Not"),
    "SELECT": elementwise("Where"),
    "SELECT_V2": elementwise("Where"),
    "MEAN": reduction("ReduceMean"),
    "SUM": reduction("ReduceSum"),
    "REDUCE_MAX": reduction("ReduceMax"),
    "REDUCE_MIN": reduction("ReduceMin"),
    "REDUCE_PROD": reduction("ReduceProd"),
    "ARG_MAX": arithmetic.extreme_index("ArgMax"),
    "ARG_MIN": arithmetic.extreme_index("ArgMin"),
    "CAST": arithmetic.read_cast,
    "QUANTIZE": arithmetic.requantize,
    "DEQUANTIZE": arithmetic.requantize,
    "CALL_ONCE": skip,
    "VAR_HANDLE": variables.handle,
    "READ_VARIABLE": variables.read_variable,
    "ASSIGN_VARIABLE": variables.assign,
    "SVDF": recurrent.svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent.lstm,
}
# runtimes leave integers as they are, so that all operands have one scale
ONE_GRID = frozenset(
    (
        *("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "STRIDED_SLICE", "SLICE", "SPLIT"),
        *("SPLIT_V", "PACK", "UNPACK", "PAD", "MIRROR_PAD", "TRANSPOSE", "GATHER", "TILE"),
        *("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
        *("BROADCAST_TO", "PADV2", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "REVERSE_V2"),
    )
)
# what they compute has the type of what they read
ONE_TYPE = frozenset(
    (
        *("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "MEAN", "SUM"),
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"),
        *("LOGISTIC", "TANH", "LEAKY_RELU", "PRELU", "RELU", "RELU6", "HARD_SWISH"),
    )
)
REFUSALS = {
    "WHILE": "convert with unroll=True, or with a fused LSTM",
    "IF": "convert without a condition on data",
    "DYNAMIC_UPDATE_SLICE": "convert with concatenation and slices",
    "custom ethos-u": "give the .tflite from before Vela compiled it",
}
