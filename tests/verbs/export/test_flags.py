"""A row of an option reads its value."""

from typing import Annotated, TypedDict

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export.flags import Flag, OptionRow, option_specs


class Options(TypedDict, total=False):
    """Two options."""

    first_word: Annotated[str, Flag("One.")]
    number: Annotated[int | None, Flag("Two.", name="count", minimum=1)]


def test_a_class_of_keywords_declares_rows() -> None:
    rows = option_specs(Options)
    assert [row.flag_name for row in rows.values()] == ["--first-word", "--count"]
    assert rows["number"].type == int | None and rows["number"].flag.minimum == 1


def test_values_become_what_a_request_holds() -> None:
    plain, many = Flag("x"), Flag("x", many=tuple)
    assert OptionRow("a", int, plain).read(np.int64(3)) == 3
    assert type(OptionRow("a", int, plain).read(np.int64(3))) is int
    assert OptionRow("a", bool, plain).read(True) is True
    assert OptionRow("a", str, many).read(["a", "b"]) == ("a", "b")
    assert OptionRow("a", str, many).read("ab") == "ab"
    reader = Flag("x", read="edgekit.verbs.export.readers:read_min_snr")
    assert OptionRow("a", float, reader).read(3.5) == 3.5
    with pytest.raises(UsageError, match="--min-snr"):
        OptionRow("a", float, reader).read(float("nan"))
