"""Demo networks as they are committed: the .onnx against the torch module with the committed weights."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from near import assert_near
from torch.utils._pytree import tree_leaves

from edgekit.base.arrays import Array


def assert_file_is_network(
    file: Path, network: torch.nn.Module, example: object, terms: int
) -> list[Array]:
    """Compare all outputs on an example; `terms` bounds the products of the longest sum."""
    leaves = [leaf.numpy() for leaf in tree_leaves(example)]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    found = session.run(None, dict(zip(names, leaves, strict=True)))
    with torch.no_grad():
        expected = tree_leaves(network(*example))  # type: ignore[misc]
    assert len(found) == len(expected)
    for array, tensor in zip(found, expected, strict=True):
        assert_near(array, tensor.numpy(), terms)
        assert np.isfinite(array).all()
    return found
