"""Makes the networks of `costs/`, whose costs `tests/test_costs.py` pins; GTCRN's by bench/published_networks.py.

    PYTHONPATH=tests:bench .venv/bin/python tests/pinned/make_cost_networks.py [NAME ...]

Costs depend on shapes and types, not on weights: these are 0 in the files, and `costs.network` draws them.
"""

import gzip
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import hops
import numpy as np
import onnx_ir as ir
from builds import noise
from costs import FOLDER, drawn
from published_signals import bundled_speech

from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.from_torch import from_torch
from edgekit.export.frontend.guard import guard_inputs
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export.importing import load_model


def denoiser() -> Model:
    """The bundled denoiser, PCM to PCM."""
    model = load_model(str(NETWORK), OPTIONS).model
    hop = model.stream.hop_samples or 0
    speech = bundled_speech(hop * 40)[1].reshape(-1, 1, hop).astype(np.float32)
    return quantize(model, Calibration(({"pcm": speech},), "speech"), "w8a8")


def keyword(recipe: str) -> Model:
    """The keyword network."""
    model = guard_inputs(from_torch("keyword_network:ds_cnn", name="keyword")[0])
    if recipe == "float32":
        return model
    return quantize(model, Calibration((noise(model, 6),), "noise"), recipe)


NETWORKS: dict[str, Callable[[], Model]] = {
    **{f"{name}-w8a8": partial(hops.model, name, "w8a8") for name in ("a", "b", "c", "gtcrn")},
    "denoiser-w8a8": denoiser,
    "keyword-w8a8": partial(keyword, "w8a8"),
    "keyword-float32": partial(keyword, "float32"),
}


def without_weights(model: Model) -> Model:
    """The same with zeros in the place of what `drawn` draws."""
    copy = model.ir.clone()
    for name, value in copy.graph.initializers.items():
        array = drawn(name, value)
        if array is not None:
            value.const_value = ir.tensor(np.zeros_like(array), name=name)
    return Model(copy)


def main() -> int:
    """Write the files of the networks that the command line names, by default all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or NETWORKS:
        own = without_weights(
            NETWORKS[name]().describe(source={"name": f"cost {name}", "sha256": ""})
        )
        path: Path = FOLDER / f"{name}.onnx.gz"
        path.write_bytes(gzip.compress(own.to_bytes(), mtime=0))
        print(path.name, path.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
