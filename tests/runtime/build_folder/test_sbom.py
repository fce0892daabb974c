"""The bill of materials of a build: network, kernels with digests, tools."""

import hashlib
import json
from pathlib import Path

import pytest
import tiny_build

from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.build_folder.sbom import sbom


def test_it_is_valid_by_the_published_schema(tmp_path: Path) -> None:
    schema = pytest.importorskip("cyclonedx.schema", reason="needs cyclonedx-python-lib")
    from cyclonedx.validation.json import JsonStrictValidator

    folder = tiny_build.write(tmp_path / "build", tools={"compiler": "gcc 12"})
    (folder / "ek_relu_f32.c").write_text("void ek_relu_f32(void) {}")
    text = sbom(Manifest.load(folder), folder)
    validator = JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"library"', '"a build"')) is not None


def test_it_names_the_network_every_kernel_and_the_tools(tmp_path: Path) -> None:
    folder = tiny_build.write(tmp_path / "build", tools={"compiler": "gcc 12"})
    (folder / "ek_relu_f32.c").write_text("void ek_relu_f32(void) {}")
    manifest = Manifest.load(folder)
    text = sbom(manifest, folder)
    assert text == sbom(manifest, folder)
    facts = json.loads(text)
    assert (facts["bomFormat"], facts["specVersion"], facts["version"]) == ("CycloneDX", "1.6", 1)
    network, kernel = facts["components"]
    assert network["type"] == "machine-learning-model"
    assert network["hashes"] == [{"alg": "SHA-256", "content": manifest.source["sha256"]}]
    content = (folder / "ek_relu_f32.c").read_bytes()
    assert kernel["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()
    tools = {tool["name"]: tool["version"] for tool in facts["metadata"]["tools"]["components"]}
    assert tools == {"edgekit": manifest.edgekit, "compiler": "gcc 12"}
    assert facts["dependencies"][0]["dependsOn"] == ["network", "ek_relu_f32.c"]
    assert facts["metadata"]["component"]["version"] == manifest.digest
