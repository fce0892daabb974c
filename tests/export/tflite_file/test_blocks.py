"""A convolution between blocks is the dilated one that it stands for, and LiteRT's."""

from pathlib import Path

import pytest

from edgekit.export.from_tflite import from_tflite

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from tflite_graphs import GRAPHS, check, file_of


@pytest.mark.parametrize(
    ("name", "dilation"),
    [
        ("dilated_picture", [3, 2]),
        ("dilated_picture_int8", [3, 2]),
        ("dilated_sound", [1, 2]),
        ("blocks_without_dilation", [1, 1]),
        ("regrouped_sound_int8", [1, 1]),
        ("regrouped_sound_on_another_zero_point", [1, 1]),
    ],
)
def test_a_convolution_has_the_dilation_of_its_blocks(
    name: str, dilation: list[int], tmp_path: Path
) -> None:
    file = tmp_path / "network.tflite"
    file.write_bytes(file_of(GRAPHS[name].make()))
    found = [node for node in from_tflite(file, name=name).ir.graph if node.op_type == "Conv"]
    assert [list(node.attributes["dilations"].as_ints()) for node in found] == [dilation]
    check(name, tmp_path)
