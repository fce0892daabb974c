"""The front ends of a network: what is wrong with them before it is loaded, and the network with them."""

from typing import TYPE_CHECKING

from edgekit.base.errors import Problem
from edgekit.export.frontend.spec import Forms, FrontendSpec

if TYPE_CHECKING:
    from edgekit.graph.model import Model


def frontend_problems(forms: Forms, sample_rate: int | None) -> list[Problem]:
    """A missing sample rate, and all that does not fit it."""
    if sample_rate is None:
        step = "add --sample-rate 16000, or what the network was trained on"
        return [Problem("--frontend", "no sample rate", "--sample-rate HZ with it", step)]
    every = [forms] if isinstance(forms, FrontendSpec) else dict.fromkeys(forms.values())
    return [
        Problem(f"--frontend {form}: {where}", found, allowed, "correct it")
        for form in every
        for where, found, allowed in form.feature_problems(sample_rate)
    ]


def with_frontends(
    network: "Model", forms: Forms, sample_rate: int | None, second: "Model | None"
) -> "Model":
    """Return the network with a front end for all streams, or for each by name; `second` is behind it.

    Raises:
        UsageError: they do not fit the network.
    """
    from edgekit.export.frontend.add import add_frontend
    from edgekit.export.frontend.frame_layout import has_spectra
    from edgekit.export.frontend.streams import add_stream_frontends

    if not isinstance(forms, FrontendSpec):
        return add_stream_frontends(network, forms, sample_rate)
    if second is None and (has_spectra(network) or forms.hears_directions):
        return add_stream_frontends(network, forms, sample_rate)
    return add_frontend(network, forms, sample_rate, second)
