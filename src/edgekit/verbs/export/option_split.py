"""What is said of the inputs of two networks, one behind the other, divided between them."""

from collections.abc import Collection, Mapping
from typing import Any

from edgekit.base.json_values import JsonObject


def split_options(
    options: Mapping[str, Any], names: Collection[str]
) -> tuple[JsonObject, JsonObject]:
    """Divide options into those of a network with inputs `names`, and those of the network behind it.

    Args:
        options: each a mapping by input name, or a sequence of names, or of pairs that begin with one. An input
            of the second network may be called ``then/NAME``, where both have one of this name.
        names: of the first network's inputs.
    """
    from edgekit.export.frontend.joined_models import PREFIX

    def plain(item: Any) -> Any:
        if isinstance(item, str):
            return item.removeprefix(PREFIX)
        return tuple(text.removeprefix(PREFIX) for text in item)

    own, behind = JsonObject(), JsonObject()
    for option, given in options.items():
        if isinstance(given, Mapping):
            own[option] = {name: value for name, value in given.items() if name in names}
            rest = {plain(name): value for name, value in given.items() if name not in names}
            behind[option] = rest
            continue
        mine = [item for item in given if (item if isinstance(item, str) else item[0]) in names]
        own[option] = mine
        behind[option] = [plain(item) for item in given if item not in mine]
    return own, behind
