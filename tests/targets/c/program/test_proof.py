"""The facts of a build are those of its graph."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.memory import indices_of_move
from edgekit.runtime.proof.program import Program
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.program.proof_file import PROOF_FILE

PINNED = Path(__file__).parents[3] / "pinned"


def functions(name: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    found: dict[str, dict[str, list[dict[str, object]]]] = json.loads(
        lower_c(model, "c99").files[PROOF_FILE]
    )["functions"]
    return found


def test_a_hop_begins_and_ends_with_its_states_at_their_places() -> None:
    facts = functions("gru_mask-w8a8")["gru_mask_process"]
    starts, ends = dict(facts["starts"]), dict(facts["ends"])
    assert starts == {"x": "in->x", "h1": "st+0", "h2": "st+32"}
    assert ends == {"h1_next": "st+0", "h2_next": "st+32", "sigmoid": "out->sigmoid"}


@pytest.mark.parametrize("name", ["streamed-w8a8", "recurrent-float32"])
def test_moves_are_permutations_of_whole_results(name: str) -> None:
    facts = functions(name)[f"{name.partition('-')[0]}_process"]
    moved = [node for node in facts["nodes"] if "moves" in node]
    assert moved
    for node in moved:
        for y in node["outputs"]:  # type: ignore[attr-defined]
            rows = [row for row in node["moves"] if row["to"] == y]  # type: ignore[attr-defined]
            places = np.sort(np.concatenate([indices_of_move(row, 1) for row in rows]))
            count = facts["values"][y][0] // rows[0]["item"]
            assert places.tolist() == list(range(count))


@pytest.mark.parametrize(
    "graph",
    [
        "(float[2,3,8,8] x) => (float[2,3,7,7] y) { y = MaxPool<kernel_shape = [2, 2]>(x) }",
        "(float[3,1,9] x) => (float[3,1,7] y) { y = LpPool<kernel_shape = [3]>(x) }",
        "(float[2,3,6] x, int64[2,1,4] i) => (float[2,1,4] y) { y = GatherElements<axis = 2>(x, i) }",
    ],
)
def test_several_images_and_few_indices_are_followed(graph: str) -> None:
    text = f'<ir_version: 8, opset_import: ["" : 18]> g {graph}'
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    files = lower_c(model, "c99").files
    own = {n: c.decode() for n, c in files.items() if n.endswith((".c", ".h", ".json"))}
    own = {n: c for n, c in own.items() if "/" not in n and not n.startswith("ek_")}
    assert verdict_of(Program(own)).findings == ()
