"""The replay program of a build for another machine: the binding of the network, and its golden data in C.

The rest of the program is ``runtime/replay/``. It runs the build on golden inputs, compares each output with that of a
verified run, and ends with PASS or FAIL. Integers must be the same bits: those that the network computes from the
golden integers at its border, whatever comes before and after them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files

import numpy as np

from edgekit.base.arrays import Array
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.bench.golden import least_db
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.sampler import conditions
from edgekit.targets.build import Build, Layer
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.literals import array_text
from edgekit.targets.c.templates import template

FOLDER = "replay"
SEED = "seed"  # of a sampling: the first input of its replay
GOLDEN_BYTES = 200_000  # of inputs and outputs, and of layers as many again
GOLDEN_HOPS = 64
EXAMPLE_BYTES = 32_768  # of golden data in a package, whose boards may be small
PROGRAM_BYTES = 16_384  # of flash, which the replay program itself may take
BORDER = (
    "Finite",
    "Dequantize",
    "Move",
    "Reshape",
    "Identity",
)  # float layers of an integer network

Arrays = Mapping[str, Array]
Files = dict[str, bytes]


Held = Sequence[tuple[Layer, Array]]  # expected values of layers: (hops, *shape)


def replay_files(
    manifest: Manifest, profile: Profile, others: Mapping[str, Manifest] | None = None
) -> dict[str, bytes]:
    """Return all sources of the replay program but ``golden.c``, which needs a verified run."""
    main = files("edgekit.runtime") / "replay" / "main.c"
    made = {f"{FOLDER}/{name}": content for name, content in port_files(profile).items()}
    made[f"{FOLDER}/main.c"] = main.read_bytes()
    draws = manifest.sampler is not None
    network = _sampling_text(manifest, others or {}) if draws else _network(manifest)
    made[f"{FOLDER}/network.c"] = network.encode()
    made[f"{FOLDER}/layers.c"] = (_no_layers if draws else _layers)(manifest).encode()
    if profile.is_bare:
        made[f"{FOLDER}/board.ld"] = linker_script(manifest.c_name, profile).encode()
    return made


def port_files(profile: Profile) -> dict[str, bytes]:
    """Return the files that replace an operating system, and the header."""
    root = files("edgekit.runtime") / "replay"
    port = "port_semihosting.c" if profile.is_bare else "port_stdio.c"
    return {name: (root / name).read_bytes() for name in ("replay.h", port)}


def example_files(build: Build, manifest: Manifest, inputs: Arrays, outputs: Arrays) -> Files:
    """The replay as an example of a package: main.c, replay.h, network.c, layers.c and golden.c, without printing.

    It compares outputs, of as many of the first hops as fit in `EXAMPLE_BYTES`.
    """
    root = files("edgekit.runtime") / "replay"
    golden = golden_file(manifest, inputs, outputs, (), is_all_integers(build), EXAMPLE_BYTES)
    return {
        "main.c": (root / "main.c").read_bytes(),
        "replay.h": (root / "replay.h").read_bytes(),
        "network.c": _network(manifest).encode(),
        "layers.c": NO_LAYERS.encode(),
        "golden.c": golden,
    }


def golden_source(
    build: Build,
    manifest: Manifest,
    model: Model,
    inputs: Arrays,
    outputs: Arrays,
    profile: Profile,
    room: int | None = None,
) -> bytes:
    """Return ``golden.c`` of a verified run: as many of its first hops as fit, from the fresh state.

    Args:
        build: the one to replay.
        manifest: its facts, with the verification.
        model: the source of the build.
        inputs: (hops, *shape) by name, of session constants (*shape); of a sampler seeds and conditions of images.
        outputs: those of the run, likewise; of a sampler ``x``, the images.
        profile: the device, whose memory for weights holds golden data too.
        room: bytes on a board of the user's own for them.
    """
    limit = GOLDEN_BYTES
    if manifest.sampler is not None:
        facts = sampling_manifest(manifest, build.others)
        return golden_file(facts, inputs, outputs, (), is_all_integers(build), limit)
    if profile.is_bare:
        left = profile.memory["weights"].bytes - (manifest.memory["weights_bytes"] or 0)
        left = left if room is None else min(left, room - PROGRAM_BYTES)
        limit = min(limit, max(0, left // 2))
    chosen = [layer for layer in build.layers if layer.border is not None]
    held = layer_values(model, chosen, inputs, GOLDEN_HOPS) if chosen else []
    return golden_file(manifest, inputs, outputs, held, is_all_integers(build), limit)


def is_all_integers(build: Build) -> bool:
    """Whether a network computes in integers alone, but for quantizing inputs and the like of outputs."""
    integers = build.manifest.quantization["recipe"] != "float32"
    return integers and all(
        layer.operator in BORDER for layer in build.layers if layer.dtype == "float32"
    )


def layer_values(model: Model, layers: Sequence[Layer], inputs: Arrays, hops: int) -> Held:
    """Run the oracle over the first hops of `inputs`; return those of `layers` that it knows, and their values."""
    oracle = Oracle(model)
    rows = defaultdict[str, list[Array]](list)
    for hop in _hops(model, inputs, hops):
        oracle.process(hop)
        for layer in layers:
            value = oracle.values.get(layer.name)
            if value is not None and value.shape == layer.shape:
                rows[layer.name].append(value.astype(layer.dtype))
    return [(layer, np.stack(rows[layer.name])) for layer in layers if rows[layer.name]]


def _hops(model: Model, inputs: Arrays, hops: int) -> Iterator[Arrays]:
    """The inputs of each hop, session constants too."""
    streams = {name: array for name, array in inputs.items() if name not in model.constants}
    constants = {name: inputs[name] for name in model.constants}
    for hop in range(min(hops, *(len(array) for array in streams.values()))):
        yield {**{name: array[hop] for name, array in streams.items()}, **constants}


def hops_within(limit: int, arrays: Sequence[Array], hops: int) -> int:
    """Return the number of hops of all `arrays`, (hops, *shape), within `limit` bytes: 1 to `hops`."""
    bytes_per_hop = sum(math.prod(a.shape[1:]) * a.dtype.itemsize for a in arrays)
    return max(1, min(hops, limit // max(1, bytes_per_hop), *(len(a) for a in arrays)))


def golden_file(
    manifest: Manifest, inputs: Arrays, outputs: Arrays, held: Held, exact: bool, limit: int
) -> bytes:
    """Return the text; `exact`: float outputs must be the same bits; `limit` is for each of two parts.

    Layers of an integer network must be the oracle's bits; those of a float one as near as its outputs.
    """
    exact_layers = manifest.quantization["recipe"] != "float32"
    constants, ins, outs = manifest.constants, manifest.hop_inputs, manifest.stream_outputs
    arrays = [*(inputs[t.name] for t in ins), *(outputs[t.name] for t in outs)]
    hops = hops_within(limit, arrays, GOLDEN_HOPS)
    layer_hops = hops_within(limit, [values for _, values in held], hops) if held else 0
    parts = [
        *_arrays("constant", (inputs[t.name] for t in constants)),
        *_arrays("in", (inputs[t.name][:hops] for t in ins)),
        *_arrays("out", (outputs[t.name][:hops] for t in outs)),
        *_arrays("layer", (values[:layer_hops] for _, values in held)),
    ]
    layers = [layer for layer, _ in held]
    rows_layer = [
        f"{{{row}, {layer.number}, {int(layer.border == 'in')}}}"
        for row, layer in zip(_rows("layer", layers, exact_layers), layers, strict=True)
    ]
    return GOLDEN.format(
        arrays="\n".join(parts),
        hops=hops,
        layer_hops=layer_hops,
        ratio=10 ** (least_db(manifest) / 10),
        n_in=len(ins),
        n_out=len(outs),
        n_layer=len(held),
        sums=max(1, len(held)),
        inputs=",\n    ".join(_rows("in", ins, False)),
        outputs=",\n    ".join(_rows("out", outs, exact)),
        constants=",\n    ".join(_rows("constant", constants, False)) or NO_TENSOR,
        layers=",\n    ".join(rows_layer) or f"{{{NO_TENSOR}, -1, 1}}",
    ).encode()


def _arrays(kind: str, arrays: Iterable[Array]) -> list[str]:
    return [_array(f"golden_{kind}_{i}", array) for i, array in enumerate(arrays)]


def _rows(kind: str, tensors: Iterable[Tensor | Layer], exact: bool) -> list[str]:
    return [_row(f"golden_{kind}_{i}", tensor, exact) for i, tensor in enumerate(tensors)]


def _network(manifest: Manifest) -> str:
    outs = manifest.stream_outputs
    arrays = [
        f"static {C_ARRAYS[t.dtype]} replay_output_{i}[{math.prod(t.shape)}];"
        for i, t in enumerate(outs)
    ]
    results = ", ".join(f"replay_output_{i}" for i in range(len(outs)))
    return NETWORK.format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        arrays="\n".join(arrays),
        results=results,
        **_arguments(manifest),
    )


def sampling_manifest(manifest: Manifest, others: Mapping[str, Manifest]) -> Manifest:
    """Return the facts of a replay that draws samples: a hop is one image, its inputs are seed and conditions."""
    table = manifest.steps
    assert table is not None
    x = next(tensor for tensor in manifest.stream_inputs if tensor.name == table.roles.x)
    inputs = (Tensor(SEED, (1,), "int64", "stream"), *conditions(manifest, table, others))
    image = others["last"].stream_outputs[0] if "last" in others else x
    return replace(manifest, inputs=inputs, outputs=(replace(image, name="x"),))


def _sampling_text(manifest: Manifest, others: Mapping[str, Manifest]) -> str:
    facts = sampling_manifest(manifest, others)
    (x,), given = facts.stream_outputs, facts.stream_inputs[1:]
    pointers = ", ".join(f"inputs[{i}]" for i in range(1, 1 + len(given)))
    return SAMPLING.format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        size=math.prod(x.shape),
        given=f"    const {manifest.c_name}_conditions given = {{{pointers}}};\n" if given else "",
        argument="&given, " if given else "",
    )


def _no_layers(_: Manifest) -> str:
    return NO_LAYERS


def _layers(manifest: Manifest) -> str:
    functions = ["init", "reset", "session", "process", "process_s16", "end", "sample", "check"]
    functions += ["seed"] if manifest.noise is not None else []
    functions += ["iterate"] if manifest.until is not None else []
    renamed = "\n".join(
        f"#define {manifest.c_name}_{f} replay_layers_{manifest.c_name}_{f}" for f in functions
    )
    return LAYERS.format(
        name=manifest.c_name, upper=manifest.c_name.upper(), renamed=renamed, **_arguments(manifest)
    )


def _arguments(manifest: Manifest) -> dict[str, str]:
    ins, outs = len(manifest.hop_inputs), len(manifest.stream_outputs)
    constants = ", ".join(f"replay_constants[{i}].data" for i in range(len(manifest.constants)))
    session = SESSION.format(name=manifest.c_name, constants=constants)
    return {
        "session": session if constants else "    return replay_network == NULL;\n",
        "in_pointers": ", ".join(f"inputs[{i}]" for i in range(ins)),
        "out_pointers": ", ".join(f"replay_results[{i}]" for i in range(outs)),
    }


def _array(name: str, values: Array) -> str:
    ctype = C_ARRAYS[values.dtype.name]
    return f"static const {ctype} {name}[{values.size}] = {{\n{array_text(values)}\n}};"


def _row(array: str, tensor: Tensor | Layer, exact: bool) -> str:
    plain = (c if c.isprintable() and c.isascii() and c not in '"\\' else "_" for c in tensor.name)
    size = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    is_float = int(tensor.dtype == "float32")
    return f'{{"{"".join(plain)}", {array}, {size}, {is_float}, {int(exact)}}}'


NO_TENSOR = '{"", 0, 0, 0, 0}'

GOLDEN = template("golden.c")

NETWORK = template("replay_network.c")

SAMPLING = template("replay_sampling.c")

NO_LAYERS = """\
#include "replay.h"

/* A sampling is compared as a whole. */
int replay_reset_layers(void)
{
    return 1;
}

int replay_process_layers(const void *const *inputs)
{
    (void)inputs;
    return 1;
}
"""

SESSION = """\
    const {name}_constants constants = {{{constants}}};
    return replay_network == NULL || {name}_session(replay_network, replay_scratch, &constants) != 0;
"""

LAYERS = """\
#include "replay.h"

/* The build's own source once more, under other names, with a look at every layer. */
#define EK_LAYER(number, data) replay_look(number, data)
{renamed}
#include "../{name}.c"

extern unsigned char replay_state[{upper}_STATE_BYTES], replay_scratch[];
static {name} *replay_network;

int replay_reset_layers(void)
{{
    replay_network = {name}_init(replay_state, sizeof replay_state);
{session}}}

int replay_process_layers(const void *const *inputs)
{{
    const {name}_inputs in = {{{in_pointers}}};
    {name}_outputs out = {{{out_pointers}}};
    return {name}_process(replay_network, replay_scratch, &in, &out);
}}
"""
