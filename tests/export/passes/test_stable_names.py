"""Every node has a name of its own, without folders of a machine."""

import pytest
from pass_networks import parse

from edgekit.export.passes import (
    NameNodes,
)
from edgekit.export.passes.stable_names import without_machine_paths


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("/enc/conv1/Conv", "/enc/conv1/Conv"),
        ("node_linear", "node_linear"),
        ("/home/me/work/net.py:12/Conv", "net.py:12/Conv"),
        ("at /srv/build/net.py:12", "at net.py:12"),
        ("/root/work/Conv", "Conv"),
        ("C:\\work\\net.py", "net.py"),
    ],
)
def test_names_lose_machine_paths_only(name, clean):
    assert without_machine_paths(name) == clean


def test_every_node_has_its_own_name():
    model = parse(
        "(float[2] x) => (float[2] y) { a = Relu (x)  b = Relu (a)  c = Relu (b)  y = Relu (c) }"
    )
    for node, name in zip(model.graph, [None, "same", "same", "relu_0"], strict=True):
        node.name = name
    NameNodes()(model)
    assert [node.name for node in model.graph] == ["relu_0_1", "same", "same_1", "relu_0"]
