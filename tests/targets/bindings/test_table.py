"""The languages of bindings: a type for each type of elements, a folder of templates for each."""

from importlib.resources import files

from edgekit.targets.bindings.table import BINDINGS
from edgekit.targets.c.emit.base import C_ARRAYS


def test_every_language_knows_every_type_and_has_templates() -> None:
    templates = files("edgekit.targets.bindings") / "templates"
    for name, binding in BINDINGS.items():
        assert set(C_ARRAYS.values()) <= set(binding.types), name
        assert (templates / name).is_dir()
