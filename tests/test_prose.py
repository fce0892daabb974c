"""Pages stay readable: the limits of `tests/prose.py`, and drawings that are those of their script."""

import importlib.util
from pathlib import Path

import pytest
from prose import (
    COINED,
    LONG,
    OF_CHECKOUT,
    ROOT,
    count_words,
    measure,
    pages,
    sentences,
    user_strings,
)


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_have_short_sentences_and_few_words(page: Path) -> None:
    found = measure(page)
    assert not found.problems, f"python tests/prose.py {found.path}: {'; '.join(found.problems)}"


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = "# A title\n\nOne `a.b c` here. Two: a; b,\nand c!\n\n- an item\n- [two](x.md) words. More\n"
    text += "\n    code. Not read\n"
    assert sentences(text) == [
        "A title",
        "One Code here.",
        "Two: a; b, and c!",
        "an item",
        "two words.",
        "More",
    ]
    assert count_words("One Code here - 5 %.") == 4
    assert sentences("| a | b |\n|---|---|\n| 1 | eight words are needed for a cell here |\n") == [
        "eight words are needed for a cell here"
    ]


def test_drawings_are_those_of_their_script() -> None:
    spec = importlib.util.spec_from_file_location(
        "make_drawings", ROOT / "docs" / "make_drawings.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, content in module.drawings():
        assert path.read_text(encoding="utf-8") == content, "python docs/make_drawings.py"


def test_messages_are_short_and_in_common_words() -> None:
    texts = list(user_strings())
    assert len(texts) > 1000
    long = [shown for shown in texts for s in sentences(shown[1]) if count_words(s) > LONG]
    coined = [shown for shown in texts if COINED.search(shown[1])]
    pages_of_checkout = [shown for shown in texts if OF_CHECKOUT.search(shown[1])]
    assert (long, coined, pages_of_checkout) == ([], [], [])
