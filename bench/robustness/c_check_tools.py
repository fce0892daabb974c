"""The tools of `c_check`: each takes a build's folder with its program and says what it did, or raises `Failed`."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

C11 = ("-std=c11", "-g", "-ffp-contract=off", "-I.")
C99 = ("-std=c99", "-pedantic", "-ffp-contract=off", "-I.")
WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wcast-qual",
    "-Wpointer-arith",
    "-Wundef",
    "-Wvla",
    "-Wdouble-promotion",
    "-Werror",
)
# Counters of noise and hashes wrap around: unsigned, so C defines what they become.
INTEGERS = "-fsanitize=undefined,integer,float-cast-overflow"
WRAPS = "-fno-sanitize=unsigned-integer-overflow,unsigned-shift-base"
# What a compiler itself may call; a build calls nothing else.
FREESTANDING = {"memcpy", "memset", "memmove", "memcmp"}
TIDY = (
    "bugprone-*,cert-*,clang-analyzer-*,misc-redundant-expression,"
    "-bugprone-easily-swappable-parameters,"  # kernels take many numbers of one type
    "-bugprone-narrowing-conversions,"  # -Wconversion of gcc tells those that are not meant
    "-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp,"  # none of ours; of system headers
    "-bugprone-implicit-widening-of-multiplication-result,"  # sizes that the export knows to fit
    "-bugprone-casting-through-void,"  # places in the state and scratch blocks, aligned by the plan
    "-bugprone-macro-parentheses,"  # macros hold names of functions and types
    "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"  # asks for C11's Annex K
)


class Failed(Exception):
    """A tool found something; the text is what it printed."""


@dataclass(frozen=True)
class Folder:
    """A written build with its program: ``main.c`` and the sources beside it; `hops` of a run."""

    path: Path
    name: str
    sources: tuple[str, ...]
    hops: int
    seconds: int

    def call(self, *command: str, **environment: str) -> str:
        """Run a command in the folder; returns what it printed."""
        given = {**os.environ, "CCACHE_DISABLE": "1", **environment}
        done = subprocess.run(
            command, cwd=self.path, env=given, capture_output=True, text=True, errors="replace"
        )
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            raise Failed(f"{' '.join(command[:4])}: exit code {done.returncode}\n{said[:3000]}")
        return done.stdout + done.stderr

    def build(self, cc: str, output: str, *options: str) -> str:
        """Compile sources and program; returns how to start it."""
        self.call(cc, *C11, *options, "main.c", *self.sources, "-o", output, "-pthread")
        return f"./{output}"

    def run(self, program: str, mode: str, **environment: str) -> str:
        """Run the program in a mode."""
        return self.call(program, mode, str(self.hops), **environment).strip()


def clang() -> str:
    """The newest clang of this machine, as Debian names them."""
    names = ["clang", *(f"clang-{version}" for version in range(25, 13, -1))]
    return next((name for name in names if shutil.which(name)), "clang-19")


def tidy() -> str:
    """The newest clang-tidy."""
    names = ["clang-tidy", *(f"clang-tidy-{version}" for version in range(25, 13, -1))]
    return next((name for name in names if shutil.which(name)), "clang-tidy-19")


def warnings(folder: Folder) -> str:
    """Strict C99 with all warnings as errors."""
    for optimized in ("-O0", "-O3"):
        folder.call("gcc", *C99, *WARNINGS, optimized, "-c", *folder.sources)
    return f"{len(folder.sources)} files"


def analyzer(folder: Folder) -> str:
    """Gcc's analyzer of paths, file by file."""
    for source in folder.sources:
        if not source.endswith("_weights.c"):
            folder.call("gcc", *C99, "-O1", "-fanalyzer", "-Werror", "-c", source, "-o", os.devnull)
    return f"{len(folder.sources)} files"


def sanitized(folder: Folder) -> str:
    """Gcc's ASan and UBSan over noise, random bits and a damaged state."""
    options = (
        "-O1",
        "-fsanitize=address,undefined,float-cast-overflow",
        "-fno-sanitize-recover=all",
    )
    program = folder.build("gcc", "sanitized", *options)
    for mode in ("hops", "damage"):
        folder.run(program, mode, ASAN_OPTIONS="detect_leaks=0")
    return f"{2 * folder.hops} hops"


