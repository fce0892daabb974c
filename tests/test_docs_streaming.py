"""The picture of `docs/guides/streaming.md` is that of the rewrite as it is."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_picture_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_streaming", DOCS / "make_streaming.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = "python docs/make_streaming.py writes docs/streaming.svg anew"
    assert script.picture() == (DOCS / "streaming.svg").read_text(encoding="utf-8"), made
