"""Instructions of a build on a core that it was not made for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from devices import on_devices

from edgekit import api
from edgekit.base.errors import CheckFailed
from edgekit.base.npz import read_npz, write_npz
from edgekit.targets import devices
from edgekit.verbs.bench import other_core
from edgekit.verbs.bench.other_core import replay_on_core

NETWORK = "zoo:conv_recurrent"


@pytest.mark.slow
@on_devices("cortex-m55")
def test_a_build_for_the_host_counts_as_one_for_the_core(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("host", target):
        api.export(NETWORK, name, tmp_path / name, recipe="w8a8")
    found = replay_on_core(target, tmp_path / "host", 3)
    assert found.hops == 3
    assert found.instructions == api.bench(tmp_path / target, hops=3).instructions
    golden = tmp_path / "host" / "golden" / "output.npz"
    write_npz(golden, {name: np.zeros_like(a) for name, a in read_npz(golden).items()})
    with pytest.raises(CheckFailed, match="the replay of golden data failed"):
        replay_on_core(target, tmp_path / "host", 3)
    device = devices.profile(target)
    small = {**device.memory, "ram": replace(device.memory["ram"], bytes=100)}
    monkeypatch.setattr(other_core, "profile", lambda _: replace(device, memory=small))
    with pytest.raises(CheckFailed, match="ram needs"):
        replay_on_core(target, tmp_path / "host", 3)
