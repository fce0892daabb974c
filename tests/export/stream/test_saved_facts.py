"""Facts of the rewrite in a saved file: those that are well-formed come back, others are errors."""

from dataclasses import asdict

import pytest

from edgekit.export.stream.saved_facts import (
    end_state_fact,
    layouts_fact,
    noises_fact,
    replaced_fact,
    streaming_fact,
    timing_fact,
)
from edgekit.graph.model import Distance, OutputDelay, ReplacedNode, TensorTime

NODE = asdict(ReplacedNode("mean", "mean=cumulative", "ReduceMean", "mean1", None))
DISTANCE = asdict(Distance("y", None, 0.5, 1, "noise"))
OUTPUT, TENSOR = (
    asdict(OutputDelay("y", 3, None)),
    asdict(TensorTime("y", None, 2, "1/2", 1, ("h",), 8)),
)


def test_what_was_written_is_read():
    replaced = replaced_fact({"nodes": [NODE], "distances": [DISTANCE]})
    assert replaced is not None
    assert asdict(replaced.nodes[0]) == NODE and asdict(replaced.distances[0]) == DISTANCE
    facts = streaming_fact({"outputs": [OUTPUT], "tensors": [TENSOR]})
    assert facts is not None
    assert asdict(facts.outputs[0]) == OUTPUT and asdict(facts.tensors[0]) == TENSOR
    assert layouts_fact({"x": "NCT"}) == {"x": "NCT"}


def test_nothing_is_none():
    assert [
        read(None) for read in (replaced_fact, streaming_fact, timing_fact, end_state_fact)
    ] == [None] * 4
    assert (noises_fact(None), layouts_fact(None)) == ([], {})


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (replaced_fact, {"nodes": [NODE | {"kind": 3}], "distances": []}),
        (replaced_fact, {"nodes": [], "distances": [DISTANCE | {"peak": "1"}]}),
        (replaced_fact, {"nodes": [], "distances": [DISTANCE | {"peak": True}]}),
        (streaming_fact, {"outputs": [OUTPUT | {"delay_samples": 1.5}], "tensors": []}),
        (streaming_fact, {"outputs": [], "tensors": [TENSOR | {"axis": 2**32}]}),
        (timing_fact, {"x": {"axis": "2", "delay_frames": 0, "offset_frames": 0}}),
        (end_state_fact, 3),
    ],
)
def test_what_nobody_wrote_is_an_error(read, content):
    with pytest.raises(TypeError):
        read(content)
