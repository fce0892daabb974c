"""Mistakes of users: each ends in a message that says what to do, and leaves nothing behind.

They were drawn from README and `--help` alone. The code of an exit is 2 in all of them: wrong usage, or unusable input.
"""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny_networks
import torch
from tiny_build import needs_cc
from torch import nn

import edgekit
from edgekit import api, cli
from edgekit.base.errors import UsageError
from edgekit.deployment import Build

MODULES = """
import numpy as np
import torch

x = torch.rand(1, 8)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)


class Branches(Net):
    def forward(self, x):
        while x.sum() > 9:
            x = x / 2
        return self.layer(x)


class Through(Net):
    def forward(self, x):
        return torch.from_numpy(np.tanh(self.layer(x).detach().numpy()))


class Nothing(Net):
    def forward(self, x):
        self.layer(x)


class Unpaired(Net):
    def forward(self, x, ref, mean):
        return x * self.layer(ref).mean(), 0.5 * mean + x.mean()


class Clamps(Net):
    def forward(self, x):
        return self.layer(x).clamp(0.1, 1)


class Words(Net):
    def forward(self, x):
        return {"y": self.layer(x), "name": "words"}


class Numbers(Net):
    def forward(self, x):
        return self.layer(x), 3


class Lists(Net):
    def forward(self, x):
        return [x.tolist()]


net = Net()
numbers = lambda: (Numbers(), (x,))
lists = lambda: (Lists(), (x,))
scripted = lambda: (torch.jit.script(Net()), (x,))
no_inputs = lambda: Net()
wrong_shape = lambda: (Net(), (torch.rand(1, 9),))
too_many = lambda: (Net(), (x, x))
branches = lambda: (Branches(), (x,))
through_numpy = lambda: (Through(), (x,))
nothing = lambda: (Nothing(), (x,))
words = lambda: (Words(), (x,))
unpaired = lambda: (Unpaired(), (x, x, torch.zeros(1, 3)))
clamps = lambda: (Clamps(), (x,))
half = lambda: (Net().half(), (x.half(),))
mixed = lambda: (Net().double(), (x,))
weights = lambda: (Net().state_dict(), (x,))
three = lambda: (Net(), (x,), "third")
meta = lambda: (Net().to("meta"), (x,))
needs = lambda size: (Net(), (x,))
text = lambda: "net.onnx"


def missing_weights():
    net = Net()
    net.load_state_dict(torch.load("trained.pth"))
    return net, (x,)


def older_weights():
    net = Net()
    net.load_state_dict({"layer.weight": torch.zeros(3, 8)})
    return net, (x,)


def looks_up():
    return Net(), (config["x"],)
"""
SAMPLER = tiny_networks.SAMPLER_TOML


