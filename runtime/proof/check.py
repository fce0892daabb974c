"""The check of ``proof.json``: follow the emitted C byte by byte and compare it with the facts of the graph.

It reads a build's C, ``edgekit.h`` and the table of contracts. For each function it keeps which value every byte holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path

from edgekit.runtime.proof.callers import Caller
from edgekit.runtime.proof.guards import wrong_guards
from edgekit.runtime.proof.memory import BYTE, SPENT, WORK
from edgekit.runtime.proof.program import PROOF_FILE, Program, read_program
from edgekit.runtime.proof.statements import Function, limit_of
from edgekit.runtime.proof.syntax import NotUnderstood
from edgekit.runtime.proof.values import Facts

__all__ = ["PROOF_FILE", "Verdict", "check_proof", "verdict_of"]


@dataclass(frozen=True)
class Verdict:
    """The findings about a proof.

    Attributes:
        problems: what contradicts it.
        unchecked: the functions and nodes whose C the check does not understand, and what stopped it.
        functions: that were followed.
        calls: of kernels in one call of each function.
        sums: of each integer layer [layer, weights, largest sum, largest that fits].
        times: where data decides how many instructions run [function, node, call, most that it adds]; infinite where
            no bound is known.
    """

    problems: tuple[str, ...]
    functions: tuple[str, ...]
    calls: int
    sums: tuple[tuple[str, str, int, int], ...] = ()
    unchecked: tuple[str, ...] = ()
    times: tuple[tuple[str, str, str, float], ...] = ()

    @property
    def most_added(self) -> float:
        """Instructions of a hop that data may add to the fewest; infinite where no bound is known."""
        if self.findings:
            return inf
        functions = {name for name, *_ in self.times if not name.endswith("_session")}
        sums = [sum(row[3] for row in self.times if row[0] == name) for name in functions]
        return max(sums, default=0)

    @property
    def findings(self) -> tuple[str, ...]:
        """All that keeps the check from accepting a build."""
        return (*self.problems, *self.unchecked)


def check_proof(folder: Path) -> Verdict:
    """Follow the C of a build folder."""
    try:
        program = read_program(folder)
    except Exception as error:  # of texts that nobody has thought of: the build is refused
        return Verdict((), (), 0, unchecked=(limit_of("the files", error),))
    return verdict_of(program)


def verdict_of(program: Program) -> Verdict:
    """Follow all functions that the facts name."""
    functions = dict(_hops(program))
    runs = [row for row in functions.items() if row[0] in program.functions]
    followed = [Function(program, *row) for row in (*runs, *_pcm_hops(program))]
    followed += [Caller(program, *row) for row in _callers(program) if row[0] not in functions]
    unchecked = _unknown_lines(program)
    unchecked += chain.from_iterable(function.limits() for function in followed)
    own, sums = followed[: len(runs)], tuple(_sums(program))
    return Verdict(
        (
            *_absent_functions(program),
            *wrong_guards(program),
            *_contradictions(followed),
            *_wrong_sums(sums),
        ),
        tuple(functions),
        sum(function.count for function in own),
        sums,
        tuple(unchecked),
        tuple((f.name, *key, most) for f in own for key, most in f.times.items()),
    )


def _unknown_lines(program: Program) -> list[str]:
    """Lines outside of functions that no export writes."""
    return [limit_of(line, NotUnderstood("a line that")) for line in program.unknown]


def _absent_functions(program: Program) -> list[str]:
    """The functions of the facts that the C lacks."""
    facts = (*program.facts["functions"], *program.facts.get("callers", {}))
    names = [name for name in facts if name not in program.functions]
    return [f"{name}: the C has no such function" for name in names]


def _contradictions(followed: Sequence["Function"]) -> Iterator[str]:
    """What functions found, with the caller where it is not the program around the build."""
    for function in followed:
        caller = f"as {function.name}_s16 calls it, " if "places" in function.facts else ""
        yield from (caller + text for text in function.found)


def _wrong_sums(sums: Sequence[tuple[str, str, int, int]]) -> Iterator[str]:
    for layer, weights, reach, limit in sums:
        if reach > limit:
            yield f"{layer}: sums of {weights} reach {reach}, at most {limit} fit"


def _hops(program: Program) -> Iterator[tuple[str, Facts]]:
    """Hops and what else has nodes; a session leaves 1 where the hop looks whether there was one."""
    facts = program.facts["functions"]
    for name, own in facts.items():
        stem, _, kind = name.rpartition("_")
        hop = facts.get(f"{stem}_process", {})
        rows = [(hop["ready"], 1, BYTE + 1), (hop["ready"] + 1, 3, BYTE)] if "ready" in hop else []
        yield name, {**own, "leaves": rows} if kind == "session" else own


def _state_functions(program: Program) -> Iterator[tuple[str, Facts]]:
    """The functions that begin or end a stream or a session, with what each leaves in bytes of the state."""
    for name, own in program.facts["functions"].items():
        stem, _, kind = name.rpartition("_")
        if kind == "process":
            rows = [*_reset_rows(own)]
            first = [(at, size, BYTE if wanted == SPENT else wanted) for at, size, wanted in rows]
            first += [(own["ready"], 4, BYTE)] if "ready" in own else []
            yield f"{stem}_reset", {"leaves": rows}
            yield f"{stem}_init", {"leaves": first, "reset": rows}
            for verb, changed in (("seed", _seeds(own)), ("end", [own.get("end")])):
                places = [_stretch(own, x) for x in changed if x is not None]
                leaves = [(at, size, WORK) for at, size in places]
                yield f"{stem}_{verb}", {"leaves": leaves, "alone": True}


def _stretch(own: Facts, state: str) -> tuple[int, int]:
    """The first byte and the size of a state."""
    return int(dict(own["starts"])[state][3:]), own["values"][state][0]


def _seeds(own: Facts) -> list[str]:
    """The states of noise: a reset keeps their first bytes."""
    return [name for name, (_, kept) in own.get("resets", {}).items() if kept]


def _reset_rows(own: Facts) -> Iterator[tuple[int, int, int]]:
    """What a reset leaves in the state: the first byte and the size of a stretch, and the id of each byte."""
    for name, (byte, kept) in own.get("resets", {}).items():
        at, size = _stretch(own, name)
        yield at, kept, SPENT
        yield at + kept, size - kept, BYTE + byte


def _callers(program: Program) -> Iterator[tuple[str, Facts]]:
    """The functions around hops, with their facts where they call any."""
    known = dict(_state_functions(program)) | program.facts.get("callers", {})
    for name in program.functions:
        yield name, known.get(name, {})


def _pcm_hops(program: Program) -> Iterator[tuple[str, Facts]]:
    """Hops as NAME_process_s16 calls them: with inputs and outputs in work space."""
    for name, facts in program.facts["functions"].items():
        stem, _, kind = name.rpartition("_")
        places = program.pcm_places(stem) if kind == "process" else {}
        if places and name in program.functions:
            yield name, {**facts, "places": places}


def _sums(program: Program) -> Iterator[tuple[str, str, int, int]]:
    for facts in program.facts["functions"].values():
        for node in facts["nodes"]:
            for weights, (reach, limit) in node.get("sums", {}).items():
                yield f"{node['op']} {node['node']!r}", weights, reach, limit
