"""``recorder/``: a build's C with a recorder of what it takes and gives, and the meaning of a recording's bytes."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import RECORDER_FOLDER, Manifest, Tensor
from edgekit.runtime.recording_file import LAYOUT_NAME, build_number
from edgekit.targets.build import Build, StateField
from edgekit.targets.c.plan.storage import Layout, nbytes
from edgekit.targets.c.program.pcm import pcm_call
from edgekit.targets.c.rewrite.rings import DOMAIN, PUSH
from edgekit.targets.c.templates import template

WEIGHT_LINES = """\
        weights = ek_record_crc32(0, {array}, {size}u);
        ek_record_send(&weights, sizeof weights);"""


def state_fields(model: Model, layout: Layout) -> tuple[StateField, ...]:
    """Return the fields of a state block: the states of a hop's graph, and what a session keeps."""
    graph = model.ir.graph
    steps = {str(node.name): step for step, node in enumerate(graph)}
    outputs = {str(value.name): value for value in graph.outputs}
    nodes = {pair.input: _producer(outputs[pair.output]) for pair in model.states}
    kept = {**nodes, **dict.fromkeys(model.constants)}
    fields = []
    for value in graph.inputs:
        name = str(value.name)
        if name in kept and value.dtype is not None:
            dtype, offset = str(np.dtype(value.dtype.numpy())), layout.slots[name].offset
            node = kept[name]
            step = -1 if node is None else steps[node]
            fields.append(StateField(name, node, step, dtype, offset, nbytes(value)))
    return tuple(fields)


def _producer(value: ir.Value) -> str | None:
    """The layer that computes a state; of a ring, the one that computes its new frames."""
    node = value.producer()
    if node is not None and (node.domain, node.op_type) == (DOMAIN, PUSH):
        fresh = node.inputs[0]
        node = None if fresh is None else fresh.producer()
    return None if node is None else str(node.name)


def recorder_files(build: Build, manifest: Manifest, model: Model) -> dict[str, bytes]:
    """Return the files of ``recorder/`` for a build of C without a sampler.

    Args:
        build: with its layers, states and constants.
        manifest: its facts; a recording names the build by the digest.
        model: the source of the build.
    """
    name, ins, outs = manifest.c_name, manifest.hop_inputs, manifest.stream_outputs
    layers = [_tensor_bytes(layer.shape, layer.dtype) for layer in build.layers]
    given, made = [_bytes(t) for t in ins], [_bytes(t) for t in outs]
    weights = [WEIGHT_LINES.format(array=row.name, size=row.bytes) for row in build.constants]
    declared, short = _short_entry(manifest, model)
    text = template("recorder.c").format(
        name=name,
        upper=name.upper(),
        build=f"{build_number(manifest.digest):08x}",
        declared=declared,
        short=short,
        layers=max(1, len(layers)),
        layer_bytes=_numbers(layers or [0]),
        layers_bytes=sum(layers),
        ins=len(given),
        outs=len(made),
        in_bytes=_numbers(given),
        out_bytes=_numbers(made),
        size=sum(given) + sum(made),
        weights_bytes=4 * len(weights),
        weights="\n".join(["        uint32_t weights;", *weights] if weights else []),
    )
    files = {
        f"{name}_recorder.c": text.encode(),
        f"{name}_recorder.h": template("recorder.h").format(name=name, upper=name.upper()).encode(),
        LAYOUT_NAME: _layout_text(build, manifest).encode(),
    }
    return {f"{RECORDER_FOLDER}/{file}": content for file, content in files.items()}


def _layout_text(build: Build, manifest: Manifest) -> str:
    """What the bytes of a recording are: see `RecordingLayout`."""
    facts = {
        "digest": manifest.digest,
        "state_bytes": manifest.memory["state_bytes"],
        "weights": [
            {"array": row.name, "layer": row.layer, "bytes": row.bytes, "crc32": row.crc32}
            for row in build.constants
        ],
        "states": [asdict(row) for row in build.states],
        "layers": [{**asdict(layer), "shape": list(layer.shape)} for layer in build.layers],
    }
    return json.dumps(facts, indent=1) + "\n"


def _short_entry(manifest: Manifest, model: Model) -> tuple[str, str]:
    """The declaration and the recorded form of the 16-bit entry; empty where a build has none."""
    if not manifest.takes_pcm:
        return "", ""
    name = manifest.c_name
    call = pcm_call(model, manifest, name)
    declared = call.signature.replace(f"{name}_process_s16", f"{name}_process_s16_alone", 1)
    outs = call.made or {t.name: _bytes(t) for t in manifest.stream_outputs}
    filled = "" if call.made else "    memcpy(made, out, sizeof made);\n"
    text = template("recorder_s16.c").format(
        name=name,
        signature=call.signature,
        ins=len(call.given),
        outs=len(outs),
        in_bytes=_numbers(call.given.values()),
        out_bytes=_numbers(outs.values()),
        given=", ".join(call.given),
        made=f" = {{{', '.join(call.made)}}}" if call.made else "",
        missing="" if call.made else " || out == NULL",
        filled=filled,
        arguments=", ".join(call.arguments),
        size=sum(call.given.values()) + sum(outs.values()),
    )
    return f"{declared};\n", text


def _bytes(tensor: Tensor) -> int:
    return _tensor_bytes(tensor.shape, tensor.dtype)


def _tensor_bytes(shape: Iterable[int], dtype: str) -> int:
    return prod(shape) * np.dtype(dtype).itemsize


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(f"{value}u" for value in values)
