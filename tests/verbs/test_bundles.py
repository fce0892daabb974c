"""Signed bundles: weights that C takes at run time, and everything else, which it refuses."""

import ctypes
import subprocess
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_networks
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.runtime.runners.toolchain import find_compiler
from edgekit.runtime.stream import Stream
from edgekit.verbs.bundles import HEADER_BYTES, read_bundle

pytestmark = [
    needs_cc,
    pytest.mark.skipif(
        find_spec("cryptography") is None, reason="needs cryptography: pip install cryptography"
    ),
]
GOOD, MISALIGNED, NONE, OTHER, CUT, OLDER, UNSIGNED, DAMAGED = range(0, -8, -1)
VERIFY = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p
)


@dataclass(frozen=True)
class Device:
    """The C of a build as a library, and a product's check of signatures."""

    library: ctypes.CDLL
    public_key: bytes

    def status(self, content: bytes, least: int = 0, load: bool = False, shift: int = 0) -> int:
        """What the C says of bytes in a block of exactly their size, so that sanitizers see beyond."""
        block = np.zeros(len(content) + 64, np.uint8)
        start = -block.ctypes.data % 16 + shift
        block[start : start + len(content)] = np.frombuffer(content, np.uint8)
        call = self.library.small_load if load else self.library.small_check_bundle
        rest = () if load else (None,)
        if load:
            KEPT.append(block)  # the network reads it from now on
        at = ctypes.c_void_p(block.ctypes.data + start)
        bytes_ = ctypes.c_size_t(len(content))
        return int(call(at, bytes_, ctypes.c_uint32(least), VERIFY(self._verify), None, *rest))

    def _verify(self, bytes_: int, count: int, signature: int, _context: Any) -> int:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        key = Ed25519PublicKey.from_public_bytes(self.public_key)
        try:
            key.verify(ctypes.string_at(signature, 64), ctypes.string_at(bytes_, count))
        except InvalidSignature:
            return 1
        return 0


KEPT: list[np.ndarray[Any, Any]] = []


@dataclass(frozen=True)
class Made:
    """A device with its build, the build of a retrained network, keys, and a bundle of each."""

    device: Device
    old: Path
    new: Path
    key: Path
    first: bytes
    second: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = tmp_path_factory.mktemp("updates")
    (folder / "retrained").mkdir()
    network = tiny_networks.recurrent(folder / "small.onnx")
    model = onnx.load(network)
    for tensor in model.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.ndim >= 2:
            changed = onnx.numpy_helper.from_array((0.9 * array).astype(array.dtype), tensor.name)
            tensor.CopyFrom(changed)
    onnx.save(model, folder / "retrained" / "small.onnx")
    export = partial(api.export, weights="external")
    export(str(network), "c99", folder / "old")
    export(str(folder / "retrained" / "small.onnx"), "c99", folder / "new")
    signer = Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(signer.private_bytes(serialization.Encoding.PEM, *form))
    bundles = []
    for release, name in ((1, "old"), (2, "new")):
        api.bundle(
            folder / name, folder / f"{name}.bundle", key=folder / "key.pem", release=release
        )
        bundles.append((folder / f"{name}.bundle").read_bytes())
    sources = sorted((folder / "old").glob("*.c"))
    command = [*find_compiler().command, "-O1", "-shared", "-fPIC", "-ffp-contract=off"]
    subprocess.run([*command, *sources, "-o", folder / "net.so"], check=True)
    public = signer.public_key().public_bytes_raw()
    device = Device(ctypes.CDLL(str(folder / "net.so")), public)
    return Made(device, folder / "old", folder / "new", folder / "key.pem", *bundles)


