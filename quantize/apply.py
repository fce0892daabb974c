"""Apply a recipe: a float model becomes a QDQ model, an ordinary ONNX file that any runtime can run.

Every tensor that an integer node reads or writes gets QuantizeLinear -> DequantizeLinear. Weights become int8
initializers with a DequantizeLinear per output channel, biases of Gemm and Conv int32 ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from edgekit.graph.model import Model, Quantization
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.calibrate.rest import rest_clip, slow_states
from edgekit.quantize.calibrate.silence import refuse_silence
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.prepare.prepare import prepare
from edgekit.quantize.qdq_writer import QdqWriter
from edgekit.quantize.recipe import MEASURED, NEAREST, SHAPED, Recipe
from edgekit.quantize.recipe_file import find_recipe
from edgekit.quantize.rounding.fitted_weights import Fitted
from edgekit.quantize.rounding.means import with_means
from edgekit.quantize.rounding.reconstruct import Progress, reconstruct
from edgekit.quantize.rounding.shaped_rounding import fit_shaped_weights
from edgekit.quantize.types.choose import TypePlan, choose_types
from edgekit.quantize.types.float_states import store_states
from edgekit.quantize.types.token_ranges import refuse_tokens
from edgekit.quantize.types.weights import refuse_layers


def quantize(
    model: Model,
    calibration: Calibration,
    recipe: Recipe | str = "w8a8",
    progress: Progress = lambda done, total: None,
) -> Model:
    """Return the QDQ form of a float model (opset 21), calibrated on streams.

    Args:
        model: a float model.
        calibration: inputs like those it will process.
        recipe: one, or a name for `edgekit.quantize.recipe_file.find_recipe`.
        progress: called with the number of layers fitted so far, and their total.

    Raises:
        UsageError: a recipe that does not exist, or names parts that the network lacks.
    """
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    if chosen.weights == "float32":
        return model
    seen = observe_model(model, calibration, chosen)
    return quantize_observed(seen, chosen, calibration.label, progress)


@dataclass(frozen=True)
class ObservedModel:
    """A float model, prepared for its integers, and the observations of each of its tensors.

    `parts` hold the same observations if some of the calibration is left out later; `fits` keeps the fits. `whole` has
    the observations of the whole calibration where some of it is left out.
    """

    model: Model
    observers: dict[str, Observer]
    calibration: Calibration
    parts: Parts | None = None
    fits: dict[str, Fitted] = field(default_factory=dict)
    whole: dict[str, Observer] | None = None

    @property
    def is_slow(self) -> bool:
        """Whether states remember what was before silence."""
        return bool(slow_states(self.model, self.observers))

    def without(self, fold: Sequence[int]) -> "ObservedModel":
        """Return the observations without the parts of a fold.

        The preparation, and which tensors share a type, stay those of the whole calibration.
        """
        assert self.parts is not None
        kept = self.parts.clips_without(fold, self.calibration.clips, self.model.constants)
        observers = self.parts.without(fold, list(self.observers))
        calibration = Calibration(kept, self.calibration.source)
        return ObservedModel(self.model, observers, calibration, whole=self.observers)

    def plan_types(self, recipe: Recipe) -> TypePlan:
        """Return the types by these observations, errors as of `choose_types`."""
        return choose_types(self.model, self.observers, recipe, self.whole)


def observe_model(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    parts: Parts | None = None,
    prepared: Model | None = None,
) -> ObservedModel:
    """Prepare a float model by the recipe, unless it is `prepared`, and run the calibration.

    `parts` of the calibration are filled with their observations.

    Raises:
        CalibrationError: the calibration is silent.
        UsageError: the recipe names layers that are not there.
        ModelError: these integers do not suit a denoiser, see `edgekit.quantize.types.token_ranges`.
    """
    refuse_silence(model, calibration)
    again = quieter(model, recipe.quiet_copies is True)
    model = prepare(model, calibration, recipe) if prepared is None else prepared
    refuse_layers(model, recipe)
    refuse_tokens(model, recipe)
    return ObservedModel(model, observe(model, calibration, parts, again), calibration, parts)


def quantize_observed(
    seen: ObservedModel, recipe: Recipe, label: str, progress: Progress = lambda done, total: None
) -> Model:
    """Return the QDQ form by these observations; `label` names the calibration."""
    return quantize_fitted(seen, recipe, fit(seen, recipe, progress), label)


def fit(
    seen: ObservedModel, recipe: Recipe, progress: Progress = lambda done, total: None
) -> Fitted:
    """Return the weights that the recipe fits to the calibration; of the nearest ones those with corrected biases."""
    recipe = close_rounding(recipe, seen)
    plan = seen.plan_types(recipe)
    names, model = plan.integer_nodes, seen.model
    if recipe.rounding not in (NEAREST, SHAPED):
        written = partial(_write_integers, seen, recipe, plan)
        return reconstruct(model, seen.calibration, recipe, names, written, progress)
    fitted = with_means(model, seen.observers, recipe, names) if recipe.bias_correction else {}
    if recipe.rounding == SHAPED:
        rest = rest_clip(model, seen.calibration.clips) if seen.is_slow else None
        fitted |= fit_shaped_weights(model, seen.calibration, recipe, names, seen.fits, rest)
    return fitted


def close_rounding(recipe: Recipe, seen: ObservedModel) -> Recipe:
    """Return the recipe with a rounding of weights, where it leaves that open."""
    if recipe.rounding != MEASURED:
        return recipe
    return replace(recipe, rounding=SHAPED if seen.is_slow else NEAREST)


def quantize_fitted(seen: ObservedModel, recipe: Recipe, fitted: Fitted, label: str) -> Model:
    """Return the QDQ form as `quantize_observed`, with the weights that `fit` returned."""
    plan = seen.plan_types(recipe)
    dense = {} if recipe.sparse else {"dense": True}
    made = _write_integers(seen, recipe, plan, fitted)
    return made.describe(quantization=Quantization(recipe.name, label), **dense)


def _write_integers(seen: ObservedModel, recipe: Recipe, plan: TypePlan, fitted: Fitted) -> Model:
    quantized = Model(seen.model.ir.clone())
    writer = QdqWriter(quantized.ir.graph, plan, seen.observers, recipe, fitted)
    writer.write()
    if recipe.states == "int16":
        store_states(quantized, plan.types, seen.observers, writer.q_dq)
    return quantized
