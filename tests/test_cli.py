"""The command line: exit codes, JSON, refusals by name, no traceback for what users get wrong."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_build
import tiny_networks
from tiny_build import needs_cc

from edgekit import cli
from edgekit.base.errors import UsageError
from edgekit.base.installation import extra_packages, install, install_extra, installer
from edgekit.export.frontend.spec import parse_spec
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.verbs import doctor
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.export.texts import parse_shape, parse_state
from edgekit.verbs.targets import TARGETS

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def edgekit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Run the command line in this process; returns exit code, stdout, stderr."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgekit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), captured.out, captured.err

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return tiny_networks.recurrent(tmp_path / "tiny.onnx")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    noise = np.random.default_rng(0).standard_normal((60, 1, tiny_networks.WIDTH))
    np.savez(folder / "noise.npz", x=noise.astype(np.float32))
    return folder


def test_help_lists_the_verbs_and_flags(edgekit: Cli) -> None:
    code, out, _ = edgekit("--help")
    assert code == 0
    for verb in (
        "export",
        "prune",
        "quantize",
        "finetune",
        "replay",
        "run",
        "bench",
        "inspect",
        "targets",
        "doctor",
        "clips",
        "demo",
        "sample",
        "invert",
        "serve",
    ):
        assert verb in out
    code, out, _ = edgekit("export", "--help")
    assert code == 0 and "--calibration" in out and "--sampler" not in out
    code, out, _ = edgekit("export", "--help-all")
    assert "--sampler" in out and "--stateful" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["export"],
        ["export", "m.onnx"],
        ["frobnicate"],
        ["run", "a"],
        ["run", "a", "in.wav"],
        ["run", "a", "in.wav", "out.wav", "--mic"],
        ["run", "a", "--mic"],
        ["targets", "--frobnicate"],
        ["export", "m.onnx", "--target", "host", "-o", "x", "--hop", "none"],
        ["export", "m.onnx", "--target", "host", "-o", "x", "--state", "abc"],
        ["export", "m.onnx", "--target", "host", "-o", "x", "--shape", "abc"],
        ["export", "m.onnx", "--target", "host", "-o", "x", "--constant", "sr=fast"],
        ["demo", "frobnicate"],
        ["serve", "nothing"],
        ["run", "DIR", "a.wav", "b.npz"],
        ["run", "DIR", "a.png", "b.png"],
        ["inspect", "nothing.onnx"],
        ["inspect", "manifest.json"],
        ["inspect", "."],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_with_a_message(
    edgekit: Cli, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = edgekit(*arguments)
    assert code == 2
    assert out + err != "" and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_errors_come_as_json_where_json_was_asked_for(edgekit: Cli, tmp_path: Path) -> None:
    out_dir = tmp_path / "out"
    code, out, err = edgekit("export", "network", "--target", "pdp11", "-o", out_dir, "--json")
    assert code == 2 and err == ""
    error = json.loads(out)["error"]
    assert error["exit_code"] == 2 and error["kind"] == "UsageError"
    assert [problem["where"] for problem in error["problems"]] == [
        "model 'network'",
        "target 'pdp11'",
    ]
    assert error["problems"][1]["allowed"] == ", ".join(TARGETS)


@pytest.mark.parametrize("name", ["net.h5", "net.pth", "weights"])
def test_a_file_that_is_no_network_is_called_what_it_is(
    edgekit: Cli, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"TFL3")
    for verb in (("export", "--target", "c99", "-o", tmp_path / "out"), ("inspect",)):
        code, _, err = edgekit(verb[0], tmp_path / name, *verb[1:])
        ending = name.partition(".")[2]
        assert code == 2 and (f"a .{ending} file" if ending else "a file") in err
        steps = {"pth": "weights alone", "h5": "model.export"}
        assert steps.get(ending, "export the network to .onnx") in err


def test_a_missing_build_is_named_beside_what_inspect_takes(edgekit: Cli) -> None:
    code, _, err = edgekit("inspect", "nowhere")
    assert code == 2 and "'nowhere': does not exist" in err and "a build folder" in err


def test_errors_are_listed_one_by_one_on_stderr(edgekit: Cli, tmp_path: Path) -> None:
    code, out, err = edgekit("export", "network", "--target", "pdp11", "-o", tmp_path / "out")
    assert code == 2 and out == ""
    assert err.count("error: ") == err.count("  allowed: ") == err.count("  next:    ") == 2


@needs_cc
def test_export_run_and_inspect(edgekit: Cli, network: Path, clips: Path, tmp_path: Path) -> None:
    build = tmp_path / "out"
    arguments = ("export", network, "--target", "host", "-o", build)
    code, out, err = edgekit(*arguments, "--recipe", "w8a8", "--calibration", clips, "--json")
    assert code == 0 and err == ""
    facts = json.loads(out)
    few = [note for note in facts["notes"] if note.startswith("calibration: clips come out")]
    assert facts["directory"] == str(build) and facts["notes"] == few
    assert facts["manifest"] == json.loads((build / "manifest.json").read_text())
    code, out, err = edgekit(*arguments)
    assert code == 2 and "--force to replace this build" in err

    code, out, _ = edgekit("inspect", build, "--json", "--html", tmp_path / "page.html")
    assert code == 0 and json.loads(out)["manifest"] == facts["manifest"]
    assert (tmp_path / "page.html").read_text() == (build / "report.html").read_text()
    code, out, _ = edgekit("inspect", build)
    assert code == 0 and "w8a8" in out and "bit-exact" in out

    np.savez(tmp_path / "in.npz", x=np.zeros((3, 1, tiny_networks.WIDTH), np.float32))
    code, out, _ = edgekit("run", build, tmp_path / "in.npz", tmp_path / "out.npz", "--json")
    assert code == 0 and json.loads(out)["notes"] == []
    assert np.load(tmp_path / "out.npz")["y"].shape == (3, 1, tiny_networks.WIDTH)


@needs_cc
def test_a_failed_check_is_exit_code_1(
    edgekit: Cli, network: Path, clips: Path, tmp_path: Path
) -> None:
    code, _, err = edgekit(
        "export",
        network,
        "--target",
        "host",
        "-o",
        tmp_path / "out",
        "--recipe",
        "w8a8",
        "--calibration",
        clips,
        "--min-snr",
        "150",
    )
    assert code == 1 and "150 dB" in err and not (tmp_path / "out").exists()


def test_quantize_writes_one_file(edgekit: Cli, network: Path, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.int8.onnx"
    arguments = ("--calibration", clips, "-o", path)
    code, out, _ = edgekit("quantize", network, "--recipe", "w8a8", *arguments, "--json")
    assert code == 0 and json.loads(out) == {"path": str(path), "recipe": "w8a8", "notes": []}
    assert path.is_file()
    code, _, err = edgekit("quantize", network, "--recipe", "float32", *arguments)
    assert code == 2 and "float32" in err
    code, _, err = edgekit(
        "quantize", network, "--recipe", "w8a8", "--calibration", clips, "-o", network
    )
    assert code == 2 and "the input itself" in err
    code, _, err = edgekit("quantize", network, "--recipe", "w8a8", *arguments, "--max-ram", 9)
    assert code == 2 and "chooses nothing" in err
    for target, found in (("fpga", "a target of C sources"), ("none", "unknown"), ("host", "")):
        bound = () if target == "host" else ("--max-ram", 9)
        auto = ("quantize", network, "--recipe", "auto", *arguments, "--target", target, *bound)
        code, _, err = edgekit(*auto)
        assert code == 2 and (found or "no bound") in err


def test_prune_writes_a_file_and_says_what_is_kept(
    edgekit: Cli, network: Path, tmp_path: Path
) -> None:
    arguments = ("prune", network, "-o", tmp_path / "pruned.onnx")
    code, out, _ = edgekit(*arguments, "--pattern", "1:4", "--smallest", 0, "--json")
    rows = json.loads(out)["layers"]
    assert code == 0 and [row["kept"] for row in rows] == [0.25, 0.25]
    assert all(0.25 < row["energy"] < 1 and row["left"] is None for row in rows)
    code, _, err = edgekit(*arguments, "--pattern", "1:3")
    assert code == 2 and "pattern: '1:3'" in err and "2:4, 2:8, 1:4, 1:8, 1:16" in err
    code, _, err = edgekit(*arguments, "--pattern", "1:4")
    assert code == 2 and "every layer has under 1024 weights, 64 at most" in err


def test_quantize_says_what_is_wrong_with_the_calibration(edgekit: Cli, tmp_path: Path) -> None:
    network, pcm = tiny_networks.spectral_gain(tmp_path / "gain.onnx"), tmp_path / "pcm.onnx"
    options = ImportOptions(frontend=parse_spec(tiny_networks.FRONTEND), sample_rate=16000)
    load_model(str(network), options).model.save(pcm)
    (tmp_path / "clips").mkdir()
    tone = np.sin(np.arange(16000) / 3) / 4
    soundfile.write(tmp_path / "clips" / "a.wav", tone, 16000)
    arguments = ("--calibration", tmp_path / "clips", "-o", tmp_path / "x.onnx")
    code, said, _ = edgekit("quantize", pcm, "--recipe", "w8a8", *arguments)
    assert code == 0 and "1.0 s of audio in all" in said


@needs_cc
def test_run_prints_what_it_changed(edgekit: Cli, tmp_path: Path) -> None:
    tiny_build.write(tmp_path / "build")
    source = tmp_path / "in.wav"
    soundfile.write(source, np.zeros((4410, 2)), 44100)
    code, out, _ = edgekit("run", tmp_path / "build", source, tmp_path / "out.wav")
    assert code == 0
    for words in ("2 channels", "from 44100 Hz to 16000 Hz", "delay compensated: 1 samples"):
        assert words in out
    code, _, err = edgekit("run", tmp_path / "build", source, source)
    assert code == 2 and "the input itself" in err


@tiny_build.needs_cc
def test_bench_prints_tables_or_json(edgekit: Cli, tmp_path: Path) -> None:
    folder = tiny_build.write(tmp_path)
    code, _, err = edgekit("bench", folder)
    assert code == 2 and "golden" in err
    (folder / "golden").mkdir()
    hops = np.ones((3, 1, tiny_build.HOP), np.float32)
    np.savez(folder / "golden" / "input.npz", pcm=hops)
    made = tiny_build.expected(hops.ravel()).reshape(hops.shape)
    np.savez(folder / "golden" / "output.npz", pcm_out=made)
    code, out, _ = edgekit("bench", folder, "--hops", "4")
    assert code == 0 and "on local" in out and "median us" in out
    code, out, _ = edgekit("bench", folder, "--hops", "4", "--json")
    assert code == 0 and json.loads(out)["hop_us"] == 250.0
    code, _, err = edgekit("bench", folder, "--device", "toaster")
    assert code == 2 and "unknown" in err


def test_targets_and_doctor_tell_what_is_here(edgekit: Cli) -> None:
    code, out, _ = edgekit("targets", "--json")
    assert code == 0
    targets = {target["name"]: target for target in json.loads(out)}
    assert list(targets) == list(TARGETS)
    assert targets["onnxruntime"]["found"] is True
    assert targets["host"]["found"] is not tiny_build.NO_COMPILER
    code, out, _ = edgekit("doctor", "--json")
    tools = {tool["name"]: tool for tool in json.loads(out)}
    assert code == 0 and tools["onnxruntime"]["found"] is True
    assert all(tool["version"] or tool["pip"] or tool["apt"] for tool in tools.values())
    for verb in ("targets", "doctor"):
        code, out, _ = edgekit(verb)
        assert code == 0 and "onnxruntime" in out
    assert all(f"    {tool['path']}\n" in out for tool in tools.values() if tool["found"])


def test_doctor_says_how_to_get_torch_without_cuda(
    edgekit: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_spec", lambda module: None)
    code, out, _ = edgekit("doctor")
    assert code == 0
    assert (
        f"{installer()} torch --index-url https://download.pytorch.org/whl/cpu (without CUDA, much smaller), "
        f"then {install(*extra_packages('torch'))}"
    ) in out
    assert install_extra("audio") in out


def test_python_dash_m_works() -> None:
    source = str(Path(__file__).parent.parent / "src")
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", "targets", "--json"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": source, "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["name"] == "host"


def test_state_and_shape_are_split_at_the_right_place() -> None:
    assert parse_state("h:h_next") == ("h", "h_next")
    assert parse_state("a:0:b:0") == ("a:0", "b:0")
    assert parse_shape("x=1,2,3") == ("x", (1, 2, 3))
    assert parse_shape("a=b=1x16") == ("a=b", (1, 16))
    for text in ("h", "a:b:c", ":", "a:"):
        with pytest.raises(UsageError):
            parse_state(text)
    for text in ("x", "x=", "x=0", "x=-1", "x=N", "=1", "x=1,,2"):
        with pytest.raises(UsageError):
            parse_shape(text)


def test_the_manifest_of_json_and_folder_agree_on_a_hand_made_build(
    edgekit: Cli, tmp_path: Path
) -> None:
    tiny_build.write(tmp_path / "build")
    code, out, _ = edgekit("inspect", tmp_path / "build", "--json")
    assert code == 0
    assert Manifest.from_json(json.dumps(json.loads(out)["manifest"])) == tiny_build.manifest()
    code, _, err = edgekit("inspect", tmp_path / "build", "--html", tmp_path / "page.html")
    assert code == 2 and "no report" in err
