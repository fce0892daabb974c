"""What a network becomes as a .tflite: its operators, and what it computes."""

from collections.abc import Mapping

import numpy as np

from edgekit.base.arrays import Array
from edgekit.graph.model import Model
from edgekit.runtime.runners.litert import interpreter_class
from edgekit.targets.litert.file import Graph, Signature, to_bytes
from edgekit.targets.litert.lower import prepare_model, write_network


def builtins(model: Model) -> list[str]:
    """The names of the operators of its file, in order."""
    found = write_network(prepare_model(model))
    assert found.problems == ()
    return [call.builtin for call in found.graph.operators]


def refused(model: Model) -> list[str]:
    """What is found of what its file cannot hold."""
    return [problem.found for problem in write_network(prepare_model(model)).problems]


def run(model: Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """One call of the file, without the domain of quantizers."""
    found = write_network(prepare_model(model))
    return run_graph(found.graph, Signature(found.inputs, found.outputs), inputs)


def run_graph(graph: Graph, signature: Signature, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """One call of a graph."""
    content = to_bytes([graph], signature, "test", {})
    runner = interpreter_class()(model_content=content).get_signature_runner()
    return {name: np.asarray(array) for name, array in runner(**inputs).items()}
