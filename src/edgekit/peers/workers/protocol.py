"""What a worker does: answer requests of one line of JSON each, and carry states from hop to hop.

``{"open": FOLDER, "form": FORM}`` prepares a program of `edgekit.peers.program`; ``{"run": IN.npz, "out":
OUT.npz, "cores": [..]}`` runs all hops of IN on these cores; what
has the shape of one hop there stays the same. Answers are ``{"version": ..}`` and ``{}``, or
``{"error": ..}``. What a library prints goes to standard error.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 400  # characters of an error

Arrays = list[NDArray[Any]]
Step = Callable[[Arrays], tuple[Arrays, int]]  # inputs of a hop -> outputs, nanoseconds


def time_call(call: Callable[..., Any], *given: Any) -> tuple[Any, int]:
    """Return what a call gives, and how many nanoseconds it took."""
    start = time.perf_counter_ns()
    result = call(*given)
    return result, time.perf_counter_ns() - start


def serve(version: str, prepare: Callable[[Path, str], Step]) -> None:
    """Answer requests until standard input ends.

    Args:
        version: of the peer.
        prepare: takes a program's folder and a form, and returns what runs a hop.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    facts: dict[str, Any] = {}
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


def _run(step: Step, facts: dict[str, Any], given: str, out: str) -> None:
    names, states = facts["outputs"], dict(facts["states"])
    values = {i["name"]: np.zeros(i["shape"], np.float32) for i in facts["inputs"]}
    feeds = {name: array for name, array in np.load(given).items() if name in values}
    fixed = {name for name, array in feeds.items() if array.shape == values[name].shape}
    values.update({name: feeds.pop(name) for name in fixed})
    hops = len(next(iter(feeds.values())))
    made: dict[str, Arrays] = {name: [] for name in names if name not in states.values()}
    times = np.empty(hops, np.int64)
    for hop in range(hops):
        values.update({name: array[hop] for name, array in feeds.items()})
        results, times[hop] = step([values[i["name"]] for i in facts["inputs"]])
        found = {name: np.array(array) for name, array in zip(names, results, strict=True)}
        for name, rows in made.items():
            rows.append(found[name])
        values.update({name: found[output] for name, output in states.items()})
    found = {name: np.stack(rows) for name, rows in made.items()}
    np.savez(out, ns=times, **found)  # type: ignore[arg-type]
