"""Every package has its folder of templates, and says what has checked it."""

from importlib.resources import files

from edgekit.targets.packages.table import PACKAGES


def test_every_row_has_templates_and_every_folder_a_row() -> None:
    folders = {item.name for item in (files("edgekit.targets.packages") / "templates").iterdir()}
    assert folders - {"all"} == set(PACKAGES)
    assert all(package.checked and package.entry.isidentifier() for package in PACKAGES.values())
