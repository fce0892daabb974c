"""Is a build still the same network? Samples to run, and the comparison with the source network."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import ModelError, VerificationError
from edgekit.base.json_values import JsonObject
from edgekit.base.npz import write_npz
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.export.casts import undefined_casts
from edgekit.export.hop_runner import differences, run_hops, snr_db
from edgekit.export.random_inputs import draw
from edgekit.export.verify import nudge
from edgekit.graph.hops import of_hop
from edgekit.graph.integer_ranges import value_ranges
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.roles import RECURRENT
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.input_values import with_settings
from edgekit.quantize.compare import TensorComparison
from edgekit.quantize.recipe import FLOATS, HALF
from edgekit.runtime.stream import NPUS, Arrays, Stream
from edgekit.targets.macs import node_macs

HOPS = 500
MAX_VALUES = 2**22  # of one input or output in all hops: an image is verified on fewer
MAX_MACS = 2**33  # of all hops: seconds in each of the runtimes that are compared
MIN_HOPS = 4
GOLDEN_HOPS = 64
# The oracle is NumPy, one operator and one time step of a recurrent layer at a time: some ten microseconds each.
ORACLE_STEPS = 100_000
MIN_ORACLE_HOPS = 128
NOISE_SEED = 0
# the runners here, by target; others run their C
RUN_BY = {
    "wasm": "the module, in wasmtime",
    "onnxruntime": "onnxruntime",
    "litert": "LiteRT",
    "executorch": "ExecuTorch's runtime",
    **dict.fromkeys(NPUS, "LiteRT, on the file before Vela"),
}
PCM_NOISE = 0.1  # of full scale
HIGHEST_INTEGER = 1  # of integer inputs of unknown meaning: they may be indices
# SNR that a build must reach against the source network: float by its rounding alone, integers by far
# less, since their fidelity is the recipe's and the calibration's affair.
MIN_SNR_DB = {"float32": 90.0, HALF: 40.0}
MIN_SNR_INTEGER_DB = 10.0
# A float build may be this much farther from its source than the source is from itself with inputs
# that differ in the last place: onnxruntime's own rounding is not the build's fault.
OWN_NOISE_MARGIN_DB = 20.0  # a factor of ten
MIN_SNR_OWN_DB = 15.0


def default_min_snr_db(recipe: str) -> float:
    """Return the signal-to-noise ratio that a recipe must reach where the user asks for none."""
    return MIN_SNR_DB.get(recipe, MIN_SNR_INTEGER_DB)


def sample_hops(
    model: Model,
    calibration: Calibration | None,
    examples: Mapping[str, Float32] | None,
    settings: InputSettings = NO_SETTINGS,
) -> Arrays:
    """Return up to `HOPS` hops of every stream input, (hops, *shape); of large ones, and of much work, fewer.

    Session constants have their own shape, without hops. The samples are the calibration's clips, one after another
    (their hops go with the constants of the first). Without a calibration they are seeded noise, after the example
    inputs, (hops, *shape), where they fit, and the values of `settings`.
    """
    hops = verified_hops(model)
    if calibration is None:
        return with_settings(_noise_hops(model, hops, examples or {}), model, settings)
    clips = calibration.clips
    constants = {name: clips[0][name] for name in model.constants}
    names = [name for name in clips[0] if name not in constants]
    return {n: np.concatenate([clip[n] for clip in clips])[:hops] for n in names} | constants


def _noise_hops(model: Model, hops: int, examples: Mapping[str, Float32]) -> Arrays:
    """Return seeded noise of every input, after its example where that fits."""
    random = np.random.default_rng(NOISE_SEED)
    ranges = value_ranges(model, examples)
    samples: Arrays = {}

    def drawn(value: ir.Value, count: int) -> Array:
        low, high = ranges.get(str(value.name), (None, HIGHEST_INTEGER))
        return draw(value, random, count, high, low)

    for value in model.stream_inputs:
        noise = drawn(value, hops)
        if pcm_layout(model, value) is not None:
            noise *= np.float32(PCM_NOISE)
        samples[str(value.name)] = noise
        example = examples.get(str(value.name))
        if example is not None and example.shape[1:] == noise.shape[1:]:
            noise[: len(example)] = example[:HOPS]
    for value in model.constant_inputs:
        name = str(value.name)
        (samples[name],) = drawn(value, 1)
        if name in examples:
            samples[name] = np.asarray(examples[name])
    return samples


def verified_hops(model: Model, runs: int = 1) -> int:
    """Return a sufficient number of hops, bounded by the runtimes' size of one tensor and by their work.

    This is the number for each of `runs`, which share the work.
    """
    borders = *model.stream_inputs, *model.stream_outputs
    values = max([1, *(math.prod(static_shape(value) or ()) for value in borders)])
    macs = max(1, sum(node_macs(to_integer(model)).values()))
    return min(HOPS, max(MIN_HOPS, min(MAX_VALUES // values, MAX_MACS // runs // macs)))


def verify(
    stream: Stream,
    reference: Model,
    lowered: Model,
    samples: Arrays,
    min_snr_db: float | None,
    metric: Callable[[Arrays, Arrays], float] | None = None,
    progress: Callable[[int], None] | None = None,
    watched: TensorComparison | None = None,
) -> tuple[JsonObject, Arrays]:
    """Run a fresh build and the source network over `samples` and compare.

    Args:
        stream: the build.
        reference: the source network, float where the source was, run in onnxruntime.
        lowered: the source of the build; an integer build is also compared with its oracle, in as many of the first
            hops as `ORACLE_STEPS` allows.
        samples: (hops, *shape) for each stream input, (*shape) for each session constant.
        min_snr_db: the least SNR of any output that is accepted. None stands for that of the recipe, or, in float, for
            the limit set by the source's own rounding.
        metric: of the outputs and those of the source; it must reach `min_snr_db` instead of the ratio.
        progress: gets the number of hops done after each hop.
        watched: gets the oracle's result of each hop.

    For decisions, the hops in which they differ are counted. For a network of windows, whose hops are computed alone,
    the facts state that no stream was compared.

    Returns:
        The manifest's `verification`, and the build's outputs (hops, *shape). An SNR without noise or without signal is
        None.

    Raises:
        VerificationError: an output is below the accepted SNR, or an integer build differs from its oracle.
        ModelError: the same, of a network that converts floats to integers that cannot hold them.
    """
    stream.reset()
    outputs = stream.run(samples, progress)
    known = {str(value.name) for value in reference.given_inputs}
    samples_of = {name: array for name, array in samples.items() if name in known}
    expected = run_hops(reference, samples_of)  # it has no step groups
    compared = _Comparison(reference, expected, outputs)
    exact, checked_hops = None, None
    integer = lowered.quantization.recipe not in FLOATS
    if stream.compiler is not None and integer:
        exact, checked_hops = _equals_oracle(lowered, samples, outputs, watched)
    needed = default_min_snr_db(lowered.quantization.recipe) if min_snr_db is None else min_snr_db
    own: dict[str, float] = {}
    by = RUN_BY.get(stream.manifest.target, "portable C on this host")
    if min_snr_db is None and not integer and not compared.lowest >= needed:
        own = _own_noise(reference, samples_of, expected)
        by += f" (the source's own rounding: {min(own.values()):.0f} dB)"
    accepted = {} if metric is not None else _accepted_ratios(compared.ratios, needed, own)
    try:
        compared.check(exact, accepted)
    except VerificationError as error:
        if problems := undefined_casts(reference, samples_of):
            raise ModelError(problems) from error
        raise
    return {
        **_metric(metric, outputs, expected, needed),
        **_count_changed_decisions(reference, expected, outputs),
        **({"hops_alone": True} if reference.hops_alone else {}),
        "by": by,
        **compared.facts(),
        "bit_exact_with_oracle": exact,
        "oracle_hops": checked_hops,
    }, outputs


class _Comparison:
    """The measured outputs of a build against those of its source: SNR in dB and largest errors, by name."""

    def __init__(self, reference: Model, expected: Arrays, outputs: Arrays) -> None:
        measured = reference.measured_outputs
        self.hops = len(next(iter(outputs.values())))
        self.ratios = {name: snr_db(expected[name], outputs[name]) for name in measured}
        self.errors = {name: _max_abs_error(expected[name], outputs[name]) for name in measured}
        self.lowest = min(self.ratios.values(), default=math.inf)

    def facts(self) -> JsonObject:
        """The facts of all outputs together, as in the manifest's `verification`."""
        return {
            "hops": self.hops,
            "snr_db": round(self.lowest, 2) if math.isfinite(self.lowest) else None,
            "max_abs_error": max(self.errors.values(), default=0.0),
        }

    def check(self, exact: bool | None, accepted: Mapping[str, float]) -> None:
        """Refuse outputs below the accepted SNR, and integers that differ from the oracle's."""
        low = [
            f"output '{name}': {ratio:.2f} dB below its source network's signal, largest error "
            f"{self.errors[name]:.3g}; at least {accepted[name]:g} dB needed (--min-snr)"
            for name, ratio in self.ratios.items()
            if not ratio >= accepted.get(name, -math.inf)
        ]
        if low:
            raise VerificationError("\n".join(low))
        if exact is False:
            raise VerificationError("the build's integers differ from those of the NumPy oracle")


