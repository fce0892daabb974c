"""Lines of results.jsonl: the published schema takes what the reader takes."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edgekit.base.errors import UsageError
from edgekit.verbs.bench import log
from edgekit.verbs.bench.log import NUMBERS, OPTIONAL_TEXTS, TEXTS, parse, results_schema

LINE: dict[str, Any] = {
    **dict.fromkeys((*TEXTS, *OPTIONAL_TEXTS), "text"),
    **dict.fromkeys((*NUMBERS, "snr_db"), 3),
    "modelled": {"us_per_hop": 4.5, "assumed": "words"},
    "against": {"onnxruntime": {"median_us": 2.0, "p99_us": None, "ratio": 0.5}},
    "of a later version": [1],
}
VALUES = (None, -1, 0.5, 1e300, True, "", "text", [], {}, {"onnxruntime": 3}, {"us_per_hop": "1"})


def is_read(line: dict[str, Any]) -> bool:
    try:
        parse(json.dumps(line).encode())
    except (ValueError, TypeError):
        return False
    return True


def test_reader_and_schema_refuse_the_same() -> None:
    validator = Draft202012Validator(results_schema())
    assert is_read(LINE) and validator.is_valid(LINE)
    seen = []
    for key in LINE:
        others = [{**LINE, key: value} for value in VALUES]
        others.append({name: value for name, value in LINE.items() if name != key})
        for other in others:
            assert is_read(other) == validator.is_valid(other), (key, other.get(key))
            seen.append(is_read(other))
    assert min(seen.count(True), seen.count(False)) > 50


@pytest.mark.parametrize("before", [b"", b'{"a": 1}\n'])
def test_a_full_disk_is_named_and_leaves_the_file_as_it_was(
    before: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.jsonl"
    if before:
        path.write_bytes(before)

    def take_a_part(file: Any, data: bytes) -> None:
        file.write(data[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(log, "_write_all", take_a_part)
    with pytest.raises(UsageError, match=r"results\.jsonl': cannot be written: No space"):
        log.append_line(path, {"a": 2})
    assert (path.read_bytes() if path.exists() else b"") == before
    monkeypatch.undo()
    log.append_line(path, {"a": 2})
    assert path.read_bytes() == before + b'{"a": 2}\n'
