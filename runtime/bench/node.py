"""A build for WebAssembly under the clock of node: the module with its JavaScript, as a page runs it."""

import json
import shutil
import subprocess
import tempfile
import weakref
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import CheckFailed, ToolError
from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.manifest import Manifest

HOW_TO_GET = "as root: apt-get install nodejs"
Arrays = dict[str, Array]


class NodeContender:
    """A process of node that runs hops from the fresh state; its code stays warm from one run to the next."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Start node.

        Raises:
            ToolError: node is missing.
        """
        node = shutil.which("node")
        if node is None:
            raise ToolError(f"node is not installed, in which WebAssembly is timed; {HOW_TO_GET}")
        self._manifest = manifest
        with as_file(files("edgekit.runtime") / "replay" / "time.mjs") as script:
            text = script.read_text(encoding="utf-8")
        self._folder = tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        own = Path(self._folder.name) / "time.mjs"
        own.write_text(text, encoding="utf-8")
        command = [node, str(own), str((directory / f"{manifest.c_name}.js").resolve())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        weakref.finalize(self, _stop, self._process)

    def run(self, inputs: Arrays) -> tuple[Arrays, Float64]:
        """See `edgekit.runtime.bench.contenders.Contender`."""
        manifest, folder = self._manifest, Path(self._folder.name)
        hops = len(inputs[manifest.hop_inputs[0].name])
        given, made = [], []
        for number, tensor in enumerate((*manifest.hop_inputs, *manifest.constants)):
            path = folder / f"in{number}"
            path.write_bytes(np.ascontiguousarray(inputs[tensor.name], tensor.dtype).tobytes())
            row = {"name": tensor.name, "dtype": tensor.dtype, "file": str(path)}
            given.append({**row, "constant": tensor.role == "constant"})
        for number, tensor in enumerate(manifest.stream_outputs):
            made.append({"name": tensor.name, "file": str(folder / f"out{number}")})
        times = folder / "times"
        self._order({"hops": hops, "in": given, "out": made, "times": str(times)})
        outputs = {
            t.name: np.fromfile(row["file"], t.dtype).reshape(hops, *t.shape)
            for t, row in zip(manifest.stream_outputs, made, strict=True)
        }
        return outputs, np.fromfile(times, np.int64) / 1000

    def _order(self, order: JsonObject) -> None:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise CheckFailed(f"node ended: {process.stderr.read().strip()}")
        if error := json.loads(line).get("error"):
            raise CheckFailed(f"the build fails in node: {error}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()
