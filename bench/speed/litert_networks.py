"""Networks as .tflite in LiteRT beside the oracle of the C targets: signal-to-noise ratios against the float source.

    python bench litert_networks [NETWORK ...]

float32 is the float file, float16 the one with weights in half precision; *oracle* and *LiteRT* are the same w8a8
network in our integers and in LiteRT's, calibrated and run on seeded noise with states carried, dB of the lowest
output. *in float* counts the operators that LiteRT has no integers for.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from hops import noise
from networks import BENCHMARKS, Benchmark
from published_networks import CACHE, NETWORKS, path_of

from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.rounding.half import half_weights
from edgekit.runtime.stream import Arrays, Stream
from edgekit.targets.litert import check_litert, lower_litert
from edgekit.verbs.export.importing import load_model

HOPS = 60
MORE = {
    "silero": Benchmark(str(path_of("silero_op15", CACHE)), NETWORKS["silero_op15"].options(1)),
    "blazeface": Benchmark("vision:blazeface"),
}


def in_litert(model: Model, inputs: Arrays) -> tuple[Arrays, int]:
    """The outputs of a model in LiteRT, and how many operators its notes name."""
    assert not check_litert(model), check_litert(model)
    build = lower_litert(model, "litert")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for name, content in build.files.items():
            (folder / name).write_bytes(content)
        (folder / "manifest.json").write_text(build.manifest.to_json(), encoding="utf-8")
        outputs = Stream.open(folder).run(inputs)
    return outputs, sum(note.count("'") // 2 for note in build.notes)


def main() -> int:
    """Print one row per network; 1 where a float file is below 90 dB or an int8 one 0.5 dB below the oracle."""
    networks = {**BENCHMARKS, **MORE}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(networks))
    far = 0
    print("network        float32 float16  oracle  LiteRT  in float")
    for name in parser.parse_args().networks:
        row = networks[name]
        exact = guard_inputs(load_model(row.source, row.options).model)
        inputs = dict(noise(exact, HOPS, seed=3))
        expected = run_hops(exact, inputs)
        integer = quantize(exact, Calibration((inputs,), "noise"), "w8a8")
        halved = in_litert(half_weights(exact)[0], inputs)[0]
        found = [in_litert(exact, inputs)[0], halved, Oracle(integer).run_hops(inputs)]
        theirs, islands = in_litert(integer, inputs)
        real, half, ours, other = (
            min(snr_db(array, outputs[key]) for key, array in expected.items())
            for outputs in (*found, theirs)
        )
        far += real < 90 or other < ours - 0.5
        row_db = f"{real:7.1f} {half:7.1f} {ours:7.1f} {other:7.1f}"
        print(f"{name:14} {row_db} {islands:9}", flush=True)
    return int(far > 0)


if __name__ == "__main__":
    sys.exit(main())
