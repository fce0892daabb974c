"""What runs in ExecuTorch's environment: it needs nothing of EdgeKit, and reads whole calls."""

import io
import struct
import subprocess
import sys

import numpy as np

from edgekit.runtime.runners import executorch_program
from edgekit.runtime.runners.executorch_program import answer, read_call

PORTS = [((2, 2), np.dtype("float32")), ((), np.dtype("int64"))]


def test_a_call_is_read_array_by_array_and_a_part_of_one_ends_it() -> None:
    first, second = np.ones((2, 2), np.float32), np.array(7)
    data = first.tobytes() + second.tobytes()
    given = io.BytesIO(2 * data + data[:-1])
    for _ in range(2):
        found = read_call(given, PORTS)
        assert found is not None and np.array_equal(found[0], first) and found[1] == 7
    assert read_call(given, PORTS) is None


def test_an_answer_is_the_time_and_the_arrays() -> None:
    out = io.BytesIO()
    answer(out, 5, [np.array([1, 2], np.int8)])
    assert out.getvalue() == struct.pack("<q", 5) + b"\1\2"


def test_it_starts_where_there_is_no_edgekit() -> None:
    code = f"import runpy, sys; sys.modules['edgekit'] = None; runpy.run_path({executorch_program.__file__!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
