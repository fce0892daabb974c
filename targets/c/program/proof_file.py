"""``proof.json`` of a build: the facts of all its functions, those of the other networks of a sampler too."""

import json
from collections.abc import Mapping

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import Build
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.program.caller_facts import pcm_facts, sampler_facts, until_facts
from edgekit.targets.c.program.groups import DECODER
from edgekit.targets.c.program.sources import Extras

PROOF_FILE = "proof.json"


def proof_file(
    model: Model, ctx: Context, pcm: Manifest | None, extras: Extras, others: Mapping[str, Build]
) -> bytes:
    """Return the file: whose kernels the build has, and the facts of each function by its name."""
    bodies, name = extras.bodies, ctx.prefix
    found = {f"{name}_process": ctx.facts}
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
