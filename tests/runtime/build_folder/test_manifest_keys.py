"""What keys of a manifest may hold."""

import pytest

from edgekit.runtime.build_folder.manifest_keys import (
    COUNT,
    MAX_BYTES,
    NUMBER,
    POSITIVE,
    SIZE,
    TEXT,
    Check,
    is_file,
    table_schema,
)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../../b", "a//b", 3, None])
def test_a_name_that_leaves_the_folder_is_no_file(name: object) -> None:
    assert not is_file(name)


def test_a_name_below_the_folder_is_a_file() -> None:
    assert is_file("golden/input.npz") and is_file(".hidden")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (COUNT, 0, -1),
        (COUNT, 5, True),
        (SIZE, MAX_BYTES, MAX_BYTES + 1),
        (POSITIVE, 1, 0),
        (NUMBER, 0.5, "0.5"),
        (NUMBER, 1, float("nan")),
        (TEXT, "a", None),
    ],
)
def test_a_check_takes_its_kind_alone(check: Check, good: object, bad: object) -> None:
    assert check.test(good) and not check.test(bad)


def test_a_key_that_may_be_null_says_so_in_the_schema() -> None:
    nullable = Check(TEXT.test, TEXT.allowed, TEXT.schema, nullable=True)
    assert nullable.json_schema() == {"anyOf": [TEXT.schema, {"type": "null"}]}
    schema = table_schema({"a": TEXT.schema, "b": TEXT.schema}, {"b"})
    assert schema["required"] == ["a"] and schema["additionalProperties"] is False
