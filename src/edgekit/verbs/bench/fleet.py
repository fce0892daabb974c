"""Benchmarks of builds on the devices of a fleet, side by side, into one file of results."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from edgekit.base.errors import EdgeKitError, Problem, UsageError
from edgekit.base.output import output_problem
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import DEVICES, find_device
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench.benchmark import Progress, Request, bench
from edgekit.verbs.bench.fleet_file import Member, read_fleet
from edgekit.verbs.bench.history import courses

AT_ONCE = 64  # devices that are talked to


@dataclass(frozen=True)
class Job:
    """A build on a device of the fleet; `folder` is as fleet.toml names it."""

    member: Member
    folder: str
    manifest: Manifest

    @property
    def key(self) -> tuple[str, str, str]:
        """The key that identifies a line of the results."""
        return self.member.name, self.folder, self.manifest.digest

    @property
    def lane(self) -> str:
        """Jobs of one lane run one after another: those of one machine, and of an emulator here."""
        device = find_device(self.member.device)
        return self.member.name if device is DEVICES["qemu"] else self.member.device

    def __str__(self) -> str:
        return f"{self.member.name}: {self.folder}"


@dataclass(frozen=True)
class Ran:
    """A run of a fleet; its jobs are known as ``device: folder``.

    Attributes:
        number: of the run in its file, from 1.
        kept: the measurements of an earlier call of the same run.
        measured: the measurements of this call.
        failed: the reasons why others have no result.
        worse: regressions against the run before, in words.
    """

    number: int
    kept: tuple[str, ...]
    measured: dict[str, Measurement] = field(default_factory=dict)
    failed: dict[str, EdgeKitError] = field(default_factory=dict)
    worse: list[str] = field(default_factory=list)


def run_fleet(fleet: Path, results: Path, again: bool, progress: Progress) -> Ran:
    """See `edgekit.api.fleet`."""
    if problem := output_problem(results, fleet):
        raise UsageError(problem)
    jobs = _jobs(read_fleet(fleet))
    number, done = _begun(results, jobs, again)
    left = [job for job in jobs if job.key not in done]
    ran = Ran(number, tuple(str(job) for job in jobs if job.key in done))
    writing = Lock()

    def measure(job: Job) -> None:
        member = job.member
        directory = member.beside / job.folder
        try:
            found = bench(Request(directory, member.device, member.hops, page=False), _silent)
        except EdgeKitError as error:
            ran.failed[str(job)] = error
        else:
            with writing:
                bench_log.append(
                    results, job.manifest, found, fleet=member.name, folder=job.folder, run=number
                )
                ran.measured[str(job)] = found

    _measure_all(left, measure, progress)
    if results.is_file():
        ran.worse.extend(
            f"{course.name}: {text}"
            for course in courses(bench_log.read_log(results))
            if course.last.numbers["run"] == number
            for text in course.worse()
        )
    return ran


def _silent(_stage: str, _done: int, _total: int) -> None:
    """The stages of one device are not shown."""


def _jobs(members: tuple[Member, ...]) -> list[Job]:
    """Open every build; raise a UsageError with all that cannot be."""
    jobs: list[Job] = []
    problems: list[Problem] = []
    manifests: dict[Path, Manifest] = {}
    for member in members:
        for folder in member.builds:
            path = member.beside / folder
            try:
                if path not in manifests:
                    manifests[path] = open_build(path)
                jobs.append(Job(member, folder, manifests[path]))
            except UsageError as error:
                problems += error.problems
    if problems:
        raise UsageError(dict.fromkeys(problems))
    return jobs


def _begun(results: Path, jobs: list[Job], again: bool) -> tuple[int, set[tuple[str, str, str]]]:
    """The number of this run, and the keys that it has a result of: it goes on with one that was cut."""
    if not results.is_file() or not results.stat().st_size:
        return 1, set()
    runs: dict[int, set[tuple[str, str, str]]] = {}
    for line in bench_log.read_log(results).results:
        if (number := line.numbers["run"]) is not None:
            texts = line.texts
            key = texts.get("fleet", ""), texts.get("folder", ""), texts["digest"]
            runs.setdefault(int(number), set()).add(key)
    last = max(runs, default=0)
    if not again and last and runs[last] < {job.key for job in jobs}:
        return last, runs[last]
    return last + 1, set()


def _measure_all(jobs: list[Job], measure: Callable[[Job], None], progress: Progress) -> None:
    """Measure times on this machine first, with nothing else running; then run all lanes at once."""
    progress("measure", 0, len(jobs))
    local = [job for job in jobs if job.lane == "local"]
    for done, job in enumerate(local, 1):
        measure(job)
        progress("measure", done, len(jobs))
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        if job not in local:
            lanes.setdefault(job.lane, []).append(job)
    done = len(local)
    for count in _lanes_at_once(list(lanes.values()), measure):
        done += count
        progress("measure", done, len(jobs))


def _lanes_at_once(lanes: list[list[Job]], measure: Callable[[Job], None]) -> Iterator[int]:
    """Measure lanes at the same time; yield the number of jobs of each lane that is done."""
    stop = Event()

    def run(lane: list[Job]) -> None:
        for job in lane:
            if not stop.is_set():
                measure(job)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            futures = {pool.submit(run, lane): len(lane) for lane in lanes}
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
