"""The C of the benchmark networks beside other engines: one core, one thread, in turn: docs/results/benchmarks.md.

    python bench peers [NETWORK ...] [--results build/bench] [--out docs/results/benchmarks.md]

Every engine runs hops of the same network with states carried; what depends on a session's constants alone is
computed before. Outputs are compared first: an engine below 10 dB against float has no time. Engines other than
onnxruntime are those of ``edgekit bench --against``; what they convert is kept in the folder of results, and so
is each measured row: a run that was cut goes on where it stopped, and a complete one begins anew.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from hops import build, given, model
from layers.layer_page import kept
from networks import BENCHMARKS
from speed.benchmark_page import page
from speed.kernels import by_kernel
from speed.kernels import measure as measure_kernels
from speed.sweep import Sweep
from tables import ResultFile

from edgekit.base.errors import EdgeKitError
from edgekit.peers.peer import PEERS
from edgekit.peers.peer_runs import PeerRun, SessionContender, hop_part, record_hops, session_values
from edgekit.peers.program import plain_onnx
from edgekit.runtime.bench.contenders import (
    Arrays,
    Contender,
    NativeContender,
    OnnxruntimeContender,
)
from edgekit.runtime.bench.golden import apart_db
from edgekit.runtime.bench.measure import LEAST_SNR_DB, WARM_UP_HOPS, measure_local, one_core
from edgekit.targets.describe import describe

KERNELS = ("a", "b", "c")  # networks whose kernels are timed apart
SWEPT = ("a", "float32")
SWEEP = "reading the weights"
Row = dict[str, Any]


class OrtReader:
    """Feeds of hops, as onnxruntime's calibration reads them."""

    def __init__(self, feeds: Arrays) -> None:
        """Take what all inputs hold, (hops, *shape)."""
        hops = len(next(iter(feeds.values())))
        self._feeds = iter([{name: a[hop] for name, a in feeds.items()} for hop in range(hops)])

    def get_next(self) -> Arrays | None:
        """The feed of one hop."""
        return next(self._feeds, None)


