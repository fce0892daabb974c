"""Each rule: hops are the whole window, with no more states than its layers read again."""

import pytest
from window_networks import ROWS, Row, window_model

from edgekit.export.stream.fixed_window.convert import stream_window
from edgekit.graph.nodes import static_shape
from edgekit.judge.fixed_window import prove_window


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_hops_are_the_whole_window(row: Row) -> None:
    window = window_model(row.text)
    made = stream_window(window, row.axes, row.hop)
    assert "equal to 1e-5" in prove_window(window, made, row.axes)
    shapes = {str(value.name): static_shape(value) for value in made.ir.graph.inputs}
    assert [shapes[pair.input][2] for pair in made.states] == row.states
    assert made.stream.hop_samples == row.hop
