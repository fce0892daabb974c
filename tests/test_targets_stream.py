"""Random streamed networks in generated C: blocks of any length, the end of a stream included."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from c_kernels import needs_cc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_layers import TIMES, layers, network_of

from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare, run, session
from edgekit.runtime.manifest import MANIFEST_NAME
from edgekit.runtime.stream import Stream
from edgekit.targets.target import TARGETS


def in_c(model, folder):
    build = TARGETS["host"].lower(model, "host")
    for name, content in build.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / MANIFEST_NAME).write_text(build.manifest.to_json())
    return Stream.open(folder)


@needs_cc
@settings(max_examples=30 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    layers(depth=2, stride=6), st.integers(0, 99), st.integers(1, 3), st.lists(st.integers(0, 40))
)
def test_blocks_of_any_length_through_c_equal_the_whole(layer, seed, times, blocks):
    data = network_of(layer, seed)
    analysis = analyse(onnx_offline(data, name="net"))
    least = analysis.facts.minimum_hop()
    model = rewrite(analysis, times * least)
    blocks = [*blocks, 8 * least, -sum(blocks) % least]  # the whole: a multiple of the least hop
    x = np.random.default_rng(seed).normal(size=(1, 1, sum(blocks))).astype(np.float32)
    with TemporaryDirectory() as folder:
        stream, parts, place = in_c(model, Path(folder)), [], 0
        for block in blocks:
            parts += stream.push({"x": x[:, :, place : place + block]}).values()
            place += block
        parts += stream.flush().values()
    ((name, timing),) = [item for item in model.timing.items() if item[0] != "x"]
    found = np.concatenate(parts, timing.axis)[..., timing.delay_frames :]
    compare(run(session(data), {"x": x}), {name: found}, what="in C it")
