"""One function for each step group: none where there is one group."""

import numpy as np
from one_node import network

from edgekit.targets.c.emit.kernels import Selection
from edgekit.targets.c.program.groups import Bodies, split_decoder, traits_of
from edgekit.targets.devices import profile


def test_a_network_of_one_group_has_no_other_body() -> None:
    empty = Bodies()
    assert empty.functions == "" and empty.kept_bytes == 0 and empty.layouts == ()


def test_without_a_step_table_the_network_is_rewritten_whole() -> None:
    nodes = "a = Transpose (x)\nb = Reshape (a, s)\ny = Transpose (b)"
    model = network("float[2,6] x", "float[4,3] y", nodes, s=np.array([3, 4], np.int64))
    part = split_decoder(model, None)
    assert part.decoder is None and part.kept == {}
    assert [node.op_type for node in part.whole.ir.graph] == ["Move"]
    traits = traits_of(part.whole, Selection(profile("c99"), False))
    assert set(traits) == {str(node.name) for node in part.whole.ir.graph}
