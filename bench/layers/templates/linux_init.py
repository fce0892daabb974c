"""The first program of the emulated machine: runs what job.json says, prints a row for each engine, and powers off.

A row has the instructions of a call and its outputs. The clock counts instructions, and calls are counted twice, N and
2 N of them: what one reading of the clock costs is taken out. The least of three such differences counts.
"""

import base64
import ctypes
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

POWER_OFF = 0x4321FEDC
CALLS, TIMES = 2, 3
LIBC = ctypes.CDLL(None)
Call = Callable[[list[Any]], list[Any]]


def main() -> None:
    """Mount what the runtimes read, run the job, power off."""
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        LIBC.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
    os.environ.update(PATH="/usr/bin", HOME="/tmp", OMP_NUM_THREADS="1")
    try:
        for row in json.loads(Path("/job.json").read_text(encoding="utf-8")):
            print("ROW " + json.dumps(result(row)), flush=True)
        print("done", flush=True)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    time.sleep(0.1)
    LIBC.reboot(POWER_OFF)


def result(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the outputs of each call and the instructions of one, or with the error of the engine."""
    import numpy as np

    try:
        with np.load(row["calls"]) as arrays:
            calls = [
                [arrays[f"{call}_{i}"] for i in range(row["inputs"])]
                for call in range(row["length"])
            ]
        take, run, give = ENGINES[row["engine"]](row)
        made = []
        for call in calls:
            take(call)
            run()
            made.append([base64.b64encode(array.tobytes()).decode() for array in give()])
        counts = [instructions(run) for _ in range(TIMES)]
    except Exception as error:
        return row | {"error": f"{type(error).__name__}: {error}"[:300]}
    return row | {"instructions": min(counts), "outputs": made}


def instructions(run: Callable[[], None]) -> int:
    """Return the instructions of one call."""
    moments = [time.monotonic_ns()]
    for times in (CALLS, 2 * CALLS):
        for _ in range(times):
            run()
        moments.append(time.monotonic_ns())
    return ((moments[2] - moments[1]) - (moments[1] - moments[0])) // CALLS


def litert(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    """LiteRT's interpreter with XNNPACK, as the wheel has it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=row["file"], num_threads=1)
    interpreter.allocate_tensors()

    def take(call: list[Any]) -> None:
        for number, array in zip(row["numbers"], call, strict=True):
            interpreter.set_tensor(number, array)

    def give() -> list[Any]:
        return [interpreter.get_tensor(number) for number in row["made"]]

    return take, interpreter.invoke, give


def onnxruntime(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The kernels of onnxruntime for processors, with inputs and outputs in place."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(row["file"], options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for held in session.get_outputs():
        binding.bind_output(held.name)

    def take(call: list[Any]) -> None:
        for held, array in zip(session.get_inputs(), call, strict=True):
            binding.bind_cpu_input(held.name, array)

    return take, lambda: session.run_with_iobinding(binding), binding.copy_outputs_to_cpu


def edgekit(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    """A library with the functions of engine.h."""
    import numpy as np

    library = ctypes.CDLL(row["file"])
    for function in (library.engine_input, library.engine_output):
        function.restype = ctypes.c_void_p
    if library.engine_open():
        raise RuntimeError("the network did not open")

    def take(call: list[Any]) -> None:
        for number, array in enumerate(call):
            ctypes.memmove(library.engine_input(number), array.ctypes.data, array.nbytes)

    def give() -> list[Any]:
        return [
            np.frombuffer(ctypes.string_at(library.engine_output(i), size), np.uint8)
            for i, size in enumerate(row["made"])
        ]

    return take, library.engine_call, give


ENGINES = {"EdgeKit": edgekit, "LiteRT": litert, "onnxruntime": onnxruntime}

if __name__ == "__main__":
    main()