def onnxruntime_int8(beside: PeerRun, form: str, folder: Path) -> tuple[Contender, str]:
    """Return onnxruntime on its own int8 of the float network: ``dynamic``, or ``static`` QDQ."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

    hop, kept = session_values(beside.plain, beside.inputs)
    plain, out = folder / "float.onnx", folder / f"{form}.onnx"
    plain.write_bytes(plain_onnx(hop))
    if form == "dynamic":
        quantize_dynamic(plain, out)
    else:
        quantize_static(
            plain,
            out,
            OrtReader(record_hops(hop, beside.inputs)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
    engine = OnnxruntimeContender(out.read_bytes(), describe(hop, "host"))
    return SessionContender(engine, kept), engine.version


def contenders(
    beside: PeerRun, folder: Path, stack: ExitStack
) -> Iterator[tuple[str, tuple[Contender, str] | str]]:
    """Other engines by the name of their row, each with its version, or why it does not run."""
    makers = {"onnxruntime": beside.onnxruntime}
    if beside.is_integer:
        for form in ("static", "dynamic"):
            makers[f"onnxruntime {form}"] = lambda form=form: onnxruntime_int8(beside, form, folder)
    for row, (name, form) in beside.forms(list(PEERS)).items():
        makers[row] = lambda name=name, form=form: beside.worker(name, form, stack)
    for row, make in makers.items():
        print(f"    {row}", file=sys.stderr, flush=True)
        try:
            yield row, make()
        except EdgeKitError as error:
            yield row, reason(error)
        except Exception as error:  # onnxruntime's quantizer raises what comes
            yield row, f"{type(error).__name__}: {reason(error)}"


def reason(error: Exception) -> str:
    """The first line of a message, with the names of files alone."""
    return re.sub(r"/[^\s:]*/", "", (str(error).splitlines() or ["no message"])[0])


def lowest(ours: Arrays, theirs: Arrays) -> float | None:
    """The lowest ratio of all outputs in dB; None where they are equal."""
    found = min(apart_db(ours, theirs).values(), default=np.inf)
    return None if found == np.inf else float(found)


def is_same(apart: float | None) -> bool:
    """Whether outputs so far apart, in dB, are of one network; None is equal."""
    return apart is None or apart >= LEAST_SNR_DB


def measure(name: str, recipe: str, cache: Path) -> Row:
    """Measure one network."""
    benchmark = BENCHMARKS[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own = folder / "build"
        own.mkdir()
        made = build(name, recipe, "host", own)
        manifest = made.manifest
        ours = NativeContender(own, manifest)
        inputs: Arrays = dict(given(name, model(name, recipe), benchmark.hops))
        for tensor in manifest.constants:
            inputs[tensor.name] = np.random.default_rng(4).standard_normal(tensor.shape, np.float32)
        fixed = {tensor.name for tensor in manifest.constants}
        short = {n: a if n in fixed else a[:WARM_UP_HOPS] for n, a in inputs.items()}
        beside = PeerRun(model(name, recipe), model(name, "float32"), inputs, cache)
        exact, _ = hop_part(beside.plain, inputs)[0].run(short)
        outputs, _ = ours.run(short)
        engines: dict[str, Row] = {"EdgeKit": {"float_db": lowest(outputs, exact)}}
        peers: dict[str, tuple[Contender, str]] = {}
        with one_core():
            for row, found in contenders(beside, folder, stack):
                if isinstance(found, str):
                    engines[row] = {"failed": found}
                    continue
                try:
                    theirs = found[0].run(short)[0]
                except EdgeKitError as error:
                    engines[row] = {"failed": reason(error)}
                    continue
                apart = {"float": lowest(theirs, exact), "ours": lowest(outputs, theirs)}
                engines[row] = {"float_db": apart["float"]}
                names = {"float": "to float", "ours": "to EdgeKit"}
                far = [f"{db:.1f} dB {names[of]}" for of, db in apart.items() if not is_same(db)]
                if far:
                    engines[row]["failed"] = f"the SNR of its outputs is {' and '.join(far)}"
                else:
                    peers[row] = found
        if (name, recipe) == SWEPT:
            weights_bytes = manifest.memory["weights_bytes"]
            assert weights_bytes is not None
            peers[SWEEP], engines[SWEEP] = (Sweep(weights_bytes), ""), {}
        result = measure_local(ours, peers, inputs, manifest, lambda _done, _total: None)
    assert result.times is not None
    engines["EdgeKit"] |= {"median_us": result.times.median_us, "p99_us": result.times.p99_us}
    for row, peer in result.against.items():
        engines[row] |= {
            "median_us": peer.times.median_us,
            "p99_us": peer.times.p99_us,
            "ours_db": peer.snr_db,
            "version": peer.version,
        }
    facts = json.loads(manifest.to_json())
    found_row: Row = {
        "network": name,
        "recipe": recipe,
        "hops": benchmark.hops,
        "engines": engines,
        "macs": facts["macs_per_hop"],
        "memory": facts["memory"],
    }
    if name in KERNELS:
        times, nodes = measure_kernels(name, recipe, "host", benchmark.hops)
        found_row["kernels"] = by_kernel(nodes, times.node_us)
    return found_row


def main() -> int:
    """Measure what the folder of results does not hold yet, print, and write the page."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(BENCHMARKS), metavar="NETWORK")
    parser.add_argument("--results", type=Path, default=Path("build/bench"), metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE")
    asked = parser.parse_args()
    path = asked.results / "rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = ResultFile[Row](path, dict)
    rows = file.read()
    done = {(row["network"], row["recipe"]) for row in rows}
    wanted = [(name, recipe) for name in asked.networks for recipe in BENCHMARKS[name].recipes]
    for name, recipe in wanted:
        if (name, recipe) in done:
            continue
        print(f"{name} {recipe}", file=sys.stderr, flush=True)
        rows.append(measure(name, recipe, asked.results))
        file.append(rows[-1])
    text = page([row for row in rows if (row["network"], row["recipe"]) in wanted])
    print(text)
    if asked.out is not None:
        asked.out.write_text(text + kept(asked.out), encoding="utf-8")
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
