"""How sources are named."""

from pathlib import Path

import pytest

from edgekit.verbs.export.source_names import is_graph_file, other_file, source_name, source_needs


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b/net.onnx", "net"),
        ("net.pt2", "net"),
        ("package.module:build", "module"),
        ("package.module:tiny_net", "tiny_net"),
    ],
)
def test_a_source_has_a_name_without_its_path(source: str, name: str) -> None:
    assert source_name(source) == name


def test_torch_code_needs_torch() -> None:
    assert is_graph_file("a.ONNX") and "torch" not in source_needs("a.onnx")
    assert source_needs("m:f")[-1] == source_needs("a.pt2")[-1] == "torch"


def test_a_file_that_is_no_network_says_what_to_do(tmp_path: Path) -> None:
    assert "name it package.module:function" in other_file(Path("weights.pth"))[1]
    assert "as net:factory" in other_file(Path("net.py"))[1]
    assert other_file(tmp_path)[0].startswith("a folder")
    (tmp_path / "manifest.json").touch()
    assert other_file(tmp_path)[0] == "a build"
