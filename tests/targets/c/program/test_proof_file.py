"""One file has the facts of all functions of a build."""

import json
from pathlib import Path

import pytest

from edgekit.graph.model import Model
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.program.proof_file import PROOF_FILE

PINNED = Path(__file__).parents[3] / "pinned"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("session-w8a8", {"session_process", "session_session"}),
        ("sampler-groups", {"tiny_unet_process", "tiny_unet_group1"}),
        (
            "sampler-propagation",
            {"tiny_unet_process", "tiny_unet_group1", "tiny_unet_decoder", "tiny_unet_decoder1"},
        ),
    ],
)
def test_sessions_groups_and_decoders_have_their_own_facts(name: str, functions: set[str]) -> None:
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    facts = json.loads(lower_c(model, "c99").files[PROOF_FILE])
    assert functions == {*facts["functions"]} and facts["kernels"] == []
    for own in facts["functions"].values():
        made = [value for node in own["nodes"] for value in node["outputs"]]
        assert {*made} <= {*own["values"]} and made
