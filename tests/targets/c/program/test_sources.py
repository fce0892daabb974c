"""Several builds in one program: each calls its own kernels, and files of two are not mixed in silence."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from builds import int8_model, lowered
from c_kernels import CC, needs_cc

from edgekit.runtime.stream import Stream

pytestmark = needs_cc
OPTIONS = ("-std=c11", "-O2", "-Wall", "-Werror", "-ffp-contract=off", "-fno-trapping-math")
MAIN = """
#include <stdio.h>
#include "{first}.h"
#include "{second}.h"
{runs}
int main(void)
{{
    return run_{first}() + run_{second}();
}}
"""
RUN = """
static int run_{name}(void)
{{
    static _Alignas(64) unsigned char state[{upper}_STATE_BYTES], scratch[{upper}_SCRATCH_BYTES + 1];
    static _Alignas(64) unsigned char x[{input_bytes}], y[{output_bytes}];
    {name} *const net = {name}_init(state, sizeof state);
    int failed = 0;
    for (int hop = 0; hop < {hops}; hop++) {{
        const {name}_inputs in = {{(const void *)x}};
        {name}_outputs out = {{(void *)y}};
        failed |= fread(x, 1, sizeof x, stdin) != sizeof x;
        failed |= {name}_process(net, scratch, &in, &out) != 0;
        failed |= fwrite(y, 1, sizeof y, stdout) != sizeof y;
    }}
    return failed;
}}
"""
HOPS = 8


def sources(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("*.c"))


def compiled(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.slow
@pytest.mark.parametrize("targets", [("c99", "c99"), ("host", "c99")])
def test_two_builds_link_into_one_program_and_keep_their_outputs(
    targets: tuple[str, str], tmp_path: Path
) -> None:
    names = ("tcn", "raw")
    folders = [tmp_path / name for name in names]
    builds = [
        lowered(int8_model(name), folder, target)
        for name, folder, target in zip(names, folders, targets, strict=True)
    ]
    random, fed, expected, runs = np.random.default_rng(1), [], [], []
    for build, folder in zip(builds, folders, strict=True):
        ((source,), (sink,)) = build.manifest.stream_inputs, build.manifest.stream_outputs
        x = random.standard_normal((HOPS, *source.shape)).astype(source.dtype)
        expected.append(Stream.open(folder).run({source.name: x})[sink.name].tobytes())
        fed.append(x.tobytes())
        name = build.manifest.c_name
        sizes = len(fed[-1]) // HOPS, len(expected[-1]) // HOPS
        runs.append(
            RUN.format(
                name=name,
                upper=name.upper(),
                input_bytes=sizes[0],
                output_bytes=sizes[1],
                hops=HOPS,
            )
        )
    first, second = (build.manifest.c_name for build in builds)
    main = tmp_path / "main.c"
    main.write_text(MAIN.format(first=first, second=second, runs="".join(runs)))
    program = tmp_path / "both"
    flags = [*OPTIONS, *(["-march=native"] if "host" in targets else [])]
    include = [f"-I{folder}" for folder in folders]
    every = [*sources(folders[0]), *sources(folders[1]), str(main)]
    assert CC is not None
    assert compiled([CC, *flags, *include, *every, "-o", str(program)]) == ""
    done = subprocess.run([program], input=b"".join(fed), capture_output=True, check=True)
    assert done.stdout == b"".join(expected)


def test_files_of_two_builds_in_one_folder_do_not_compile(tmp_path: Path) -> None:
    first = lowered(int8_model("tcn"), tmp_path / "a", "c99")
    second = lowered(int8_model("raw"), tmp_path / "b", "c99")
    for path, content in first.files.items():
        (tmp_path / "b" / path).write_bytes(content)
    name = f"{second.manifest.c_name}.c"
    assert CC is not None
    said = compiled([CC, *OPTIONS, "-c", str(tmp_path / "b" / name), "-o", str(tmp_path / "o.o")])
    assert "keep the files of each build in a folder of their own" in said
