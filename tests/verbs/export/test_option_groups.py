"""Each option is in one group of the help."""

from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.option_groups import GROUP_OF, GROUPS, ORDER
from edgekit.verbs.export.options import ExportOptions


def test_every_option_is_in_one_group() -> None:
    names = [name for group in GROUPS for name in (*group.usual, *group.rare)]
    assert sorted(names) == sorted(option_specs(ExportOptions))
    assert tuple(names) == ORDER and len(GROUP_OF) == len(names)
