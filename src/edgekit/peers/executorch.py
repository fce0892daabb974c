"""The target executorch: a network as a .pte, made by ExecuTorch's own exporter in a separate environment."""

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import edgekit
from edgekit.base.environment import EXECUTORCH
from edgekit.base.errors import ModelError, Problem, ToolError
from edgekit.base.json_values import JsonObject

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.targets.build import Build

MODEL_NAME, SESSION_NAME, PORTS_NAME = "model.pte", "session.pte", "ports.json"
RECIPES = ("float32", "w8a8")
LIMIT_S = 900  # of one network
A_FILE = "a .pte"


def check_executorch(model: "Model") -> "list[Problem]":
    """Return the needs of a sampler or noise that a .pte lacks; operators are known when it is lowered."""
    from edgekit.targets.litert.lower import noise_problems, sampler_problems

    return [*sampler_problems(model), *noise_problems(model, A_FILE)]


def lower_executorch(model: "Model", target: str) -> "Build":
    """Return ``model.pte``, ``ports.json`` and the facts; with session constants also ``session.pte``.

    A .pte has no names: ports.json has name, shape and type of its inputs and outputs in their order, and the output of
    each state.

    Raises:
        ModelError: operators without a form in torch, or that ExecuTorch's exporter refuses.
        ToolError: its environment is missing, or it did not end.
    """
    from edgekit.operators.frame_moves import frame_moves
    from edgekit.quantize.prepare.unpack import unpack_states
    from edgekit.targets.build import Build, digest, join_builds
    from edgekit.targets.describe import describe
    from edgekit.targets.macs import with_macs
    from edgekit.targets.session import split_session

    prepared = frame_moves(unpack_states(model))
    parts = split_session(prepared)
    models = {MODEL_NAME: parts.hop, SESSION_NAME: parts.session}
    files, notes, tools = dict[str, bytes](), list[str](), dict[str, str]()
    ports: JsonObject = {"states": [[pair.input, pair.output] for pair in parts.hop.states]}
    for name, part in models.items():
        if part is None:
            continue
        files[name], facts = _lower_part(part)
        ports[name] = _sides(part)
        tools["executorch"] = facts["version"]
        if facts["left"]:
            listed = ", ".join(f"{op} {count}" for op, count in sorted(facts["left"].items()))
            notes.append(f"{name}: XNNPACK leaves to ExecuTorch's portable kernels: {listed}")
    files[PORTS_NAME] = json.dumps(ports, indent=1).encode()
    manifest = with_macs(describe(prepared, target), model)
    manifest = replace(manifest, tools={**manifest.tools, **tools}, digest=digest(files))
    build = Build(files, manifest, notes=tuple(notes))
    return join_builds(build, {r: lower_executorch(n, target) for r, n in model.networks.items()})


def _sides(part: "Model") -> JsonObject:
    """Name, shape and type of the inputs and outputs of a network, in their order."""
    from edgekit.operators.geometry import dims
    from edgekit.targets.describe import DTYPES

    graph = part.ir.graph
    return {
        side: [[str(v.name), list(dims(v)), DTYPES[v.dtype]] for v in values if v.dtype is not None]
        for side, values in (("inputs", graph.inputs), ("outputs", graph.outputs))
    }


def _lower_part(part: "Model") -> tuple[bytes, JsonObject]:
    """Return a network as a .pte, and the report of its exporter."""
    from edgekit.peers.program import write_program

    python = EXECUTORCH.python()
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        program = folder / "program"
        program.mkdir()
        write_program(part, program, {}, whole=True)
        # ExecuTorch's environment must not see other packages of this one
        (folder / "edgekit").symlink_to(Path(edgekit.__file__).parent, target_is_directory=True)
        worker = "edgekit.peers.workers.lower_executorch"
        command = [str(python), "-m", worker, str(program)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT_S,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"ExecuTorch's exporter took more than {LIMIT_S} s") from error
        try:
            facts = json.loads(done.stdout)
        except ValueError as error:
            said = done.stderr.strip().splitlines()
            raise ToolError(f"ExecuTorch's exporter ended: {said[-1] if said else '?'}") from error
        if "error" in facts:
            allowed = (
                "what ExecuTorch's exporter takes, of the operators in `edgekit help executorch`"
            )
            step = "take --target litert, onnxruntime or c99"
            raise ModelError([Problem("the network", facts["error"], allowed, step)])
        return (program / MODEL_NAME).read_bytes(), facts
