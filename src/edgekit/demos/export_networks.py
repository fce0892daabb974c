"""Writes .onnx files of the sound and sensor demos from their committed weights, over an open number of frames.

Run ``python -m edgekit.demos.export_networks scene`` for those in the folder ``scene``.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from edgekit.demos.compressor import formula
from edgekit.demos.compressor import network as compressor
from edgekit.demos.instrument import listener, player
from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.scene import network as scene
from edgekit.demos.sensor import network as sensor
from edgekit.demos.sensor.data import CHUNK
from edgekit.demos.voice_source import closures
from edgekit.demos.voice_source import network as voice_source
from edgekit.demos.wake import network as wake

HERE = Path(__file__).parent


@dataclass(frozen=True)
class OfflineNetwork:
    """A network of whole recordings.

    Attributes:
        build: returns it with the committed weights in eval mode, and example inputs.
        time: of each input, in the order of `forward`: the axis of time, and its size in a frame.
        least: frames.
    """

    build: Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]
    time: Mapping[str, tuple[int, int]]
    least: int = 2

    def trace(self, network: nn.Module, example: tuple[Tensor, ...]) -> onnx.ModelProto:
        """Return a network that has these inputs, of any weights, as .onnx."""
        frames = torch.export.Dim("frames", min=self.least)
        shapes: dict[str, Any] = {
            name: {axis: frames if size == 1 else size * frames}
            for name, (axis, size) in self.time.items()
        }
        outputs: tuple[str, ...] = network.output_names  # type: ignore[assignment]
        return export_onnx(network, example, list(shapes), outputs, shapes)


PADS = {"pads": (1, CHUNK)}
NETWORKS = {
    "compressor/compressor": OfflineNetwork(
        compressor.build, {"pcm": (2, formula.HOP), "knobs": (2, 1)}
    ),
    "instrument/listener": OfflineNetwork(listener.build, {"pcm": (2, listener.HOP)}, 4),
    "instrument/player": OfflineNetwork(
        player.build, {"f0": (2, 1), "loudness": (2, 1), "z": (2, listener.HOP)}, 4
    ),
    "scene/scene": OfflineNetwork(scene.build, {"ears": (3, 1)}, 4),
    "sensor/hierarchy": OfflineNetwork(partial(sensor.build, "hierarchy"), PADS),
    "sensor/flat": OfflineNetwork(partial(sensor.build, "flat"), PADS),
    "voice_source/voice_source": OfflineNetwork(voice_source.build, {"pcm": (2, closures.HOP)}),
    "wake/wake": OfflineNetwork(wake.build, {"mel": (2, 1)}),
}


def main(folder: str) -> None:
    """Write the networks of a demo's folder."""
    for name, form in NETWORKS.items():
        if name.startswith(f"{folder}/"):
            file = HERE / f"{name}.onnx"
            onnx.save(form.trace(*form.build()), file)
            print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
