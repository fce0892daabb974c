"""tflite-runtime 2.14, which older devices have: builds for litert in an environment with it and NumPy 1 alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builds import float_model, int8_model, noise
from numpy.typing import NDArray

from edgekit.base.npz import read_npz, write_npz
from edgekit.export.hop_runner import snr_db
from edgekit.graph.model import Model
from edgekit.quantize.rounding.half import half_weights
from edgekit.runtime.stream import Stream
from edgekit.targets.litert import check_litert, lower_litert, lower_stateful

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".venv-tflite"  # kept from run to run
PACKAGES = ("tflite-runtime==2.14.0", "numpy<2")
PIP_S = 300
RUN = """
import sys
from importlib.metadata import version
from pathlib import Path

from edgekit.base.npz import read_npz, write_npz
from edgekit.runtime.runners.litert import interpreter_class
from edgekit.runtime.stream import Stream

print(interpreter_class().__module__, version("tflite-runtime"), version("numpy"))
for name in sys.argv[1:]:
    folder = Path(name)
    write_npz(folder / "out.npz", Stream.open(folder).run(read_npz(folder / "in.npz")))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with tflite-runtime, made with pip on first use."""
    found = FOLDER / "bin" / "python"
    if found.exists():
        return found
    base = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if base is None:
        pytest.skip("needs python3.11, the last that tflite-runtime 2.14 has packages for")
    made = FOLDER.with_name(f"{FOLDER.name}-new")
    shutil.rmtree(made, ignore_errors=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(made / "bin" / "python"),
        "install",
        "--quiet",
    ]
    try:
        subprocess.run([base, "-m", "venv", "--without-pip", str(made)], check=True, timeout=PIP_S)
        done = subprocess.run(
            [*pip, *PACKAGES], capture_output=True, text=True, timeout=PIP_S, check=False
        )
        reason = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.SubprocessError) as error:
        reason = [str(error)]
    if reason:
        shutil.rmtree(made, ignore_errors=True)
        pytest.skip(
            f"needs tflite-runtime 2.14: pip install {' '.join(PACKAGES)} failed: {reason[0]}"
        )
    made.rename(FOLDER)
    return found


def written(model: Model, folder: Path, stateful: bool) -> Path:
    """A build for litert, and inputs of 40 hops."""
    assert not check_litert(model)
    build = (lower_stateful if stateful else lower_litert)(model, "litert")
    folder.mkdir()
    for name, content in build.files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(build.manifest.to_json())
    write_npz(folder / "in.npz", noise(model, 40, seed=2))
    return folder


def lowest_db(
    expected: dict[str, NDArray[np.float32]], found: dict[str, NDArray[np.float32]]
) -> float:
    assert expected.keys() == found.keys()
    return min(snr_db(array, found[name]) for name, array in expected.items())


NETWORKS = ("gru_mask", "tcn", "lstm_vad", "conv_recurrent")
FORMS = {
    "float32": float_model,
    "float16": lambda name: half_weights(float_model(name))[0],
    "w8a8": int8_model,
}
LEAST_DB = {"float32": 90, "float16": 90, "w8a8": 30}  # of integers: kernels of several years apart


@pytest.mark.slow
def test_tflite_runtime_gives_what_litert_gives(python: Path, tmp_path: Path) -> None:
    folders = {
        (form, name, stateful): written(
            make(name), tmp_path / f"{form}-{name}-{stateful}", stateful
        )
        for form, make in FORMS.items()
        for name in NETWORKS
        for stateful in ((False, True) if name == "gru_mask" else (False,))
    }
    done = subprocess.run(
        [str(python), "-c", RUN, *map(str, folders.values())],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    module, tflite, numpy = done.stdout.split()
    assert module.startswith("tflite_runtime") and tflite == "2.14.0" and numpy.startswith("1.")
    for (form, name, _), folder in folders.items():
        expected = Stream.open(folder).run(read_npz(folder / "in.npz"))
        ratio = lowest_db(expected, read_npz(folder / "out.npz"))
        print(form, name, round(ratio, 1))
        assert ratio >= LEAST_DB[form], (form, name)
