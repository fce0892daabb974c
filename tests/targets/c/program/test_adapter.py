"""Files behind a sound device whose rate is known when it runs: of networks of sound alone."""

import numpy as np
import pytest
from one_node import network
from port_networks import Mixer

from edgekit.targets.c.program.adapter import adapter_files, has_adapter
from edgekit.targets.describe import describe

SIDES = {"near": (1, "NCT"), "far": (2, "NCT")}, {"clean": (1, "NCT")}


def test_a_network_of_sound_has_one_with_the_layout_of_its_streams() -> None:
    model = Mixer.drawn(np.random.default_rng(0), *SIDES, 8).model()
    manifest = describe(model, "host")
    files = adapter_files(model, manifest)
    assert set(files) == {"mixer_adapter.h", "mixer_adapter.c", "ek_device.h"}
    text = files["mixer_adapter.c"].decode()
    for statement in ("in.near = x;", "in.far = x + 8;", "out.clean = y;"):
        assert statement in text
    assert "sinks[1] = {{1, 8, 1}}" in text


@pytest.mark.parametrize("kind", ["float", "int64"])
def test_other_networks_have_none(kind: str) -> None:
    model = network(f"{kind}[2,3] x", f"{kind}[2,3] y", "y = Neg (x)")
    manifest = describe(model, "host")
    assert not has_adapter(manifest) and adapter_files(model, manifest) == {}
