"""Signed bundles of a build's weights, in the form that ``<name>_load`` of its C takes.

Little-endian, 160 bytes before the weights: ``EKBUNDLE``, format 1, 160, release, bytes of weights (32 bits each), 8
zeros. Then SHA-256 of the network's C, SHA-256 of the weights, and the Ed25519 signature (RFC 8032) of these 96 bytes.
"""

import hashlib
import importlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import output_problem, replacement_path
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.verbs.doctor import require

MAGIC, FORMAT = b"EKBUNDLE", 1
FIELDS = struct.Struct("<8s4I8x32s32s")
SIGNATURE_BYTES = 64
HEADER_BYTES = FIELDS.size + SIGNATURE_BYTES
MOST_RELEASE = 2**32 - 1
MAX_KEY_BYTES = 1 << 16


@dataclass(frozen=True)
class Bundle:
    """The header of a bundle.

    Attributes:
        release: a number that rises with each bundle.
        network: SHA-256, in hexadecimal, of the C that the weights belong to.
        weights: SHA-256 of these.
        weights_bytes: their size.
        public_key: the signer's: 32 bytes in hexadecimal.
    """

    release: int
    network: str
    weights: str
    weights_bytes: int
    public_key: str


def bundle(directory: str | Path, out: str | Path, *, key: str | Path, release: int) -> Bundle:
    """Write the weights of a build as a signed bundle, which its C takes at run time.

    Args:
        directory: a build of ``--weights external``.
        out: the file to write.
        key: an Ed25519 private key, PEM without a password.
        release: a number that rises with each bundle, from 1 to 2^32 - 1.

    Raises:
        UsageError: no such build, key or number.
        ToolError: the package cryptography is missing.
    """
    require(("cryptography",))
    directory, out, key = Path(directory), Path(out), Path(key)
    problems = [] if (problem := output_problem(out, key)) is None else [problem]
    if not 1 <= release <= MOST_RELEASE:
        found, step = str(release), "give one above that of the bundles before"
        problems.append(Problem("--release", found, f"1 to {MOST_RELEASE}", step))
    if not key.is_file():
        step = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
        allowed = "an Ed25519 private key, PEM without a password"
        problems.append(Problem(f"key '{key}'", "does not exist", allowed, step))
    manifest = open_build(directory)
    if manifest.updates is None:
        found, step = "its weights are part of its code", "export with --weights external"
        allowed = "a build whose weights can be replaced"
        problems.append(Problem(f"build '{directory}'", found, allowed, step))
    if problems:
        raise UsageError(problems)
    signer = read_key(key)
    content = sign_bundle(_weights(directory, manifest), manifest, release, signer)
    with replacement_path(out, key) as temporary:
        temporary.write_bytes(content)
    return read_bundle(content, signer.public_key().public_bytes_raw())


def sign_bundle(weights: bytes, manifest: Manifest, release: int, signer: Any) -> bytes:
    """Return the bundle; `signer` is an Ed25519 private key of the package cryptography."""
    assert manifest.updates is not None
    network = bytes.fromhex(manifest.updates["network"])
    digest = hashlib.sha256(weights).digest()
    head = FIELDS.pack(MAGIC, FORMAT, HEADER_BYTES, release, len(weights), network, digest)
    return head + bytes(signer.sign(head)) + weights


def read_bundle(content: bytes, public_key: bytes) -> Bundle:
    """Check a bundle of any origin, as a device does, and return its header.

    Args:
        content: its bytes.
        public_key: 32 bytes.

    Raises:
        UsageError: the content is not a bundle, is cut, damaged, or not signed with that key.
        ToolError: the package cryptography is missing.
    """
    require(("cryptography",))

    def refuse(found: str, allowed: str) -> UsageError:
        return UsageError(Problem("bundle", found, allowed, "fetch or make it again"))

    if len(content) < HEADER_BYTES:
        raise refuse(f"{len(content)} bytes", f"{HEADER_BYTES} or more")
    magic, form, start, release, size, network, digest = FIELDS.unpack_from(content)
    zeros = content[24:32]
    if (magic, form, start, zeros) != (MAGIC, FORMAT, HEADER_BYTES, bytes(8)):
        raise refuse("no bundle, or another format", "what `edgekit bundle` wrote")
    if len(content) != HEADER_BYTES + size:
        raise refuse(f"{len(content) - HEADER_BYTES:,} bytes of weights", f"{size:,} bytes")
    keys = _ed25519()
    head, signature = content[: FIELDS.size], content[FIELDS.size : HEADER_BYTES]
    try:
        keys.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, head)
    except importlib.import_module("cryptography.exceptions").InvalidSignature as error:
        raise refuse("a signature that is not of this key", "one that was made with it") from error
    if hashlib.sha256(content[HEADER_BYTES:]).digest() != digest:
        raise refuse("weights that are not those that were signed", "these")
    return Bundle(release, network.hex(), digest.hex(), size, public_key.hex())


def read_key(path: Path) -> Any:
    """Return the Ed25519 private key of a file.

    Raises:
        UsageError: the file holds none that can be read without a password.
    """
    step = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
    allowed = "an Ed25519 private key, PEM without a password"
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    try:
        found = "too large" if path.stat().st_size > MAX_KEY_BYTES else None
        if found is None:
            made = serialization.load_pem_private_key(path.read_bytes(), password=None)
            if isinstance(made, _ed25519().Ed25519PrivateKey):
                return made
            found = "a key of another kind"
    except OSError as error:
        found = error.strerror or "cannot be read"
    except (ValueError, TypeError) as error:
        found = f"no such key: {error}".splitlines()[0]
    except importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm:
        found = "a key of another kind"
    raise UsageError(Problem(f"key '{path}'", found, allowed, step))


def _weights(directory: Path, manifest: Manifest) -> bytes:
    return (directory / f"{manifest.c_name}_weights.bin").read_bytes()


def _ed25519() -> Any:
    return importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
