"""C compilers: the first that answers is used; failures show the command; none says what to do."""

import ctypes
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from tiny_build import needs_cc

from edgekit.base.errors import ToolError
from edgekit.runtime.runners import toolchain
from edgekit.runtime.runners.toolchain import compile_shared, compilers, find_compiler, whole_text
from edgekit.targets.c.program.sources import with_own_names


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No $CC, no compiler that answered before, and no object that is known."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "_objects", {})
    toolchain.answer.cache_clear()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that a compiler compiles, one after the other; with gcc or clang alone."""
    if find_compiler().name.startswith("zig"):
        pytest.skip("zig keeps what it compiled itself: pip uninstall ziglang, apt-get install gcc")
    sources: list[str] = []
    run = toolchain.subprocess.run

    def counted(command: list[str], **options: object) -> object:
        sources.extend(b for a, b in pairwise(command) if a == "-c" and b.endswith(".c"))
        return run(command, **options)

    monkeypatch.setattr(toolchain.subprocess, "run", counted)
    return sources


def value(folder: Path, *flags: str, name: str = "f", quick: bool = False) -> int:
    """What the function of a source gives, compiled by a process that knows no object."""
    toolchain._objects.clear()
    library = folder / f"{len(list(folder.glob('*.so')))}.so"
    compile_shared([folder / f"{name}.c"], [folder], library, flags, quick)
    return int(getattr(ctypes.CDLL(str(library)), name)())


def fake(folder: Path, name: str, answer: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("gcc (Debian 12.4.0-5) 12.4.0", "gcc 12.4.0"),
        ("cc (GCC) 14.2.1 20250110", "gcc 14.2.1"),
        ("Debian clang version 14.0.6", "clang 14.0.6"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "clang 15.0.0"),
        ("strange", "gcc ?"),
    ],
)
def test_name_and_version_are_read_without_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, label: str
) -> None:
    monkeypatch.setenv("CC", str(fake(tmp_path, "mycc", answer)))
    assert find_compiler().label == label
    assert str(tmp_path) not in label


def test_cc_of_the_environment_comes_first_then_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("gcc", "1.1"), ("clang", "2.2"), ("mine", "3.3")):
        fake(tmp_path, name, f"{name} {version}")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _: None)
    found = [tool for tool in compilers() if tool.command[0].startswith(str(tmp_path))]
    assert [tool.version for tool in found] == ["1.1", "2.2"]
    monkeypatch.setenv("CC", str(tmp_path / "mine"))
    assert find_compiler().version == "3.3"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, "No such file"),
        ("exit 3", "exit code 3"),
        ("exit 0", "prints nothing"),
        ("exec sleep 5", "did not answer --version within"),
    ],
)
def test_a_cc_that_is_no_compiler_is_named_and_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, why: str
) -> None:
    path = tmp_path / "mine"
    if script is not None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    assert toolchain.ASK_S == 60
    monkeypatch.setattr(toolchain, "ASK_S", 0.3)
    monkeypatch.setenv("CC", str(path))
    with pytest.raises(ToolError, match=f"mine'.* is no C compiler: .*{why}.*unset CC"):
        find_compiler()
    fake(tmp_path, "mine", "mine 1.2")
    monkeypatch.setenv("CC", f"{path} '-x")
    with pytest.raises(ToolError, match="No closing quotation"):
        find_compiler()


def test_no_compiler_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _: None)
    assert compilers() == []
    with pytest.raises(ToolError, match=r"pip install ziglang, .* apt-get install gcc") as error:
        compile_shared([tmp_path / "a.c"], [], tmp_path / "a.so")
    assert error.value.exit_code == 1


@needs_cc
def test_sources_and_headers_become_one_library(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "one.h").write_text("int one(void);\n")
    (tmp_path / "one.c").write_text('#include "one.h"\nint one(void) { return 1; }\n')
    (tmp_path / "two.c").write_text('#include "one.h"\nint two(void) { return one() + one(); }\n')
    sources = [tmp_path / "one.c", tmp_path / "two.c"]
    compile_shared(sources, [tmp_path / "include"], tmp_path / "both.so")
    assert ctypes.CDLL(str(tmp_path / "both.so")).two() == 2


@needs_cc
@pytest.mark.parametrize("place", ["cache", "off"])
def test_a_source_that_the_process_knows_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: list[str], place: str
) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", place if place == "off" else str(tmp_path / place))
    for number, flags in enumerate(([], [], ["-DTWO"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "same.h").write_text("#ifdef TWO\n#define N 2\n#else\n#define N 1\n#endif\n")
        (folder / "same.c").write_text('#include "same.h"\nint same(void) { return N; }\n')
        (folder / "own.c").write_text(f"int own(void) {{ return {number}; }}\n")
        sources = [folder / "own.c", folder / "same.c"]
        compile_shared(sources, [folder], folder / "net.so", flags)
        library = ctypes.CDLL(str(folder / "net.so"))
        assert (library.own(), library.same()) == (number, 2 if flags else 1)
    assert sorted(compiled) == ["own.c"] * 3 + ["same.c"] * 2


def test_a_source_is_known_by_itself_and_all_of_its_headers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    source, inner = tmp_path / "a" / "x.c", tmp_path / "b" / "inner.h"
    source.write_text('#include <stdint.h>\n# include "outer.h"\nint x(void) { return X; }\n')
    (tmp_path / "b" / "outer.h").write_text('#include "inner.h"\n#include "outer.h"\n')
    folders = [tmp_path / "b"]
    assert whole_text(source, folders) is None  # inner.h is missing
    texts = set()
    for value in (1, 2):
        inner.write_text(f"#define X {value}\n")
        texts.add(whole_text(source, folders))
    assert len(texts) == 2 and None not in texts
    (tmp_path / "a" / "inner.h").write_text("#define X 3\n")
    assert whole_text(source, folders) in texts  # outer.h looks beside itself first
    source.write_text("#define H <stdint.h>\n#include H\n")
    assert whole_text(source, folders) is None


@needs_cc
def test_builds_that_are_alone_share_the_objects_of_their_kernels(
    tmp_path: Path, compiled: list[str]
) -> None:
    kernel = {"ek_f.c": b'#include "edgekit.h"\nint ek_f(void) { return F; }\n'}
    for name, header in (("a", b"#define F 1\n"), ("b", b"#define F 1\n"), ("c", b"#define F 2\n")):
        files = with_own_names({**kernel, "edgekit.h": header}, name)
        folder = tmp_path / name
        folder.mkdir()
        own = f'#include "edgekit.h"\n#ifndef EK_BUILD_{name}\n#error other\n#endif\n'
        (folder / "net.c").write_text(f"{own}int ek_f(void);\nint net(void) {{ return ek_f(); }}\n")
        for file, content in files.items():
            (folder / file).write_bytes(content)
        compile_shared([folder / "net.c", folder / "ek_f.c"], [folder], folder / "net.so")
        assert ctypes.CDLL(str(folder / "net.so")).net() == (2 if name == "c" else 1)
    assert sorted(compiled) == ["ek_f.c"] * 2 + ["net.c"] * 3
    source, header = tmp_path / "a" / "ek_f.c", tmp_path / "a" / "edgekit.h"
    texts = {whole_text(source, [], alone) for alone in (True, False)}
    start, _, end = header.read_text().partition("#ifndef EK_ALONE\n")
    for line in ("#define F 3 \\\n", "int g(void);\n", "#endif\n"):
        header.write_text(f"{start}#ifndef EK_ALONE\n{line}{end}")
        texts.add(whole_text(source, [], True))
    assert len(texts) == 5, "what is no name of a kernel counts"


@needs_cc
def test_quick_objects_do_the_same_and_are_not_taken_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "FLAGS", ("-std=c99", "-O3", "-fPIC"))
    if find_compiler().name.startswith("zig"):
        pytest.skip("zig keeps what it compiled itself: pip uninstall ziglang, apt-get install gcc")
    source = tmp_path / "square.c"
    source.write_text("int square(int x) { return x * x; }\n")
    for name, quick, known in (("a", True, 1), ("b", True, 1), ("c", False, 2), ("d", True, 2)):
        compile_shared([source], [], tmp_path / f"{name}.so", quick=quick)
        assert ctypes.CDLL(str(tmp_path / f"{name}.so")).square(7) == 49
        assert len(toolchain._objects) == known


@needs_cc
def test_another_process_compiles_only_what_is_new(tmp_path: Path, compiled: list[str]) -> None:
    """By flags, text, headers, the system's headers, environment, and kind of optimization."""
    (tmp_path / "f.h").write_text("#define F 1\n")
    (tmp_path / "f.c").write_text(
        '#include <stdint.h>\n#include "f.h"\nint f(void) { return F; }\n'
    )
    found = [value(tmp_path), value(tmp_path)]
    assert (found, len(compiled)) == ([1, 1], 1)
    (tmp_path / "f.h").write_text("#define F 2\n")
    assert (value(tmp_path), len(compiled)) == (2, 2)
    (tmp_path / "f.h").write_text("#define F 1\n")
    assert (value(tmp_path), len(compiled)) == (1, 2)
    assert (value(tmp_path, "-DOTHER"), len(compiled)) == (1, 3)
    assert (value(tmp_path, *toolchain.NATIVE), len(compiled)) == (1, 4)
    assert (value(tmp_path, *toolchain.NATIVE), len(compiled)) == (1, 4)
    assert (value(tmp_path, quick=True), len(compiled)) == (1, 4)
    assert (value(tmp_path, "-O0"), len(compiled)) == (1, 5)
    assert (value(tmp_path, "-O2", "-O0"), len(compiled)) == (1, 5)
    assert (value(tmp_path, "-O2"), len(compiled)) == (1, 6)


