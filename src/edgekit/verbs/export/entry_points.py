"""Entry points of the verbs around an export; they check the requirements before the working modules load.

A request is read without onnx and torch, so that a wrong one, or a missing package, is reported at once.
"""

from typing import TYPE_CHECKING

from edgekit.base.progress import Progress
from edgekit.verbs.doctor import require
from edgekit.verbs.export.network_requests import (
    FinetuneRequest,
    NetworkRequest,
    PruneRequest,
    QuantizeRequest,
    StreamRequest,
)
from edgekit.verbs.export.request import Request
from edgekit.verbs.export.source_checks import find_code
from edgekit.verbs.export.wake_word import check_network

if TYPE_CHECKING:
    from edgekit.export.prune import PrunedLayer
    from edgekit.graph.model import Model
    from edgekit.verbs.export.finetune import TuningResult
    from edgekit.verbs.export.pipeline import ExportResult


def check_tools(request: Request | NetworkRequest) -> None:
    """Check that packages, tools and the source's code are installed.

    Raises:
        ToolError: packages or tools are missing.
        UsageError: there is no such factory.
    """
    require(request.needs)
    find_code(request.source)


def export(request: Request, progress: Progress) -> "ExportResult":
    """Make a verified build, see `edgekit.api.export`."""
    check_tools(request)
    if request.wake_word is not None:
        check_network(request.wake_word)
    from edgekit.verbs.export import pipeline

    return pipeline.export(request, progress)


def stream(request: StreamRequest, progress: Progress) -> "Model":
    """Rewrite a network to hops, see `edgekit.api.stream`."""
    check_tools(request)
    from edgekit.verbs.export import networks

    return networks.stream(request, progress)


def prune(request: PruneRequest, progress: Progress) -> "tuple[PrunedLayer, ...]":
    """Write a network with sparse weights, see `edgekit.api.prune`."""
    check_tools(request)
    from edgekit.verbs.export import networks

    return networks.prune(request, progress)


def quantize(request: QuantizeRequest, progress: Progress) -> tuple[str, ...]:
    """Write the QDQ form of a network, see `edgekit.api.quantize`."""
    check_tools(request)
    from edgekit.verbs.export import networks

    return networks.quantize(request, progress)


def finetune(request: FinetuneRequest, progress: Progress) -> "TuningResult":
    """Train the weights of a network, see `edgekit.api.finetune`."""
    check_tools(request)
    from edgekit.verbs.export import finetune as tuning

    return tuning.finetune(request, progress)
