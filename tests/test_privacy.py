"""No verb looks a name up, opens a connection or leaves telemetry, seen from below: in calls of libc."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_build
import tiny_networks
from tiny_build import needs_cc

from edgekit.runtime.runners.toolchain import find_compiler

ROOT = Path(__file__).parent.parent

# Loaded before libc: every way to a name or a network is written down and fails.
WATCH = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void note(const char *call, const char *what) {
    FILE *log = fopen(getenv("WATCH_LOG"), "a");
    if (log != NULL) { fprintf(log, "%s %s\n", call, what); fclose(log); }
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    (void)service; (void)hints; (void)found;
    note("getaddrinfo", node ? node : "");
    return EAI_FAIL;
}
struct hostent *gethostbyname(const char *name) { note("gethostbyname", name); return NULL; }
int socket(int domain, int type, int protocol) {
    if (domain == AF_INET || domain == AF_INET6) {
        note("socket", "");
        errno = EACCES;
        return -1;
    }
    int (*next)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    return next(domain, type, protocol);
}
"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux: LD_PRELOAD")


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment whose processes are watched, with home, cache and temporary folders of their own."""
    source, library = tmp_path / "watch.c", tmp_path / "watch.so"
    source.write_text(WATCH)
    command = [
        *find_compiler().command,
        "-shared",
        "-fPIC",
        str(source),
        "-o",
        str(library),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    for name in ("home", "cache", "temporary"):
        (tmp_path / "traces" / name).mkdir(parents=True)
    (tmp_path / "log").touch()
    mine = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    return {
        **mine,
        "LD_PRELOAD": str(library),
        "WATCH_LOG": str(tmp_path / "log"),
        "HOME": str(tmp_path / "traces" / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "traces" / "cache"),
        "EDGEKIT_CACHE": "off",
        "TMPDIR": str(tmp_path / "traces" / "temporary"),
        "CCACHE_DISABLE": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }


def traces(folder: Path) -> list[str]:
    """What was looked up, and the files that are left."""
    files = [path.name for path in (folder / "traces").rglob("*") if path.is_file()]
    return [*(folder / "log").read_text().splitlines(), *files]


@pytest.mark.slow
@linux
@needs_cc
def test_export_run_and_bench_call_nobody_and_leave_nothing(
    tmp_path: Path, watched: dict[str, str]
) -> None:
    tiny_networks.recurrent(tmp_path / "net.onnx")
    np.savez(tmp_path / "in.npz", x=np.ones((4, 1, tiny_networks.WIDTH), np.float32))
    for verb in (
        ["export", "net.onnx", "--target", "host", "-o", "build"],
        ["run", "build", "in.npz", "out.npz"],
        ["bench", "build", "--hops", "8", "--against", "onnxruntime"],
        ["inspect", "net.onnx"],
        ["doctor"],
    ):
        command = [sys.executable, "-m", "edgekit", *verb]
        done = subprocess.run(command, cwd=tmp_path, env=watched, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert traces(tmp_path) == [], verb


@linux
@needs_cc
def test_what_is_compiled_lies_in_the_cache_alone(tmp_path: Path, watched: dict[str, str]) -> None:
    tiny_build.write(tmp_path / "build")
    np.savez(tmp_path / "in.npz", pcm=np.ones((4, 1, tiny_build.HOP), np.float32))
    command = [sys.executable, "-m", "edgekit", "run", "build", "in.npz", "out.npz"]
    given = {**watched, "EDGEKIT_CACHE": ""}
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    objects = tmp_path / "traces" / "cache" / "edgekit" / "objects"
    left = [path for path in objects.rglob("*") if path.is_file()]
    assert len(left) == 1 and traces(tmp_path) == [left[0].name]


@pytest.mark.slow
@linux
@needs_cc
@pytest.mark.parametrize("module", ["bench/quality/diffusion_calibrations.py", "tests/conftest.py"])
def test_what_imports_onnxruntime_on_its_own_is_silent_too(
    tmp_path: Path, watched: dict[str, str], module: str
) -> None:
    code = f"import runpy, time; runpy.run_path({str(ROOT / module)!r}); import onnxruntime; time.sleep(0.5)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=watched, check=True)
    assert traces(tmp_path) == []


@linux
@needs_cc
def test_the_watch_sees_what_onnxruntime_does_when_nobody_tells_it(
    tmp_path: Path, watched: dict[str, str]
) -> None:
    """Else the tests above would pass blindly."""
    code = "import socket; socket.socket(socket.AF_INET)"
    subprocess.run([sys.executable, "-c", code], env=watched, capture_output=True)
    assert "socket " in traces(tmp_path)
    code = "import onnxruntime, time; time.sleep(1)"
    subprocess.run([sys.executable, "-c", code], env=watched, check=True)
    seen = traces(tmp_path)
    if not {"onnxruntime.db", "deviceid"} & set(seen):
        pytest.skip("needs an onnxruntime with telemetry (1.32): pip install 'onnxruntime>=1.32'")
