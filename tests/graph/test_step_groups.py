"""Step groups: one file that holds the constants of several networks, and gives back each of them."""

from functools import cache

import numpy as np
import pytest
from diffusion_networks import SAMPLER, SHAPE, tiny_model

from edgekit.base.errors import UsageError
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.hop_runner import Arrays, in_onnxruntime
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of
from edgekit.graph.step_groups import select_group, stack_groups
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import from_examples
from edgekit.quantize.recipe_file import find_recipe


def draw(spread: float, count: int = 10) -> Arrays:
    random = np.random.default_rng(0)
    return {
        "x": (spread * random.standard_normal((count, 1, *SHAPE))).astype(np.float32),
        "step": random.integers(0, 5, (count, 1)),
        "label": random.integers(0, 11, (count, 1)),
    }


@cache
def groups() -> tuple[Model, ...]:
    """One network calibrated on signals of three sizes, two of them alike."""
    folded = fold_steps(attach(tiny_model(), SAMPLER))
    recipe = find_recipe("w8a8")
    spreads = (3.0, 1.0, 1.0)
    return tuple(quantize(folded, from_examples(draw(s), folded), recipe) for s in spreads)


def test_the_stacked_network_is_each_of_its_groups() -> None:
    stacked = stack_groups(groups())
    together = in_onnxruntime(stacked.to_bytes())
    one = {name: array[0] for name, array in draw(1.0, 1).items()}
    for number, alone in enumerate(groups()):
        expected = in_onnxruntime(alone.to_bytes())(one)
        found = together(one | {"group": np.array([number])})
        assert all(np.array_equal(expected[name], found[name]) for name in expected)
    table = stacked.sampler
    assert table is not None and table.roles.group == "group"


def test_weights_are_stored_once() -> None:
    stacked = stack_groups(groups())
    arrays = [array_of(v) for v in stacked.ir.graph.initializers.values()]
    weights = [a for a in arrays if a is not None and a.dtype == np.int8 and a.ndim > 2]
    alone = [array_of(v) for v in groups()[0].ir.graph.initializers.values()]
    assert len(weights) == len(
        [a for a in alone if a is not None and a.dtype == np.int8 and a.ndim > 2]
    )
    tables = [n for n in stacked.ir.graph.initializers if n.endswith(".groups")]
    assert any("scale" in name for name in tables)


def test_a_group_comes_back_as_it_was() -> None:
    stacked = stack_groups(groups())
    for number, alone in enumerate(groups()):
        chosen = select_group(stacked, number)
        found, expected = chosen.ir.graph.initializers, alone.ir.graph.initializers
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert np.array_equal(array_of(found[name]), array_of(value)), name  # type: ignore[arg-type]
        assert [v.name for v in chosen.ir.graph.inputs] == ["x", "step", "label"]
        assert [n.op_type for n in chosen.ir.graph] == [n.op_type for n in alone.ir.graph]
    assert select_group(groups()[0], 5) is groups()[0]


def test_networks_of_another_structure_and_missing_groups_are_refused() -> None:
    float_network = fold_steps(attach(tiny_model(), SAMPLER))
    with pytest.raises(UsageError, match="step group 1"):
        stack_groups([groups()[0], float_network])
    with pytest.raises(UsageError, match="step group: 3; allowed: 0 to 2"):
        select_group(stack_groups(groups()), 3)
