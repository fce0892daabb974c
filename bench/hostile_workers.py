"""Runs cases on files that nobody should trust: forked workers with limits, so that a crash is a result."""

import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.guard import guard_inputs
from edgekit.verbs.targets import TARGETS

SECONDS = 5  # of a processor, so that what else the machine does counts less
WALL_SECONDS = 12 * SECONDS  # for what waits
MEMORY_BYTES = 2**30  # beyond what a worker has mapped when it begins
TARGET = "c99"


@dataclass(frozen=True)
class Outcome:
    """How one case ended: ``accepted`` with the text that it returned, ``refused`` with a message, or as none may."""

    index: int
    kind: str
    text: str
    seconds: float


def export(data: bytes, **options: Any) -> None:
    """Import a file and lower it, as ``edgekit export`` does before it compiles; `options` of the import."""
    model = guard_inputs(from_onnx(data, name="hostile", **options))
    target = TARGETS[TARGET]
    if not target.check(model):
        target.lower(model, TARGET)


def outcomes(cases: Sequence[Callable[[], object]], workers: int = 2) -> list[Outcome]:
    """Run every case in one of the forked workers; the outcomes in the order of the cases."""
    shares = [range(start, len(cases), workers) for start in range(workers)]
    running = [_Worker(cases, share) for share in shares]
    found: list[Outcome] = []
    while running:
        ready, _, _ = select.select([worker.reader for worker in running], [], [], 0.2)
        for worker in list(running):
            found += worker.collect(worker.reader in ready)
            if worker.done:
                running.remove(worker)
    return sorted(found, key=lambda outcome: outcome.index)


class _Worker:
    """A child that runs its share of the cases and writes a line for each; a new one goes on behind a crash."""

    def __init__(self, cases: Sequence[Callable[[], object]], share: Sequence[int]) -> None:
        self.cases, self.left = cases, list(share)
        self.done = not self.left
        self._start()

    def _start(self) -> None:
        self.reader, writer = os.pipe()
        self.buffer, self.begun = b"", time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.reader)
            _run(self.cases, self.left, writer)
        os.close(writer)

    def collect(self, ready: bool) -> Iterator[Outcome]:
        content = os.read(self.reader, 2**16) if ready else None
        if content:
            *lines, self.buffer = (self.buffer + content).split(b"\n")
            for line in lines:
                kind, seconds, text = line.decode().split("\t", 2)
                yield Outcome(self.left.pop(0), kind, text, float(seconds))
                self.begun = time.monotonic()
        elif content == b"" or time.monotonic() - self.begun > WALL_SECONDS:
            os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            os.close(self.reader)
            if self.left:
                how = f"ended by signal {status & 127}" if content == b"" else "took too long"
                yield Outcome(self.left.pop(0), "crashed", how, time.monotonic() - self.begun)
            self.done = not self.left
            if self.left:
                self._start()


def _run(cases: Sequence[Callable[[], object]], share: Sequence[int], writer: int) -> None:
    """Run cases in a child, which never returns."""
    try:
        for descriptor in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, mapped + MEMORY_BYTES))
        for index in list(share):
            signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)  # its signal ends the worker
            begun = time.process_time()
            kind, text = _outcome(cases[index])
            seconds = time.process_time() - begun
            text = text.encode("utf-8", "backslashreplace").decode().replace("\n", " / ")
            os.write(writer, f"{kind}\t{seconds:.3f}\t{text[:1500]}\n".encode())
    finally:
        os._exit(0)


def _outcome(case: Callable[[], object]) -> tuple[str, str]:
    try:
        told = case()
    except UsageError as error:
        return "refused", str(error)
    except BaseException as error:
        return "traceback", f"{error!r} {traceback.format_exc()[-900:]}"
    return "accepted", told if isinstance(told, str) else ""
