"""Every verb refuses a bad value of each argument before it compiles, or imports torch, onnx or onnxruntime.

All commands run in one Python in which these imports, and each start of a program, fail.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_build
import tiny_networks
import typer
from soundfile import write as write_sound

from edgekit import api
from edgekit.cli import app
from edgekit.runtime.build_folder.manifest import Tensor

GUARD = """
import contextlib, io, json, os, subprocess, sys

class Heavy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnx_ir", "onnxruntime"):
            raise RuntimeError(f"too late: {name} is imported")

def started(*arguments, **_):
    raise RuntimeError(f"too late: a program is started: {arguments}")

sys.meta_path.insert(0, Heavy())
subprocess.Popen.__init__ = started
from edgekit import cli

results = []
for command in json.load(sys.stdin):
    sys.argv = ["edgekit", *command.split()]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        except BaseException as error:
            code, _ = None, said.write(f"{type(error).__name__}: {error}")
    results.append((code, " ".join(said.getvalue().split())))
print(json.dumps(results))
"""
PLAIN = "export net.onnx --target host -o new"
SOUNDS = "export net.onnx --target host -o new --sample-rate 16000"
QUANTIZE = "quantize net.onnx --recipe w8a8 --calibration clips -o q.onnx"
FINETUNE = "finetune net.onnx --recipe w8a8 --calibration clips --steps 9 -o f.onnx"
PRUNE = "prune net.onnx --pattern 2:4 -o p.onnx"
STREAM = "stream net.onnx -o s.onnx"
CASES = (
    ("run nowhere in.wav out.wav", "DIR", "does not exist"),
    ("replay nowhere.ekr mono", "RECORDING", "No such file"),
    ("targets --board nosuchchip", "--board", "nosuchchip"),
    ("replay in.wav mono", "RECORDING", "no frame of a recorder"),
    ("run mono missing.wav out.wav", "IN OUT", "'missing.wav' does not exist"),
    ("run mono text.wav out.wav", "IN OUT", "text.wav"),
    ("run ears in.wav out.wav", "IN OUT", "1 channel"),
    ("run mono in.wav out.mp3", "IN OUT", ".wav to .mp3"),
    ("run mono in.wav nowhere/out.wav", "IN OUT", "its folder does not exist"),
    ("run mono in.wav out.json", "IN OUT", "detects nothing"),
    ("run mono in.wav", "IN OUT", "1 file"),
    ("run mono other.npz out.npz", "IN OUT", "file 'other.npz' holds y float32"),
    ("run mono wide.npz out.npz", "IN OUT", "shape [3, 1, 9]"),
    ("run mono missing.png out.png", "IN OUT", "does not exist"),
    ("run mono nosuch=in.wav out.wav", "IN OUT", "no input or output"),
    ("run knob in.wav out.wav", "--set", "control 'knob' not set"),
    ("run knob in.wav out.wav --set nob=1", "--set", "control 'nob' unknown"),
    ("run knob in.wav out.wav --set knob=0:1", "--set", "range 0:1"),
    ("run knob in.wav out.wav --set knob=[1,2]", "--set", "2 numbers"),
    ("run knob in.wav out.wav --set knob=high", "--set", "neither a number"),
    ("run knob in.wav out.wav --set knob=no.npy", "--set", "No such file"),
    ("run knob --mic", "--set", "control 'knob' not set"),
    ("run voice in.wav out.wav", "--constants", "session constants not given"),
    ("run voice in.wav out.wav --constants no.npz", "--constants", "No such file"),
    ("run voice in.wav out.wav --constants wide.npz", "--constants", "unknown"),
    ("run voice in.wav out.wav --set voice=wide.npy", "--set", "numbers"),
    ("run mono in.wav out.wav --seed 5", "--seed", "draws no noise"),
    ("run mono in.wav out.wav --device moon", "--device", "'moon' for a build for c99"),
    ("run mono in.wav out.wav --device-rate 7", "--device-rate", "7"),
    ("run mono in.wav out.wav --found f.json", "--found", "a picture"),
    ("run mono in.wav out.wav --record nowhere/r.ekr", "--record", "does not exist"),
    ("run mono in.wav out.wav --mic", "--mic", "with --mic"),
    ("sample nowhere -n 1 -o x.npz", "DIR", "does not exist"),
    ("sample mono -n 1 -o x.npz", "DIR", "no sampler"),
    ("sample images -n 0 -o x.npz", "-n", "a whole number"),
    ("sample images -n 1 -o x.txt", "--out", ".npz or .png"),
    ("sample images -n 1 -o x.png", "--out", "samples"),
    ("sample images -n 1 -o x.npz --seed -1", "--seed", "a whole number"),
    ("sample images -n 1 -o x.npz --condition label", "--condition", "no value"),
    ("sample images -n 1 -o x.npz --condition nosuch=1", "--condition", "none of this name"),
    ("sample images -n 1 -o x.npz --start wide.npz", "--start", "the build draws its own"),
    ("sample images -n 1 -o x.npz --noise wide.npz", "--noise", "the build draws its own"),
    ("sample given -n 1 -o x.npz", "--start", "not given"),
    ("sample given -n 1 -o x.npz --start no.npz", "--start", "No such file"),
    ("invert images x.npz -o m.npz", "DIR", "noise of its own"),
    ("invert given no.npz -o m.npz", "IMAGES", "No such file"),
    ("invert given wide.npz -o m.npz", "IMAGES", "shape"),
    ("invert given x.npz -o m.txt", "--out", ".npz"),
    ("invert given x.npz -o m.npz --seed -1", "--seed", "a whole number"),
    ("invert given x.npz -o m.npz --condition nosuch=1", "--condition", "none of this name"),
    ("bench nowhere", "DIR", "does not exist"),
    ("bench mono --device moon", "--device", "moon"),
    ("bench mono --hops 0", "--hops", "0"),
    ("bench mono --against nosuch", "--against", "nosuch"),
    ("bench mono --against tract", "--against", "tract"),
    ("bench mono --append nowhere/r.jsonl", "--append", "its folder does not exist"),
    ("bench --compare no.jsonl -o c.html", "--compare", "no.jsonl"),
    ("bench --compare in.wav -o c.txt", "--out", ".html"),
    ("bench --fleet no.toml --append r.jsonl", "--fleet", "no.toml"),
    ("bench --fleet fleet.toml --append r.jsonl -o c.txt", "--out", ".html"),
    ("bundle nowhere -o b.ekb --key no.pem --release 1", "BUILD", "does not exist"),
    ("bundle mono -o b.ekb --key no.pem --release 1", "--key", "no.pem"),
    ("bundle mono -o nowhere/b.ekb --key text.wav --release 1", "--out", "does not exist"),
    ("bundle mono -o b.ekb --key text.wav --release 0", "--release", "a whole number"),
    ("inspect nowhere", "DIR|MODEL", "does not exist"),
    ("inspect net.onnx --html nowhere/r.html", "--html", "its folder does not exist"),
    ("serve nowhere", "DIRECTORY", "no index.html"),
    ("serve page --port 99999", "--port", "a whole number"),
    ("clips full", "DIR", "not empty"),
    ("clips new --channels 17", "--channels", "a whole number"),
    ("demo nosuch", "NAME", "nosuch"),
    ("help port", "TOPIC", "'ports' is nearest"),
    ("demo denoise --target moon", "--target", "moon"),
    ("demo denoise --target host -o full", "--out", "not empty"),
    ("prune no.onnx --pattern 2:4 -o p.onnx", "MODEL", "does not exist"),
    ("prune net.onnx --pattern 3:4 -o p.onnx", "--pattern", "3:4"),
    ("prune net.onnx --pattern 2:4 -o p.txt", "--out", ".onnx"),
    (f"{PRUNE} --layers (", "--layers", "a regular expression"),
    (f"{PRUNE} --smallest -1", "--smallest", "-1"),
    ("stream no.onnx -o s.onnx", "MODEL", "does not exist"),
    ("stream net.onnx -o s.txt", "--out", ".onnx"),
    ("quantize no.onnx --recipe w8a8 --calibration clips -o q.onnx", "MODEL", "does not exist"),
    ("quantize net.onnx --recipe int3 --calibration clips -o q.onnx", "--recipe", "int3"),
    ("quantize net.onnx --recipe w8a8 --calibration no -o q.onnx", "--calibration", "not exist"),
    (
        "quantize net.onnx --recipe w8a8 --calibration nosuch:f -o q.onnx",
        "--calibration",
        "no module 'nosuch'",
    ),
    ("quantize net.onnx --recipe w8a8 --calibration clips -o q.txt", "--out", ".onnx"),
    (f"{QUANTIZE} --min-snr nan", "--min-snr", "nan"),
    (f"{QUANTIZE} --target moon", "--target", "moon"),
    (f"{QUANTIZE} --max-ram 9", "--max-ram", "which chooses nothing"),
    (f"{QUANTIZE} --max-flash 0", "--max-flash", "a whole number"),
    (f"{QUANTIZE} --max-instructions 0", "--max-instructions", "a whole number"),
    (f"{QUANTIZE} --workers 2", "--workers", "searches for nothing"),
    (f"{QUANTIZE} --scheduler moon", "--scheduler", "moon"),
    (f"{QUANTIZE} --set x=high", "--set", "neither a number"),
    ("finetune no.onnx --recipe w8a8 --calibration clips --steps 9 -o f.onnx", "MODEL", "exist"),
    ("finetune net.onnx --recipe auto --calibration clips --steps 9 -o f.onnx", "--recipe", "auto"),
    (
        "finetune net.onnx --recipe w8a8 --calibration no --steps 9 -o f.onnx",
        "--calibration",
        "does not exist",
    ),
    (
        "finetune net.onnx --recipe w8a8 --calibration clips --steps 0 -o f.onnx",
        "--steps",
        "a whole number",
    ),
    ("finetune net.onnx --recipe w8a8 --calibration clips --steps 9 -o f.txt", "--out", ".onnx"),
    (f"{FINETUNE} --seed -1", "--seed", "a whole number"),
    (f"{FINETUNE} --set x=1:0", "--set", "a range from 1 to 0"),
    (f"{FINETUNE} --control knob", "--control", "holds nothing for input 'knob'"),
    (f"{FINETUNE} --state a", "--state", "not a pair"),
    ("export no.onnx --target host -o new", "MODEL", "does not exist"),
    ("export net.onnx --target moon -o new", "--target", "moon"),
    ("export net.onnx --target host -o full", "--out", "not empty"),
    (f"{PLAIN} --recipe int3", "--recipe", "int3"),
    (f"{PLAIN} --calibration no", "--calibration", "does not exist"),
    (f"{PLAIN} --calibration nosuch:f", "--calibration", "no module 'nosuch'"),
    (f"{PLAIN} --min-snr nan", "--min-snr", "nan"),
    (f"{PLAIN} --metric nosuch:f", "--metric", "nosuch"),
    (f"{PLAIN} --calibration clips --control knob", "--control", "nothing for input 'knob'"),
    (f"{PLAIN} --calibration clips --constant voice", "--constant", "nothing for input 'voice'"),
    (f"{PLAIN} --set knob=0:0", "--set", "a range from 0 to 0"),
    (f"{PLAIN} --set knob=0:1 --set knob=2", "--set", "given 2 times"),
    (f"{SOUNDS} --device-rate 7", "--device-rate", "7"),
    (f"{PLAIN} --wrap vst", "--wrap", "vst"),
    (f"{PLAIN} --wrap lv2 --knob gain=1:0:2", "--knob", "1:0:2"),
    (f"{PLAIN} --then no.onnx", "--then", "does not exist"),
    (f"{PLAIN} --sampler no.toml", "--sampler", "no.toml"),
    (f"{PLAIN} --until y", "--until", "y"),
    (f"{PLAIN} --noise z=pink", "--noise", "pink"),
    (f"{PLAIN} --decide loud", "--decide", "loud"),
    ("export net.onnx --target fpga -o new --part X", "--part", "X"),
    ("export net.onnx --target fpga -o new --goal X", "--goal", "X"),
    ("export net.onnx --target fpga -o new --datapath X", "--datapath", "X"),
    (
        "export net.onnx --target host -o new --datapath hls",
        "--datapath",
        "given for target 'host'",
    ),
    ("export net.onnx --target fpga -o new --picture X", "--picture", "X"),
    (f"{PLAIN} --weights near", "--weights", "near"),
    (f"{PLAIN} --package nosuch", "--package", "nosuch"),
    (f"{PLAIN} --bindings cobol", "--bindings", "cobol"),
    ("export net.onnx --target cortex-m4 -o new --board no.toml", "--board", "no.toml"),
    (f"{PLAIN} --schedule no.toml", "--schedule", "no.toml"),
    (f"{PLAIN} --state a", "--state", "not a pair"),
    (f"{PLAIN} --state a=b", "--state", "write a colon, as a:b"),
    (f"{PLAIN} --frontend mel", "--frontend", "mel"),
    (f"{PLAIN} --max-flash 9", "--max-flash", "which chooses nothing"),
    (f"{PLAIN} --max-ram 9", "--max-ram", "which chooses nothing"),
    (f"{PLAIN} --max-instructions 9", "--max-instructions", "which chooses nothing"),
    (f"{PLAIN} --workers 2", "--workers", "searches for nothing"),
    (f"{PLAIN} --scheduler moon", "--scheduler", "moon"),
    *(
        case
        for words in (PLAIN, STREAM, FINETUNE, "inspect net.onnx")
        for case in (
            (f"{words} --hop 0", "--hop", "a whole number"),
            (f"{words} --sample-rate 0", "--sample-rate", "a whole number"),
            (f"{words} --shape x=0", "--shape", "no dimensions"),
            (f"{words} --constant =3", "--constant", "no value"),
            (f"{words} --time-axis x", "--time-axis", "no axis"),
            (f"{words} --replace pad=loud", "--replace", "loud"),
            (f"{words} --rate f0=0", "--rate", "0"),
            (f"{words} --until 0", "--until", "0"),
            (f"{words} --iterate y", "--iterate", "y"),
            (f"{words} --signature encode", "--signature", "a .tflite"),
            (f"{words} --layout x=QQ", "--layout", "Q"),
        )
    ),
    (f"{FINETUNE} --frontend mel", "--frontend", "mel"),
)
NAMES_ALONE = "a name or a switch: right or wrong by the network, which is imported first"
FREE = {
    ("export", "--mid-side"): NAMES_ALONE,
    **{(verb, "--control"): NAMES_ALONE for verb in ("stream", "inspect")},
    ("bench", "--again"): "a switch",
    ("doctor", "--measure"): "a switch",
    ("inspect", "--proof"): "a switch",
    ("targets", "--boards"): "a switch",
    ("replay", "DIR"): "read after the recording, which says which build it is of",
    ("bench", "--layers"): "a switch",
    **{(verb, "--causal"): "a switch" for verb in ("export", "stream", "finetune", "inspect")},
    **dict.fromkeys(
        [
            ("export", flag)
            for flag in (
                "--strict",
                "--tune",
                "--cpu-fallback",
                "--stateful",
                "--micro",
                "--allow-oversize",
                "--force",
            )
        ],
        "a switch",
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, str]]:
    """The exit code and the message of each command of `CASES`."""
    folder = tmp_path_factory.mktemp("arguments")
    write(folder)
    commands = [command for command, _, _ in CASES]
    ran = subprocess.run(
        [sys.executable, "-c", GUARD],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        cwd=folder,
        env={"EDGEKIT_DEBUG": "1", "COLUMNS": "300", "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(zip(commands, map(tuple, json.loads(ran.stdout)), strict=True))


def write(folder: Path) -> None:
    """What the commands name."""
    random = np.random.default_rng(0)
    tiny_networks.recurrent(folder / "net.onnx")
    pcm = Tensor("pcm", (1, 4), "float32", "stream")
    ears = Tensor("pcm", (1, 2, 4), "float32", "stream", layout="NCT")
    knob = Tensor("knob", (1, 1), "float32", "control")
    voice = Tensor("voice", (1, 8), "float32", "constant")
    tiny_build.write(folder / "mono")
    tiny_build.write(folder / "ears", inputs=(ears,))
    tiny_build.write(folder / "knob", inputs=(pcm, knob))
    tiny_build.write(folder / "voice", inputs=(pcm, voice))
    write_sound(folder / "in.wav", random.uniform(-0.1, 0.1, 400), 16000)
    (folder / "text.wav").write_text("no sound")
    (folder / "fleet.toml").write_text("")
    np.savez(folder / "other.npz", y=np.zeros((3, 1, 4), np.float32))
    np.savez(folder / "wide.npz", pcm=np.zeros((3, 1, 9), np.float32))
    np.save(folder / "wide.npy", np.zeros((1, 9), np.float32))
    (folder / "clips").mkdir()
    np.savez(folder / "clips" / "a.npz", x=random.standard_normal((9, 1, 8)).astype(np.float32))
    (folder / "page").mkdir()
    (folder / "page" / "index.html").write_text("")
    (folder / "full").mkdir()
    (folder / "full" / "thesis.tex").write_text("years of work")
    network = str(tiny_networks.denoiser(folder / "denoiser.onnx"))
    given = tiny_networks.SAMPLER_TOML
    drawn = given.replace('start = "given"\nnoise = "given"\n', "")
    for name, toml in (("images", drawn), ("given", given)):
        (folder / f"{name}.toml").write_text(toml)
        api.export(network, "onnxruntime", folder / name, sampler=folder / f"{name}.toml")
    shape = next(t.shape for t in json_inputs(folder / "given"))
    np.savez(folder / "x.npz", x=np.zeros((1, *shape[1:]), np.float32))


def json_inputs(folder: Path) -> list[Tensor]:
    """The inputs of a build."""
    facts = json.loads((folder / "manifest.json").read_text())
    return [
        Tensor(row["name"], tuple(row["shape"]), row["dtype"], row["role"])
        for row in facts["inputs"]
    ]


@pytest.mark.parametrize(("command", "says"), [(c, s) for c, _, s in CASES])
def test_a_bad_argument_is_refused_before_any_work(
    command: str, says: str, said: dict[str, tuple[Any, str]]
) -> None:
    code, message = said[command]
    assert "too late" not in message, message
    assert code in (1, 2) and says.replace(":", "") in message.replace(":", ""), message


def test_every_argument_of_every_verb_has_a_case() -> None:
    covered = {(command.split()[0], name) for command, name, _ in CASES}
    for verb, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for row in command.params:
            names = {row.name, row.metavar, *row.opts, (row.name or "").upper()} - {None}
            if names & {"--json", "--help", "--quiet", "--verbose", "--help-all"}:
                continue
            known = {name for name in names if (verb, name) in covered or (verb, name) in FREE}
            assert known, f"{verb} {sorted(map(str, names))}: no case"
