"""A network with its front ends."""

from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.frame_layout import has_spectra
from edgekit.export.frontend.spec import Forms, FrontendSpec
from edgekit.export.frontend.streams import add_stream_frontends
from edgekit.graph.model import Model


def with_frontends(
    network: Model, forms: Forms, sample_rate: int | None, second: Model | None
) -> Model:
    """Return the network with a front end for all streams, or for each by name; `second` follows the network.

    Raises:
        UsageError: they do not fit the network.
    """
    if not isinstance(forms, FrontendSpec):
        return add_stream_frontends(network, forms, sample_rate)
    if second is None and (has_spectra(network) or forms.hears_directions):
        return add_stream_frontends(network, forms, sample_rate)
    return add_frontend(network, forms, sample_rate, second)
