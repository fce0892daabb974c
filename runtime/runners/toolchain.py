"""C compilers of this machine: find one, and make a shared library of a build's sources."""

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from edgekit.base.errors import ToolError
from edgekit.base.installation import install
from edgekit.runtime.runners.object_cache import UNSTABLE, file_facts, object_cache, system_headers

NAMES = ("cc", "gcc", "clang")
CXX_NAMES = ("g++", "c++", "clang++")
HOW_TO_GET = f"{install('ziglang')}, or as root: apt-get install gcc libc6-dev"
# Contraction stays off: float code inside a quantized build has one result on every core.
FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", "-fno-trapping-math", "-fPIC")
# For a program of one build: kernels keep their names, so that compiler caches know them in every build.
ALONE = "-DEK_ALONE"
# On ELF a library calls the kernels that the process loaded first, unless it is bound to its own.
SHARED = ("-shared", "-Wl,-Bsymbolic") if sys.platform.startswith("linux") else ("-shared",)
NATIVE = ("-march=native",)
QUICK = ["-O1"]
INCLUDE = re.compile(rb"""^[ \t]*#[ \t]*include[ \t]*(["<]?)([^">\n]+)""", re.MULTILINE)
LIMIT_S = 600  # of a processor, for each process that a compiler starts
CLOCK_S = 7200  # by the clock, for one that waits
ASK_S = 60
XCPU = 24  # the signal at that limit; Windows has neither
LARGE_BYTES = 1 << 20  # of a source whose object the process does not hold in memory
PATH = re.compile(r"/[^\s\"':]+")
# How edgekit.h begins in a build: the build's name, and names of kernels, which `ALONE` leaves out.
BUILD_NAMES = re.compile(
    rb"\A/\*[^*]*\n \* EK_ALONE [^*]*\*/\n(#define EK_BUILD_\w+ 1\n)+"
    rb"#ifndef EK_ALONE\n(#define \w+ \w+\n)*#endif\n"
)
BUILD_NAME = b"EK_BUILD_"
# Inputs of gcc and clang besides the command.
ENVIRONMENT = (
    "COMPILER_PATH",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "GCC_EXEC_PREFIX",
    "MACOSX_DEPLOYMENT_TARGET",
    "SDKROOT",
    "SOURCE_DATE_EPOCH",
)
_objects: dict[str, bytes] = {}  # by the key of `_Objects`


@dataclass(frozen=True)
class Compiler:
    """A C compiler that takes gcc's options: the `command` that starts it, name and version."""

    command: tuple[str, ...]
    name: str
    version: str

    @property
    def label(self) -> str:
        """Name and version, without the machine's path: ``gcc 12.4.0``."""
        return f"{self.name} {self.version}"


def limit_processor_time(command: Sequence[str]) -> Sequence[str]:
    """Return the command under `LIMIT_S`, where the system has such a limit; time of other processes does not count."""
    if os.name != "posix":
        return command
    return ["sh", "-c", f'ulimit -S -t {LIMIT_S} 2>/dev/null; exec "$@"', "sh", *command]


def compilers() -> list[Compiler]:
    """Return every compiler that answers, the preferred first: $CC, cc, gcc, clang, ziglang."""
    found = (ask(command) for command in _candidates())
    return [compiler for compiler in found if compiler is not None]


def find_compiler() -> Compiler:
    """Return $CC where it is set, else the first compiler that answers.

    Raises:
        ToolError: there is none, or $CC is none; the message gives a way to install one.
    """
    for command in _candidates():
        found = answer(command)
        if isinstance(found, Compiler):
            return found
        if os.environ.get("CC"):
            raise _no_compiler(found)
    raise ToolError(f"no C compiler: looked for $CC, {', '.join(NAMES)} and ziglang; {HOW_TO_GET}")


def compile_shared(
    sources: Sequence[Path],
    include_dirs: Sequence[Path],
    output: Path,
    flags: Sequence[str] = (),
    quick: bool = False,
) -> Compiler:
    """Compile and link `sources` into the shared library `output`; return the compiler used.

    A `quick` library that is not compiled yet is less optimized: the same bits, and slower ones.

    Raises:
        ToolError: no compiler, or it failed: with the command to rerun and the compiler's message.
    """
    compiler = find_compiler()
    here = Path(os.path.commonpath([source.parent.resolve() for source in sources]))
    include = [f"-I{os.path.relpath(folder.resolve(), here)}" for folder in include_dirs]
    names = [os.path.relpath(source.resolve(), here) for source in sources]
    options = [*FLAGS, ALONE, *flags, *include]
    compile_sources(compiler, options, names, SHARED, output.resolve(), here, quick)
    return compiler