def _accepted_ratios(
    outputs: Iterable[str], needed: float, own: Mapping[str, float]
) -> dict[str, float]:
    """Return the SNR that each output must reach: the required one, or the limit set by the source's own rounding."""
    accepted = dict.fromkeys(outputs, needed)
    for name, ratio in own.items():
        accepted[name] = min(needed, max(ratio - OWN_NOISE_MARGIN_DB, MIN_SNR_OWN_DB))
    return accepted


def hops_decided_otherwise(
    reference: Model, expected: Mapping[str, Array], outputs: Mapping[str, Array]
) -> int:
    """Return the number of hops with other decisions than the source, which has decisions."""
    names = outputs.keys() - {*reference.measured_outputs}
    differ = [(expected[n] != outputs[n]).reshape(len(outputs[n]), -1).any(axis=1) for n in names]
    return int(np.any(differ, axis=0).sum())


def _metric(
    metric: Callable[[Arrays, Arrays], float] | None,
    outputs: Arrays,
    expected: Arrays,
    needed: float,
) -> dict[str, float]:
    """Return the user's metric where there is one; raise if it is too low."""
    if metric is None:
        return {}
    if (value := metric(outputs, expected)) < needed:
        raise VerificationError(f"--metric: {value:.4g}; at least {needed:g} needed (--min-snr)")
    return {"metric": value}


