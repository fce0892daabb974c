"""Networks of the zoo as float and w8a8 models, and builds of them in folders."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from c_kernels import CC
from numpy.typing import NDArray

from edgekit.export.from_torch import from_torch
from edgekit.export.frontend.guard import guard_inputs
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.build import Build
from edgekit.verbs.targets import TARGETS

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
Inputs = dict[str, NDArray[np.float32]]

REPLAY = """\
#include <stdio.h>
#include <stdlib.h>
#include "{name}.h"
/* Reads hops of all inputs from argv[1], writes hops of all outputs to argv[2]. */
int main(int argc, char **argv)
{{
    FILE *const source = fopen(argv[1], "rb"), *const sink = fopen(argv[2], "wb");
    void *const state = aligned_alloc({upper}_ALIGN, {upper}_STATE_BYTES);
    const size_t blocks = {upper}_SCRATCH_BYTES / {upper}_ALIGN + 1;
    void *const scratch = aligned_alloc({upper}_ALIGN, blocks * {upper}_ALIGN);
    {name} *const net = {name}_init(state, {upper}_STATE_BYTES);
    float *const x = malloc({n_in} * sizeof(float)), *const y = malloc({n_out} * sizeof(float));
    const {name}_inputs in = {{{in_pointers}}};
    {name}_outputs out = {{{out_pointers}}};
    (void)argc;
    if (net == NULL) {{
        return 2;
    }}
    while (fread(x, sizeof(float), {n_in}, source) == {n_in}) {{
        if ({name}_process(net, scratch, &in, &out) != 0) {{
            return 3;
        }}
        fwrite(y, sizeof(float), {n_out}, sink);
    }}
    fclose(source);
    fclose(sink);
    free(state), free(scratch), free(x), free(y);
    return 0;
}}
"""


@cache
def float_model(name: str) -> Model:
    """A network of the zoo, imported and guarded, as `edgekit export` does."""
    model, _ = from_torch(f"zoo:{name}", name=name)
    return guard_inputs(model)


@cache
def int8_model(name: str) -> Model:
    """The same at w8a8, calibrated on seeded noise."""
    model = float_model(name)
    return quantize(model, Calibration((noise(model, 60, seed=1),), "noise"), "w8a8")


def noise(model: Model, hops: int, seed: int = 0) -> Inputs:
    """Seeded standard normal stream inputs, (hops, *shape)."""
    random = np.random.default_rng(seed)
    shapes = {str(v.name): [int(d) for d in v.shape or ()] for v in model.stream_inputs}
    return {n: random.standard_normal((hops, *s)).astype(np.float32) for n, s in shapes.items()}


def lowered(model: Model, folder: Path, target: str = "host", **own: Any) -> Build:
    """Write a build's files and manifest into a new folder, without the checks of an export."""
    assert not TARGETS[target].check(model, **own)
    build = TARGETS[target].lower(model, target, **own)
    for name, content in build.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(build.manifest.to_json())
    return build


def replay(
    build: Build, folder: Path, inputs: Inputs, options: tuple[str, ...]
) -> list[NDArray[np.float32]]:
    """Compile the build with a main that replays `inputs`; returns the outputs in manifest order."""
    manifest = build.manifest
    ins, outs = manifest.hop_inputs, manifest.stream_outputs
    n_in, n_out = ([int(np.prod(t.shape)) for t in tensors] for tensors in (ins, outs))
    starts_in, starts_out = (np.cumsum([0, *sizes[:-1]]) for sizes in (n_in, n_out))
    text = REPLAY.format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        n_in=sum(n_in),
        n_out=sum(n_out),
        in_pointers=", ".join(f"x + {s}" for s in starts_in),
        out_pointers=", ".join(f"y + {s}" for s in starts_out),
    )
    (folder / "replay_main.c").write_text(text)
    hops = np.concatenate([inputs[t.name].reshape(len(inputs[t.name]), -1) for t in ins], axis=1)
    hops.astype(np.float32).tofile(folder / "in.bin")
    sources = [name for name in build.files if name.endswith(".c")]
    assert CC is not None
    # The replay's aligned_alloc is C11; the build itself is compiled as strict C99.
    objects = [CC, *STRICT, *options, "-c", *sources]
    subprocess.run(objects, cwd=folder, check=True, capture_output=True, text=True)
    made = [name.replace(".c", ".o") for name in sources]
    main = [CC, *options, "replay_main.c", *made, "-o", "replay"]
    subprocess.run(main, cwd=folder, check=True, capture_output=True, text=True)
    subprocess.run(
        ["./replay", "in.bin", "out.bin"], cwd=folder, check=True, capture_output=True, text=True
    )
    flat = np.fromfile(folder / "out.bin", np.float32).reshape(len(hops), -1)
    ends = [*starts_out[1:], sum(n_out)]
    return [
        flat[:, a:b].reshape(len(hops), *t.shape)
        for t, a, b in zip(outs, starts_out, ends, strict=True)
    ]
