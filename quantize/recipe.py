"""Recipes: the types of tensors. A recipe is a value; `RECIPES` names the ones that ship."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ACTIVATION_TYPES = ("int8", "int16", "float32")
HALF = "float16"
FLOATS = ("float32", HALF)  # weights, and recipes, that leave a network in float
WEIGHT_TYPES = ("int8", "int4")
MEASURED = "auto"  # for `OPEN` options: an export measures which is better
NEAREST, SHAPED = "nearest", "shaped"  # of `Recipe.rounding`


@dataclass(frozen=True)
class Recipe:
    """Settings of a quantization.

    Attributes:
        name: as given to ``--recipe``, or the name in a recipe.toml.
        weights: ``int8`` or ``int4`` per output channel, or ``float32`` for a float network; ``float16`` for one
            whose weights are stored so, in the recipe of this name alone.
        activations: the type of tensors between nodes: ``int8`` asymmetric or ``int16`` symmetric per
            tensor; nodes with a ``float32`` tensor are computed in float.
        products: how matrix products read int16 tensors, and h of recurrent cells: ``int8`` copies, or ``int16``
            unchanged. Tensors named in `tensors` are read unchanged.
        fused: type of the tensors that normalizations, softmax, magnitudes, means of squares and sums of products read
            and write; products read squares in it, too.
        smooth_inputs: type of a tensor that only sigmoid-like functions read.
        observer: how ranges are chosen, a key of `edgekit.quantize.calibrate.observers.OBSERVERS`, or `MEASURED`, as
            for `equalize`; without clips to leave out, and in `edgekit.quantize.apply`, that means ``mse``.
        range_margin: factor on observed ranges; 1.5 compensates for a single calibration clip.
        equalize: whether channels get equal weights across layers first (`edgekit.quantize.prepare.equalize`), or
            `MEASURED`: an export tries both on clips left out of the calibration. Without such clips, and in
            `edgekit.quantize.apply`, `MEASURED` means false.
        quiet_copies: whether every clip of the calibration is run a second time, 30 dB quieter
            (`edgekit.quantize.prepare.levels`), or `MEASURED`, as for `equalize`. Only for networks with PCM input;
            always done if the sound meets a logarithm. Then the copies begin with a burst at full scale.
        migrate: alpha of SmoothQuant, how much of the inputs' range moves into weights first (0.5 is
            usual); 0 moves nothing (`edgekit.quantize.prepare.migrate`).
        rounding: how weights become integers: a key of `edgekit.quantize.rounding.rounding.ROUNDINGS`, of which all
            but ``nearest`` fit them to the calibration, layer by layer, or `SHAPED`: all of them at once
            (`edgekit.quantize.rounding.shaped_rounding`), or `MEASURED`: ``shaped`` for a network with states that
            remember what was before silence (`edgekit.quantize.calibrate.rest.slow_states`), else ``nearest``.
        sampled: type of the tensors that a sampler adds, the noisy input and the network's outputs; unused without a
            sampler.
        states: type in which the states of `DiagonalSSM` and `SelectiveSSM` are kept, which float operators compute.
        step_groups: number of groups of a sampler's steps with separate ranges.
        bias_correction: whether biases correct the mean error of rounding in every channel: where weights are
            fitted, that of all roundings before it (`edgekit.quantize.rounding.reconstruct`), else that of its own
            weights (`edgekit.quantize.rounding.means`).
        correct_sampler: whether a sampler's rows correct the mean error of rounding in the network's outputs
            (`edgekit.quantize.diffusion.sampler_correction`).
        split_shortcut: whether convolutions of joined channels are split into one per part
            (`edgekit.quantize.prepare.split_shortcut`).
        hop_scales: whether layers read tensors that follow the level of sound at a scale computed per hop
            (`edgekit.quantize.prepare.hop_scales`); recipes that ship have it.
        sparse: whether the zeros of weights in an N:M pattern stay, and builds store such weights sparse where their
            kernels gain (`edgekit.graph.sparsity`).
        layers: ``int8`` or ``int4`` for single layers, by the name of their weights.
        tensors: the type of single tensors by name. Tensors that are the same values elsewhere
            (moved, joined, carried as a state) share it.
        scales: scale and zero point of tensors by name, instead of those of the calibration: those of an earlier build
            (`edgekit.operators.qdq.scales_of`), whose C then takes the new weights.
    """

    name: str
    weights: str = "float32"
    activations: str = "float32"
    products: str = "int8"
    fused: str = "int16"
    smooth_inputs: str = "float32"
    observer: str = "mse"
    range_margin: float = 1.0
    equalize: bool | str = False
    quiet_copies: bool | str = False
    migrate: float = 0.0
    rounding: str = NEAREST
    bias_correction: bool = False
    sampled: str = "int16"
    states: str = "float32"
    step_groups: int = 1
    correct_sampler: bool = False
    split_shortcut: bool = False
    hop_scales: bool = False
    sparse: bool = True
    layers: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, int]] = field(default_factory=dict)


# Allowed options of a recipe.toml; numbers and truth values are known by their defaults.
TRUTHS = ("equalize", "quiet_copies")  # that may also be `MEASURED`
OPEN = (*TRUTHS, "observer", "rounding")  # all that may be
CHOICES: Mapping[str, tuple[str, ...]] = {
    "weights": (*FLOATS, "int8", "int4"),
    "rounding": (NEAREST, SHAPED, "gptq", "adaround", MEASURED),
    "activations": ACTIVATION_TYPES,
    "products": ("int8", "int16"),
    "fused": ("int8", "int16"),
    "smooth_inputs": ACTIVATION_TYPES,
    "sampled": ACTIVATION_TYPES,
    "states": ("int16", "float32"),
    "observer": (
        *("minmax", "percentile99.9", "percentile", "percentile99.999", "mse", "entropy"),
        MEASURED,
    ),
}
LIMITS: Mapping[str, tuple[float, float]] = {
    "range_margin": (0.5, 4),
    "migrate": (0, 1),
    "step_groups": (1, 1000),
}
RECIPES = {
    "float32": Recipe("float32"),
    HALF: Recipe(HALF, weights=HALF),
    "w8a8": Recipe(
        "w8a8",
        weights="int8",
        activations="int8",
        smooth_inputs="int16",
        observer=MEASURED,
        equalize=MEASURED,
        quiet_copies=MEASURED,
        rounding=MEASURED,
        bias_correction=True,
        hop_scales=True,
    ),
    "w8a16": Recipe(
        "w8a16",
        weights="int8",
        activations="int16",
        products="int16",
        smooth_inputs="int16",
        rounding=MEASURED,
        bias_correction=True,
        hop_scales=True,
    ),
    "w4a8": Recipe(
        "w4a8",
        weights="int4",
        activations="int8",
        smooth_inputs="int16",
        observer=MEASURED,
        equalize=MEASURED,
        quiet_copies=MEASURED,
        rounding="gptq",
        bias_correction=True,
        hop_scales=True,
    ),
}
# Start of a search for types: it adds `tensors`. Unlike the names above, its name stands for no single recipe.
AUTO = Recipe(
    "auto",
    weights="int8",
    activations="int16",
    smooth_inputs="int16",
    bias_correction=True,
    hop_scales=True,
)
