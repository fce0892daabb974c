"""Key steps of encoder propagation: given, searched, named in a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_kernels import needs_cc
from diffusion_networks import SHAPE
from sampler_networks import drawn_alone, folded, table_of

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.export.diffusion.key_steps import (
    onnx_network,
    saved_share,
    search_keys,
    with_key_steps,
)
from edgekit.export.diffusion.split_unet import with_keys


def test_the_search_saves_what_was_asked_for_and_beats_other_keys() -> None:
    model = folded()
    table = table_of(model)
    keys = search_keys(model, table, 0.25)
    made = with_keys(table, keys)
    assert saved_share(model, made) >= 0.25 and keys[0] == 0
    fewer = with_keys(table, sorted({*keys, *range(table.rows)} - {max(set(range(5)) - set(keys))}))
    assert saved_share(model, fewer) < 0.25
    expected = drawn_alone(model, onnx_network(model, table))

    def error(chosen: Any) -> float:
        other = model.describe(sampler=with_keys(table, chosen).facts())
        return float(
            np.square(drawn_alone(other, onnx_network(other, table_of(other))) - expected).sum()
        )

    worst = tuple(range(len(keys)))
    assert keys == worst or error(keys) < error(worst)


@needs_cc
@pytest.mark.usefixtures("few_calls")
def test_a_sampler_toml_names_the_keys(tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(
        "prediction = 'v'\nsteps = 6\nkeys = 'every:2'\nprior_noise = 0.003\n[schedule]\nkind = 'cosine'\n"
    )
    made = api.export(
        "diffusion_networks:tiny_unet",
        "c99",
        tmp_path / "build",
        recipe="w8a8",
        sampler=tmp_path / "sampler.toml",
    )
    assert any("rows 0, 2, 4 of 6 run the whole network" in note for note in made.notes)
    assert api.sample(tmp_path / "build", 2, 0, conditions={"label": 1}).shape == (2, *SHAPE)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("often", "'often'; allowed: a list of rows, 'paper', 'every:M' or 'saving:SHARE'"),
        ("every:0", "'every:0'"),
        ("saving:0.99", "saving:0.99; allowed: up to"),
        ((1, 2), "(1, 2); allowed: rows 0 to 4, the first among them"),
        ((0, 9), "(0, 9)"),
    ],
)
def test_keys_that_cannot_be_say_why(keys: Any, said: str) -> None:
    with pytest.raises(UsageError) as error:
        with_key_steps(folded(), keys, 0.0)
    assert said in str(error.value)
