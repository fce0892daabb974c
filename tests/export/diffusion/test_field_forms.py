"""What the keys of sampler.toml hold: a check of values and a JSON Schema that say the same."""

from dataclasses import MISSING
from typing import Any

import pytest

from edgekit.export.diffusion.field_forms import form_of


@pytest.mark.parametrize(
    ("key", "default", "fitting", "other", "words"),
    [
        ("networks", MISSING, {"last": "m:f"}, {"last": 1}, "a table of texts"),
        ("null", MISSING, {"label": 3}, {"label": "3"}, "a table of numbers"),
        ("cut", (), ["a", "b"], [1], "a list of names"),
        ("timesteps", (), [3, 1], [True], "a list of numbers"),
        ("keys", (), "every:2", {"every": 2}, "a list of numbers"),
        ("clip", None, 1.5, "1.5", "a number"),
        ("fold", True, False, 0, "true or false"),
        ("eta", 0.0, 1, True, "a number"),
        ("steps", 20, 5, 5.0, "an integer"),
        ("kind", "ddim", "ddpm", 3, "a text"),
    ],
)
def test_a_value_fits_or_is_named(
    key: str, default: object, fitting: Any, other: Any, words: str
) -> None:
    form = form_of(key, default)
    assert form.fits(fitting) and not form.fits(other)
    assert form.words.startswith(words)


def test_a_list_of_keys_may_be_a_text() -> None:
    assert form_of("keys", ()).fits([0, 2])
    assert form_of("keys", ()).schema["anyOf"][1] == {"type": "string"}
