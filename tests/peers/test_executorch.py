"""The target executorch: what is refused before any work, and the ports that are written."""

import pytest
from builds import float_model
from sampler_networks import grouped, integer

from edgekit.base.environment import VARIABLE
from edgekit.base.errors import ToolError
from edgekit.peers.executorch import _sides, check_executorch, lower_executorch


def test_the_ports_of_a_network_have_names_shapes_and_types() -> None:
    sides = _sides(float_model("raw"))
    assert {"inputs", "outputs"} == sides.keys()
    for rows in sides.values():
        for name, shape, kind in rows:
            assert isinstance(name, str) and all(type(n) is int for n in shape)
            assert kind == "float32"


def test_scales_that_a_call_chooses_are_refused() -> None:
    assert not check_executorch(float_model("raw")) and not check_executorch(integer())
    assert ["step groups" in str(problem) for problem in check_executorch(grouped())] == [True]


def test_without_its_environment_nothing_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nowhere")
    with pytest.raises(ToolError, match="executorch is not installed"):
        lower_executorch(float_model("raw"), "executorch")
