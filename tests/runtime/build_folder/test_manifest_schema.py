"""The JSON Schema of a manifest: the same as its reader."""

import json
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import tiny_build
from jsonschema import Draft202012Validator

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.build_folder.manifest_schema import json_schema

ROOT = Path(__file__).parents[3]
PORT = ("layout", "rate", "frames_per_hop", "channels", "delay_samples", "sample_rate_hz")


def facts(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(getattr(tensor, key) for key in PORT)


def test_the_published_schema_is_that_of_the_reader() -> None:
    published = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())
    how = "python docs/make_schema.py"
    assert published == json_schema(), f"docs/manifest.schema.json is older than the code: {how}"
    Draft202012Validator.check_schema(published)


def changed(facts: Any) -> Iterator[Any]:
    """The facts with one value changed, or one key gone, at each place."""
    places = list(facts) if isinstance(facts, dict) else range(len(facts))
    for place in places:
        for value in (None, -1, 1.5, True, "text", "x" * 600, [], {}, [None], {"x": -1}):
            other = copy(facts)
            other[place] = value
            yield other
        if isinstance(facts, dict):
            yield {key: value for key, value in facts.items() if key != place}
        if isinstance(facts[place], dict | list):
            for inside in changed(facts[place]):
                other = copy(facts)
                other[place] = inside
                yield other


def test_reader_and_schema_refuse_the_same() -> None:
    levels = [{"level_db": -20, "snr_db": 30.5, "alike": None, "metric": None}]
    held_out = {"clips": 2, "of": 4, "heard_snr_db": 31.0, "level_dbfs": -20.0}
    verification = {
        **{"by": "C", "hops": 9, "snr_db": None, "max_abs_error": 0.5, "oracle_hops": 9},
        **{"bit_exact_with_oracle": True, "levels": levels, "held_out": held_out},
    }
    facts = json.loads(tiny_build.manifest(verification=verification).to_json())
    validator, seen = Draft202012Validator(json_schema()), {True: 0, False: 0}
    for other in changed(facts):
        valid = validator.is_valid(other)
        seen[valid] += 1
        try:
            Manifest.from_json(json.dumps(other))
        except UsageError as error:
            whole = any(key in str(error) for key in (".layout", "sampler"))  # several keys at once
            assert not valid or whole, (str(error), other)
        else:
            assert valid, other
    assert min(seen.values()) > 100
