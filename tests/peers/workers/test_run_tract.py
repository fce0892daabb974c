"""tract's worker, with onnxruntime's arrays in the place of tract."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest


class Tensor:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @classmethod
    def from_numpy(cls, array: np.ndarray) -> "Tensor":
        return cls(array)

    def to_numpy(self) -> np.ndarray:
        return self.array


class Model:
    def load(self, path: str) -> "Model":
        self.path = path
        return self

    def into_model(self) -> "Model":
        return self

    def into_runnable(self) -> "Model":
        return self

    def run(self, tensors: list[Tensor]) -> list[Tensor]:
        assert self.path.endswith("network.onnx")
        return [Tensor(tensors[1].array - tensors[0].array)]


def test_inputs_are_handed_over_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tract", SimpleNamespace(onnx=Model, Tensor=Tensor))
    monkeypatch.delitem(sys.modules, "edgekit.peers.workers.run_tract", raising=False)
    from edgekit.peers.workers.run_tract import prepare

    (found,), nanoseconds = prepare(Path("program"), "float")([np.ones(2), np.full(2, 3.0)])
    assert found.tolist() == [2, 2] and nanoseconds >= 0
