"""What a worker does with a request: states carried from hop to hop, what has no hops stays."""

from pathlib import Path

import numpy as np

from edgekit.peers.workers.protocol import Arrays, _run, time_call

FACTS = {
    "inputs": [{"name": name, "shape": [2], "dtype": "float32"} for name in ("x", "gain", "sum")],
    "outputs": ["y", "sum_next"],
    "states": [["sum", "sum_next"]],
}


def step(inputs: Arrays) -> tuple[Arrays, int]:
    x, gain, total = inputs
    return [gain * (x + total), x + total], 5


def test_states_go_on_and_constants_stay(tmp_path: Path) -> None:
    given, out = tmp_path / "in.npz", tmp_path / "out.npz"
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(given, x=x, gain=np.array([2, 3], np.float32), unknown=np.zeros(9))
    _run(step, FACTS, str(given), str(out))
    found = np.load(out)
    assert sorted(found) == ["ns", "y"] and found["ns"].tolist() == [5, 5, 5]
    assert np.array_equal(found["y"], x.cumsum(0) * [2, 3])


def test_a_call_is_timed() -> None:
    found, nanoseconds = time_call(divmod, 7, 2)
    assert found == (3, 1) and nanoseconds >= 0