def outputs(library: ctypes.CDLL, build: Path, hops: int = 5) -> tuple[Any, Any]:
    """What the C gives on hops of noise, and the same build in Python."""
    stream = Stream.open(build)
    manifest = stream.manifest
    (port,), (result, *_) = manifest.stream_inputs, manifest.stream_outputs
    x = np.random.default_rng(1).standard_normal((hops, *port.shape)).astype(np.float32)
    state = np.zeros((manifest.memory["state_bytes"] or 0) + 64, np.uint8)
    scratch = np.zeros((manifest.memory["scratch_bytes"] or 0) + 64, np.uint8)
    at, work = (ctypes.c_void_p(b.ctypes.data + -b.ctypes.data % 64) for b in (state, scratch))
    library.small_init.restype = ctypes.c_void_p
    net = ctypes.c_void_p(library.small_init(at, ctypes.c_size_t(len(state) - 64)))
    found = []
    for hop in x:
        y = [np.zeros(t.shape, np.float32) for t in manifest.stream_outputs]
        ins = (ctypes.c_void_p * 1)(np.ascontiguousarray(hop).ctypes.data)
        outs = (ctypes.c_void_p * len(y))(*(a.ctypes.data for a in y))
        assert library.small_process(net, work, ins, outs) == 0
        found.append(y[0])
    return np.stack(found), stream.run({port.name: x})[result.name]


def test_a_device_runs_the_weights_that_it_loads(made: Made) -> None:
    library = made.device.library
    found, expected = outputs(library, made.old)
    assert np.array_equal(found, expected)
    assert made.device.status(made.second, load=True) == GOOD
    found, expected = outputs(library, made.new)
    assert np.array_equal(found, expected)
    assert made.device.status(made.first, least=2, load=True) == OLDER
    assert np.array_equal(outputs(library, made.new)[0], expected)  # a refused one changes nothing
    library.small_load_factory()
    found, expected = outputs(library, made.old)
    assert np.array_equal(found, expected)


def test_hostile_bundles_are_refused(made: Made) -> None:
    device, good = made.device, made.second
    assert device.status(good) == GOOD and device.status(good, least=2) == GOOD
    assert device.status(good, least=3) == OLDER
    assert device.status(good, shift=1) == MISALIGNED
    assert device.status(good[:HEADER_BYTES]) == device.status(good[:-1]) == CUT
    assert device.status(good + b"\0") == CUT
    assert device.status(good[: HEADER_BYTES - 1]) == device.status(b"") == NONE
    other = bytearray(good)
    other[32] ^= 1
    assert device.status(bytes(other)) == OTHER
    unsigned = bytearray(good)
    unsigned[16] = 9  # a higher release than was signed
    assert device.status(bytes(unsigned)) == UNSIGNED
    stranger = Device(device.library, bytes(range(32)))
    with pytest.raises(UsageError, match="not of this key"):
        read_bundle(good, stranger.public_key)
    damaged = bytearray(good)
    damaged[-1] ^= 128
    assert device.status(bytes(damaged)) == DAMAGED
    nobody = device.library.small_check_bundle
    assert nobody(None, ctypes.c_size_t(0), ctypes.c_uint32(0), None, None, None) == MISALIGNED


def test_no_damage_goes_unseen(made: Made) -> None:
    draw = np.random.default_rng()  # new cases each time; a failure prints its own
    for _ in range(400):
        content = bytearray(made.second)
        reach = HEADER_BYTES if draw.random() < 0.6 else len(content)
        for place in draw.integers(0, reach, draw.integers(1, 4)):
            content[place] = draw.integers(0, 256)
        if draw.random() < 0.2:
            content = content[: draw.integers(0, len(content))]
        damaged = bytes(content)
        same = damaged == made.second
        assert (made.device.status(damaged) == GOOD) == same, damaged.hex()
        try:
            read_bundle(damaged, made.device.public_key)
            assert same, damaged.hex()
        except UsageError:
            assert not same, damaged.hex()


