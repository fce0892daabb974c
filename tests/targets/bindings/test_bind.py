"""Programs in C++ and Rust around a build give the bits that it gives in Python."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.runtime.runners.toolchain import find_compiler
from edgekit.runtime.stream import Stream

NAME, WIDTH = "gru_mask", 65
CPP = """
#include <cstdio>
#include <vector>
#include "gru_mask.hpp"
using namespace edgekit::gru_mask_network;
int main()
{
    static network net;
    std::vector<float> x(65);
    float y[65];
    inputs in{x};
    outputs out{y};
    if (net.process({span<const float>(x.data(), 64)}, out) != status::wrong_size) {
        return 1;
    }
    while (std::fread(x.data(), sizeof(float), 65, stdin) == 65) {
        if (net.process(in, out) != status::done) {
            return 2;
        }
        std::fwrite(y, sizeof(float), 65, stdout);
    }
    net.reset();
    return 0;
}
"""
RUST = """
use gru_mask::{Inputs, Network, Outputs};
use std::io::{Read, Write};
fn main() {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let mut net = Box::new(Network::new());
    for hop in bytes.chunks_exact(4 * 65) {
        let mut x = [0f32; 65];
        for (value, raw) in x.iter_mut().zip(hop.chunks_exact(4)) {
            *value = f32::from_le_bytes(raw.try_into().unwrap());
        }
        let mut y = [0f32; 65];
        net.process(&Inputs { x: &x }, &mut Outputs { sigmoid: &mut y }).unwrap();
        for value in y {
            std::io::stdout().write_all(&value.to_le_bytes()).unwrap();
        }
    }
}
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bindings") / "build"
    api.export(f"zoo:{NAME}", "c99", folder, recipe="w8a8", bindings=("cpp", "rust"))
    made = folder.parent / "objects"
    made.mkdir()
    command = [*find_compiler().command, "-O2", "-ffp-contract=off", "-fno-trapping-math", "-c"]
    subprocess.run([*command, *folder.glob("*.c")], cwd=made, check=True)
    subprocess.run(["ar", "rcs", f"lib{NAME}.a", *made.glob("*.o")], cwd=made, check=True)
    return folder


def hops() -> NDArray[np.float32]:
    return np.random.default_rng(3).standard_normal((20, 1, 1, WIDTH)).astype(np.float32)


def given_and_made(program: Path, build: Path) -> None:
    """Run a program on hops; its bytes are those of the build in Python."""
    stream = Stream.open(build)
    (port,) = stream.manifest.stream_inputs
    x = hops().reshape(20, *port.shape)
    done = subprocess.run([program], input=x.tobytes(), capture_output=True)
    assert done.returncode == 0
    (expected,) = stream.run({port.name: x}).values()
    assert np.array_equal(np.frombuffer(done.stdout, np.float32), expected.ravel())


@needs_cc
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++: apt-get install g++")
def test_a_program_in_cpp_gives_the_same_bits(build: Path, tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text(CPP)
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti"]
    paths = [f"-I{build}", f"-I{build / 'bindings/cpp'}"]
    library = build.parent / "objects" / f"lib{NAME}.a"
    command = ["g++", *options, *paths, "main.cpp", library, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    given_and_made(tmp_path / "program", build)


@needs_cc
@pytest.mark.skipif(shutil.which("rustc") is None, reason="needs rustc: apt-get install rustc")
def test_a_program_in_rust_gives_the_same_bits(build: Path, tmp_path: Path) -> None:
    (tmp_path / "main.rs").write_text(RUST)
    crate = build / "bindings/rust/src/lib.rs"
    start = ["rustc", "--edition", "2021", "-O", "-D", "warnings"]
    objects = ["-L", build.parent / "objects"]
    library = ["--crate-type=rlib", "--crate-name", NAME, "-l", f"static={NAME}"]
    subprocess.run([*start, *library, *objects, crate], cwd=tmp_path, check=True)
    program = ["--extern", f"{NAME}=lib{NAME}.rlib", "main.rs", "-o", "program"]
    subprocess.run([*start, *program], cwd=tmp_path, check=True)
    given_and_made(tmp_path / "program", build)
    build_rs = (build / "bindings/rust/build.rs").read_text()
    assert all(f'"{path.name}",' in build_rs for path in build.glob("*.c"))


def test_a_language_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--bindings 'ada': unknown; allowed: cpp, rust"):
        api.export(f"zoo:{NAME}", "c99", tmp_path / "build", bindings=("ada",))
    with pytest.raises(UsageError, match=r"--bindings cpp: target 'onnxruntime'"):
        api.export(f"zoo:{NAME}", "onnxruntime", tmp_path / "build", bindings=("cpp",))
