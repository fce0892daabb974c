"""The names that editors complete are those of the tables."""

from collections.abc import Iterable
from typing import Any, get_args

import pytest

from edgekit.fpga.resources import PARTS
from edgekit.fpga.spec import DATAPATHS, GOALS
from edgekit.quantize.recipe import AUTO, RECIPES
from edgekit.runtime.build_folder.manifest import PLUGIN_FOLDERS
from edgekit.targets.bindings.table import BINDINGS
from edgekit.verbs.export import literal_names
from edgekit.verbs.targets import TARGETS, WEIGHTS


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (literal_names.TargetName, TARGETS),
        (literal_names.RecipeName, [*RECIPES, AUTO.name]),
        (literal_names.PluginName, PLUGIN_FOLDERS),
        (literal_names.BindingName, BINDINGS),
        (literal_names.PartName, PARTS),
        (literal_names.GoalName, GOALS),
        (literal_names.DatapathName, DATAPATHS),
        (literal_names.WeightsName, WEIGHTS),
    ],
)
def test_a_list_has_the_names_of_its_table(names: Any, table: Iterable[str]) -> None:
    assert sorted(get_args(names)) == sorted(table)