def test_the_example_takes_the_newest_slot_and_rolls_back(made: Made, tmp_path: Path) -> None:
    # the signatures of the two bundles stand for a product's public key
    known = ", ".join(f"{{{', '.join(map(str, b[96:160]))}}}" for b in (made.first, made.second))
    (tmp_path / "product.c").write_text(
        f"#include <string.h>\nstatic const unsigned char known[2][64] = {{{known}}};\n"
        "int product_verify(const unsigned char *b, size_t n, const unsigned char *s, void *c);\n"
        "int product_verify(const unsigned char *b, size_t n, const unsigned char *s, void *c)\n"
        "{ (void)b, (void)n, (void)c; return memcmp(s, known[0], 64) && memcmp(s, known[1], 64); }\n"
    )
    sources = [*made.old.glob("*.c"), made.old / "updates" / "slots.c", tmp_path / "product.c"]
    strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    command = [*find_compiler().command, *strict, f"-I{made.old}", *sources]
    subprocess.run([*command, "-o", tmp_path / "slots"], check=True)
    for name, content in (("a", made.first), ("b", made.second), ("bad", made.second[:-2])):
        (tmp_path / name).write_bytes(content)

    def chosen(*arguments: str) -> str:
        done = subprocess.run(
            ["./slots", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert chosen("a", "0", "b", "0", "0") == "slot 1"
    assert chosen("a", "0", "b", "3", "0") == "slot 0"  # b never ran well
    assert chosen("a", "0", "bad", "0", "0") == "slot 0"
    assert chosen("a", "0", "none", "0", "2") == "factory weights"


def test_what_cannot_be_bundled_is_refused(made: Made, tmp_path: Path) -> None:
    out, plain = tmp_path / "x.bundle", tmp_path / "plain"
    api.export(str(made.old.parent / "small.onnx"), "c99", plain)
    with pytest.raises(UsageError, match="export with --weights external"):
        api.bundle(plain, out, key=made.key, release=1)
    with pytest.raises(UsageError, match=r"--release: 0; allowed: 1 to 4294967295"):
        api.bundle(made.old, out, key=made.key, release=0)
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(UsageError, match=r"no\.pem': no such key.*openssl genpkey"):
        api.bundle(made.old, out, key=tmp_path / "no.pem", release=1)
    (made_name,) = made.old.glob("*_weights.bin")
    assert made_name.stat().st_size == len(made.first) - HEADER_BYTES
    words = ["bundle", str(made.old), "-o", str(out), "--key", str(made.key), "--release", "7"]
    done = CliRunner().invoke(app, words)
    assert (
        done.exit_code == 0 and read_bundle(out.read_bytes(), made.device.public_key).release == 7
    )


def test_integers_of_a_retrained_network_keep_the_scales_of_the_first(
    made: Made, tmp_path: Path
) -> None:
    folder = made.old.parent
    random = np.random.default_rng(0)
    for name, loud in (("first", 1.0), ("then", 1.3)):
        (tmp_path / name).mkdir()
        shape = Stream.open(made.old).manifest.stream_inputs[0]
        x = loud * random.standard_normal((60, *shape.shape)).astype(np.float32)
        np.savez(tmp_path / name / "clip.npz", **{shape.name: x})
    export = partial(api.export, target="c99", weights="external")
    clips = {name: str(tmp_path / name) for name in ("first", "then")}
    old, new, apart = (tmp_path / name for name in ("old", "new", "apart"))
    export(str(folder / "small.onnx"), out=old, recipe="w8a8", calibration=clips["first"])
    retrained = str(folder / "retrained" / "small.onnx")
    export(retrained, out=apart, recipe="w8a8", calibration=clips["then"])
    kept = str(old / "recipe.toml")
    assert "[scales]" in Path(kept).read_text()
    export(retrained, out=new, recipe=kept, calibration=clips["then"])
    networks = []
    for build in (old, new, apart):
        written = api.bundle(build, tmp_path / "x.bundle", key=made.key, release=1)
        networks.append(written.network)
    assert networks[0] == networks[1] != networks[2]
    # on another network the table is refused by name
    other = Path(kept).read_text() + '"nothing" = [0.5, 0]\n'
    (tmp_path / "other.toml").write_text(other)
    with pytest.raises(UsageError, match="scale 'nothing': of no tensor that integers compute"):
        export(
            retrained,
            out=tmp_path / "no",
            recipe=str(tmp_path / "other.toml"),
            calibration=clips["then"],
        )
