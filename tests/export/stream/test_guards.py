"""The conditions on a length that torch notes, and the lengths at which they change."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgekit.export.stream.guards import Guards, LengthGuard, changes, read_guards


class Forward(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.kept = function, None

    def forward(self, x: Tensor) -> Tensor:
        self.kept = x
        return self.function(x)


def guards_of(function: Callable[[Tensor], Tensor], rate: int = 1) -> Guards:
    module, inputs = Forward(function), {"x": torch.randn(1, 48 // rate, 4)}
    guards = read_guards(module, inputs, {"x": 1}, 48, lambda _, samples: samples // rate)
    assert module.kept is None  # a tensor without content would stay there
    return guards


@pytest.mark.parametrize(
    ("function", "above"),
    [
        (lambda x: x if x.shape[1] <= 128 else -x, 129),
        (lambda x: x[:, :250], 250),
        (lambda x: torch.cat(x.split(100, 1), 1), 101),
        (lambda x: x if x.shape[1] % 7 else -x, 49),
        (lambda x: x if x.shape[1] // 1000 < 77 else -x, 77_000),
        (lambda x: x if (x.shape[1] / 8).is_integer() else -x, 49),
    ],
)
def test_the_next_length_at_which_a_condition_changes(function, above):
    guards = guards_of(function)
    assert guards.complete and guards.same(48) and not guards.same(above)
    assert {changes(one, 48, 1)[1] for one in guards.conditions} == {above}
    assert all("test_guards.py line" in one.place for one in guards.conditions)


def test_a_length_below():
    (condition,) = guards_of(lambda x: x if x.shape[1] > 20 else -x).conditions
    assert changes(condition, 48, 1) == (20, None) and condition.direct


def test_frames_of_an_input_with_a_rate_of_its_own():
    (condition,) = guards_of(lambda x: x if x.shape[1] <= 30 else -x, rate=4).conditions
    assert changes(condition, 48, 4) == (None, 124)


def test_a_length_that_becomes_a_number_is_not_complete():
    guards = guards_of(lambda x: x if int(x.shape[1]) < 1000 else -x)
    assert not guards.complete and changes(guards.conditions[0], 48, 1) == (47, 49)


def test_code_that_does_not_run_without_values_is_not_complete():
    assert not guards_of(lambda x: x if x.sum() > 0 else -x).complete


def test_numbers_with_which_positions_are_compared():
    (number,) = guards_of(lambda x: x * (torch.arange(x.shape[1]) < 90)[:, None], rate=4).numbers
    assert number.samples == 360 and "torch.arange(x.shape[1]) < 90" in number.place


def test_a_condition_that_returns_is_found_nearby():
    guard = LengthGuard(lambda samples: samples % 200 != 0, "", False)
    assert changes(guard, 48, 1) == (None, 200)
