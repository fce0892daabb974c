"""The bill of materials of a build, in CycloneDX 1.6: the network it was made of, kernels with digests, and tools."""

import hashlib
import json
from pathlib import Path

from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.manifest import Manifest

SBOM_NAME = "sbom.cdx.json"
LICENCE = [{"license": {"id": "Apache-2.0"}}]


def sbom(manifest: Manifest, directory: Path) -> str:
    """Return the text of sbom.cdx.json for a build whose files lie in a folder; the same build gives the same text.

    Format: CycloneDX 1.6, ECMA-424, without the optional serial number and time.
    """
    kernels = [
        path for path in sorted(directory.rglob("ek_*")) if path.suffix in (".c", ".h", ".sv")
    ]
    version = manifest.edgekit
    network = {
        "type": "machine-learning-model",
        "bom-ref": "network",
        "name": manifest.source["name"],
        "hashes": _hash(manifest.source["sha256"]),
    }
    tools: list[JsonObject] = [
        {"type": "application", "name": "edgekit", "version": version, "licenses": LICENCE}
    ]
    tools += [
        {"type": "application", "name": name, "version": text}
        for name, text in sorted(manifest.tools.items())
    ]
    components = [network]
    for path in kernels:
        name = path.relative_to(directory).as_posix()
        components.append(
            {
                "type": "file",
                "bom-ref": name,
                "name": name,
                "version": version,
                "hashes": _hash(hashlib.sha256(path.read_bytes()).hexdigest()),
                "licenses": LICENCE,
            }
        )
    build = {
        "type": "library",
        "bom-ref": "build",
        "name": manifest.c_name,
        "version": manifest.digest,
        "description": f"{manifest.target}, {manifest.quantization['recipe']}",
    }
    facts = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": build, "tools": {"components": tools}},
        "components": components,
        "dependencies": [{"ref": "build", "dependsOn": [str(c["bom-ref"]) for c in components]}],
    }
    return json.dumps(facts, indent=1) + "\n"


def _hash(digest: str) -> list[dict[str, str]]:
    """Return a list for `hashes`; empty for a text that is no SHA-256."""
    text = digest.removeprefix("sha256:")
    return [{"alg": "SHA-256", "content": text}] if len(text) == 64 else []