def write(folder: Path) -> None:
    """What the commands of `MISTAKES` name."""
    tiny_networks.recurrent(folder / "net.onnx")
    tiny_networks.offline(folder / "offline.onnx")
    tiny_networks.denoiser(folder / "denoiser.onnx")
    whole = (folder / "net.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.onnx").write_bytes(b"")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12345\n"
    (folder / "pointer.onnx").write_text(pointer)
    (folder / "mistakes_of_users.py").write_text(MODULES)
    (folder / "broken_module_of_users.py").write_text("import numpie\n")
    (folder / "typo_of_users.py").write_text("def factory(:\n")
    (folder / "trained.h5").write_bytes(b"\x89HDF")
    (folder / "state.pt").write_bytes(b"PK\x03\x04")
    (folder / "full").mkdir()
    (folder / "full" / "thesis.tex").write_text("years of work")
    (folder / "file").write_text("a file")
    random = np.random.default_rng(0)
    clips(folder / "good", x=random.standard_normal((60, 1, 8)))
    clips(folder / "other-name", input=random.standard_normal((60, 1, 8)))
    clips(folder / "other-shape", x=random.standard_normal((60, 1, 9)))
    clips(folder / "nan", x=np.full((60, 1, 8), np.nan))
    clips(folder / "words", x=np.array(["a", "b"]))
    clips(folder / "no-hops", x=np.zeros((0, 1, 8)))
    (folder / "no-clips").mkdir()
    (folder / "mp3").mkdir()
    (folder / "mp3" / "song.mp3").write_bytes(b"ID3")
    (folder / "wavs").mkdir()
    soundfile.write(folder / "wavs" / "a.wav", random.uniform(-0.1, 0.1, 4000), 16000)
    (folder / "not-toml.toml").write_text("weights: int8\n")
    (folder / "misspelt.toml").write_text('name = "mine"\nequalise = true\n')
    (folder / "sampler.toml").write_text(SAMPLER.replace("steps", "stepps"))
    (folder / "sampler-kind.toml").write_text(SAMPLER.replace("ddim", "dimm"))
    (folder / "board.toml").write_text('name = "mine"\n')
    (folder / "text.wav").write_text("not sound at all")
    soundfile.write(folder / "empty.wav", np.zeros(0), 16000)
    soundfile.write(folder / "mono.wav", random.uniform(-0.1, 0.1, 4000), 16000)
    soundfile.write(folder / "six.wav", random.uniform(-0.1, 0.1, (4000, 6)), 16000)
    np.savez(folder / "in.npz", x=np.zeros((3, 1, 8), np.float32))
    np.savez(folder / "narrow.npz", x=np.zeros((3, 1, 7), np.float32))
    np.savez(folder / "other.npz", y=np.zeros((3, 1, 8), np.float32))
    np.save(folder / "in.npy", np.zeros((3, 1, 8), np.float32))


def clips(folder: Path, **arrays: Any) -> None:
    """A folder of one .npz."""
    folder.mkdir()
    np.savez(folder / "clip.npz", **arrays)