def compile_sources(
    compiler: Compiler,
    options: Sequence[str],
    sources: Sequence[str],
    link: Sequence[str],
    output: Path,
    folder: Path,
    quick: bool = False,
) -> None:
    """Compile `sources` in `folder`, as many at once as there are cores, and link them into `output`.

    The same source with the same headers is compiled once: this process and the user's cache hold its object. zig is
    slow to start and has its own cache: it gets all sources in one command.

    Raises:
        ToolError: the compiler failed: with the command to rerun and its message.
    """
    whole = [*compiler.command, *options, *sources, *link, "-o", str(output)]
    run = partial(_run, compiler, folder, f"the command, in {folder}, was:\n{shlex.join(whole)}")
    if compiler.name.startswith("zig"):
        run(whole)
        return
    objects = _Objects(compiler, options, folder, run, quick)
    with TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as scratch:
        paths = [os.path.join(scratch, f"{number}.o") for number in range(len(sources))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(objects.make, sources, paths))
        run([*compiler.command, *options, *paths, *link, "-o", str(output)])


def _run(compiler: Compiler, folder: Path, rerun: str, command: Sequence[str]) -> bytes:
    """Return the output of a compiler's command.

    Raises:
        ToolError: it failed.
    """
    try:
        done = subprocess.run(
            limit_processor_time(command), cwd=folder, capture_output=True, timeout=CLOCK_S
        )
    except subprocess.TimeoutExpired as error:
        waited = f"did not end within {CLOCK_S} s by the clock: see what it waits for"
        raise ToolError(f"{compiler.label} {waited}; {rerun}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        failure = f"failed with exit code {done.returncode}"
        if done.returncode == -XCPU or "CPU time limit exceeded" in said:
            failure = f"took more than {LIMIT_S} s of a processor: export a smaller network, or"
            failure += " compile it yourself"
        raise ToolError(f"{compiler.label} {failure}; {rerun}\n{said}")
    return done.stdout


class _Objects:
    """The objects of sources with one compiler, options and folder."""

    def __init__(
        self,
        compiler: Compiler,
        options: Sequence[str],
        folder: Path,
        run: Callable[[Sequence[str]], bytes],
        quick: bool,
    ) -> None:
        start, less = (
            [*compiler.command, *_with_last_level(each)] for each in (options, [*options, *QUICK])
        )
        self._folder, self._run, self._cache = folder, run, object_cache()
        self._commands = [start, less] if quick else [start]
        self._include_dirs = [folder / option[2:] for option in options if option.startswith("-I")]

    def make(self, source: str, output: str) -> None:
        """Write the object of a source to the file `output`; compile it where no cache has it."""
        path = self._folder / source
        text = whole_text(path, self._include_dirs, ALONE in self._commands[0])
        if text is None:
            text = self._run([*self._commands[0], "-E", "-P", source])
        is_stable = not UNSTABLE.search(text)
        for command in self._commands if is_stable else ():
            if (content := self._lookup(self._key(command, path, text))) is not None:
                Path(output).write_bytes(content)
                return
        command, rule = self._commands[-1], f"{output}.d"
        self._run([*command, "-MD", "-MF", rule, "-c", source, "-o", output])
        if is_stable:
            key, content = self._key(command, path, text), Path(output).read_bytes()
            self._cache.write(key, content, system_headers(Path(rule)))
            if path.stat().st_size <= LARGE_BYTES:
                _objects[key] = content

    def _lookup(self, key: str) -> bytes | None:
        content = _objects.get(key)
        return self._cache.read(key) if content is None else content

    @staticmethod
    def _key(command: Sequence[str], path: Path, text: bytes) -> str:
        facts = compiler_facts(command, "c" if path.suffix == ".c" else "c++")
        digest = hashlib.sha256(facts.encode())
        digest.update(text)
        return digest.hexdigest()


def _with_last_level(options: Sequence[str]) -> list[str]:
    """The options with one level of optimization, the last: compilers take no other."""
    levels = [option for option in options if option.startswith("-O")]
    return [*levels[-1:], *(option for option in options if option not in levels)]


def compiler_facts(command: Sequence[str], language: str) -> str:
    """Return all that a compiler with these options is: its build, its programs, the core that ``native`` stands for.

    Args:
        command: the compiler, and options without sources.
        language: ``c`` or ``c++``.
    """
    environment = tuple((name, os.environ.get(name)) for name in ENVIRONMENT)
    return _compiler_facts(tuple(command), language, environment)


@cache
def _compiler_facts(
    command: tuple[str, ...], language: str, environment: tuple[tuple[str, str | None], ...]
) -> str:
    # with -### a compiler prints the commands that it would run; without -pipe they name temporary files
    probe = [*command, "-pipe", "-###", "-c", "-x", language, os.devnull, "-o", os.devnull]
    try:
        done = subprocess.run(
            limit_processor_time(probe),
            cwd=os.path.abspath(os.sep),  # clang prints the folder that it is in
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=min(ASK_S, CLOCK_S),
            check=False,
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        text = type(error).__name__
    names = {*PATH.findall(text), *(shutil.which(word) or word for word in command)}
    programs = {os.path.realpath(name) for name in names if os.path.isfile(name)}
    return repr(
        (command, language, environment, text, [file_facts(Path(p)) for p in sorted(programs)])
    )


def whole_text(source: Path, include_dirs: Sequence[Path], alone: bool = False) -> bytes | None:
    """Return a source and, once each, all headers that it includes but the compiler's own; None where that is unclear.

    Unclear is an include that a macro names, and a header in quotes that lies in none of the folders. What is compiled
    with `ALONE` and asks for no build by its name has the same text in every build.
    """
    found: dict[Path, bytes] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = path.read_bytes()
        headers = _included_headers(path, found[path], include_dirs)
        if headers is None:
            return None
        waiting += headers
    if alone:
        common = {path: BUILD_NAMES.sub(b"", content) for path, content in found.items()}
        if not any(BUILD_NAME in content for content in common.values()):
            found = common
    names = sorted(found, key=str)
    return b"".join(b"%s\0%d\0%s" % (os.fsencode(p.name), len(found[p]), found[p]) for p in names)


def _included_headers(
    path: Path, content: bytes, include_dirs: Sequence[Path]
) -> list[Path] | None:
    """The headers that a file includes but the compiler's own; None where one is unclear."""
    headers = list[Path]()
    for quote, name in INCLUDE.findall(content):
        own = [path.parent] if quote == b'"' else []
        places = [folder / os.fsdecode(name) for folder in (*own, *include_dirs)]
        header = next((place for place in places if place.is_file()), None)
        if header is not None:
            headers.append(header)
        elif quote != b"<":
            return None
    return headers


def _candidates() -> Iterator[tuple[str, ...]]:
    if chosen := os.environ.get("CC"):
        try:
            yield tuple(shlex.split(chosen))
        except ValueError as error:
            raise _no_compiler(str(error)) from error
    for name in NAMES:
        if path := shutil.which(name):
            yield (path,)
    if importlib.util.find_spec("ziglang"):
        yield zig()


def zig() -> tuple[str, ...]:
    """The command of PyPI's ziglang as a C compiler."""
    return sys.executable, "-m", "ziglang", "cc"


def ask(command: tuple[str, ...]) -> Compiler | None:
    """Return the compiler that a command starts; None where it does not answer."""
    found = answer(command)
    return found if isinstance(found, Compiler) else None


@cache
def answer(command: tuple[str, ...]) -> Compiler | str:
    """Return the compiler that a command starts, or its answer when it is asked for its version."""
    try:
        done = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=ASK_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer --version within {ASK_S} s"
    except OSError as error:
        return str(error.strerror)
    if done.returncode != 0:
        return f"--version ends with exit code {done.returncode}"
    if not done.stdout:
        return "--version prints nothing"
    return _read_version(command, done.stdout.splitlines()[0])


def _read_version(command: tuple[str, ...], first: str) -> Compiler:
    """The compiler whose ``--version`` begins with such a line."""
    is_zig = command[-2:] == ("ziglang", "cc")
    name = "zig cc, clang" if is_zig else "clang" if "clang" in first else "gcc"
    numbers = [word for word in first.split() if word[:1].isdigit() and "." in word] or ["?"]
    return Compiler(command, name, numbers[-1 if name == "gcc" else 0])


def _no_compiler(why: str) -> ToolError:
    step = "unset CC, or name one that takes gcc's options"
    return ToolError(f"$CC, '{os.environ.get('CC')}', is no C compiler: {why}; {step}")
