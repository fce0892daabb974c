"""SVDF and LSTM layers of a .tflite, whose states are variable tensors."""

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.tflite_file.file import AGAIN, Operator, Tensor, refuse
from edgekit.export.tflite_file.network import Network
from edgekit.export.tflite_file.products import bias
from edgekit.export.tflite_file.variables import add_state, close_state

LSTM_OPTIONAL = {(9, 12): "peepholes", (16, 18): "a projection", (20, 24): "layer normalization"}
TANH = 4  # of the schema's activations
LEAST_CLIP = 10.0  # which a cell in range does not reach


def _state(network: Network, number: int) -> tuple[str, str, Tensor]:
    held = network.tensor(number)
    return held.name, add_state(network, held.name, held), held


def svdf(network: Network, operator: Operator) -> None:
    """SVDF: products with features go through a memory of each filter; ranks are summed.

    Inputs are x (batch, in), feature weights (filters, in), time weights (filters, memory), a bias of
    filters / rank, and the memory (batch, filters * memory), oldest first.
    """
    x, features, times = (network.tensor(n) for n in operator.inputs[:3])
    if features.data is None or times.data is None:
        step = "convert the network with constant weights"
        refuse("operator SVDF", "computed weights", "constants", step)
    filters, memory = times.shape
    rank, batch = int(operator.option("Rank", 1)), x.shape[0]
    name, before, held = _state(network, operator.inputs[4])
    weights = network.store(features, features.data, 0)
    newest = network.add("Gemm", network.real(operator.inputs[0]), weights, transB=1)[0]
    newest = network.round_to_grid(newest, held)
    newest = network.add("Reshape", newest, network.numbers((batch, filters, 1)))[0]
    newest = network.round_to_grid(newest, held)
    past = network.add("Reshape", before, network.numbers((batch, filters, memory)))[0]
    past = network.round_to_grid(past, held)
    bounds = [network.numbers([n]) for n in (1, memory, 2)]
    kept = network.round_to_grid(network.add("Slice", past, *bounds)[0], held)
    window = network.round_to_grid(network.add("Concat", kept, newest, axis=2)[0], held)
    flat = network.add("Reshape", window, network.numbers((batch, filters * memory)))[0]
    close_state(network, name, network.round_to_grid(flat, held), held)
    # (filters, memory) as a depthwise convolution over the whole memory
    array = times.data.reshape(filters, 1, memory)
    taps = network.store(times, array, 0)
    summed = network.add("Conv", window, taps, group=filters, kernel_shape=[memory])[0]
    summed = network.add("Reshape", summed, network.numbers((batch, filters // rank, rank)))[0]
    value = network.add("ReduceSum", summed, network.numbers([2]), keepdims=0)[0]
    for part in bias(network, operator, 3):
        value = network.add("Add", value, part)[0]
    network.set_value(operator.outputs[0], value, operator.option("FusedActivationFunction"))


def lstm(network: Network, operator: Operator) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM: the gates of the file are input, forget, cell, output.

    Inputs are x (batch, time, in) or (time, batch, in), four input weights (cell, in), four
    recurrent weights (cell, cell), biases 12 to 15, h 18 and c 19.
    """
    _check_lstm(operator)
    order = (0, 3, 1, 2)  # ONNX: input, output, forget, cell
    w = _gates(network, operator, 1, order)[None]
    r = _gates(network, operator, 5, order)[None]
    cells = r.shape[2]
    b = np.zeros((1, 8 * cells), np.float32)
    if operator.inputs[12] >= 0:
        b[0, : 4 * cells] = _gates(network, operator, 12, order)
    h_name, h, h_held = _state(network, operator.inputs[18])
    c_name, c, c_held = _state(network, operator.inputs[19])
    batch = h_held.shape[0]
    value = network.real(operator.inputs[0])
    swap = not operator.option("TimeMajor", False)
    if swap:
        value = network.add("Transpose", value, perm=[1, 0, 2])[0]
    wide = network.numbers((1, batch, cells))
    first = [network.add("Reshape", part, wide)[0] for part in (h, c)]
    constants = [network.constant(part) for part in (w, r, b)]
    made = network.add("LSTM", value, *constants, "", *first, outputs=3, hidden_size=cells)
    y = network.add("Squeeze", made[0], network.numbers([1]))[0]
    if swap:
        y = network.add("Transpose", y, perm=[1, 0, 2])[0]
    network.set_value(operator.outputs[0], y)
    for name, part, held in ((h_name, made[1], h_held), (c_name, made[2], c_held)):
        flat = network.add("Reshape", part, network.numbers(held.shape))[0]
        close_state(network, name, network.round_to_grid(flat, held), held)


def _check_lstm(operator: Operator) -> None:
    """Refuse the parts of a layer that ONNX's LSTM, or tflite-micro's, does not have."""
    where, clip = "operator UNIDIRECTIONAL_SEQUENCE_LSTM", float(operator.option("CellClip", 0.0))
    step = "convert the network with a plain LSTM"
    for (first, last), what in LSTM_OPTIONAL.items():
        if any(number >= 0 for number in operator.inputs[first:last]):
            refuse(where, what, "none", step)
    if operator.option("FusedActivationFunction") != TANH:
        found = f"activation {operator.option('FusedActivationFunction')}"
        refuse(where, found, f"{TANH}: tanh", step)
    if clip and clip < LEAST_CLIP:
        refuse(where, f"a cell clipped at {clip}", f"none, or {LEAST_CLIP} and more", step)


def _gates(network: Network, operator: Operator, first: int, order: tuple[int, ...]) -> Array:
    """Return four constants of the gates, one under another in ONNX's order, as real values."""
    parts = []
    for gate in order:
        held = network.tensor(operator.inputs[first + gate])
        if held.data is None:
            step = "convert the network with constant weights"
            refuse("operator UNIDIRECTIONAL_SEQUENCE_LSTM", "computed weights", "constants", step)
        if held.grid is None and not held.dtype.startswith("float"):
            found = f"{held.dtype} without a scale"
            refuse("operator UNIDIRECTIONAL_SEQUENCE_LSTM", found, "floats, or a scale", AGAIN)
        real = held.data.astype(np.float32)
        if held.grid is not None:
            shape = [-1] + [1] * (real.ndim - 1) if held.grid.scale.size > 1 else []
            zero, scale = held.grid.zero.reshape(shape), held.grid.scale.reshape(shape)
            real = ((held.data.astype(np.float64) - zero) * scale).astype(np.float32)
        parts.append(real)
    return np.concatenate(parts)
