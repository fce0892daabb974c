"""tract, through its Python bindings: the network's ONNX as it is."""

from importlib.metadata import version
from pathlib import Path

import tract

from edgekit.peers.workers.protocol import Arrays, Step, serve, time_call


def prepare(folder: Path, form: str) -> Step:
    """Load and optimize."""
    model = tract.onnx().load(str(folder / "network.onnx")).into_model().into_runnable()

    def step(inputs: Arrays) -> tuple[Arrays, int]:
        tensors = [tract.Tensor.from_numpy(array) for array in inputs]
        results, elapsed = time_call(model.run, tensors)
        return [tensor.to_numpy() for tensor in results], elapsed

    return step


if __name__ == "__main__":
    serve(version("tract"), prepare)
