"""The oracle: runs an integer graph in NumPy, bit for bit like the generated C.

Integer operators call the kernels' twins in the family's `twin`; float islands run in the same
scalar order as the C code. It is the reference for every target of EdgeKit's arithmetic.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.hops import of_hop, state_values
from edgekit.graph.model import Model
from edgekit.graph.step_groups import group_count, group_input, select_group
from edgekit.operators.geometry import dims
from edgekit.operators.qdq import INTEGER_DOMAIN, ZERO_POINT
from edgekit.operators.table import OPERATORS
from edgekit.operators.to_integer import to_integer


class Oracle:
    """Runs a QDQ or float model as the C targets do, hop by hop, states carried in their own types."""

    def __init__(self, model: Model) -> None:
        """Lower the model to integers; raises `ModelError` for operators without a NumPy form."""
        chooser = group_input(model)
        self.chooser = None if chooser is None else str(chooser.name)
        count = group_count(model)
        self.others = [Oracle(select_group(model, group)) for group in range(1, count)]
        self.model = model if _is_integer(model) else to_integer(model)
        self.graph = self.model.ir.graph
        problems = [
            Problem(
                f"{n.op_type} {n.name!r}",
                "no integer oracle",
                "an operator of the C targets",
                "see `edgekit export`",
            )
            for n in self.graph
            if (n.domain, n.op_type) not in OPERATORS
        ]
        if problems:
            raise ModelError(problems)
        initializers = self.graph.initializers.values()
        tensors = {str(v.name): v.const_value for v in initializers}
        self.constants = {n: np.asarray(t.numpy()) for n, t in tensors.items() if t is not None}
        self.values: dict[str, Array] = {}
        self.reset()

    def reset(self) -> None:
        """Reset every state to zero (its zero point, if it is an integer)."""
        self.states = {str(state.name): _zeros(state) for state, _ in state_values(self.model)}

    def process(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one hop: arrays by name of a stream input or session constant; returns the stream outputs."""
        if self.chooser is not None:
            inputs = dict(inputs)
            group = int(np.ravel(inputs.pop(self.chooser))[0])
            if group:
                made = self.others[group - 1].process(inputs)
                self.values = self.others[group - 1].values
                return made
        return self._run(inputs)

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run every node on a hop of inputs and the states."""
        values: dict[str, Array] = {**self.constants, **self.states}
        types = {str(v.name): v.dtype for v in self.graph.inputs}
        values |= {n: np.asarray(array, _numpy(types[n])) for n, array in inputs.items()}
        self.values = values
        for node in self.graph:
            operands: list[Any] = [None if v is None else values[str(v.name)] for v in node.inputs]
            results = OPERATORS[node.domain, node.op_type].form(node, operands)
            for value, result in zip(node.outputs, results, strict=False):
                if value.name:
                    values[value.name] = np.asarray(result).reshape(dims(value))
        self.states = {pair.input: values[pair.output] for pair in self.model.states}
        return {str(v.name): values[str(v.name)] for v in self.model.stream_outputs}

    def run_hops(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run arrays whose first axis is hops, from zero state; outputs have the same first axis.

        Session constants have their own shape, without hops.
        """
        self.reset()
        hops = len(inputs[str(self.model.stream_inputs[0].name)])
        rows = [self.process(of_hop(self.model, inputs, hop)) for hop in range(hops)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _is_integer(model: Model) -> bool:
    return any(node.domain == INTEGER_DOMAIN for node in model.ir.graph)


def _numpy(dtype: ir.DataType | None) -> np.dtype[Any]:
    assert dtype is not None
    return np.dtype(dtype.numpy())


def _zeros(value: ir.Value) -> Array:
    assert value.dtype is not None
    zero = int(value.metadata_props.get(ZERO_POINT, "0"))
    return np.full(dims(value), zero, value.dtype.numpy())
