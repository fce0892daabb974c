"""Divide the options for inputs between two networks, the second of which follows the first."""

from collections.abc import Collection, Mapping, Sequence

from edgekit.base.json_values import JsonObject
from edgekit.export.frontend.joined_models import PREFIX


def split_options(
    options: Mapping[str, object], names: Collection[str]
) -> tuple[JsonObject, JsonObject]:
    """Divide options into those of a network with inputs `names`, and those of the network that follows it.

    Args:
        options: each a mapping by input name, or a sequence of names, or of pairs that begin with one. An input
            of the second network may be called ``then/NAME``, where both have one of this name.
        names: of the first network's inputs.
    """
    own, behind = JsonObject(), JsonObject()
    for option, value in options.items():
        if isinstance(value, Mapping):
            own[option] = {name: value[name] for name in value if name in names}
            behind[option] = {_without_prefix(n): value[n] for n in value if n not in names}
        elif isinstance(value, Sequence):
            own[option] = [item for item in value if _input_name(item) in names]
            others = [item for item in value if _input_name(item) not in names]
            behind[option] = list(map(_without_prefix, others))
    return own, behind


def _input_name(item: str | Sequence[str]) -> str:
    return item if isinstance(item, str) else item[0]


def _without_prefix(item: str | Sequence[str]) -> str | tuple[str, ...]:
    if isinstance(item, str):
        return item.removeprefix(PREFIX)
    return tuple(text.removeprefix(PREFIX) for text in item)