def integers(folder: Folder) -> str:
    """Clang's checks of integers: sign changes and truncation without a cast, shifts, overflow."""
    program = folder.build(clang(), "integers", "-O1", INTEGERS, WRAPS, "-fno-sanitize-recover=all")
    for mode in ("hops", "damage"):
        folder.run(program, mode)
    return f"{2 * folder.hops} hops"


def memory(folder: Folder) -> str:
    """valgrind: reads of what nobody wrote, accesses beside blocks."""
    program = folder.build("gcc", "plain", "-O1")
    options = ("--error-exitcode=9", "--quiet", "--track-origins=no")
    folder.call("valgrind", *options, program, "hops", str(min(folder.hops, 6)))
    return f"{min(folder.hops, 6)} hops"


def threads(folder: Folder) -> str:
    """TSan over eight instances in eight threads, whose outputs must be the same bits."""
    program = folder.build("gcc", "threads", "-O1", "-fsanitize=thread")
    try:
        folder.run(program, "threads")
    except Failed as error:
        if "unexpected memory mapping" not in str(error):
            raise
        folder.call("setarch", "-R", program, "threads", str(folder.hops))
    return f"8 instances, {folder.hops} hops each"


def objects(folder: Folder, *options: str) -> list[str]:
    """The objects of the build alone."""
    folder.call("gcc", *C99, "-O2", *options, "-c", *folder.sources)
    return [source.replace(".c", ".o") for source in folder.sources]


def symbols(folder: Folder) -> str:
    """All that the object code calls: itself, and what any compiler calls."""
    made = objects(folder)
    defined = set(folder.call("nm", "--defined-only", "-P", *made).split("\n"))
    own = {line.split()[0] for line in defined if line and not line.endswith(":")}
    wanted = folder.call("nm", "--undefined-only", "-P", *made).split("\n")
    foreign = {line.split()[0] for line in wanted if line and not line.endswith(":")} - own
    foreign -= {"_GLOBAL_OFFSET_TABLE_"}
    if strange := sorted(foreign - FREESTANDING):
        raise Failed(f"calls {', '.join(strange)}")
    kinds = {line.split()[1] for line in defined if len(line.split()) > 1}
    if written := sorted(kinds & set("DdBbC")):
        raise Failed(f"has variables that it may write: sections {', '.join(written)}")
    return f"calls {', '.join(sorted(foreign)) or 'nothing'}; writes no variable of its own"


def sealed(folder: Folder) -> str:
    """Under seccomp a call of the system in a hop ends the process."""
    program = folder.build("gcc", "sealed", "-O2")
    if folder.run(program, "seccomp") != "no call":
        raise Failed("the process ended in a hop")
    return f"{folder.hops} hops"


@dataclass(frozen=True)
class Frames:
    """What the compiler knows of functions: bytes of each one's frame, and whom it calls."""

    bytes: Mapping[str, int]
    calls: Mapping[str, tuple[str, ...]]
    dynamic: tuple[str, ...]

    def deepest(self, function: str, above: tuple[str, ...] = ()) -> tuple[int, tuple[str, ...]]:
        """The most bytes of stack below a function, its own included, and the path there.

        Raises:
            Failed: a function is on its own path: recursion.
        """
        if function in above:
            raise Failed(f"recursion: {' > '.join([*above, function])}")
        below = [
            self.deepest(callee, (*above, function)) for callee in self.calls.get(function, ())
        ]
        size, path = max(below, default=(0, ()))
        return self.bytes.get(function, 0) + size, (function, *path)


