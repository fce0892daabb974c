"""Packages of a build: what their ecosystems ask for is there, and their golden replay, compiled and run, says PASS."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz
from edgekit.runtime.runners.toolchain import find_compiler
from edgekit.targets.packages.table import PACKAGES

NAME = "gru_mask"
# What stands for a framework where its example is compiled without it.
STAND_INS = {
    "zephyr": {"zephyr/sys/printk.h": "#include <stdio.h>\n#define printk printf\n"},
    "arduino": {
        "Arduino.h": "#include <cstdio>\nstruct Port { void begin(long) {} void print(const char *t) { std::fputs(t, "
        "stdout); } explicit operator bool() const { return true; } };\nstatic Port Serial;\n",
        "start.cpp": "void setup();\nint main() { setup(); }\n",
    },
    "esp-idf": {"start.c": "void app_main(void);\nint main(void) { app_main(); return 0; }\n"},
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with a package of each kind."""
    folder = tmp_path_factory.mktemp("packages") / "build"
    packages = {**dict.fromkeys(PACKAGES, ""), "cmake": "1.2.3"}
    exported = api.export(f"zoo:{NAME}", "c99", folder, recipe="w8a8", packages=packages)
    assert {"package-zephyr/zephyr/module.yml"} < set(exported.manifest.files)
    return folder


