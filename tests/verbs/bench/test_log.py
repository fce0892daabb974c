"""Lines of results.jsonl: the published schema takes what the reader takes."""

import json
from typing import Any

from jsonschema import Draft202012Validator

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