def _count_changed_decisions(reference: Model, expected: Arrays, outputs: Arrays) -> dict[str, int]:
    """Return the number of hops with other decisions than the source; empty if it has none."""
    if reference.decide is None:
        return {}
    return {"hops_decided_otherwise": hops_decided_otherwise(reference, expected, outputs)}


def write_golden(
    directory: Path, inputs: Arrays, outputs: Arrays, constants: Sequence[str]
) -> None:
    """Write input.npz and output.npz: the first hops of a verified run from the fresh state.

    The `constants` among the inputs are written as they are.
    """
    directory.mkdir()
    for name, arrays in (("input", inputs), ("output", outputs)):
        cut = {n: a if n in constants else a[:GOLDEN_HOPS] for n, a in arrays.items()}
        write_npz(directory / f"{name}.npz", cut)


def _own_noise(reference: Model, samples: Arrays, expected: Arrays) -> dict[str, float]:
    """The ratio in dB of each measured output of the source to the same with inputs off in the last place."""
    nudged = run_hops(reference, nudge(samples, NOISE_SEED))
    return {name: snr_db(expected[name], nudged[name]) for name in reference.measured_outputs}


def _equals_oracle(
    lowered: Model, samples: Arrays, outputs: Arrays, watched: TensorComparison | None
) -> tuple[bool, int]:
    """Whether the oracle makes the same bits of the first hops, and of how many."""
    oracle = Oracle(lowered)
    hops = min(len(next(iter(outputs.values()))), oracle_hops(oracle))
    for hop in range(hops):
        predicted = oracle.process(of_hop(lowered, samples, hop))
        if watched is not None:
            watched.see(oracle)
        if not all(np.array_equal(predicted[name], outputs[name][hop]) for name in outputs):
            return False, hop + 1
    return True, hops


def oracle_hops(oracle: Oracle) -> int:
    """Return the number of hops that NumPy runs, so that operators times time steps are at most `ORACLE_STEPS`."""
    steps = sum(
        dims(node.inputs[0])[0] if node.op_type in RECURRENT and node.inputs[0] else 1
        for node in oracle.graph
    )
    return max(ORACLE_STEPS // max(steps, 1), MIN_ORACLE_HOPS)


def _max_abs_error(expected: Float32, value: Float32) -> float:

    return float(np.abs(differences(expected, value)[1]).max(initial=0.0))
