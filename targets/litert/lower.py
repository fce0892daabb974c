"""Check a model against LiteRT and lower it to a `Build`: one .tflite, states as inputs and outputs."""

import json
from collections.abc import Mapping
from dataclasses import replace

from edgekit.base.errors import Problem
from edgekit.export.diffusion.split_unet import DECODER, network_problem
from edgekit.graph.model import Model
from edgekit.operators.frame_moves import frame_moves
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.targets.build import Build, digest, join_builds
from edgekit.targets.describe import describe
from edgekit.targets.litert.file import Signature, to_bytes
from edgekit.targets.litert.variables import Pair, tensors_except, with_variables
from edgekit.targets.litert.writer import Writer, WrittenFile
from edgekit.targets.macs import with_macs
from edgekit.targets.session import split_session

MODEL_NAME, SESSION_NAME = "model.tflite", "session.tflite"


def check_litert(model: Model) -> list[Problem]:
    """Return every node without a LiteRT form, and every need of a sampler that a .tflite lacks; with reasons."""
    if problems := [*sampler_problems(model), *noise_problems(model, "a .tflite")]:
        return problems
    parts = split_session(prepare_model(model))
    found = [part for part in (parts.hop, parts.session) if part is not None]
    return [problem for part in found for problem in write_network(part).problems]


def sampler_problems(model: Model) -> list[Problem]:
    """Return requirements of a sampler that no file of one network meets."""
    table = model.sampler
    if table is None:
        return []
    problems = [problem] if (problem := network_problem(model)) else []
    if (table.graph == DECODER).any():
        step = "leave `keys` out of the sampler.toml, or use --target host or onnxruntime"
        allowed = "rows that run the whole network"
        problems.append(Problem("sampler", "encoder propagation", allowed, step))
    if table.group.any():
        found = "step groups: scales that the call chooses"
        step = "leave `step_groups` out of the recipe, or use --target host or onnxruntime"
        problems.append(Problem("sampler", found, "the same scales in all steps", step))
    return problems


def noise_problems(model: Model, file: str) -> list[Problem]:
    """Inputs that are to be drawn, where a file draws no numbers."""
    found, allowed = f"{file} draws no numbers", "an input that the caller fills"
    step = "leave it out and fill the input, or use --target host or onnxruntime"
    return [Problem(f"--noise {row.name}", found, allowed, step) for row in model.noises]


def prepare_model(model: Model) -> Model:
    """The network as it is written: states apart, movements of integers framed as such."""
    return frame_moves(unpack_states(model))


def write_network(model: Model, micro: bool = False) -> WrittenFile:
    """Write a network, every state in the order in which it is first read; `micro` as in `Writer`."""
    first = Writer(model, {}, micro).run()
    return Writer(model, first.wanted, micro).run() if first.wanted else first


def lower_litert(model: Model, target: str, micro: bool = False) -> Build:
    """Return ``model.tflite`` and its facts; with session constants also ``session.tflite``.

    `micro` as in `edgekit.targets.litert.writer.Writer`.

    State outputs are in the order of the state inputs that they become; both have the shape and type that
    the file stores them in.
    """
    parts = split_session(prepare_model(model))
    hop = write_network(parts.hop, micro)
    files = {MODEL_NAME: file_of(parts.hop, hop)}
    islands = list(hop.islands)
    if parts.session is not None:
        once = write_network(parts.session, micro)
        files[SESSION_NAME] = file_of(parts.session, once)
        islands += once.islands
    manifest = with_macs(describe(model, target), model)
    inputs = tuple(
        t if t.role != "state" else _stored_tensor(t, hop.inputs, hop)
        for t in _tensors_with_states(manifest.inputs, parts.hop, 0)
    )
    outputs = tuple(
        t if t.role != "state" else _stored_tensor(t, hop.outputs, hop)
        for t in _tensors_with_states(manifest.outputs, parts.hop, 1)
    )
    memory = {**manifest.memory, "weights_bytes": sum(map(len, hop.graph.data.values()))}
    manifest = replace(
        manifest, inputs=inputs, outputs=outputs, memory=memory, digest=digest(files)
    )
    build = Build(files, manifest, notes=notes(islands))
    others = {role: lower_litert(n, target, micro) for role, n in model.networks.items()}
    return join_builds(build, others)


def lower_stateful(model: Model, target: str, micro: bool = False) -> Build:
    """Lower as `lower_litert`, with the states inside the file, except the one that the end of a stream sets."""
    build = lower_litert(model, target, micro)
    hop = split_session(prepare_model(model)).hop
    made = write_network(hop, micro)
    pairs = [
        Pair(pair.input, made.inputs[pair.input], made.outputs[pair.output])
        for pair in hop.states
        if pair.input != model.end_state
    ]
    inside = {number for pair in pairs for number in (pair.before, pair.behind)}
    signature = Signature(tensors_except(made.inputs, inside), tensors_except(made.outputs, inside))
    graphs = with_variables(made.graph, pairs) if pairs else [made.graph]
    files = {**build.files, MODEL_NAME: to_bytes(graphs, signature, hop.source.name, {})}
    inputs, outputs = (
        tuple(tensor for tensor in side if tensor.role != "state" or tensor.name in kept)
        for side, kept in (
            (build.manifest.inputs, signature.inputs),
            (build.manifest.outputs, signature.outputs),
        )
    )
    manifest = replace(build.manifest, inputs=inputs, outputs=outputs, digest=digest(files))
    return replace(build, files=files, manifest=manifest)


def notes(islands: list[str]) -> tuple[str, ...]:
    """Return the layers that an integer network computes in float, because LiteRT has no integers for them."""
    return (f"in float, as LiteRT has no integer form: {', '.join(islands)}",) if islands else ()


def file_of(model: Model, made: WrittenFile) -> bytes:
    """The bytes of a .tflite; its signature names inputs and outputs as the network does."""
    signature = Signature(made.inputs, made.outputs)
    pairs = [vars(pair) for pair in model.states]
    metadata = {"edgekit.states": json.dumps(pairs).encode()}
    return to_bytes([made.graph], signature, model.source.name, metadata)


def _tensors_with_states(tensors: tuple[Tensor, ...], hop: Model, side: int) -> list[Tensor]:
    """Tensors of the manifest with the states that the file has, in the order of their pairs."""
    pairs = [(pair.input, pair.output) for pair in hop.states]
    others = [tensor for tensor in tensors if tensor.role != "state"]
    return [*others, *(Tensor(pair[side], (), "float32", "state") for pair in pairs)]


def _stored_tensor(tensor: Tensor, numbers: Mapping[str, int], made: WrittenFile) -> Tensor:
    held = made.graph.tensors[numbers[tensor.name]]
    return replace(tensor, shape=held.shape, dtype=held.dtype)
