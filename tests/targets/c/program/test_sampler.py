"""The sampler's loop on emulated cores: one image, the same bits, within the memory of the board."""

from pathlib import Path

import pytest
from builds import lowered
from devices import on_devices, replayed
from sampler_networks import grouped, integer, with_decoder_rows

from edgekit.judge.sampling import golden_image
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.sampler import Sampler
from edgekit.targets.c.replay.files import FOLDER, golden_source
from edgekit.targets.devices import profile

NETWORKS = {
    "plain": integer,
    "groups": grouped,
    "propagation": lambda: with_decoder_rows(grouped()),
}


@pytest.mark.slow
@on_devices("cortex-m55")
@pytest.mark.parametrize("name", NETWORKS)
def test_an_image_has_the_same_bits(name: str, target: str, tmp_path: Path) -> None:
    model, here, folder = NETWORKS[name](), tmp_path / "here", tmp_path / "build"
    for path in (here, folder):
        path.mkdir()
    lowered(model, here, "c99")
    build = lowered(model, folder, target)
    inputs, outputs = golden_image(Sampler.open(here).stream, model)
    golden = golden_source(build, build.manifest, model, inputs, outputs, profile(target))
    (folder / FOLDER / "golden.c").write_bytes(golden)
    lines = replayed(folder, target)
    assert lines[-2:] == ["output x: equal", "PASS"]
    (stack,) = [line for line in lines if line.startswith("stack_bytes: ")]
    assert 256 < int(stack.split()[1]) < 8192
    compile_replay(folder, profile(target), tmp_path / "p", ["-DREPLAY_COUNTED_HOPS=1"])
    counts = count(profile(target), tmp_path / "p")
    assert counts.hops[0] > 1_000_000 and counts.functions["ek_normal_f32"] > 0
