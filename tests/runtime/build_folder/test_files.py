"""A build whose files are not what its export wrote is refused on opening, whichever file it is."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_networks
from tiny_build import manifest, needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.files import open_build, replace_text, with_files
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest
from edgekit.runtime.sampler import Sampler

pytestmark = needs_cc


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    tiny_networks.recurrent(folder / "net.onnx")
    np.savez(folder / "in.npz", x=np.ones((4, 1, tiny_networks.WIDTH), np.float32))
    api.export(str(folder / "net.onnx"), "c99", folder / "build")
    return folder


@pytest.fixture
def build(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported / "build", tmp_path / "build"))


VERBS: dict[str, Callable[[Path, Path], object]] = {
    "run": lambda build, given: api.run(build, given, build.parent / "out.npz"),
    "live": lambda build, given: api.live(build, lambda facts: "quit"),
    "bench": lambda build, given: api.bench(build, hops=2),
    "sample": lambda build, given: api.sample(build, 1, 0),
    "inspect": lambda build, given: api.inspect(str(build)),
}


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_manifest_has_a_line_for_every_file(exported: Path) -> None:
    found = open_build(exported / "build").files
    assert sorted(found) == [n for n in names(exported / "build") if n != MANIFEST_NAME]
    assert {"recipe.toml", "report.html", "CMakeLists.txt", "golden/input.npz"} <= set(found)


def test_a_flipped_bit_in_any_file_is_named(build: Path) -> None:
    random = np.random.default_rng(0)
    for name in open_build(build).files:
        path = build / name
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=f"file '{name}': changed"):
            open_build(build)
        path.unlink()
        with pytest.raises(UsageError, match=f"file '{name}': missing"):
            open_build(build)
        path.write_bytes(whole)
    open_build(build)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_opens_a_build_looks(verb: str, exported: Path, build: Path) -> None:
    (weights,) = build.glob("*_weights.c")
    text = weights.read_text()
    digit = next(c for c in text[text.index("= {") :] if c in "12345678")
    weights.write_text(text[:-60] + text[-60:].replace(digit, str(int(digit) + 1)) + " ")
    with pytest.raises(UsageError, match=f"file '{weights.name}': changed"):
        VERBS[verb](build, exported / "in.npz")
    assert not (build.parent / "out.npz").exists()


def test_sampler_and_stream_look_in_python_too(build: Path) -> None:
    (build / "recipe.toml").write_text("")
    with pytest.raises(UsageError, match=r"recipe\.toml': changed"):
        Sampler.open(build)


def test_a_benchmark_adds_its_page_and_the_build_stays_whole(build: Path) -> None:
    before = open_build(build)
    api.bench(build, hops=2)
    after = open_build(build)
    changed = {name for name in before.files if before.files[name] != after.files[name]}
    assert changed == {"report.html"} and replace(after, files=before.files) == before


def test_a_page_of_a_build_without_digests_is_written_alone(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text(manifest().to_json())
    replace_text(tmp_path, "report.html", "<p>")
    assert Manifest.load(tmp_path) == manifest() and names(tmp_path) == [
        MANIFEST_NAME,
        "report.html",
    ]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "", "a//b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    lie = replace(manifest(), files={name: "sha256:0"})
    (tmp_path / MANIFEST_NAME).write_text(lie.to_json())
    with pytest.raises(UsageError, match=r"files: .*names of files in the folder"):
        open_build(tmp_path)


def test_a_name_that_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "endless").symlink_to("/dev/zero")
    lie = replace(manifest(), files={"endless": "sha256:0"})
    (tmp_path / MANIFEST_NAME).write_text(lie.to_json())
    with pytest.raises(UsageError, match="file 'endless': missing"):
        open_build(tmp_path)


def test_a_manifest_is_not_among_its_own_files(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text("{}")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / MANIFEST_NAME).write_text("{}")
    assert list(with_files(manifest(), tmp_path).files) == [f"a/{MANIFEST_NAME}"]
