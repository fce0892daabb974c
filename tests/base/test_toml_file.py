"""TOML that a user wrote: what cannot be read is said with its place."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.base.toml_file import parse_toml, read_text


def test_a_mark_of_editors_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_text(tmp_path / "a.toml", "a", 100, "step") == "a = 1"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"x" * 101, "101 bytes; allowed: at most 100"), (b"\xff", "not UTF-8"), (None, "No such")],
)
def test_a_file_that_cannot_be_read_is_refused(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"the file: {words}"):
        read_text(path, "the file", 100, "step")


@pytest.mark.parametrize("text", ["a = ", "a = " + "[" * 5000])
def test_what_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not TOML"):
        parse_toml(text, "the file", "step")
    assert parse_toml("a = [1]", "the file", "step") == {"a": [1]}
