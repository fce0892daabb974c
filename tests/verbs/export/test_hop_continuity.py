"""Networks that come without a time axis: hop by hop they are the module over the recording, or refused."""

import hop_networks
import numpy as np
import pytest
import torch
from slices import slow_except
from stream_networks import Net
from torch import nn
from torch.nn import functional as F  # noqa: N812

from edgekit import api
from edgekit.base.errors import EdgeKitError, ModelError
from edgekit.base.layout import parse_layout
from edgekit.cli.facts import verification_text
from edgekit.export.frontend.spec import parse_forms
from edgekit.export.hop_runner import run_hops
from edgekit.export.stream.prove import run_stream
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model

HOPS = 12
SEEDS, QUICK = 60, 10
RATE = 16_000


def verdict(seed: int) -> str:
    """What becomes of the module of a seed with ``--hop`` alone; "different" is what must not be."""
    module, (example, *states) = hop_networks.of_seed(seed)
    network = module.network
    try:
        made = load_model(f"hop_networks:seed_{seed}", ImportOptions(hop=network.hop)).network
    except EdgeKitError:
        return "refused"
    axis, shape = network.time_axis, list(example.shape)
    shape[axis] = network.frames * HOPS
    recording = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    if made.timing:
        found = run_stream(made, {"x": recording}, shape[axis])["y"]
    else:
        hops = run_hops(made, {"x": np.stack(np.split(recording, HOPS, axis))})["y"]
        if network.end != "frames" and not made.states:
            return (
                "alone" if made.hops_alone else "different: one value of a hop, and nothing says so"
            )
        found = np.concatenate(list(hops), axis) if network.end == "frames" else hops[-1]
    with torch.no_grad():
        whole = module(torch.from_numpy(recording), *states)["y"].numpy()
    if found.shape != whole.shape:
        return f"different: {found.shape} is {whole.shape} of the module"
    error = np.abs(found - whole).max() / np.abs(whole).max()
    return "equal" if error < 1e-4 else f"different by {error:.3g} of the peak"


@pytest.mark.rows(4)
@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[] if n < QUICK else pytest.mark.slow) for n in range(SEEDS)]
)
def test_random_modules_are_equal_over_a_recording_or_refused(seed):
    assert verdict(seed) in ("equal", "refused", "alone")


@pytest.mark.slow
def test_the_random_modules_are_not_all_refused():
    found = {seed: verdict(seed) for seed in (1, 2, 6, 9, 10, 15)}
    assert [found[seed] for seed in (1, 2)] == ["refused"] * 2
    assert [found[seed] for seed in (6, 9, 10, 15)] == ["equal"] * 4


class Amp(nn.Module):
    """The amplifier of the tutorial, with its knob or without."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = nn.Conv1d(1, 8, 16), nn.Conv1d(8, 1, 16)

    def forward(self, sound, drive=None):
        gain = 1 if drive is None else 1 + 20 * drive
        x = torch.tanh(self.before(F.pad(sound, (15, 0))) * gain)
        return {"out": torch.tanh(self.after(F.pad(x, (15, 0))))}


def amp():
    return Amp(), {"sound": torch.rand(1, 1, 640)}


def amp_with_knob():
    return Amp(), {"sound": torch.rand(1, 1, 640), "drive": torch.rand(1, 1, 640)}


@pytest.mark.slow
def test_the_amp_of_the_tutorial_plays_a_recording_as_the_module(tmp_path):
    made = api.export(f"{__name__}:amp", "host", tmp_path / "amp", hop=64, sample_rate=RATE)
    (note,) = (note for note in made.notes if "--time-axis" in note)
    assert note.startswith("--time-axis sound:2 was taken: ")
    sound = np.random.default_rng(0).normal(size=(1, 1, 100 * 64)).astype(np.float32)
    hops = Stream.open(tmp_path / "amp").run({"sound": np.stack(np.split(sound, 100, 2))})["out"]
    with torch.no_grad():
        whole = Amp()(torch.from_numpy(sound))["out"].numpy()
    np.testing.assert_allclose(np.concatenate(list(hops), 2), whole, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("controls", [(), ("drive",)])
def test_inputs_of_one_time_are_rewritten_together(controls):
    options = ImportOptions(hop=64, controls=controls)
    model = load_model(f"{__name__}:amp_with_knob", options).network
    assert [time.axis for time in model.timing.values()] == [2] * (3 - len(controls))


class TwoRates(nn.Module):
    """Sound, and a pitch of a frame for 16 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 5, padding=2)

    def forward(self, sound, pitch):
        y = self.conv(sound) * pitch.repeat_interleave(16, 2)
        return {"out": y.sum(1, True)}


