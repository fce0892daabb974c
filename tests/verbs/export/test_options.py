"""Every declared option can be read."""

from pkgutil import resolve_name

import pytest

from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import (
    ExportOptions,
    NetworkOptions,
    QuantizeOptions,
    StreamOptions,
)


def test_every_reader_is_a_function() -> None:
    named = {n: row.flag.read for n, row in option_specs(ExportOptions).items() if row.flag.read}
    assert {"frontend", "sampler", "recipe", "metric", "schedule", "board"} <= named.keys()
    assert all(callable(resolve_name(text)) for text in named.values())


@pytest.mark.parametrize("options", [StreamOptions, NetworkOptions, QuantizeOptions])
def test_an_option_is_declared_once(options: type) -> None:
    every = option_specs(ExportOptions)
    assert all(every[name] == row for name, row in option_specs(options).items())
