"""Converts QDQ to integers: each Q/DQ-framed operator becomes one integer operator with fixed-point constants.

The result is again an ONNX graph, only for the oracle and the emitters. Integer operators are in the domain
`INTEGER_DOMAIN` and have their constants as attributes. Their tensors are int8 or int16. Nodes without a frame stay
unchanged between Quantize and Dequantize nodes: a float island. States that are stored quantized become integer graph
inputs and outputs.

A builder returns False if the frame is incomplete; the node then stays a float island, which the
manifest counts. `edgekit.operators.table` lists the builders.
"""

from weakref import WeakKeyDictionary

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.step_groups import select_group
from edgekit.operators.frame_moves import frame_moves
from edgekit.operators.fuser import Fuser
from edgekit.operators.table import OPERATORS

_KNOWN: WeakKeyDictionary[ir.Model, Model] = WeakKeyDictionary()


def to_integer(model: Model) -> Model:
    """Return the model with integer operators; a float model keeps all its nodes.

    Of a network with step groups it is the first one, without the input that chooses. A model is never
    changed in place, so its integer form is made once, and kept as long as the model.
    """
    if model.ir not in _KNOWN:
        _KNOWN[model.ir] = _build_integer_model(model)
    return _KNOWN[model.ir]


def _build_integer_model(model: Model) -> Model:
    builders = {key: row.integers.build for key, row in OPERATORS.items() if row.integers}
    return Model(Fuser(frame_moves(select_group(model, 0))).run(builders))