@needs_cc
def test_a_large_source_is_compiled_once_too(tmp_path: Path, compiled: list[str]) -> None:
    rows = ",".join(["1"] * (toolchain.LARGE_BYTES // 2 + 1))
    (tmp_path / "f.c").write_text(f"int t[] = {{{rows}}};\nint f(void) {{ return t[7]; }}\n")
    assert [value(tmp_path) for _ in range(2)] == [1, 1]
    assert (compiled, toolchain._objects) == (["f.c"], {})


@needs_cc
def test_the_cache_hides_no_error_and_no_damage(tmp_path: Path, compiled: list[str]) -> None:
    source = tmp_path / "f.c"
    source.write_text("int f(void) { return 3; }\n")
    assert value(tmp_path) == 3
    for wrong in ("int f(void) { return missing; }\n", '#error "no"\n'):
        source.write_text(wrong)
        for _ in range(2):
            with pytest.raises(ToolError, match=r"missing|no"):
                value(tmp_path)
    source.write_text("int g(void);\nint f(void) { return g(); }\n")
    for _ in range(2):  # compiled, but not linked without g
        toolchain._objects.clear()
        with pytest.raises(ToolError, match=r"undefined|Undefined"):
            unresolved = ["-Wl,-undefined,error" if sys.platform == "darwin" else "-Wl,-z,defs"]
            toolchain.compile_sources(
                find_compiler(),
                ["-fPIC"],
                ["f.c"],
                ["-shared", *unresolved],
                tmp_path / "g.so",
                tmp_path,
            )
    source.write_text("int f(void) { return 3; }\n")
    before = len(compiled)
    assert (value(tmp_path), len(compiled)) == (3, before)
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert (value(tmp_path), len(compiled)) == (3, before + 1)
    assert (value(tmp_path), len(compiled)) == (3, before + 1)


@needs_cc
@pytest.mark.parametrize("text", ["__DATE__", "__TIME__", "__TIMESTAMP__"])
def test_what_is_another_each_time_is_not_stored(
    tmp_path: Path, compiled: list[str], text: str
) -> None:
    (tmp_path / "f.c").write_text(f"int f(void) {{ return {text}[0] != 0; }}\n")
    assert ([value(tmp_path) for _ in range(2)], len(compiled)) == ([1, 1], 2)


@needs_cc
def test_another_compiler_is_not_given_the_objects_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: list[str]
) -> None:
    """Of the same version and options, but another program, or of other paths for headers."""
    (tmp_path / "f.c").write_text("#include <own.h>\nint f(void) { return OWN; }\n")
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "own.h").write_text(f"#define OWN {number}\n")
        monkeypatch.setenv("CPATH", str(tmp_path / str(number)))
        assert (value(tmp_path), len(compiled)) == (number, number)
    wrapped = tmp_path / "mine"
    wrapped.write_text(f'#!/bin/sh\nexec {find_compiler().command[0]} "$@"\n')
    wrapped.chmod(0o755)
    for count, more in ((3, ""), (3, ""), (4, "# rebuilt\n")):
        if more:
            wrapped.write_text(wrapped.read_text() + more)
        toolchain._compiler_facts.cache_clear()
        monkeypatch.setenv("CC", str(wrapped))
        assert (value(tmp_path), len(compiled)) == (2, count)