# command, what its message says
MISTAKES = (
    # the network
    (
        "export trained.h5 --target host -o new",
        "model 'trained.h5': a .h5 file, which EdgeKit does not read as a network",
    ),
    ("export state.pt --target host -o new", "a function that loads them"),
    ("export mistakes_of_users.py --target host -o new", "as mistakes_of_users:factory"),
    (
        "export mistakes_of_users --target host -o new",
        "model 'mistakes_of_users': neither a file nor a factory",
    ),
    (
        "export mistakes_of_users.Net --target host -o new",
        "name a function as mistakes_of_users:Net",
    ),
    ("export mistakes_of_users:Nett --target host -o new", "check the name; 'Net' is nearest"),
    (
        "export mistakes_of_user:Net --target host -o new",
        "'mistakes_of_user:Net': ModuleNotFoundError: No module named 'mistakes_of_user'",
    ),
    (
        "export broken_module_of_users:factory --target host -o new",
        "install what the module broken_module_of_users imports, or correct its import",
    ),
    ("export typo_of_users:factory --target host -o new", "correct the module typo_of_users"),
    ("export mistakes_of_users:half --target host -o new", "make it float32, as module.float()"),
    (
        "quantize build --recipe w8a8 --calibration good -o new.onnx",
        "model 'build': a build",
    ),
    ("export nowhere.onnx --target host -o new", "model 'nowhere.onnx': does not exist"),
    ("export cut.onnx --target host -o new", "not a valid ONNX file"),
    ("export empty.onnx --target host -o new", "file 'empty.onnx': empty"),
    ("export pointer.onnx --target host -o new", "git lfs pull"),
    (
        "export good --target host -o new",
        "model 'good': a folder, which EdgeKit does not read as a network",
    ),
    ("export offline.onnx --target host -o new", "input 'x': shape (1,2,T) with 1 open dimension"),
    (
        "export mistakes_of_users:Net --target host -o new",
        "input 'x': neither an example input nor a shape",
    ),
    (
        "export mistakes_of_users:net --target host -o new",
        "'mistakes_of_users:net': a Net, not a function",
    ),
    (
        "export mistakes_of_users:no_inputs --target host -o new",
        "input 'x': neither an example input nor a shape",
    ),
    (
        "export mistakes_of_users:wrong_shape --target host -o new",
        "forward fails on the example inputs",
    ),
    (
        "export mistakes_of_users:too_many --target host -o new",
        "'mistakes_of_users:too_many': 2 example inputs for forward(x)",
    ),
    (
        "export mistakes_of_users:branches --target host -o new",
        "depends on values, in mistakes_of_users.py line 19",
    ),
    ("export mistakes_of_users:through_numpy --target host -o new", "torch.export refuses it"),
    (
        "export mistakes_of_users:nothing --target host -o new",
        "the module's 'forward': returns nothing",
    ),
    (
        "export mistakes_of_users:clamps --target host -o new",
        "torch has no aten.clamp for these arguments",
    ),
    ("export mistakes_of_users:words --target host -o new", "the module's 'name': returns a str"),
    (
        "export mistakes_of_users:numbers --target host -o new",
        "the module's 'forward': returns a tuple that holds int",
    ),
    (
        "export mistakes_of_users:lists --target host -o new",
        "the module's 'forward': returns a list that holds float",
    ),
    (
        "export mistakes_of_users:scripted --target host -o new",
        "return the module that torch.jit.script or torch.jit.trace was given",
    ),
    ("export mistakes_of_users:mixed --target host -o new", "forward fails on the example inputs"),
    (
        "export mistakes_of_users:weights --target host -o new",
        "'mistakes_of_users:weights': the factory returned a tuple of OrderedDict, tuple",
    ),
    (
        "export mistakes_of_users:three --target host -o new",
        "'mistakes_of_users:three': the factory returned a tuple of Net, tuple, str",
    ),
    (
        "export mistakes_of_users:meta --target host -o new",
        "'mistakes_of_users:meta': its weights are on the device meta: they have shapes and no values",
    ),
    ("export mistakes_of_users:needs --target host -o new", "mistakes_of_users:needs': needs size"),
    (
        "export mistakes_of_users:text --target host -o new",
        "'mistakes_of_users:text': the factory returned a str",
    ),
    (
        "export mistakes_of_users:x --target host -o new",
        "'mistakes_of_users:x': a Tensor, not a function",
    ),
    (
        "export mistakes_of_users:missing_weights --target host -o new",
        "'mistakes_of_users:missing_weights': the factory raised FileNotFoundError",
    ),
    (
        "export mistakes_of_users:older_weights --target host -o new",
        "the factory raised RuntimeError",
    ),
    (
        "export mistakes_of_users:looks_up --target host -o new",
        "'mistakes_of_users:looks_up': the factory raised NameError: name 'config' is not defined",
    ),
    # its options
    ("export net.onnx --target cortex_m55 -o new", "'cortex-m55' is nearest"),
    ("export net.onnx --target Cortex-M55 -o new", "'cortex-m55' is nearest"),
    ("export net.onnx --target moonchip -o new", "target 'moonchip': unknown"),
    (
        "export net.onnx --target executorch --recipe w8a16 -o new",
        "recipe 'w8a16': not known for --target executorch",
    ),
    ("export net.onnx --target host", "--out, -o: not given"),
    ("export net.onnx --target host -o full", "output folder 'full': not empty"),
    (
        "export net.onnx --target host -o full --force",
        "output folder 'full': not empty, and no build",
    ),
    ("export net.onnx --target host -o file", "output folder 'file': not a folder"),
    (
        "export net.onnx --target host -o file/new",
        "output folder 'file/new': the folder around it does not exist",
    ),
    ("export net.onnx --target host -o new --recipe int8", "recipe 'int8': unknown"),
    ("export net.onnx --target host -o new --recipe W8A8 --calibration good", "'w8a8' is nearest"),
    (
        "export net.onnx --target host -o new --recipe nowhere.toml --calibration good",
        "recipe 'nowhere.toml': No such file or directory",
    ),
    (
        "export net.onnx --target host -o new --recipe not-toml.toml --calibration good",
        "recipe 'not-toml.toml': not TOML",
    ),
    (
        "export net.onnx --target host -o new --recipe misspelt.toml --calibration good",
        "correct the key; 'equalize' is nearest",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8",
        "recipe 'w8a8' for 'net.onnx': no calibration",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration nowhere",
        "calibration source 'nowhere': does not exist",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration no-clips",
        "calibration folder 'no-clips': holds no recording, no .csv and no .npz file",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration mp3",
        "calibration file 'song.mp3': is audio, but the network takes x [1, 8]",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration mono.wav",
        "calibration source 'mono.wav': is not a folder",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration wavs",
        "calibration file 'a.wav': is audio, but the network takes x [1, 8]",
    ),
    (
        "export mistakes_of_users:unpaired --target host -o new --recipe w8a8 --calibration wavs --hop 8",
        "if these are states, declare them: --state mean:",
    ),
    (
        "export offline.onnx --target host -o new --rate x=1/64",
        "--rate x: 1/64",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration other-name",
        "'clip.npz': holds 'input' [60, 1, 8], not input 'x'",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration other-shape",
        "'clip.npz': array 'x' is float64 [60, 1, 9], the network wants (hops, 1, 8)",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration nan",
        "'clip.npz': array 'x' holds NaN or infinity",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration words",
        "'clip.npz': array 'x' is <U1 [2], the network wants (hops, 1, 8)",
    ),
    (
        "export net.onnx --target host -o new --recipe w8a8 --calibration no-hops",
        "'clip.npz': array 'x' is float64 [0, 1, 8], the network wants (hops, 1, 8)",
    ),
    ("export offline.onnx --target host -o new --hop 0", "--hop '0': not such a number"),
    ("export offline.onnx --target host -o new --hop 10ms", "--hop '10ms': a time, but no"),
    (
        "export offline.onnx --target host -o new --time-axis x:3 --hop 4",
        "--time-axis x:3: not an axis of an input",
    ),
    (
        "export offline.onnx --target host -o new --time-axis audio:2 --hop 4",
        "--time-axis audio:2: not an axis of an input",
    ),
    ("export offline.onnx --target host -o new --time-axis 2 --hop 4", "--time-axis '2': no axis"),
    ("export net.onnx --target host -o new --sample-rate 44.1", "write 16000, 16k or 44.1kHz"),
    (
        "export net.onnx --target host -o new --frontend stft:32:16:hanning:mag",
        "--frontend stft:32:16:hanning:mag: WINDOW: hanning",
    ),
    (
        "export net.onnx --target host -o new --frontend stft:32:16",
        "--frontend stft:32:16: not of this form",
    ),
    (
        "export net.onnx --target host -o new --frontend stft:32:15:sqrt_hann:mag",
        "--frontend: no sample rate",
    ),
    (
        "export net.onnx --target host -o new --frontend stft:512:128:sqrt_hann:mag --sample-rate 16000",
        "--frontend stft:512:128:sqrt_hann:mag: input 'x': shape (1, 8)",
    ),
    (
        "export net.onnx --target host -o new --frontend melspec:32:16",
        "--frontend melspec:32:16: not of this form",
    ),
    (
        "export net.onnx --target host -o new --constant speed=1",
        "--constant speed: the network has no such input",
    ),
    (
        "export net.onnx --target host -o new --state h:hh",
        "--state h:hh: the network has no output 'hh'",
    ),
    (
        "export net.onnx --target host -o new --shape x=1,9",
        "--shape x=1,9: the network's input 'x' is (1,8)",
    ),
    (
        "export net.onnx --target host -o new --layout x=NCT",
        "--layout x=NCT: 3 letters for the 2 axes of [1, 8]",
    ),
    (
        "export net.onnx --target host -o new --sampler sampler.toml",
        "sampler 'sampler.toml': unknown key 'stepps'",
    ),
    (
        "export denoiser.onnx --target host -o new --sampler sampler.toml",
        "sampler 'sampler.toml': unknown key 'stepps'",
    ),
    (
        "export denoiser.onnx --target host -o new --sampler sampler-kind.toml",
        "sampler, kind: 'dimm'",
    ),
    (
        "export net.onnx --target cortex-m4 -o new --board nowhere.toml",
        "board 'nowhere.toml': No such file or directory",
    ),
    ("export net.onnx --target cortex-m4 -o new --board board.toml", "board 'board.toml': no core"),
    ("export net.onnx --target host -o new --stateful", "--stateful: given for target 'host'"),
    ("export net.onnx --target host -o new --package arduno", "'arduino' is nearest"),
    ("export net.onnx --target host -o new --bindings go", "--bindings 'go': unknown"),
    (
        "export net.onnx --target host -o new --device-rate 48000",
        "--device-rate 48000: no sample rate of the network",
    ),
    (
        "export net.onnx --target host -o new --metric my_metrics.py",
        "--metric 'my_metrics.py': ModuleNotFoundError: No module named 'my_metrics'",
    ),
    ("export net.onnx --targett host -o new", "option --targett: unknown"),
    # run
    ("run nowhere in.npz out.npz", "build 'nowhere': does not exist"),
    ("run full in.npz out.npz", "build 'full': manifest.json: No such file or directory"),
    ("run net.onnx in.npz out.npz", "build 'net.onnx': a file"),
    ("run build/manifest.json in.npz out.npz", "give the folder around it"),
    ("run in.npz out.npz build", "build 'in.npz': a file"),
    ("run build in.npz", "IN and OUT: 1 file"),
    ("run build nowhere.npz out.npz", "file 'nowhere.npz': No such file or directory"),
    ("run build in.txt out.npz", "IN and OUT: .txt to .npz"),
    ("run build nosuch.npy out.npz", "file 'nosuch.npy': No such file"),
    ("run build narrow.npz out.npz", "input 'x': shape [3, 1, 7]"),
    ("run build other.npz out.npz", "file 'other.npz': holds "),
    ("run build mono.wav out.wav", "build of 'net': takes x [1, 8], gives y [1, 8]"),
    ("run build in.npz out.wav", "IN and OUT: .npz to .wav"),
    ("run build in.npz nowhere/out.npz", "output 'nowhere/out.npz': its folder does not exist"),
    ("run build in.npz out.npz --set gain=1", "leave it out, or export with --control"),
    (
        "run build in.npz out.npz --constants nowhere.npz",
        "file 'nowhere.npz': No such file or directory",
    ),
    ("run build in.npz out.npz --seed 3", "seed 3: build 'net' draws no noise"),
    ("run build --mic", "build of 'net': takes x [1, 8], gives y [1, 8]"),
    ("run pcm text.wav out.wav", "file 'text.wav': "),
    ("run pcm mp3/song.mp3 out.wav", "file 'mp3/song.mp3': "),
    ("run pcm nowhere.wav out.wav", "file 'nowhere.wav': does not exist"),
    ("run pcm empty.wav out.wav", "file 'empty.wav': no samples"),
    ("run pcm mono.wav out.mp3", "IN and OUT: .wav to .mp3"),
    ("run pcm mono.wav out", "IN and OUT: .wav to no ending"),
    ("run pcm mic=mono.wav out.wav", "'mic=mono.wav': no input or output of this name"),
    ("run pcm mono.wav six.wav out.wav", "IN and OUT: 3 files"),
    ("run edited in.npz out.npz", "changed"),
    ("run incomplete in.npz out.npz", "missing"),
    # the other verbs
    ("bench nowhere", "build 'nowhere': does not exist"),
    ("bench build --device cortex-m55", "--device 'cortex-m55': unknown"),
    ("bench build --device qemu", "--device qemu: a build for host"),
    ("bench build --device ssh://", "--device 'ssh://': unknown"),
    ("bench build --against tensorflow", "--against 'tensorflow': unknown"),
    ("bench build --hops 0", "--hops: 0"),
    (
        "bench --compare nowhere.jsonl -o new.html",
        "file 'nowhere.jsonl': No such file or directory",
    ),
    ("bench --compare file -o new.html", "file 'file': no usable line"),
    ("bench", "DIR: not given"),
    ("inspect mono.wav", "model 'mono.wav': a .wav file, which EdgeKit does not read as a network"),
    (
        "inspect build --html nowhere/page.html",
        "output 'nowhere/page.html': its folder does not exist",
    ),
    ("sample build -n 2 -o new.npz", "build 'net': no sampler"),
    ("sample build -o new.npz", "-n: not given"),
    ("invert build in.npz -o new.npz", "build 'net': no sampler"),
    (
        "bundle build -o new.bundle --key nowhere.pem --release 1",
        "build 'build': its weights are part of its code",
    ),
    (
        "quantize net.onnx --recipe w8a8 --calibration good -o new.tflite",
        "output 'new.tflite': '.tflite'",
    ),
    (
        "quantize net.onnx --recipe float32 --calibration good -o new.onnx",
        "recipe 'float32': no integers",
    ),
    ("quantize net.onnx --recipe w8a8 -o new.onnx", "--calibration: not given"),
    ("stream net.onnx -o new.onnx", "the time axis: no open dimension: x (1, 8); h (1, 8)"),
    ("stream offline.onnx -o new", "output 'new': no ending"),
    ("prune net.onnx --pattern 3 -o new.onnx", "pattern: '3'"),
    (
        "prune net.onnx --pattern 1:4 -o new.onnx",
        "--smallest: every layer has under 1024 weights, 64 at most",
    ),
    (
        "finetune net.onnx --recipe float32 --calibration good --steps 3 -o new.onnx",
        "recipe 'float32': no integers",
    ),
    ("demo denoise --target cortex-m55 -o new", "demo 'denoise': target 'cortex-m55'"),
    ("demo denoize", "demo 'denoize': unknown"),
    ("demo -o new", "demo: options without a name"),
    ("clips full", "output folder 'full': not empty"),
    ("clips", "DIR: not given"),
    ("serve full", "folder 'full': no index.html"),
    ("doctor gcc", "'gcc': one word too many"),
    ("exprot net.onnx --target host -o new", "'export' is nearest"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the commands name."""
    folder = tmp_path_factory.mktemp("mistakes")
    write(folder)
    api.export(str(folder / "net.onnx"), "host", folder / "build")
    gain = str(tiny_networks.spectral_gain(folder / "gain.onnx"))
    options = {"frontend": tiny_networks.FRONTEND, "sample_rate": 16000}
    api.export(gain, "host", folder / "pcm", **options)  # type: ignore[arg-type]
    for name in ("edited", "incomplete"):
        shutil.copytree(folder / "build", folder / name)
    (folder / "edited" / "ek_tanh_f32.c").write_text("int x;")
    (folder / "incomplete" / "ek_tanh_f32.c").unlink()
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in the folder; messages are not wrapped."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "200")
    handler = signal.getsignal(signal.SIGTERM)
    yield place
    signal.signal(signal.SIGTERM, handler)


def holding(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


@needs_cc
@pytest.mark.parametrize(("command", "says"), MISTAKES, ids=[command for command, _ in MISTAKES])
def test_a_mistake_ends_in_a_message_and_leaves_nothing(
    command: str,
    says: str,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = holding(here)
    monkeypatch.setattr(sys, "argv", ["edgekit", *command.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert says in printed.err and printed.out == ""
    assert ended.value.code == 2 and "Traceback" not in printed.err
    assert holding(here) == before
    if "--calibration nowhere" in command:
        assert "import" not in printed.err  # before any work


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(6, 5), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)  # type: ignore[no-any-return]


class Counting(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x) * self.calls  # type: ignore[no-any-return]


X = torch.zeros(1, 6)
FRAMES = np.random.default_rng(0).standard_normal((40, 1, 6)).astype(np.float32)
spent = iter(FRAMES)
list(spent)


def deploy(network: Any = None, example: Any = X, **options: Any) -> Build:
    network = Net() if network is None else network
    return edgekit.deploy(network, example, **{"target": "onnxruntime", **options})


def calibrated(calibration: Any) -> Build:
    return deploy(recipe="w8a8", calibration=calibration)


DEPLOYED: tuple[tuple[str, Callable[[], Any], str], ...] = (
    ("no example", lambda: deploy(example=None), "neither an example input nor a shape"),
    ("a class", lambda: deploy(Net), "network: Net, not a module"),
    ("weights", lambda: deploy(Net().state_dict()), "a dictionary, such as one of weights"),
    ("a function", lambda: deploy(torch.tanh), "tanh, not a module"),
    ("example first", lambda: deploy(X, Net()), "network: a Tensor"),
    ("TorchScript", lambda: deploy(torch.jit.trace(Net(), X)), "a TorchScript module"),
    (
        "another width",
        lambda: deploy(example=torch.zeros(1, 7)),
        "'Net': forward fails on the example inputs",
    ),
    ("integers", lambda: deploy(example=np.ones((1, 6), int)), "forward fails on the example"),
    ("float64", lambda: deploy(example=np.ones((1, 6))), "forward fails on the example inputs"),
    ("a file name", lambda: deploy(example="clip.wav"), "example: a str"),
    ("meta", lambda: deploy(example=X.to("meta")), "on the device meta"),
    ("misspelt name", lambda: deploy(example={"input": X}), "not a parameter of the module's"),
    ("state in an attribute", lambda: deploy(Counting()), "another output on the second call"),
    ("recipe", lambda: deploy(recipe="int8"), "recipe 'int8': unknown"),
    ("a number", lambda: deploy(recipe=8), "option recipe: 8"),
    ("no target", lambda: deploy(target=None), "target 'None': unknown"),
    ("a hop in words", lambda: deploy(hop="10ms"), "option hop: '10ms'; allowed: int"),
    ("a rate of float", lambda: deploy(sample_rate=16000.0), "option sample_rate: 16000.0"),
    ("a list of axes", lambda: deploy(time_axes=["x:1"]), "allowed: Mapping[str, int]"),
    ("another axis", lambda: deploy(time_axes={"y": 1}), "not an axis of an input"),
    ("a full folder", lambda: deploy(out="full"), "not empty"),
    ("a spent generator", lambda: calibrated(spent), "a generator that was read before"),
    ("paths", lambda: calibrated(["a.wav", "b.wav"]), "a path, 'a.wav'"),
    ("no folder", lambda: calibrated("nowhere"), "does not exist"),
    ("narrow clips", lambda: calibrated(FRAMES[..., :5]), "'calibration': array 'x' is float32"),
    ("silence", lambda: calibrated(FRAMES * 0), "holds only zeros"),
    ("NaN", lambda: calibrated(FRAMES * np.nan), "holds NaN"),
)


@pytest.mark.parametrize(
    ("call", "says"),
    [pytest.param(call, says, id=name) for name, call, says in DEPLOYED],
)
def test_a_mistake_in_a_program_is_an_error_that_says_so(
    call: Callable[[], Any], says: str, here: Path
) -> None:
    before = holding(here)
    with pytest.raises(UsageError) as raised:
        call()
    assert says in str(raised.value) and "edgekit.verbs" not in str(raised.value)
    assert holding(here) == before


def test_what_may_be_left_as_it_is_works_and_what_may_not_is_named() -> None:
    """Training mode, wrappers around a module, tensors with a gradient; no paths, no array without a name."""
    net = nn.Sequential(Net(), nn.BatchNorm1d(5), nn.Dropout()).train()
    build = deploy(nn.DataParallel(net))
    assert net.training
    expected = net.eval()(torch.from_numpy(FRAMES[:, 0])).detach().numpy()
    for given in (torch.from_numpy(FRAMES).requires_grad_(), FRAMES):
        np.testing.assert_allclose(np.asarray(build.run(given))[:, 0], expected, atol=1e-5)
    with pytest.raises(UsageError, match="a str; allowed: numbers"):
        build.run("noisy.wav")
    with pytest.raises(UsageError, match="a ndarray; allowed: a dictionary of"):
        build.stream().process(FRAMES[0])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no option recipie; recipe is nearest"):
        deploy(recipie="w8a8")
