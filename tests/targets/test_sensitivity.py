"""Groups of tensors by what each costs alone."""

import math

from edgekit.targets.sensitivity import Alone, alone


def test_the_most_sensitive_come_first_and_the_rest_has_the_default_type() -> None:
    rows = alone({"a": 60.0, "b": 12.5, "c": math.inf, "d": 12.5}, {"b": "int16"}, "int8")
    assert rows == [
        Alone("b", "int16", 12.5),
        Alone("d", "int8", 12.5),
        Alone("a", "int8", 60.0),
        Alone("c", "int8", math.inf),
    ]