def two_rates():
    return TwoRates(), {"sound": torch.rand(1, 1, 128), "pitch": torch.rand(1, 1, 8)}


@pytest.mark.slow
def test_a_slower_input_has_the_rate_of_its_example():
    model = load_model(f"{__name__}:two_rates", ImportOptions(hop=64)).network
    assert {str(v.name): tuple(v.shape) for v in model.stream_inputs} == {
        "sound": (1, 1, 64),
        "pitch": (1, 1, 4),
    }
    assert "--time-axis sound:2 --time-axis pitch:2 --rate pitch=16 was taken" in model.notes[-1]


class Level(nn.Module):
    """A function of each sample, and the mean of all."""

    def forward(self, x):
        return {"y": torch.tanh(x), "level": x.abs().mean((1, 2))}


def level():
    return Level(), torch.rand(1, 1, 64)


def test_an_output_without_time_is_said_to_be_of_its_hop_alone():
    model = load_model(f"{__name__}:level", ImportOptions(hop=64)).network
    assert model.hops_alone
    assert model.notes == (
        "output level has no time: in each hop it is computed of that hop alone",
    )


class Layers(nn.Module):
    """Layers one after another, with a name for what goes in and what comes out."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return {"y": self.layers(x)}


def over_bins():
    return Layers(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv1d(4, 1, 1)), torch.rand(
        1, 1, 65
    )


def over_frames():
    return Layers(nn.Conv1d(65, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 65, 1)), torch.rand(
        1, 65, 1
    )


def spotter():
    layers = (
        nn.Conv1d(1, 4, 9, stride=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    return Layers(*layers), torch.rand(1, 1, 480)


def window():
    layers = nn.Conv1d(1, 4, 9, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 118, 480)
    return Layers(*layers, nn.Unflatten(1, (1, 480))), torch.rand(1, 1, 480)


def unpadded():
    return Layers(nn.Conv1d(1, 1, 9)), torch.rand(1, 1, 480)


def refusal(source: str, **options) -> str:
    with pytest.raises(ModelError) as error:
        load_model(source, ImportOptions(**options))
    return str(error.value)


def test_an_axis_that_does_not_count_what_the_hop_counts_is_asked_for():
    said = refusal(f"{__name__}:over_bins", hop=128)
    assert "along axis 2 of input 'x' the network takes several hops in a call" in said
    assert "--time-axis x:2 rewrites it" in said and "--layout x=N.." in said
    layouts = {"x": parse_layout("N.F")}
    model = load_model(f"{__name__}:over_bins", ImportOptions(hop=128, layouts=layouts)).network
    assert model.hops_alone


def test_behind_a_front_end_bins_are_no_time_and_frames_are():
    form = {"frontend": parse_forms("stft:128:32:sqrt_hann:mag"), "sample_rate": RATE}
    bins = load_model(f"{__name__}:over_bins", ImportOptions(**form)).network
    assert not bins.timing
    for hop in (None, 32):
        frames = load_model(f"{__name__}:over_frames", ImportOptions(**form, hop=hop)).model
        assert frames.stream.hop_samples == 32 and len(frames.states) > 2
        assert frames.stream.delay_samples == 96 + 32  # of the front end, and a frame ahead


@pytest.mark.parametrize("name", slow_except(lambda name: name == "window", ["spotter", "window"]))
def test_a_network_of_windows_says_that_nothing_is_carried(name, tmp_path):
    made = api.export(f"{__name__}:{name}", "host", tmp_path / "build", hop=480, sample_rate=RATE)
    assert any("each hop is computed alone" in note for note in made.notes)
    assert made.manifest.verification["hops_alone"]
    text = verification_text(made.manifest)
    assert text is not None and "500 hops, each computed alone, by" in text


def test_the_note_says_what_feeds_windows_that_are_longer_than_a_hop():
    notes = load_model(f"{__name__}:spotter", ImportOptions(hop=160)).network.notes
    assert any(
        "--frontend frame:480:160 gives it the last 480 samples in every hop" in note
        for note in notes
    )


def test_a_front_end_whose_frames_are_hops_computes_each_alone():
    assert (
        "--time-axis x:2 was taken"
        in load_model(f"{__name__}:unpadded", ImportOptions(hop=160)).network.notes[-1]
    )
    form = {"frontend": parse_forms("frame:480:480"), "sample_rate": RATE}
    model = load_model(f"{__name__}:window", ImportOptions(**form)).model
    assert model.hops_alone and not model.states and model.stream.delay_samples == 0
    torch.manual_seed(0)
    module, _ = window()
    x = np.random.default_rng(0).uniform(-1, 1, (3, 1, 480)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(x))["y"].numpy()
    np.testing.assert_allclose(run_hops(model, {"pcm": x})["pcm_out"], expected, atol=1e-6)


class Partial(nn.Module):
    """A GRU that carries its state, behind a convolution that is padded in every call."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=padding)
        self.gru = nn.GRU(4, 1, batch_first=True)

    def forward(self, x, h):
        y, h = self.gru(self.conv(x).transpose(1, 2), h)
        return y.transpose(1, 2), h


