"""Errors carry every problem, an exit code, and the nearest name."""

import pytest

from edgekit.base import errors
from edgekit.base.errors import MOST_PLACES, NOT_YET, Problem, UsageError, merge_alike, unavailable

PROBLEMS = [Problem(where, "found", "allowed", "step") for where in ("a", "b")]


def test_a_usage_error_lists_every_problem() -> None:
    error = UsageError(PROBLEMS)
    assert str(error).splitlines() == [
        "a: found; allowed: allowed; next: step",
        "b: found; allowed: allowed; next: step",
    ]
    assert UsageError(PROBLEMS[0]).problems == (PROBLEMS[0],)


@pytest.mark.parametrize(
    ("name", "code"),
    [("ModelError", 2), ("CalibrationError", 2), ("VerificationError", 1), ("ToolError", 1)],
)
def test_the_exit_code_is_that_of_the_kind(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


def test_the_nearest_name_is_offered() -> None:
    problem = unavailable("target", "hots", ["host", "wasm"], ["later"])
    assert problem.found == "unknown" and "'host' is nearest" in problem.next_step
    assert unavailable("target", "later", ["host"], ["later"]).found == NOT_YET


def test_problems_of_one_kind_are_one_with_their_places() -> None:
    rows = [("Softmax 'a'", "f"), ("Softmax 'b'", "f"), ("Conv 'c'", "g"), ("the network", "f")]
    merged = merge_alike(Problem(where, found, "allowed", "step") for where, found in rows)
    assert [(problem.where, problem.found) for problem in merged] == [
        ("Softmax 'a', 'b'; the network", "f"),
        ("Conv 'c'", "g"),
    ]
    many = [Problem(f"Erf 'x y {n}'", "f", "a", "s") for n in range(MOST_PLACES + 3)]
    (problem,) = merge_alike(many * 2)
    assert problem.where.startswith("Erf 'x y 0', 'x y 1'") and problem.where.endswith("and 3 more")
    assert merge_alike(many[:1]) == many[:1] and merge_alike([]) == []
