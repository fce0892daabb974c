"""Apply a recipe: a float model becomes a QDQ model, an ordinary ONNX file that any runtime can run.

Every tensor that an integer node reads or writes gets QuantizeLinear -> DequantizeLinear, weights become
int8 initializers behind a DequantizeLinear per output channel, biases of Gemm and Conv int32 ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Float32
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model, Quantization
from edgekit.operators.geometry import dims, optional
from edgekit.operators.qdq import CELL_BITS, HIDDEN_OPERAND, initializer
from edgekit.operators.roles import (
    ARITHMETIC,
    activations,
    constant,
    fused_activation,
    is_cell_state,
    results,
)
from edgekit.operators.scheme import (
    HIDDEN_INT8_TYPE,
    HIDDEN_TYPE,
    QuantType,
    activation_type,
    least_scales,
    quantize_weights,
    weight_scales,
)
from edgekit.operators.weight_layout import (
    channel_rows,
    from_channel_rows,
    output_axis,
    transposed_groups,
)
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.calibrate.silence import refuse_silence
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.prepare.prepare import prepare
from edgekit.quantize.recipe import NEAREST, SHAPED, Recipe
from edgekit.quantize.recipe_file import find_recipe
from edgekit.quantize.rounding.fitted_weights import Fitted, FittedWeight
from edgekit.quantize.rounding.means import with_means
from edgekit.quantize.rounding.reconstruct import Progress, reconstruct
from edgekit.quantize.rounding.shaped_rounding import fit_shaped_weights
from edgekit.quantize.types.choose import TypePlan, choose_types
from edgekit.quantize.types.float_states import store_states
from edgekit.quantize.types.operands import read_type
from edgekit.quantize.types.token_ranges import refuse_tokens
from edgekit.quantize.types.weights import (
    refuse_infinite,
    refuse_layers,
    weight_inputs,
    weight_type,
)


def quantize(
    model: Model,
    calibration: Calibration,
    recipe: Recipe | str = "w8a8",
    progress: Progress = lambda done, total: None,
) -> Model:
    """Return the QDQ form of a float model (opset 21), calibrated on streams.

    Args:
        model: a float model.
        calibration: what it will hear.
        recipe: one, or what `edgekit.quantize.recipe_file.find_recipe` finds.
        progress: called with the layers that are fitted to the calibration, and how many there are.

    Raises:
        UsageError: a recipe that does not exist, or names what is not in the network.
    """
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    if chosen.weights == "float32":
        return model
    seen = observe_model(model, calibration, chosen)
    return quantize_observed(seen, chosen, calibration.label, progress)


@dataclass(frozen=True)
class ObservedModel:
    """A float model, prepared for its integers, and what was seen of each of its tensors.

    `parts` have seen the same, where some of the calibration is to be left out later; `fits` keeps what was fitted.
    """

    model: Model
    observers: dict[str, Observer]
    calibration: Calibration
    parts: Parts | None = None
    fits: dict[str, Fitted] = field(default_factory=dict)

    def without(self, fold: Sequence[int]) -> "ObservedModel":
        """What was seen without the parts of a fold; the preparation stays that of the whole calibration."""
        assert self.parts is not None
        kept = self.parts.clips_without(fold, self.calibration.clips, self.model.constants)
        observers = self.parts.without(fold, list(self.observers))
        return ObservedModel(self.model, observers, Calibration(kept, self.calibration.source))


def observe_model(
    model: Model, calibration: Calibration, recipe: Recipe, parts: Parts | None = None
) -> ObservedModel:
    """Prepare a float model as the recipe says and run the calibration.

    `parts` of the calibration are filled with what they show.

    Raises:
        CalibrationError: the calibration is silent.
        UsageError: the recipe names layers that are not there.
        ModelError: a denoiser that these integers do not suit, see `edgekit.quantize.types.token_ranges`.
    """
    refuse_silence(model, calibration)
    again = quieter(model, recipe.quiet_copies is True)
    model = prepare(model, calibration, recipe)
    refuse_layers(model, recipe)
    refuse_tokens(model, recipe)
    return ObservedModel(model, observe(model, calibration, parts, again), calibration, parts)


def quantize_observed(
    seen: ObservedModel, recipe: Recipe, label: str, progress: Progress = lambda done, total: None
) -> Model:
    """Return the QDQ form by what was seen; `label` says what the calibration was."""
    return quantize_fitted(seen, recipe, fit(seen, recipe, progress), label)


def fit(
    seen: ObservedModel, recipe: Recipe, progress: Progress = lambda done, total: None
) -> Fitted:
    """Return the weights that the recipe fits to the calibration; of the nearest ones those with corrected biases."""
    plan = choose_types(seen.model, seen.observers, recipe)
    names, model = plan.integer_nodes, seen.model
    if recipe.rounding not in (NEAREST, SHAPED):
        written = partial(_write_integers, seen, recipe, plan)
        return reconstruct(model, seen.calibration, recipe, names, written, progress)
    fitted = with_means(model, seen.observers, recipe, names) if recipe.bias_correction else {}
    if recipe.rounding == SHAPED:
        fitted |= fit_shaped_weights(model, seen.calibration, recipe, names, seen.fits)
    return fitted


def quantize_fitted(seen: ObservedModel, recipe: Recipe, fitted: Fitted, label: str) -> Model:
    """As `quantize_observed`, with the weights that `fit` returned."""
    plan = choose_types(seen.model, seen.observers, recipe)
    dense = {} if recipe.sparse else {"dense": True}
    made = _write_integers(seen, recipe, plan, fitted)
    return made.describe(quantization=Quantization(recipe.name, label), **dense)


def _write_integers(seen: ObservedModel, recipe: Recipe, plan: TypePlan, fitted: Fitted) -> Model:
    quantized = Model(seen.model.ir.clone())
    writer = _Writer(quantized.ir.graph, plan, seen.observers, recipe, fitted)
    writer.write()
    if recipe.states == "int16":
        store_states(quantized, plan.types, seen.observers, writer.q_dq)
    return quantized


class _Writer:
    """Inserts the Q/DQ pairs into a graph that it owns."""

    def __init__(
        self,
        graph: ir.Graph,
        plan: TypePlan,
        observers: dict[str, Observer],
        recipe: Recipe,
        fitted: Fitted,
    ) -> None:
        self.graph, self.plan, self.observers, self.recipe = graph, plan, observers, recipe
        self.fitted = fitted
        self.copies: dict[tuple[str, str], ir.Value] = {}

    def write(self) -> None:
        nodes = [node for node in self.graph if node.name in self.plan.integer_nodes]
        inside = {node.outputs[0] for node in nodes if fused_activation(node)}
        written = {value for node in nodes for value in results(node)} - inside
        read = {value for node in nodes for value in activations(node)} - inside
        users = {value: list(value.uses()) for value in read | written}
        refuse_infinite(nodes)
        for node in nodes:
            self._weights(node)
        for value in sorted(read | written, key=lambda v: str(v.name)):
            kind = self.plan.types[str(value.name)]
            for user in users[value]:
                reads = user.node.name in self.plan.integer_nodes
                is_operand = reads and not is_cell_state(user.node, user.idx)
                if is_operand or value in written:
                    operand = self._read(user.node, user.idx) if is_operand else kind
                    user.node.replace_input_with(user.idx, self._pair(value, kind, operand))
        for value in sorted(written, key=lambda v: str(v.name)):
            if value.is_graph_output():
                self._graph_output(value)
        self._drop_unread()
        self.graph.sort()

    def _drop_unread(self) -> None:
        """Remove constants that nobody reads any more."""
        for name, value in list(self.graph.initializers.items()):
            if not value.uses() and not value.is_graph_output():
                del self.graph.initializers[name]

    def _read(self, node: ir.Node, index: int) -> QuantType:
        return read_type(node, index, self.plan, self.observers, self.recipe)

    def _pair(self, value: ir.Value, kind: QuantType, operand: QuantType) -> ir.Value:
        """Return the dequantized form of a tensor stored as `kind` and read as `operand`."""
        key = (str(value.name), operand.dtype)
        if key not in self.copies:
            if operand == kind:
                self.copies[key] = self.q_dq(value, kind, f"{value.name}_dq")
            else:
                stored = self._pair(value, kind, kind)
                self.copies[key] = self.q_dq(stored, operand, f"{value.name}_{operand.dtype}_dq")
        return self.copies[key]

    def q_dq(self, value: ir.Value, kind: QuantType, name: str) -> ir.Value:
        """Append a pair; return its result, of this name."""
        dtype = ir.DataType[kind.dtype.upper()]
        stem = name.removesuffix("_dq")
        scale = self.initializer(f"{stem}_scale", np.float32(kind.scale))
        zero = self.initializer(f"{stem}_zero_point", np.dtype(kind.dtype).type(kind.zero_point))
        q = ir.val(f"{stem}_q", dtype, value.shape)
        real = ir.val(name, ir.DataType.FLOAT, value.shape)
        self.graph.extend(
            [
                ir.node(
                    "QuantizeLinear", [value, scale, zero], outputs=[q], name=f"{stem}_quantize"
                ),
                ir.node(
                    "DequantizeLinear", [q, scale, zero], outputs=[real], name=f"{stem}_dequantize"
                ),
            ]
        )
        return real

    def _graph_output(self, value: ir.Value) -> None:
        kind, name = self.plan.types[str(value.name)], str(value.name)
        real = self._pair(value, kind, kind)
        value.name, real.name = f"{name}_raw", name
        for i, output in enumerate(self.graph.outputs):
            if output is value:
                self.graph.outputs[i] = real

    def _weights(self, node: ir.Node) -> None:
        facts = facts_of(node)
        if facts.cell is not None:
            _write_recurrent(self, node)
        elif facts.bias is not None:
            _write_linear(self, node, facts.bias)
        elif node.op_type in ARITHMETIC:
            dtype = self._width(node)
            for index, value in enumerate(node.inputs):
                array = constant(value)
                if array is not None:
                    kind = activation_type(dtype, float(array.min()), float(array.max()))
                    stem = f"{node.name}.operand{index}_q"
                    q, scale = kind.quantize(array), np.float32(kind.scale)
                    node.replace_input_with(index, self.stored(stem, q, scale, kind.zero_point))

    def _width(self, node: ir.Node) -> str:
        """The wider of the types that a node reads and writes: that of its constants."""
        fused = fused_activation(node)
        values = [*activations(node), *(node if fused is None else fused).outputs]
        wide = any(self.plan.types[str(value.name)].dtype == "int16" for value in values)
        return "int16" if wide else "int8"

    def input_type(self, node: ir.Node) -> QuantType:
        """The type in which a layer reads its input."""
        return self._read(node, 0)

    def rounded(
        self,
        rows: Array,
        bias: Array | None,
        x: QuantType,
        fitted: FittedWeight | None,
        dtype: str,
    ) -> tuple[Array, Float32]:
        """Weights (channel, ...) as integers of a type, and their scales: fitted ones, or the nearest.

        A fitted channel whose bias needs a larger scale is rounded to the nearest.
        """
        scales = weight_scales(rows, bias, x, dtype)
        q = quantize_weights(rows, scales, dtype)
        if fitted is not None:
            keeps = fitted.scales >= least_scales(rows, bias, x, dtype)
            scales = np.where(keeps, fitted.scales, scales).astype(np.float32)
            column = keeps.reshape(-1, *[1] * (rows.ndim - 1))
            q = np.where(column, fitted.q.reshape(rows.shape), q)
        return q.astype(ir.DataType[dtype.upper()].numpy()), scales

    def stored(
        self,
        name: str,
        q: NDArray[np.signedinteger],
        scale: Float32 | np.float32,
        zero: int | None = None,
        **attributes: int,
    ) -> ir.Value:
        """Add an integer initializer and its DequantizeLinear; return the real value.

        `attributes` are the operator's: the axis of its scales, and the elements that share one.
        """
        inputs = [self.initializer(name, q), self.initializer(f"{name}_scale", scale)]
        if zero is not None:
            inputs.append(self.initializer(f"{name}_zero_point", q.dtype.type(zero)))
        real = ir.val(f"{name}_dq", ir.DataType.FLOAT, q.shape)
        self.graph.append(
            ir.node(
                "DequantizeLinear", inputs, attributes, outputs=[real], name=f"{name}_dequantize"
            )
        )
        return real

    def initializer(self, name: str, array: NDArray[np.generic] | np.generic) -> ir.Value:
        value = self.graph.initializers.get(name)
        if value is None:
            value = initializer(name, np.asarray(array))
            self.graph.register_initializer(value)
        return value


def _write_linear(writer: _Writer, node: ir.Node, bias_at: int) -> None:
    """Weights per output channel; beside int8 inputs the bias int32 at scale input * weight, else as it is."""
    weight = constant(node.inputs[1])
    assert weight is not None, node.name
    bias = constant(optional(node, bias_at))
    rows = channel_rows(node, weight)
    bias_rows = None if bias is None else np.broadcast_to(np.ravel(bias), (len(rows),))
    x = writer.input_type(node)
    fitted = writer.fitted.get((str(node.name), 1))
    if fitted is not None and fitted.shift is not None:
        bias_rows = fitted.shift + (0.0 if bias_rows is None else bias_rows.astype(np.float64))
    dtype = weight_type(node, 1, writer.recipe)
    q_rows, scales = writer.rounded(rows, bias_rows, x, fitted, dtype)
    q = from_channel_rows(node, q_rows, weight.shape)
    name, groups = f"{node.name}.weight_q", transposed_groups(node)
    if groups > 1:
        spread = np.broadcast_to(
            scales.reshape(-1, 1, *[1] * (q.ndim - 2)), (len(rows), 1, *q.shape[2:])
        )
        blocks = from_channel_rows(node, spread, (groups, *q.shape[1:]))
        stored = writer.stored(name, q, blocks, axis=0, block_size=len(q) // groups)
    else:
        stored = writer.stored(name, q, scales, axis=output_axis(node))
    node.replace_input_with(1, stored)
    if bias_rows is None:
        return
    node.resize_inputs(bias_at + 1)
    if x.dtype == "int8":
        bias_scale = (np.float64(x.scale) * scales.astype(np.float64)).astype(np.float32)
        q_bias = np.rint(bias_rows.astype(np.float64) / bias_scale.astype(np.float64)).astype(
            np.int32
        )
        stored = writer.stored(f"{node.name}.bias_q", q_bias, bias_scale, axis=0)
        node.replace_input_with(bias_at, stored)
    elif fitted is not None and fitted.shift is not None:
        real = bias_rows.astype(np.float32)
        node.replace_input_with(bias_at, writer.initializer(f"{node.name}.bias", real))


def _write_recurrent(writer: _Writer, node: ir.Node) -> None:
    """W and R per gate row; biases stay float in the file, they are added to the integer sums."""
    bias, rows = constant(optional(node, 3)), dims(node.inputs[1])[1]
    if node.op_type == "LSTM":
        node.metadata_props[CELL_BITS] = str(writer.plan.cell_bits[str(node.name)])
    both = np.zeros((2, rows), np.float32) if bias is None else bias[0].reshape(2, rows).copy()
    wide = any(value.name in writer.plan.wide for value in results(node))
    hidden = HIDDEN_TYPE if wide else HIDDEN_INT8_TYPE
    node.metadata_props[HIDDEN_OPERAND] = hidden.dtype
    for index, name, kind in ((1, "w", writer.input_type(node)), (2, "r", hidden)):
        weight = constant(node.inputs[index])
        assert weight is not None and weight.shape[0] == 1, node.name
        fitted = writer.fitted.get((str(node.name), index))
        if fitted is not None and fitted.shift is not None:
            both[index - 1] += fitted.shift.astype(np.float32)
        dtype = weight_type(node, index, writer.recipe)
        q, scales = writer.rounded(weight[0], both[index - 1], kind, fitted, dtype)
        if index not in weight_inputs(node):  # the identity
            q, scales = weight[0].astype(np.int8), np.ones(rows, np.float32)
        stored = writer.stored(f"{node.name}.{name}_q", q[None], scales, axis=1)
        node.replace_input_with(index, stored)
    if writer.recipe.bias_correction:
        node.resize_inputs(max(len(node.inputs), 4))
        node.replace_input_with(3, writer.initializer(f"{node.name}.bias", both.reshape(1, -1)))
