"""A peer of another environment as a `Contender`: a process that is asked in lines of JSON."""

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import numpy as np

import edgekit
from edgekit.base.errors import ToolError
from edgekit.base.json_values import JsonObject
from edgekit.peers.peer import Peer
from edgekit.runtime.bench.contenders import Arrays, Timed

LIMIT_S = 240.0  # of one answer: a conversion, or a run
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LINES = 3  # of a peer's output before it ended


class WorkerContender:
    """Runs a program of `edgekit.peers.program` in a peer, states carried, one thread."""

    def __init__(self, peer: Peer, program: Path, form: str) -> None:
        """Start the peer's process and let it prepare the program.

        Args:
            peer: whose.
            program: the folder.
            form: see `Peer`.

        Raises:
            ToolError: the peer is not installed, or refuses the network.
        """
        python = peer.python()
        self._peer = peer
        self._folder = tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._printed = (folder / "printed").open("w+")
        # the peer's environment must not see other packages of this one
        (folder / "edgekit").symlink_to(Path(edgekit.__file__).parent, target_is_directory=True)
        self._process = subprocess.Popen(
            [str(python), "-m", f"edgekit.peers.workers.run_{peer.name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            text=True,
            env={
                **os.environ,
                **dict.fromkeys(THREADS, "1"),
                "PYTHONPATH": str(folder),
                "RUST_BACKTRACE": "0",
            },
        )
        try:
            self.version = str(self._ask({"open": str(program), "form": form})["version"])
        except ToolError:
            self.close()
            raise

    def __enter__(self) -> "WorkerContender":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        given, out = (Path(self._folder.name) / name for name in ("in.npz", "out.npz"))
        np.savez(given, **inputs)  # type: ignore[arg-type]
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        self._ask({"run": str(given), "out": str(out), "cores": cores})
        made = dict(np.load(out))
        return made, made.pop("ns") / 1000

    def close(self) -> None:
        """End the process and remove its files."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._printed):
            pipe.close()
        self._folder.cleanup()

    def _ask(self, request: JsonObject) -> JsonObject:
        assert self._process.stdin is not None and self._process.stdout is not None
        timer = threading.Timer(LIMIT_S, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if not answer:
            found = f"took longer than {LIMIT_S:g} s" if late else f"ended: {self._said()}"
            raise ToolError(f"{self._peer.name} {found}")
        facts: JsonObject = json.loads(answer)
        if "error" in facts:
            raise ToolError(f"{self._peer.name} cannot run the network: {facts['error']}")
        return facts

    def _said(self) -> str:
        self._printed.seek(0)
        return " | ".join(self._printed.read().strip().splitlines()[-LINES:])
