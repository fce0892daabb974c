"""What C takes of its options."""

from pathlib import Path

from tiny_networks import recurrent

from edgekit.export.from_onnx import from_onnx
from edgekit.verbs.backends import c


def test_knobs_are_of_a_plug_in_and_sources_of_their_weights(tmp_path: Path) -> None:
    model = from_onnx(recurrent(tmp_path / "net.onnx"), name="net")
    (problem,) = c.check(model, knobs={"gain": "0:1:0"})
    assert problem.where == "--knob" and "--wrap lv2" in problem.next_step
    assert c.check(model) == []
    inside, external = (c.lower(model, "c99", weights=w) for w in (c.INSIDE, c.EXTERNAL))
    assert inside.manifest.updates is None and external.manifest.updates is not None
