"""Facts about every ONNX operator on any runtime: one row each.

A stage that asks whether an operator works element by element, only moves elements, or suffers from a rounded input
reads its row. No stage keeps a separate list for a question that a row answers. `edgekit.operators` states what an
operator computes; targets and the streaming rewrite list their forms of it in their own tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

import onnx_ir as ir

Movement = Literal["renames", "copies", "fills", "chooses"]
Sign = Literal["above", "not below", "first", "second", "least", "most", "sum"]
Affine = Literal["adds", "subtracts", "multiplies", "divides"]
Mixed = Literal["axis", "from axis", "axes", "spatial"]
Places = Literal["axis", "axes", "classes"]


@dataclass(frozen=True)
class Cell:
    """A recurrent layer: gates that its weights hold, and the default activations."""

    gates: int
    activations: tuple[str, ...]


@dataclass(frozen=True)
class Act:
    """A cheap function of a number v, of `ek_act` in edgekit.h: its name there, and a and b where the node has none."""

    name: str
    a: float = 0.0
    b: float = 0.0


@dataclass(frozen=True)
class Facts:
    """Facts about one operator of ONNX.

    Attributes:
        name: of the operator, in the standard domain.
        elementwise: an element of the result depends on the elements at its place; operands broadcast.
        moves: every element of the results is an element of an operand. ``renames`` leaves all at their place in
            memory (except Transpose, which may not). ``copies`` selects or repeats them by place, ``fills`` adds a
            constant next to them, ``chooses`` compares values or neighbours.
        joins: such elements come from several operands.
        keeps_zero: where the elements that it takes are 0 its result is 0, whatever its constants are.
        homogeneous: the result of s * x is s times the result of x, for every s > 0.
        degree: the result of s * x is s ** degree times the result of x, for every s > 0 and all operands that change
            alike. Operators that are ``homogeneous``, average or move have degree 1 by default.
        saturates: large inputs reach a bound, so that its input gains from 16 bits, at no cost.
        precise: its integer form has 64 bits inside, so that 16 bits outside are useful.
        sensitive: inputs whose rounding to 0 makes an infinity, or that squares spread over many powers.
        partial: the operand for which not every number is valid; 1 always is.
        sign: of the result, whatever the inputs are: ``above`` zero or ``not below`` it; or that of the ``first`` or
            ``second`` operand, of the ``least`` or ``most`` of all, or of their ``sum``. Operators that rename or copy
            elements keep it by default.
        mixes: the axes along which elements meet: one ``axis`` or all ``from axis`` on, ``axes`` (attribute or second
            input), or ``spatial`` (all after batch and channels).
        axis: the default of the attribute ``axis``.
        places: the unit of its index operand: elements along one ``axis``, along several ``axes``, or ``classes``.
        limits: with other constant operands it keeps its first operand in a range.
        compares: a constant operand may be a limit or a period: it compares with it, bounds by it or divides by it.
        slides: a window slides over the axes after batch and channels.
        averages: each element is a mean, so that probabilities stay probabilities.
        affine: with a constant operand it is a scale or a shift: its effect on the second one.
        multiplies: by its constants, as the factors of a normalization; layers multiply by their weights.
        linear: a layer of sums of products with its weights; each output channel may have a scale.
        weights: inputs that are the weights of a layer if they are constant.
        bias: the input that is added to the layer's sums.
        cell: of a recurrent layer.
        act: kernels of float layers can take it of their sums.
        grows: its result may be much larger than all its inputs.
        quantizer: converts floats to integers or back.
        random: draws numbers.
        loops: runs a graph that it holds any number of times.
    """

    name: str
    elementwise: bool = False
    moves: Movement | None = None
    joins: bool = False
    keeps_zero: bool = False
    homogeneous: bool = False
    degree: float | None = None
    saturates: bool = False
    precise: bool = False
    sensitive: tuple[int, ...] = ()
    partial: int | None = None
    sign: Sign | None = None
    mixes: Mixed | None = None
    axis: int | None = None
    places: Places | None = None
    limits: bool = False
    compares: bool = False
    slides: bool = False
    averages: bool = False
    affine: Affine | None = None
    multiplies: bool = False
    linear: bool = False
    weights: tuple[int, ...] = ()
    bias: int | None = None
    cell: Cell | None = None
    act: Act | None = None
    grows: bool = False
    quantizer: bool = False
    random: bool = False
    loops: bool = False


RELU, LEAKY = Act("EK_RELU"), Act("EK_LEAKY_RELU", 0.01)

_ROWS = (
    Facts("Abs", elementwise=True, keeps_zero=True, homogeneous=True, sign="not below"),
    Facts("Acos", elementwise=True, partial=0),
    Facts("Acosh", elementwise=True),
    Facts("Add", elementwise=True, affine="adds", sign="sum", degree=1),
    Facts("And", elementwise=True),
    Facts("ArgMax", mixes="axis", axis=0),
    Facts("ArgMin", mixes="axis", axis=0),
    Facts("Asin", elementwise=True, keeps_zero=True, partial=0),
    Facts("Asinh", elementwise=True, keeps_zero=True),
    Facts("Atan", elementwise=True, keeps_zero=True),
    Facts("Atanh", elementwise=True, keeps_zero=True),
    Facts("AveragePool", averages=True, slides=True),
    Facts("BatchNormalization", multiplies=True),
    Facts("Bernoulli", random=True),
    Facts("BitShift", elementwise=True),
    Facts("BitwiseAnd", elementwise=True),
    Facts("BitwiseNot", elementwise=True),
    Facts("BitwiseOr", elementwise=True),
    Facts("BitwiseXor", elementwise=True),
    Facts("Cast", elementwise=True, keeps_zero=True, sign="first"),
    Facts("CastLike", elementwise=True, keeps_zero=True),
    Facts("Ceil", elementwise=True, keeps_zero=True),
    Facts("Celu", elementwise=True, keeps_zero=True),
    Facts("CenterCropPad", moves="fills"),
    Facts("Clip", elementwise=True, act=Act("EK_CLIP", -inf, inf), sign="second", limits=True, compares=True),
    Facts("Col2Im"),
    Facts("Concat", moves="copies", joins=True, keeps_zero=True, axis=0, sign="least"),
    Facts("ConstantOfShape", grows=True),
    Facts("Conv", linear=True, weights=(1,), bias=2, slides=True, degree=1),
    Facts("ConvTranspose", linear=True, weights=(1,), bias=2, slides=True, degree=1),
    Facts("Cos", elementwise=True),
    Facts("Cosh", elementwise=True),
    Facts("CumSum", degree=1),
    Facts("DFT", degree=1),
    Facts("DeformConv", weights=(1,), bias=3),
    Facts("DepthToSpace", moves="copies"),
    Facts("DequantizeLinear", elementwise=True, quantizer=True),
    Facts("Div", elementwise=True, affine="divides", sensitive=(1,), partial=1, sign="least"),
    Facts("Dropout", elementwise=True, moves="renames", keeps_zero=True, homogeneous=True),
    Facts("DynamicQuantizeLinear", quantizer=True),
    Facts("Elu", elementwise=True, keeps_zero=True),
    Facts("Equal", elementwise=True, compares=True),
    Facts("Erf", elementwise=True, keeps_zero=True),
    Facts("Exp", elementwise=True, sign="above"),
    Facts("Expand", moves="copies", grows=True),
    Facts("Flatten", moves="renames", axis=1),
    Facts("Floor", elementwise=True, keeps_zero=True),
    Facts("GRU", weights=(1, 2), bias=3, cell=Cell(3, ("Sigmoid", "Tanh"))),
    Facts("Gather", moves="copies", keeps_zero=True, axis=0, places="axis"),
    Facts("GatherElements", moves="copies", axis=0, places="axis"),
    Facts("GatherND", moves="copies", places="axes"),
    Facts("Gelu", elementwise=True, keeps_zero=True),
    Facts("Gemm", linear=True, weights=(1,), bias=2, degree=1),
    Facts("GlobalAveragePool", mixes="spatial", averages=True),
    Facts("GlobalLpPool", mixes="spatial"),
    Facts("GlobalMaxPool", moves="chooses", mixes="spatial"),
    Facts("Greater", elementwise=True, compares=True),
    Facts("GreaterOrEqual", elementwise=True, compares=True),
    Facts("GridSample"),
    Facts("GroupNormalization", multiplies=True),
    Facts("HardSigmoid", elementwise=True, act=Act("EK_HARD_SIGMOID", 0.2, 0.5)),
    Facts("HardSwish", elementwise=True, keeps_zero=True, act=Act("EK_HARD_SWISH", 1 / 6, 0.5)),
    Facts("Hardmax", mixes="axis", axis=-1),
    Facts("Identity", elementwise=True, moves="renames", keeps_zero=True, homogeneous=True),
    Facts("If"),
    Facts("InstanceNormalization", mixes="spatial", multiplies=True, precise=True),
    Facts("IsInf", elementwise=True),
    Facts("IsNaN", elementwise=True),
    Facts("LRN"),
    Facts("LSTM", weights=(1, 2), bias=3, cell=Cell(4, ("Sigmoid", "Tanh", "Tanh"))),
    Facts("LayerNormalization", mixes="from axis", axis=-1, multiplies=True, precise=True),
    Facts("LeakyRelu", elementwise=True, keeps_zero=True, homogeneous=True, act=LEAKY),
    Facts("Less", elementwise=True, compares=True),
    Facts("LessOrEqual", elementwise=True, compares=True),
    Facts("Log", elementwise=True, sensitive=(0,), partial=0),
    Facts("LogSoftmax", mixes="axis", axis=-1),
    Facts("Loop", loops=True),
    Facts("LpNormalization", mixes="axis", axis=-1),
    Facts("LpPool", slides=True),
    Facts("MatMul", weights=(1,), degree=1),
    Facts("Max", elementwise=True, moves="chooses", joins=True, sign="most", degree=1, limits=True, compares=True),
    Facts("MaxPool", moves="chooses", slides=True),
    Facts("Mean", elementwise=True, sign="least", degree=1),
    Facts("Min", elementwise=True, moves="chooses", joins=True, sign="least", degree=1, limits=True, compares=True),
    Facts("Mish", elementwise=True, keeps_zero=True),
    Facts("Mod", elementwise=True, partial=1, compares=True),
    Facts("Mul", elementwise=True, affine="multiplies", keeps_zero=True, sign="least", multiplies=True),
    Facts("Multinomial", random=True),
    Facts("Neg", elementwise=True, keeps_zero=True, homogeneous=True),
    Facts("Not", elementwise=True),
    Facts("OneHot", grows=True, places="classes"),
    Facts("Or", elementwise=True),
    Facts("PRelu", elementwise=True, keeps_zero=True, homogeneous=True, multiplies=True, act=LEAKY),
    Facts("Pad", moves="fills", grows=True),
    Facts("Pow", elementwise=True, sensitive=(0,), partial=0),
    Facts("QuantizeLinear", elementwise=True, quantizer=True),
    Facts("RNN", weights=(1, 2), bias=3, cell=Cell(1, ("Tanh",))),
    Facts("RandomNormal", random=True),
    Facts("RandomNormalLike", random=True),
    Facts("RandomUniform", random=True),
    Facts("RandomUniformLike", random=True),
    Facts("Range", grows=True),
    Facts("Reciprocal", elementwise=True, sensitive=(0,), partial=0, sign="first"),
    Facts("ReduceL1", mixes="axes", sign="not below", degree=1),
    Facts("ReduceL2", mixes="axes", sign="not below", degree=1),
    Facts("ReduceLogSum", mixes="axes", partial=0),
    Facts("ReduceLogSumExp", mixes="axes"),
    Facts("ReduceMax", moves="chooses", mixes="axes", sign="first", degree=1),
    Facts("ReduceMean", mixes="axes", averages=True, sign="first"),
    Facts("ReduceMin", moves="chooses", mixes="axes", sign="first", degree=1),
    Facts("ReduceProd", mixes="axes", sign="first"),
    Facts("ReduceSum", mixes="axes", sign="first", degree=1),
    Facts("ReduceSumSquare", mixes="axes", sign="not below", degree=2),
    Facts("Relu", elementwise=True, keeps_zero=True, homogeneous=True, sign="not below", act=RELU, limits=True),
    Facts("Reshape", moves="renames"),
    Facts("Resize", moves="chooses", grows=True),
    Facts("ReverseSequence", moves="copies"),
    Facts("Round", elementwise=True, keeps_zero=True),
    Facts("Scan", loops=True),
    Facts("ScatterElements", moves="copies", joins=True, axis=0, places="axis"),
    Facts("ScatterND", moves="copies", joins=True, places="axes"),
    Facts("Selu", elementwise=True, keeps_zero=True),
    Facts("SequenceMap", loops=True),
    Facts("Shrink", elementwise=True, keeps_zero=True),
    Facts("Sigmoid", elementwise=True, saturates=True, sign="above"),
    Facts("Sign", elementwise=True, keeps_zero=True),
    Facts("Sin", elementwise=True, keeps_zero=True),
    Facts("Sinh", elementwise=True, keeps_zero=True),
    Facts("Slice", moves="copies"),
    Facts("Softmax", mixes="axis", axis=-1, sign="above", precise=True),
    Facts("Softplus", elementwise=True, sign="above"),
    Facts("Softsign", elementwise=True, keeps_zero=True),
    Facts("SpaceToDepth", moves="copies"),
    Facts("Split", moves="copies", keeps_zero=True, axis=0),
    Facts("Sqrt", elementwise=True, keeps_zero=True, sensitive=(0,), partial=0, sign="first", degree=0.5),
    Facts("Squeeze", moves="renames"),
    Facts("Sub", elementwise=True, affine="subtracts", degree=1),
    Facts("Sum", elementwise=True, sign="sum", degree=1),
    Facts("Swish", elementwise=True, keeps_zero=True),
    Facts("Tan", elementwise=True, keeps_zero=True),
    Facts("Tanh", elementwise=True, keeps_zero=True, saturates=True),
    Facts("ThresholdedRelu", elementwise=True, keeps_zero=True),
    Facts("Tile", moves="copies", grows=True),
    Facts("TopK", moves="chooses", mixes="axis", axis=-1, sign="first"),
    Facts("Transpose", moves="copies", keeps_zero=True),
    Facts("Trilu", moves="fills"),
    Facts("Unsqueeze", moves="renames"),
    Facts("Where", elementwise=True, moves="chooses", joins=True),
    Facts("Xor", elementwise=True),
)  # fmt: skip
FACTS = {row.name: row for row in _ROWS}
_NOTHING = Facts("")


def facts_of(node: ir.Node) -> Facts:
    """Return the row of a node's operator; a row without facts if the standard or this table lacks it."""
    return FACTS.get(node.op_type, _NOTHING) if node.domain in ("", "ai.onnx") else _NOTHING


def names(holds: Callable[[Facts], object]) -> frozenset[str]:
    """Return the operators whose row `holds`."""
    return frozenset(row.name for row in _ROWS if holds(row))
