"""How near the outputs of a .tflite must be to the runtimes, and how that is measured."""

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import GRAPHS, file_of

from edgekit.base.errors import VerificationError
from edgekit.export.tflite_file.file import Grid, Tensor, read_tflite
from edgekit.judge.tflite_runtimes import Agreement, least_db

LITERT = ["ai-edge-litert"]


@pytest.mark.parametrize(
    ("name", "runtimes", "least"),
    [
        ("dense", LITERT, 80.0),
        ("dense_int8", LITERT, 30.0),
        ("dense_int8", ["tflite-micro"], 12.0),
        ("window_int8", LITERT, 30.0),
    ],
)
def test_the_bound_follows_from_the_numbers(name: str, runtimes: list[str], least: float) -> None:
    (graph,) = read_tflite(file_of(GRAPHS[name].make())).graphs
    assert least_db(graph, runtimes) == least


def _tensor(grid: Grid | None) -> Tensor:
    return Tensor("y", (4,), "float32" if grid is None else "int8", grid, None, False)


def test_steps_are_counted_on_the_grid() -> None:
    grid = Grid(np.float32([0.5]), np.array([3]), 0)
    agreement = Agreement(calls=1)
    agreement.add(_tensor(grid), np.float32([0, 0.5, 1, 5]), np.int8([3, 4, 5, 3]))
    assert (agreement.equal, agreement.total, agreement.largest) == (3, 4, 10)
    assert not agreement.differs_by_a_step
    quiet = Agreement(calls=1)
    quiet.add(_tensor(grid), np.float32([0, 0, 0, 0.5]), np.int8([3, 3, 3, 3]))
    assert quiet.differs_by_a_step and quiet.snr_db < 0


def test_equal_numbers_that_are_not_finite_are_equal() -> None:
    agreement = Agreement(calls=1)
    values = np.float32([np.nan, np.inf, -np.inf, 1])
    agreement.add(_tensor(None), values, values)
    assert agreement.snr_db == np.inf
    agreement.add(_tensor(None), np.nan_to_num(values), values)
    assert agreement.snr_db == -np.inf


def test_another_shape_is_another_output() -> None:
    with pytest.raises(VerificationError, match="the runtime's"):
        Agreement().add(_tensor(None), np.zeros((4, 1)), np.zeros(4))
