"""The loop of a worker: answer requests of one line of JSON each, and carry states from hop to hop.

``{"open": FOLDER, "form": FORM}`` prepares a program of `edgekit.peers.program`; ``{"run": IN.npz, "out":
OUT.npz, "cores": [..]}`` runs all hops of IN on these cores; arrays with the shape of one hop there stay the same.
Answers are ``{"version": ..}`` and ``{}``, or ``{"error": ..}``. Library output goes to standard error.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject

LONGEST = 400  # characters of an error

P = ParamSpec("P")
T = TypeVar("T")
Arrays = list[Array]
Step = Callable[[Arrays], tuple[Arrays, int]]  # inputs of a hop -> outputs, nanoseconds


def time_call(call: Callable[P, T], *given: P.args, **named: P.kwargs) -> tuple[T, int]:
    """Return the result of a call, and its nanoseconds."""
    start = time.perf_counter_ns()
    result = call(*given, **named)
    return result, time.perf_counter_ns() - start


def serve(version: str, prepare: Callable[[Path, str], Step]) -> None:
    """Answer requests until standard input ends.

    Args:
        version: of the peer.
        prepare: takes a program's folder and a form, and returns the function that runs a hop.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    facts: JsonObject = {}
    step: Step | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "open" in request:
                folder = Path(request["open"])
                facts = json.loads((folder / "program.json").read_text(encoding="utf-8"))
                step, answer = prepare(folder, request["form"]), {"version": version}
            else:
                assert step is not None
                if request["cores"] is not None:
                    os.sched_setaffinity(0, request["cores"])
                _run(step, facts, request["run"], request["out"])
                answer = {}
        except Exception as error:  # whatever a peer may raise
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]}
        print(json.dumps(answer), file=answers, flush=True)


def _run(step: Step, facts: JsonObject, given: str, out: str) -> None:
    names, states = facts["outputs"], dict(facts["states"])
    values, feeds = _first_values(facts, given)
    hops = len(next(iter(feeds.values())))
    made = list[dict[str, Array]]()
    times = np.empty(hops, np.int64)
    for hop in range(hops):
        values.update({name: array[hop] for name, array in feeds.items()})
        results, times[hop] = step(list(values.values()))
        found = {name: np.array(array) for name, array in zip(names, results, strict=True)}
        values.update({name: found[output] for name, output in states.items()})
        made.append(found)
    given_out = [name for name in names if name not in states.values()]
    stacked = {name: np.stack([found[name] for found in made]) for name in given_out}
    np.savez(out, ns=times, **stacked)  # type: ignore[arg-type]


def _first_values(facts: JsonObject, given: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the inputs of the first hop, in their order, with zero states; and the other inputs, (hops, *shape)."""
    values: dict[str, Array] = {
        port["name"]: np.zeros(port["shape"], np.float32) for port in facts["inputs"]
    }
    feeds = {name: array for name, array in np.load(given).items() if name in values}
    fixed = {name for name, array in feeds.items() if array.shape == values[name].shape}
    values.update({name: feeds.pop(name) for name in fixed})
    return values, feeds
