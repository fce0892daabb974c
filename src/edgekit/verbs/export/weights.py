"""Verbs that change the weights of a network: `prune` and `finetune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from edgekit.base.progress import Progress, silent
from edgekit.verbs.export import entry_points
from edgekit.verbs.export.literal_names import RecipeName
from edgekit.verbs.export.network_requests import read_finetune_request, read_prune_request
from edgekit.verbs.export.options import NetworkOptions
from edgekit.verbs.keywords import suggest_keywords

if TYPE_CHECKING:
    from edgekit.export.prune import PrunedLayer
    from edgekit.verbs.export.finetune import TuningResult


@suggest_keywords
def prune(
    source: str,
    pattern: str,
    out: str | Path,
    *,
    layers: str | None = None,
    smallest: int | None = None,
    progress: Progress = silent,
) -> "tuple[PrunedLayer, ...]":
    """Write a float network with N:M sparse weights as one .onnx; return the result for each weight.

    Of each M weights along the input dimension the N of largest magnitude stay.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        pattern: ``2:4``, ``1:4``, ``2:8``, ``1:8`` or ``1:16``.
        out: the file to write.
        layers: a regular expression that names of layers or weights must have; all where it is left out.
        smallest: layers with fewer weights are left, by default those below 1024.
        progress: gets the stage, the steps done, and the number of steps.

    Raises:
        UsageError: everything that is wrong with the request or the network.
    """
    request = read_prune_request(source, Path(out), pattern, layers, smallest)
    return entry_points.prune(request, progress)


@suggest_keywords
def finetune(
    source: str,
    recipe: RecipeName | str | Path,
    calibration: str,
    out: str | Path,
    *,
    steps: int,
    seed: int = 0,
    progress: Progress = silent,
    **options: Unpack[NetworkOptions],
) -> "TuningResult":
    """Train a network's float weights and its scales for the integers of a recipe; write an .onnx and a recipe.toml.

    The integers' outputs are pulled towards those of the float network, on the calibration; there are no labels. A
    quarter of the clips is left out of training and calibration, and measured. `export` takes both files with
    the same calibration, sample rate and front end. An interrupted call leaves a checkpoint next to the file. The same
    call goes on from it, with the same result.

    Args:
        source: ``package.module:factory``, a .pt2 or an .onnx.
        recipe: ``w8a8``, ``w8a16``, ``w4a8``, or a recipe.toml.
        calibration: a folder of .wav, .csv or .npz, or ``package.module:factory``.
        out: the .onnx to write.
        steps: of training; some hundreds.
        seed: 0 to 2^32 - 1, of all random numbers.
        progress: gets the stage, the steps done, and the number of steps.
        options: as `edgekit.verbs.export.options.NetworkOptions` declares them.

    Raises:
        UsageError: all problems with request, network or calibration, or a checkpoint of another training.
        VerificationError: the integers gain less than 0.5 dB; nothing is written, and the message has the reason.
    """
    name = str(recipe)
    request = read_finetune_request(source, Path(out), name, calibration, steps, seed, options)
    return entry_points.finetune(request, progress)
