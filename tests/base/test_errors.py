"""Errors carry every problem, an exit code, and the nearest name."""

import pytest

from edgekit.base import errors
from edgekit.base.errors import NOT_YET, Problem, UsageError, unavailable

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