def partial():
    return Partial(1), (torch.rand(1, 1, 64), torch.zeros(1, 1, 1))


def test_states_that_do_not_carry_all_are_refused():
    said = refusal(f"{__name__}:partial", hop=64)
    assert "its states (h) carry less than its layers need" in said
    assert "pass on what its other layers need too" in said


class OverBins(nn.Module):
    """A gain of each bin: a convolution over bins, and a GRU over frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gru = (
            nn.Conv2d(1, 4, (1, 3), padding=(0, 1)),
            nn.GRU(4, 4, batch_first=True),
        )

    def forward(self, x, h):
        y = torch.relu(self.conv(x))
        z, h = self.gru(y.mean(3).transpose(1, 2), h)
        return (y * z.transpose(1, 2)[..., None]).mean(1, True), h


def gains():
    return OverBins(), (torch.rand(1, 1, 1, 65), torch.zeros(1, 1, 4))


def test_where_states_carry_along_one_axis_the_others_are_not_time():
    model = load_model(f"{__name__}:gains", ImportOptions(hop=32)).network
    assert len(model.states) == 1 and not model.notes


def each_of_8_frames():
    return Layers(nn.Conv2d(1, 2, (1, 3), padding=(0, 1))), torch.rand(1, 1, 8, 33)


def one_frame_or_a_sound():
    return Layers(nn.Conv2d(1, 2, (1, 3), padding=(0, 1))), torch.rand(1, 1, 1, 33)


def test_where_hops_are_equal_along_the_axis_of_time_the_others_are_not_time():
    model = load_model(f"{__name__}:each_of_8_frames", ImportOptions(hop=8)).network
    assert not model.timing and not model.notes
    assert "axis 3 of input 'x'" in refusal(f"{__name__}:one_frame_or_a_sound", hop=1)


def padded(path, length, fixed=True):
    """An .onnx of (1, 1, length) with convolutions padded along time."""
    net = Net()
    y = net.conv(net.conv("x", 1, 3, 5, left=2, right=2), 3, 1, 5, left=4)
    path.write_bytes(net.model([1, 1, length if fixed else "T"], y))
    return str(path)


@pytest.mark.parametrize("length", [128, 16_000])
def test_a_file_of_one_length_that_pads_along_time_is_refused(tmp_path, length):
    said = refusal(padded(tmp_path / "net.onnx", length), hop=128)
    assert "an .onnx that leaves this axis open" in said and "--frontend frame:128:128" in said


def test_a_file_whose_open_axis_is_fixed_by_a_shape_is_rewritten(tmp_path):
    source = padded(tmp_path / "net.onnx", 128, fixed=False)
    model = load_model(source, ImportOptions(hop=128, shapes={"x": [1, 1, 128]})).network
    assert model.timing["x"].axis == 2 and "--time-axis x:2 was taken" in model.notes[-1]


def test_a_file_of_a_window_is_taken(tmp_path):
    net = Net()
    y = net.add("MatMul", net.conv("x", 1, 1, 5, left=2, right=2), net.weight(128, 128))
    (tmp_path / "net.onnx").write_bytes(net.model([1, 1, 128], y))
    model = load_model(str(tmp_path / "net.onnx"), ImportOptions(hop=128)).network
    assert model.hops_alone and load_model(str(tmp_path / "net.onnx"), ImportOptions()).network


def test_a_program_of_one_length_that_pads_along_time_is_refused(tmp_path):
    module, example = Layers(nn.Conv1d(1, 1, 5, padding=2)), torch.rand(1, 1, 64)
    torch.export.save(torch.export.export(module, (example,)), tmp_path / "net.pt2")
    said = refusal(str(tmp_path / "net.pt2"), hop=64)
    assert "give a factory" in said
