"""Run a .tflite in a runtime, in a process of its own: these libraries may crash on a file of unknown origin.

``python -m edgekit.judge.tflite_worker REQUEST.json RESULTS.npz``; the request names the runtime, the
file, a signature or null, the numbers of the graph's inputs and outputs, the
.npz with the inputs of each call, and the places of inputs that are outputs of the call before.
"""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgekit.base.arrays import Array

ARENA = 2**25  # bytes that tflite-micro may use
Call = Callable[[Sequence[Array]], list[Array]]


def litert_call(request: dict[str, Any]) -> Call:
    """Return a call of ai-edge-litert's interpreter, which carries states."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=request["file"], num_threads=1)
    if request["signature"] is not None:
        return _signature_call(interpreter, request)
    interpreter.allocate_tensors()

    def call(feed: Sequence[Array]) -> list[Array]:
        for number, array in zip(request["inputs"], feed, strict=True):
            interpreter.set_tensor(number, array)
        interpreter.invoke()
        return [interpreter.get_tensor(number).copy() for number in request["outputs"]]

    return call


def _signature_call(interpreter: Any, request: dict[str, Any]) -> Call:
    runner = interpreter.get_signature_runner(request["signature"])
    inputs = {entry["index"]: name for name, entry in runner.get_input_details().items()}
    outputs = {entry["index"]: name for name, entry in runner.get_output_details().items()}

    def call(feed: Sequence[Array]) -> list[Array]:
        given = zip(request["inputs"], feed, strict=True)
        made = runner(**{inputs[number]: array for number, array in given})
        return [made[outputs[number]] for number in request["outputs"]]

    return call


def micro_call(request: dict[str, Any]) -> Call:
    """Return a call of tflite-micro's interpreter, which carries states."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(request["file"], arena_size=ARENA)

    def call(feed: Sequence[Array]) -> list[Array]:
        for place, array in enumerate(feed):
            interpreter.set_input(array, place)
        interpreter.invoke()
        return [np.array(interpreter.get_output(place)) for place in range(len(request["outputs"]))]

    return call


CALLS: dict[str, Callable[[dict[str, Any]], Call]] = {
    "ai-edge-litert": litert_call,
    "tflite-micro": micro_call,
}


def main(arguments: Sequence[str]) -> None:
    """Run all calls of a request and write their outputs, ``call_output`` by number."""
    with open(arguments[0], encoding="utf-8") as file:
        request = json.load(file)
    call = CALLS[request["runtime"]](request)
    results: dict[str, Array] = {}
    with np.load(request["feeds"]) as feeds:
        for number in range(request["calls"]):
            feed = [feeds[f"{number}_{place}"] for place in range(len(request["inputs"]))]
            for before, after in request["pairs"] if number else ():
                feed[before] = results[f"{number - 1}_{after}"]
            for place, array in enumerate(call(feed)):
                results[f"{number}_{place}"] = array
    np.savez(arguments[1], **results)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
