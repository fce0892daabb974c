"""``proof.json`` of a build: the facts of all its functions, those of the other networks of a sampler too."""

import json
from collections.abc import Mapping

from edgekit.targets.build import Build
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.program.groups import DECODER
from edgekit.targets.c.program.sources import Extras

PROOF_FILE = "proof.json"


def proof_file(ctx: Context, extras: Extras, others: Mapping[str, Build]) -> bytes:
    """Return the file: whose kernels the build has, and the facts of each function by its name."""
    bodies, name = extras.bodies, ctx.prefix
    found = {f"{name}_process": ctx.facts}
    found |= {} if extras.session is None else {f"{name}_session": extras.session.ctx.facts}
    found |= {f"{name}_group{i}": own.facts for i, own in enumerate(bodies.groups, 1)}
    found |= {f"{name}_{DECODER}{i or ''}": own.facts for i, own in enumerate(bodies.decoders)}
    for other in others.values():
        found |= json.loads(other.files[PROOF_FILE])["functions"]
    facts = {"kernels": list(ctx.profile.kernels), "functions": found}
    return json.dumps(facts, separators=(",", ":")).encode()
