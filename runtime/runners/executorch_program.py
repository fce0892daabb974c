"""The program that `edgekit.runtime.runners.executorch` starts in ExecuTorch's environment: ``FILE.pte FACTS``.

It reads the arrays of a call from standard input, one after another, and writes the nanoseconds that the call took and
its outputs. FACTS are shapes and types of both, as JSON.
"""

import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:  # EdgeKit is not installed in its environment
    from edgekit.base.arrays import Array
    from edgekit.base.json_values import JsonObject


def main(path: Path, facts: "JsonObject", given: BinaryIO, answers: BinaryIO) -> None:
    """Answer calls until standard input ends."""
    import torch
    from executorch.runtime import Runtime

    runtime = Runtime.get()
    import executorch.kernels.quantized  # noqa: F401  (operators of the runtime that is there now)

    torch.set_num_threads(1)
    method = runtime.load_program(path).load_method("forward")
    assert method is not None
    expected = [(tuple(shape), kind) for shape, kind in facts["outputs"]]
    answer(answers, 0, [])
    ports = [(tuple(shape), np.dtype(kind)) for shape, kind in facts["inputs"]]
    while (arrays := read_call(given, ports)) is not None:
        tensors = [torch.from_numpy(array) for array in arrays]
        start = time.perf_counter_ns()
        results = method.execute(tensors)
        elapsed = time.perf_counter_ns() - start
        made = [np.ascontiguousarray(tensor.numpy()) for tensor in results]
        if (found := [(array.shape, str(array.dtype)) for array in made]) != expected:
            raise ValueError(f"outputs are {found}, the manifest has {expected}")
        answer(answers, elapsed, made)


def read_call(
    given: BinaryIO, ports: "list[tuple[tuple[int, ...], np.dtype[Any]]]"
) -> "list[Array] | None":
    """Read an array for each port; None where the input ends."""
    arrays = []
    for shape, kind in ports:
        size = int(np.prod(shape)) * kind.itemsize
        data = given.read(size)
        if len(data) < size:
            return None
        arrays.append(np.frombuffer(bytearray(data), kind).reshape(shape))
    return arrays


def answer(answers: BinaryIO, elapsed: int, arrays: "list[Array]") -> None:
    """Write the answer to a call."""
    answers.write(struct.pack("<q", elapsed) + b"".join(array.tobytes() for array in arrays))
    answers.flush()


if __name__ == "__main__":
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries is no answer
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.stdin.buffer, own)
