"""Code blocks of pages, as the tests run them."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"


def code(page: str, heading: str, language: str, number: int = 0) -> str:
    """A fenced block of a language below a heading of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (section,) = re.findall(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", text, re.M | re.S)
    found: str = re.findall(rf"```{language}\n(.*?)```", section, re.S)[number]
    return found


def names(page: str, heading: str) -> dict[str, Any]:
    """What the Python block below a heading defines."""
    found: dict[str, Any] = {}
    exec(code(page, heading, "python"), found)
    return found
