"""Hold EdgeKit's declarations of CLAP against the official headers, a checkout of which is given.

    python bench clap_abi CHECKOUT     # the folder that has include/clap/clap.h

Two programs print the same numbers, one with each header: size of each structure, offset and size of each field, value
of each number, text of each identifier. Then the plug-in's C is compiled with both, warnings being errors, which holds
the types of all functions to each other. Ends with 1 where anything differs.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.targets.build_files import write_build
from edgekit.targets.c.plugin.clap import DECLARATIONS
from edgekit.targets.c.templates import template
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.targets import TARGETS

STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} \1_t;", re.S)
POINTER = re.compile(r"\(CLAP_ABI \*(\w+)\)\(.*\)$", re.S)  # of a function
OWN = {"CLAP_ABI", "CLAP_EXPORT", "CLAP_VERSION_INIT"}  # no numbers; the version may be a later one


def fields(body: str) -> Iterator[str]:
    """The names of a structure's fields, in order."""
    for line in filter(None, map(str.strip, body.split(";"))):
        if function := POINTER.search(line):
            yield function[1]
            continue
        for part in line.split(","):
            yield re.findall(r"\w+", re.sub(r"\[.*\]", "", part))[-1]


def probes(header: str) -> Iterator[tuple[str, str]]:
    """What is compared: its name, and a C expression of an integer or, in quotes' place, of a text."""
    for name, body in STRUCT.findall(header):
        yield f"sizeof {name}", f"sizeof({name}_t)"
        for field in fields(body):
            yield f"offset of {name}.{field}", f"offsetof({name}_t, {field})"
            yield f"sizeof {name}.{field}", f"sizeof((({name}_t *)0)->{field})"
    for body in re.findall(r"enum \{(.*?)\};", header):
        for name in re.findall(r"(CLAP_\w+) =", body):
            yield name, name
    for name in re.findall(r"#define (CLAP_\w+)", header):
        if name not in OWN:
            yield name, name
    yield "sizeof clap_id", "sizeof(clap_id)"
    yield "sizeof clap_process_status", "sizeof(clap_process_status)"


def program(rows: list[tuple[str, str]], texts: set[str]) -> str:
    """C that prints a line for each row."""
    lines = [
        f'    printf("{name}: %s\\n", {value});'
        if name in texts
        else f'    printf("{name}: %lld\\n", (long long)({value}));'
        for name, value in rows
    ]
    includes = "#include HEADER\n#include <stddef.h>\n#include <stdio.h>\n"
    return includes + "int main(void)\n{\n" + "\n".join(lines) + "\n    return 0;\n}\n"


def done(*command: str | Path) -> str:
    """What a command printed.

    Raises:
        SystemExit: it failed.
    """
    made = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if made.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{made.stderr}")
    return made.stdout


def main() -> int:
    """Compare, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    include = parser.parse_args().checkout / "include"
    if not (include / "clap" / "clap.h").is_file():
        raise SystemExit(f"{include}/clap/clap.h is not there: give a checkout of free-audio/clap")
    header = template(DECLARATIONS)
    rows = list(probes(header))
    texts = set(re.findall(r'#define (CLAP_\w+) "', header))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = load_model(str(NETWORK), OPTIONS).model
        write_build(TARGETS["c99"].lower(model, "c99", wrap="clap"), folder / "build")
        (folder / "probe.c").write_text(program(rows, texts))
        ours, theirs = folder / "build" / "clap", include
        printed = []
        for name, path in ((DECLARATIONS, ours), ("clap/clap.h", theirs)):
            binary = folder / "probe"
            done("cc", f'-DHEADER="{name}"', "-I", path, folder / "probe.c", "-o", binary)
            printed.append(done(binary).splitlines())
        strict = "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"
        for flags in ((), ("-DCLAP_OFFICIAL", "-I", theirs)):
            done(*strict, *flags, "-I", folder / "build", ours / "denoise_clap.c")
    differing = [pair for pair in zip(*printed, strict=True) if pair[0] != pair[1]]
    for own, official in differing:
        print(f"{own}    official: {official.partition(': ')[2]}")
    print(f"{len(rows)} compared, {len(differing)} differ; the plug-in compiles with both headers")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
