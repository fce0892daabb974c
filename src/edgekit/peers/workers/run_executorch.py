"""ExecuTorch with XNNPACK: partitions of float or int8 operators, its portable kernels for the rest."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.runtime import Runtime
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from edgekit.peers.workers.lower_executorch import in_xnnpack
from edgekit.peers.workers.network import Network
from edgekit.peers.workers.protocol import Arrays, Step, serve, time_call


def prepare(folder: Path, form: str) -> Step:
    """Lower the files that the folder lacks, and load."""
    torch.set_num_threads(1)
    path, part = folder / f"{form}.pte", folder / f"{form}.part"
    if not path.is_file():
        part.write_bytes(lower_network(folder, form))
        part.replace(path)
    method = Runtime.get().load_program(path).load_method("forward")
    assert method is not None

    def step(inputs: Arrays) -> tuple[Arrays, int]:
        results, elapsed = time_call(method.execute, [torch.from_numpy(array) for array in inputs])
        return [tensor.numpy() for tensor in results], elapsed

    return step


def lower_network(folder: Path, form: str) -> bytes:
    """Export, quantize (``static``: calibrated int8, weights per channel) and partition for XNNPACK."""
    network = Network(folder).eval()
    program = torch.export.export(network, network.examples(), strict=False)
    if form != "float":
        rule = get_symmetric_quantization_config(is_per_channel=True)
        module = prepare_pt2e(program.module(), XNNPACKQuantizer().set_global(rule))
        arrays = list(dict(np.load(folder / "calibration.npz")).values())
        for hop in range(len(arrays[0])):
            module(*(torch.from_numpy(array[hop]) for array in arrays))
        program = torch.export.export(convert_pt2e(module), network.examples(), strict=False)
    return in_xnnpack(program)[0]


if __name__ == "__main__":
    serve(version("executorch"), prepare)
