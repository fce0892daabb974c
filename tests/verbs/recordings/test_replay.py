"""`edgekit replay` on programs that were broken on purpose, on this machine and on an emulated Cortex-M55."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_kernels import needs_cc
from devices import missing
from recording_programs import FAULT_HOP, HOPS, NO_FAULT, Fault, finished_build, recording_of

from edgekit.base.errors import UsageError
from edgekit.graph.model import Model
from edgekit.runtime.recording_file import HEAD, STATES, read_recording
from edgekit.targets.build import Build
from edgekit.verbs.recordings.findings import Replay
from edgekit.verbs.recordings.replay import replay

PINNED = Path(__file__).parents[2] / "pinned"
EVERY_HOP = "-DNAME_RECORD_STATES=1"
LAYERS = "-DNAME_RECORD_LAYERS"


def pinned(name: str) -> Model:
    """A committed network."""
    return Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())


class Device:
    """A finished build in a folder, with programs of it."""

    def __init__(self, folder: Path, target: str, model: Model) -> None:
        self.folder, self.model = folder, model
        self.build: Build = finished_build(model, folder, target)

    def record(self, fault: Fault = NO_FAULT, *defines: str) -> Path:
        path = self.folder / "device.rec"
        path.write_bytes(recording_of(self.build, self.model, self.folder, fault, *defines))
        return path

    def replay(self, fault: Fault = NO_FAULT, *defines: str) -> Replay:
        return replay(self.record(fault, *defines), self.folder)


m55 = pytest.mark.skipif(missing("cortex-m55") is not None, reason=missing("cortex-m55") or "")


@pytest.fixture(scope="module", params=["host", pytest.param("cortex-m55", marks=m55)])
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Device:
    return Device(tmp_path_factory.mktemp("device"), request.param, pinned("gru_mask-w8a8"))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return Device(tmp_path_factory.mktemp("healthy"), "host", pinned("gru_mask-w8a8"))


def wrong_weight(device: Device) -> tuple[Fault, str]:
    """The first number of a small array of weights is another; and the layer that reads it."""
    rows = [row for row in device.build.constants if row.name.endswith("_bias") and row.layer]
    row, file = rows[-1], f"{device.build.manifest.c_name}_weights.c"
    text = device.build.files[file].decode()
    found = re.search(rf"(\b{row.name}\[\d+\][^;{{]* = \{{\n\s*)(-?\d+)", text)
    assert found is not None, row.name
    new = f"{found[1]}{int(found[2]) ^ 1 << 14}"
    return Fault(replaced={file: (found[0], new)}), row.layer


@pytest.mark.slow
@needs_cc
def test_a_device_that_computes_its_network_is_said_to(device: Device) -> None:
    for defines in ((), (EVERY_HOP,), (LAYERS,)):
        found = device.replay(Fault(), *defines)
        assert found.findings == () and found.judged == HOPS, found
        assert found.verdict == f"The device computes what its network computes, in {HOPS} hops."


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("layers", [False, True])
def test_a_wrong_weight_is_named_with_its_layer(device: Device, layers: bool) -> None:
    fault, layer = wrong_weight(device)
    found = device.replay(fault, EVERY_HOP, *((LAYERS,) if layers else ()))
    weights, *hops = found.faults
    assert weights.kind == "weights" and weights.layer == layer
    assert f"of layer '{layer}'" in weights.text and "Flash" in weights.text
    assert hops and hops[0].hop == 0
    if layers:
        assert hops[0].layer == layer and "is the first that differs" in hops[0].text


@needs_cc
def test_a_state_that_something_else_changed_is_named(device: Device) -> None:
    (row, *_) = device.build.states
    found = device.replay(Fault(before=f"replay_state[{row.offset}] ^= 0x10;"))
    assert [(f.kind, f.hop) for f in found.faults] == [("states", FAULT_HOP)]
    assert found.first_layer == row.node and found.judged == HOPS
    assert (
        f"between hops {FAULT_HOP - 1} and {FAULT_HOP}: '{row.name}' (element 0"
        in found.faults[0].text
    )


@needs_cc
def test_an_input_that_changes_under_the_network_is_named(device: Device) -> None:
    found = device.replay(Fault(inside="inputs[3] ^= 0x40;"))
    assert found.first_hop == FAULT_HOP and found.faults[0].kind == "buffer"
    assert "a DMA or an interrupt writes into the buffer" in found.faults[0].text


@needs_cc
def test_a_reset_is_no_fault(device: Device) -> None:
    name = device.build.manifest.c_name
    found = device.replay(Fault(before=f"{name}_reset(({name} *)(void *)replay_state);"))
    assert found.faults == () and found.judged == HOPS
    assert [f.kind for f in found.findings] == ["reset"]


@pytest.mark.rows(1)
@needs_cc
def test_a_layer_that_computes_otherwise_is_named_from_states_and_layers(device: Device) -> None:
    name = device.build.manifest.c_name
    source = device.build.files[f"{name}.c"].decode()
    layer = next(
        row for row in device.build.layers if row.operator == "GRU" or "GRU" in row.operator
    )
    mark = re.search(rf"EK_LAYER\({layer.number}, (\w+)\);", source)
    assert mark is not None
    broken = f"((unsigned char *){mark[1]})[0] ^= (unsigned char)0x10; {mark[0]}"
    fault = Fault(replaced={f"plain/{name}.c": (mark[0], broken)})
    exact = device.replay(fault, LAYERS)
    assert (exact.first_hop, exact.first_layer) == (0, layer.node), exact
    states = device.replay(fault, EVERY_HOP)
    assert states.first_hop == 0 and "It or a layer before it is at fault" in states.faults[0].text
    steps = [row.node for row in device.build.layers]
    assert steps.index(layer.node) <= steps.index(str(states.first_layer))


@needs_cc
def test_a_process_function_that_refuses_is_explained(healthy: Device) -> None:
    found = healthy.replay(Fault(before="replay_pointers[0] = NULL;"))
    assert [(f.kind, f.hop) for f in found.faults] == [("status", FAULT_HOP)]
    assert "a pointer is NULL" in found.faults[0].text


@needs_cc
def test_lost_and_damaged_hops_are_counted_and_left_out(healthy: Device) -> None:
    path = healthy.record()
    frames = read_recording(path).frames
    whole = [frame.to_bytes() for frame in frames]
    assert b"".join(whole) == path.read_bytes()
    path.write_bytes(b"boot 1.2\r\n" + b"".join(whole[:3]) + b"".join(whole[4:]))
    lost = replay(path, healthy.folder)
    assert lost.faults == () and lost.judged == 2 and lost.hops == HOPS - 1
    assert "10 bytes of no whole frame" in lost.findings[0].text
    assert "Hop 2 is missing" in lost.findings[1].text

    broken = bytearray(b"".join(whole))
    broken[len(whole[0]) + len(whole[1]) + HEAD.size] ^= 1
    path.write_bytes(broken)
    found = replay(path, healthy.folder)
    assert (
        found.faults == ()
        and found.hops == HOPS - 1
        and "1 frame damaged" in found.findings[0].text
    )

    path.write_bytes(
        b"".join(healthy_frames(healthy, EVERY_HOP)[3:])
    )  # the logger was attached late
    late = replay(path, healthy.folder)
    assert late.faults == () and late.judged == HOPS - 2


def healthy_frames(device: Device, *defines: str) -> list[bytes]:
    return [frame.to_bytes() for frame in read_recording(device.record(Fault(), *defines)).frames]


@needs_cc
def test_a_recording_of_another_build_is_refused(healthy: Device, tmp_path: Path) -> None:
    other = Device(tmp_path, "host", pinned("lstm_vad-w8a8"))
    with pytest.raises(UsageError, match=r"of build sha256:.*name the build that is on the device"):
        replay(healthy.record(), other.folder)


@pytest.mark.slow
@needs_cc
def test_a_float_network_may_differ_by_roundings_only(tmp_path: Path) -> None:
    device = Device(tmp_path, "host", pinned("gru_mask-float32"))
    assert device.replay(Fault(), EVERY_HOP).faults == ()
    (row, *_) = device.build.states
    found = device.replay(Fault(before=f"replay_state[{row.offset + 3}] ^= 0x40;"))
    assert found.faults[0].kind == "states" and found.first_hop == FAULT_HOP


@needs_cc
def test_states_of_the_first_frame_are_enough_mid_stream(healthy: Device) -> None:
    frames = read_recording(healthy.record()).frames
    assert [bool(frame.kind & STATES) for frame in frames[1:]] == [True] + [False] * (HOPS - 1)
    assert np.unique([frame.build for frame in frames]).size == 1


@needs_cc
def test_a_forged_recording_ends_in_findings_or_one_error(healthy: Device) -> None:
    path, random = healthy.record(NO_FAULT, LAYERS, EVERY_HOP), np.random.default_rng(5)
    frames = read_recording(path).frames
    forged = [replace(frame, payload=random.bytes(len(frame.payload))) for frame in frames]
    path.write_bytes(b"".join(frame.to_bytes() for frame in forged))
    assert replay(path, healthy.folder).faults
    for frame in (replace(frames[1], kind=0), replace(frames[0], payload=b"123")):
        path.write_bytes(frame.to_bytes())
        with pytest.raises(UsageError, match="record with the build's recorder"):
            replay(path, healthy.folder)
