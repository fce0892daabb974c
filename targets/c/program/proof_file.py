"""``proof.json`` of a build: the facts of all its functions, those of the other networks of a sampler too."""

import json
from collections.abc import Mapping

from edgekit.base.json_values import JsonObject
from edgekit.graph.model import Model
from edgekit.operators.qdq import ZERO_POINT
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import Build
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.program.caller_facts import pcm_facts, sampler_facts, until_facts
from edgekit.targets.c.program.groups import DECODER
from edgekit.targets.c.program.noise import SEED_BYTES
from edgekit.targets.c.program.sources import Extras

PROOF_FILE = "proof.json"


def _start_facts(model: Model) -> JsonObject:
    """What a reset leaves in each state: a byte, and how many bytes before it stay; the state that an end changes."""
    zeros = {str(v.name): int(v.metadata_props.get(ZERO_POINT, "0")) for v in model.ir.graph.inputs}
    seeds = [row.state for row in model.noises]
    resets = {
        pair.input: [zeros[pair.input] & 255, SEED_BYTES if pair.input in seeds else 0]
        for pair in model.states
    }
    facts: JsonObject = {"resets": resets} if resets else {}
    return facts if model.end_state is None else {**facts, "end": model.end_state}


def proof_file(
    model: Model, ctx: Context, pcm: Manifest | None, extras: Extras, others: Mapping[str, Build]
) -> bytes:
    """Return the file: whose kernels the build has, and the facts of each function by its name."""
    bodies, name = extras.bodies, ctx.prefix
    found = {f"{name}_process": ctx.facts | _start_facts(model)}
    found |= {} if extras.session is None else {f"{name}_session": extras.session.ctx.facts}
    found |= {f"{name}_group{i}": own.facts for i, own in enumerate(bodies.groups, 1)}
    found |= {f"{name}_{DECODER}{i or ''}": own.facts for i, own in enumerate(bodies.decoders)}
    callers = {} if pcm is None else {f"{name}_process_s16": pcm_facts(model, pcm, name)}
    callers |= {} if model.until is None else {f"{name}_iterate": until_facts(model, name)}
    callers |= {} if extras.loop is None else {f"{name}_sample": sampler_facts(extras.loop, ctx)}
    for other in others.values():
        theirs = json.loads(other.files[PROOF_FILE])
        found |= theirs["functions"]
        callers |= theirs["callers"]
    facts = {"kernels": list(ctx.profile.kernels), "functions": found, "callers": callers}
    return json.dumps(facts, separators=(",", ":")).encode()
