"""The verbs that write a network, not a build: `stream`, `prune` and `quantize`."""

from pathlib import Path

from edgekit.base.errors import UsageError, VerificationError
from edgekit.base.output import replacement_path
from edgekit.base.progress import Progress
from edgekit.export import prune as pruning
from edgekit.export.prune import PrunedLayer
from edgekit.export.step_networks import with_until
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.quantize.calibrate.warnings import calibration_warnings
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.importing import load_model, load_streamed
from edgekit.verbs.export.input_settings import with_examples
from edgekit.verbs.export.network_requests import PruneRequest, QuantizeRequest, StreamRequest
from edgekit.verbs.export.quantizing import apply_recipe, recipe_conflict


def stream(request: StreamRequest, progress: Progress) -> Model:
    """Write a network hop by hop, see `edgekit.api.stream`."""
    progress("stream", 0, 1)
    model = load_streamed(request.source, request.imports)[0]
    if request.imports.iterate is not None:
        model = with_until(model, request.imports.iterate)
    _save(model, request.out, request.source)
    return model


def prune(request: PruneRequest, progress: Progress) -> tuple[PrunedLayer, ...]:
    """Write a network with sparse weights, see `edgekit.api.prune`."""
    progress("import", 0, 1)
    model = load_model(request.source, ImportOptions()).model
    least = pruning.SMALLEST if request.smallest is None else request.smallest
    pruned, rows = pruning.prune(model, request.pattern, request.layers, least)
    _save(pruned, request.out, request.source)
    return rows


def quantize(request: QuantizeRequest, progress: Progress) -> tuple[str, ...]:
    """Write the QDQ form of a network, see `edgekit.api.quantize`."""
    progress("import", 0, 1)
    imported = load_model(request.source, ImportOptions())
    model = imported.model
    if problem := recipe_conflict(model, request.quantization.recipe):
        raise UsageError(problem)
    settings = with_examples(request.settings, imported.examples)
    clips = at_common_level(model, load_calibration(request.calibration, model, settings))
    made = apply_recipe(model, clips, request.quantization, progress)
    if made.failed:  # a network has no place for this mark
        raise VerificationError(made.failed)
    _save(made.model, request.out, request.source)
    return (*calibration_warnings(model, clips), *made.notes)


def _save(model: Model, out: Path, source: str) -> None:
    with replacement_path(out, Path(source)) as temporary:
        model.save(temporary)