@needs_cc
def test_products_and_sums_are_not_contracted(tmp_path: Path) -> None:
    (tmp_path / "f.c").write_text("float f(float a, float b, float c) { return a * b + c; }\n")
    compile_shared([tmp_path / "f.c"], [], tmp_path / "f.so", toolchain.NATIVE)
    function = ctypes.CDLL(str(tmp_path / "f.so")).f
    function.argtypes, function.restype = [ctypes.c_float] * 3, ctypes.c_float
    # (1 + e)(1 - e) = 1 - e^2 rounds to 1 in float32; only a fused operation sees the e^2.
    e = 2.0**-13
    assert function(1 + e, 1 - e, -1.0) == 0.0


@needs_cc
def test_a_failure_shows_command_and_message(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int f(void) { return missing; }\n")
    with pytest.raises(ToolError) as error:
        compile_shared([tmp_path / "bad.c"], [], tmp_path / "bad.so")
    text = str(error.value)
    assert "-std=c99" in text and "bad.c" in text and "missing" in text and str(tmp_path) in text


@needs_cc
def test_a_library_calls_its_own_kernels_whatever_the_process_has_loaded(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "kernel.c").write_text(f"int ek_probe(void) {{ return {number}; }}\n")
        (folder / "net.c").write_text("int ek_probe(void);\nint net(void) { return ek_probe(); }\n")
        compile_shared([folder / "kernel.c", folder / "net.c"], [folder], folder / "net.so")
    ctypes.CDLL(str(tmp_path / "1" / "net.so"), ctypes.RTLD_GLOBAL)
    assert ctypes.CDLL(str(tmp_path / "2" / "net.so")).net() == 2


@pytest.mark.skipif(os.name != "posix", reason="Windows limits no processor time")
def test_a_compiler_is_limited_in_the_time_of_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = '[ "$1" = --version ] && { echo gcc 12.4.0; exit; }'
    script = f"#!/bin/sh\n{answers}\nwhile :; do :; done\n"
    (tmp_path / "turning").write_text(script)
    (tmp_path / "turning").chmod(0o755)
    (tmp_path / "a.c").write_text("int f(void) { return 0; }\n")
    monkeypatch.setenv("CC", str(tmp_path / "turning"))
    monkeypatch.setattr(toolchain, "LIMIT_S", 1)
    with pytest.raises(ToolError, match="took more than 1 s of a processor") as error:
        compile_shared([tmp_path / "a.c"], [], tmp_path / "a.so")
    assert "smaller network" in str(error.value) and "a.c" in str(error.value)


@pytest.mark.skipif(os.name != "posix", reason="the compiler is a script of sh")
def test_a_compiler_that_waits_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = '[ "$1" = --version ] && { echo gcc 12.4.0; exit; }'
    (tmp_path / "waiting").write_text(f"#!/bin/sh\n{answers}\nexec sleep 60\n")
    (tmp_path / "waiting").chmod(0o755)
    (tmp_path / "a.c").write_text("int f(void) { return 0; }\n")
    monkeypatch.setenv("CC", str(tmp_path / "waiting"))
    monkeypatch.setattr(toolchain, "CLOCK_S", 1)
    with pytest.raises(ToolError, match="did not end within 1 s by the clock"):
        compile_shared([tmp_path / "a.c"], [], tmp_path / "a.so")