@pytest.fixture(scope="module")
def library(build: Path) -> Path:
    """The library of the packages, compiled once for this machine: all have the same files."""
    made = build.parent / "library"
    made.mkdir()
    for row in PACKAGES.values():
        own = build / f"package-{row.name}" / row.library
        assert {p.name for p in own.iterdir()} == {p.name for p in build.glob("*.[ch]")}
        assert all((own / p.name).read_bytes() == p.read_bytes() for p in build.glob("*.[ch]"))
    command = [*find_compiler().command, "-O1", "-ffp-contract=off", "-fno-trapping-math", "-c"]
    subprocess.run([*command, *build.glob("*.c")], cwd=made, check=True)
    return made


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("kind", [name for name in PACKAGES if name != "cmake"])
def test_the_example_of_a_package_prints_pass(
    kind: str, build: Path, library: Path, tmp_path: Path
) -> None:
    if kind == "arduino" and shutil.which("g++") is None:
        pytest.skip("needs g++: apt-get install g++")
    row, package = PACKAGES[kind], build / f"package-{kind}"
    for name, text in STAND_INS.get(kind, {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = package / row.example
    options = ["-O1", f"-I{package / row.library}", f"-I{tmp_path}", f"-I{folder}"]
    sources = [*folder.glob("*.c"), *tmp_path.glob("*.c")]
    cc = find_compiler().command
    subprocess.run([*cc, *options, "-std=c11", "-c", *sources], cwd=tmp_path, check=True)
    link = cc
    if kind == "arduino":
        link = ("g++",)
        sketch = ["-include", "Arduino.h", "-x", "c++", folder / "replay.ino", "start.cpp"]
        subprocess.run(["g++", *options, "-c", *sketch], cwd=tmp_path, check=True)
    objects = [*library.glob("*.o"), *tmp_path.glob("*.o")]
    subprocess.run([*link, *objects, "-o", "replay"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "replay"], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "PASS", done.stdout
    assert "stack_bytes" not in done.stdout


@needs_cc
def test_a_build_with_packages_runs_as_before(build: Path, tmp_path: Path) -> None:
    api.run(build, build / "golden" / "input.npz", tmp_path / "out.npz")
    found, golden = read_npz(tmp_path / "out.npz"), read_npz(build / "golden" / "output.npz")
    assert all(np.array_equal(found[name], array) for name, array in golden.items())


@needs_cc
@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake: apt-get install cmake")
def test_a_cmake_package_is_built_installed_found_and_run(build: Path, tmp_path: Path) -> None:
    package, prefix = build / "package-cmake", tmp_path / "prefix"
    commands = [
        ["-S", package, "-B", tmp_path / "a", f"-DCMAKE_INSTALL_PREFIX={prefix}"],
        ["--build", tmp_path / "a", "--target", "install"],
        ["-S", package / "examples/replay", "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["--build", tmp_path / "b"],
    ]
    for command in commands:
        done = subprocess.run(["cmake", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([tmp_path / "b" / f"{NAME}_replay"], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "PASS"
    assert "1.2.3" in next(prefix.rglob(f"{NAME}ConfigVersion.cmake")).read_text()


def test_every_field_is_filled_and_every_named_file_is_there(build: Path) -> None:
    for row in PACKAGES.values():
        package = build / f"package-{row.name}"
        texts = {p: p.read_text() for p in package.rglob("*") if p.is_file() and p.suffix != ".c"}
        left = [f"{path.name}: {text}" for path, text in texts.items() if "@name@" in text]
        assert not left and (package / "LICENSE").is_file()
        assert not any("@" in str(path.relative_to(package)) for path in texts)
        listed = package / "CMakeLists.txt"
        if listed.is_file():
            sources = {p.name for p in build.glob("*.c")}
            assert all(f"src/{name}" in listed.read_text() for name in sources)


def test_the_descriptions_are_what_the_ecosystems_read(build: Path) -> None:
    module = yaml.safe_load((build / "package-zephyr/zephyr/module.yml").read_text())
    assert module == {
        "name": NAME,
        "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"},
    }
    sample = yaml.safe_load((build / "package-zephyr/samples/replay/sample.yaml").read_text())
    assert sample["tests"][f"{NAME}.replay"]["harness_config"]["regex"] == ["PASS"]
    lines = (build / "package-arduino/library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    needed = "name version author maintainer sentence paragraph category url architectures"
    assert set(needed.split()) <= set(properties) and properties["version"] == "0.1.0"
    package = build / "package-platformio"
    facts = json.loads((package / "library.json").read_text())
    assert (facts["name"], facts["version"]) == (NAME, "0.1.0")
    (example,) = facts["examples"]
    assert all((package / example["base"] / name).is_file() for name in example["files"])
    component = yaml.safe_load((build / "package-esp-idf/idf_component.yml").read_text())
    assert component["version"] == "0.1.0" and component["dependencies"] == {"idf": ">=5.0"}
    assert (build / "package-esp-idf" / component["examples"][0]["path"]).is_dir()


def test_a_pdsc_has_its_elements_in_order_and_names_files_that_are_there(build: Path) -> None:
    package = build / "package-cmsis-pack"
    root = ET.parse(package / f"EdgeKit.{NAME}.pdsc").getroot()
    order = ["vendor", "name", "description", "url", "license", "releases", "components"]
    assert [child.tag for child in root] == order
    (component,) = root.findall("components/component")
    assert component.get("Cversion") == root.find("releases/release").get("version")  # type: ignore[union-attr]
    named = [file.get("name", "") for file in component.findall("files/file")]
    assert all((package / name).exists() for name in named)
    assert {f"src/{p.name}" for p in build.glob("*.[ch]")} <= set(named)


@pytest.mark.skipif(shutil.which("pio") is None, reason="needs pio: pip install platformio")
def test_platformio_packs_it(build: Path, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(build / "package-platformio", folder)
    manifest = folder / "library.json"
    facts = json.loads(manifest.read_text())
    assert facts.pop("license") == "Apache-2.0"  # the tool asks a server for the list of licences
    manifest.write_text(json.dumps(facts))
    command = ["pio", "pkg", "pack", folder, "-o", tmp_path / "made.tar.gz"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "made.tar.gz").is_file(), done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("compote") is None, reason="needs compote: pip install idf-component-manager"
)
def test_the_component_manager_packs_it(build: Path, tmp_path: Path) -> None:
    folder = tmp_path / "component"
    shutil.copytree(build / "package-esp-idf", folder)
    command = ["compote", "component", "pack", "--name", NAME, "--dest-dir", tmp_path / "made"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and list((tmp_path / "made").iterdir()), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "packages", "said"),
    [
        ("c99", {"conan": ""}, r"--package 'conan': unknown; allowed: zephyr, arduino"),
        ("c99", {"zephyr": "one"}, r"--package zephyr: 'one'; allowed: three numbers"),
        ("host", {"zephyr": ""}, r"target 'host'.*take --target c99"),
        ("onnxruntime", {"zephyr": ""}, r"target 'onnxruntime'"),
    ],
)
def test_what_cannot_be_packed_is_refused(
    target: str, packages: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        api.export(f"zoo:{NAME}", target, tmp_path / "build", packages=packages)
