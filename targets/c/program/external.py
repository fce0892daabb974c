"""Weights that are replaced at run time: one block of bytes, and the function that checks a signed bundle of them.

Names of arrays become places in the block. The program is linked with a first block, its factory weights. Whether a
bundle fits is a digest of all C but the weights: with the same one, every byte of the block has the same meaning.
"""

import hashlib
from collections.abc import Mapping
from math import cbrt, isqrt

import numpy as np
from numpy.typing import NDArray

from edgekit.runtime.build_folder.manifest import UPDATES_FOLDER
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.plan.memory import ALIGN, align_size
from edgekit.targets.c.program.literals import string_lines
from edgekit.targets.c.templates import template

Arrays = Mapping[str, NDArray[np.generic]]


def payload(arrays: Arrays) -> bytes:
    """The block: each array in little-endian bytes, at a multiple of `ALIGN`."""
    block = bytearray()
    for array in arrays.values():
        little = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        block += little + bytes(align_size(len(little)) - len(little))
    return bytes(block)


def external_declarations(prefix: str, arrays: Arrays) -> str:
    """Return the lines that the program needs to read the arrays: the block, and a name for each place in it."""
    lines = [f"extern const unsigned char *{prefix}_weights;"]
    offset = 0
    for name, array in arrays.items():
        kind = C_ARRAYS[array.dtype.name]
        at = f"{prefix}_weights + {offset}"
        lines.append(f"#define {name} ((const {kind} *)(const void *)({at})) /* [{array.size}] */")
        offset += align_size(array.nbytes)
    return "\n".join(lines)


def factory_weights(prefix: str, arrays: Arrays) -> bytes:
    """``<name>_weights.c``: the block that the program is linked with."""
    block = np.frombuffer(payload(arrays), np.uint8)
    lines = b"".join(string_lines(block))
    head = FACTORY_HEAD.format(name=prefix, upper=prefix.upper(), strings=STRINGS, size=len(block))
    return head.encode() + lines + FACTORY_TAIL.format(name=prefix).encode()


def load_files(prefix: str, arrays: Arrays, digest: bytes) -> dict[str, bytes]:
    """``<name>_load.c`` and ``.h``, and the block as a file; `digest` (32 bytes) is that of the network."""
    size = sum(align_size(array.nbytes) for array in arrays.values())
    facts = {
        "name": prefix,
        "upper": prefix.upper(),
        "payload_bytes": size,
        "digest": _numbers([f"0x{byte:02x}" for byte in digest], 16),
        "round_constants": _numbers([f"0x{k:08x}u" for k in _round_constants()], 8),
        "indent": " " * 4,
    }
    return {
        f"{prefix}_load.c": template("load.c").format(**facts).encode(),
        f"{prefix}_load.h": template("load.h").format(**facts).encode(),
        f"{prefix}_weights.bin": payload(arrays),
        f"{UPDATES_FOLDER}/slots.c": template("slots.c").format(**facts).encode(),
    }


def network_digest(sources: Mapping[str, bytes], prefix: str) -> bytes:
    """Return SHA-256 over all C of a library but its weights: it fixes the meaning of the block's bytes."""
    total = hashlib.sha256()
    for name in sorted(sources):
        if name != f"{prefix}_weights.c" and name.endswith((".c", ".h")):
            total.update(f"{name}\0{len(sources[name])}\0".encode())
            total.update(sources[name])
    return total.digest()


def _round_constants() -> list[int]:
    """Return SHA-256's 32 bits after the point of the cube roots of 64 primes (FIPS 180-4, section 4.2.2)."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, isqrt(n) + 1))]
    return [_cube_root(prime << 96) & 0xFFFFFFFF for prime in primes[:64]]


def _cube_root(number: int) -> int:
    """The largest integer whose cube is at most `number`."""
    root = int(cbrt(number))
    while root**3 > number:
        root -= max(1, (root**3 - number) // (3 * root * root + 1))
    while (root + 1) ** 3 <= number:
        root += max(1, (number - root**3) // (3 * (root + 1) ** 2 + 3 * root))
    return root


def _numbers(texts: list[str], each: int) -> str:
    rows = [texts[i : i + each] for i in range(0, len(texts), each)]
    return ",\n".join(f"    {', '.join(row)}" for row in rows)


assert ALIGN % 8 == 0  # of a block and of its arrays, for every type of elements

STRINGS = """\
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "large arrays are the bytes of a little-endian core"
#endif
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Woverlength-strings" /* C99 promises 4095 characters, compilers take any number */
#endif
#ifdef __has_warning /* clang; a string fills its array, no zero ends it */
#if __has_warning("-Wunterminated-string-initialization")
#pragma clang diagnostic ignored "-Wunterminated-string-initialization"
#endif
#elif __GNUC__ >= 15
#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"
#endif
"""

FACTORY_HEAD = """\
#include "{name}_load.h"

#include "{name}.h"
{strings}
static const union {{
    unsigned char bytes[{size}];
    int64_t aligned;
}} factory = {{
"""

FACTORY_TAIL = """\
}};

const unsigned char *{name}_weights = factory.bytes;

void {name}_load_factory(void)
{{
    {name}_weights = factory.bytes;
}}
"""
