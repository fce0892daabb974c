"""Convert a program of `edgekit.peers.program` to model.pte next to it, where ExecuTorch is: ``python -m ... FOLDER``.

Prints one line of JSON: the operators left to ExecuTorch's portable kernels, or ``error``.
"""

import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from torch.export import ExportedProgram

from edgekit.base.json_values import JsonObject
from edgekit.peers.workers.network import Network

LONGEST = 400  # characters of an error
GLUE = ("executorch_call_delegate", "getitem")


def in_xnnpack(program: ExportedProgram) -> tuple[bytes, Counter[str]]:
    """Lower an exported program; return the .pte and the operators that XNNPACK does not take."""
    try:
        edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    except AssertionError:  # its partitions of several operators may wait for each other
        alone = XnnpackPartitioner(per_op_mode=True)
        edge = to_edge_transform_and_lower(program, partitioner=[alone])
    called = [n for n in edge.exported_program().graph.nodes if n.op == "call_function"]
    names = [str(getattr(node.target, "__name__", node.target)) for node in called]
    left = Counter(name.split(".")[-2] if "." in name else name for name in names)
    for name in GLUE:
        left.pop(name, None)
    return bytes(edge.to_executorch().buffer), left


def main(folder: Path) -> JsonObject:
    """Lower the program in a folder."""
    import executorch.kernels.quantized  # noqa: F401  (of what it leaves between integers and floats)

    torch.set_num_threads(1)
    network = Network(folder).eval()
    program = torch.export.export(network, network.examples(), strict=False)
    data, left = in_xnnpack(program)
    (folder / "model.pte").write_bytes(data)
    return {"version": version("executorch"), "left": dict(left)}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        facts = main(Path(sys.argv[1]))
    except Exception as error:  # whatever torch and ExecuTorch may raise
        facts = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]}
    print(json.dumps(facts), file=answers, flush=True)