def read_frames(texts: Sequence[str]) -> Frames:
    """Read the ``.ci`` files of gcc's ``-fcallgraph-info=su``."""
    size, calls, dynamic = dict[str, int](), dict[str, list[str]](), []
    for text in texts:
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            name = title.rpartition(":")[2]
            if found := re.search(r"(\d+) bytes \(([\w,]+)\)", label):
                size[name] = int(found[1])
                dynamic += [name] if found[2] == "dynamic" else []  # not "dynamic,bounded"
        for source, target in re.findall(r'sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(source.rpartition(":")[2], []).append(target.rpartition(":")[2])
    return Frames(size, {k: tuple(dict.fromkeys(v)) for k, v in calls.items()}, tuple(dynamic))


def stack(folder: Folder) -> str:
    """The deepest stack of every function of the header; no recursion, no frame of a size that varies."""
    objects(folder, "-fcallgraph-info=su")
    texts = [(folder.path / source).with_suffix(".ci").read_text() for source in folder.sources]
    frames = read_frames(texts)
    if frames.dynamic:
        raise Failed(f"frames whose size varies: {', '.join(frames.dynamic)}")
    public = re.findall(rf"\b({folder.name}_\w+)\(", (folder.path / f"{folder.name}.h").read_text())
    depths = {
        name: frames.deepest(name)[0] for name in dict.fromkeys(public) if name in frames.bytes
    }
    for name in frames.bytes:
        frames.deepest(name)
    process = depths[f"{folder.name}_process"]
    return f"process {process} bytes, at most {max(depths.values())}; no recursion"


def fuzzed(folder: Folder) -> str:
    """LibFuzzer over inputs of random bits and over state bytes."""
    options = ("-O1", "-DFUZZER", "-fsanitize=fuzzer,address,undefined,float-cast-overflow")
    program = folder.build(clang(), "fuzzed", *options, "-fno-sanitize-recover=all")
    corpus = folder.path / "corpus"
    corpus.mkdir(exist_ok=True)
    limits = (
        f"-max_total_time={folder.seconds}",
        "-max_len=4096",
        "-rss_limit_mb=2048",
        "-timeout=20",
    )
    told = folder.call(
        program, *limits, "-print_final_stats=1", "corpus", ASAN_OPTIONS="detect_leaks=0"
    )
    found = re.search(r"number_of_executed_units: (\d+)", told)
    return f"{found[1] if found else '?'} inputs"


def tidied(folder: Folder) -> str:
    """clang-tidy."""
    own = [source for source in folder.sources if not source.endswith("_weights.c")]
    command = (tidy(), "--quiet", f"--checks=-*,{TIDY}", "--warnings-as-errors=*", *own)
    folder.call(*command, "--", "-std=c99", "-I.")
    return f"{len(own)} files"


def cppchecked(folder: Folder) -> str:
    """Cppcheck with its MISRA addon; what it tells beyond the deviations that docs/results/reliability.md lists.

    Without a limit it would read each file in twelve configurations of its `#if`, which the build does not have.
    """
    from robustness.c_check_misra import DEVIATIONS, OTHERS

    own = [source for source in folder.sources if not source.endswith("_weights.c")]
    kept = {*OTHERS, *(f"misra-c2012-{rule}" for rule in DEVIATIONS)}
    command = ("cppcheck", "--quiet", "--max-configs=1", "--std=c99", "--addon=misra", "-I.", *own)
    told = folder.call(
        *command, "--enable=warning,portability,style", "--template={severity} {id} {file}:{line}"
    )
    found = Counter[str]()
    for line in dict.fromkeys(told.splitlines()):
        severity, _, rest = line.partition(" ")
        name, _, where = rest.partition(" ")
        if name in kept or not (
            severity in ("error", "warning", "portability") or name.startswith("misra")
        ):
            continue
        found[f"{name} {where}"] += 1
    if found:
        raise Failed("\n".join(list(found)[:40]))
    return f"{len(own)} files, {len(DEVIATIONS)} rules deviated from"


@dataclass(frozen=True)
class Tool:
    """A check: what it runs, and the commands that it needs with the packages that bring them."""

    name: str
    check: Callable[[Folder], str]
    needs: Mapping[str, str]

    def missing(self) -> Iterator[str]:
        """What this machine lacks, each with the command that installs it."""
        for command, package in self.needs.items():
            if shutil.which(command) is None:
                yield f"{command}: apt-get install {package}"


GCC = {"gcc": "gcc libc6-dev"}
CLANG = {clang(): "clang-19 libclang-rt-19-dev llvm-19"}
TOOLS = {
    tool.name: tool
    for tool in (
        Tool("warnings", warnings, GCC),
        Tool("symbols", symbols, {**GCC, "nm": "binutils"}),
        Tool("stack", stack, GCC),
        Tool("sanitizers", sanitized, GCC),
        Tool("threads", threads, GCC),
        Tool("seccomp", sealed, GCC),
        Tool("analyzer", analyzer, GCC),
        Tool("valgrind", memory, {**GCC, "valgrind": "valgrind"}),
        Tool("integers", integers, CLANG),
        Tool("libfuzzer", fuzzed, CLANG),
        Tool("clang-tidy", tidied, {tidy(): "clang-tidy-19"}),
        Tool("cppcheck", cppchecked, {"cppcheck": "cppcheck"}),
    )
}
