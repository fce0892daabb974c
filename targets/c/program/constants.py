"""``<name>_weights.c``, every constant array of a build, and its declarations in the program.

A small array is a list of numbers. A large one is its bytes as strings. For each byte a compiler then takes a few bytes
of memory and a tenth of a microsecond; a number costs hundreds of both. The bytes are those of a little-endian core;
another one is refused by the preprocessor.
"""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from edgekit.targets.c.emit.base import C_ARRAYS, Context
from edgekit.targets.c.program.external import STRINGS, external_declarations, factory_weights
from edgekit.targets.c.program.literals import array_text, string_lines
from edgekit.targets.instruction_sets import packing_of

LARGE_BYTES = 4096


def declarations(ctx: Context) -> str:
    """Return the lines that declare the arrays of ``<name>_weights.c`` in the program."""
    if ctx.external:
        return external_declarations(ctx.prefix, ctx.constants)
    return "\n".join(_declaration(name, array) for name, array in ctx.constants.items())


def weights(ctx: Context) -> bytes:
    """``<name>_weights.c``: every constant array."""
    if ctx.external:
        return factory_weights(ctx.prefix, ctx.constants)
    text = BytesIO()
    text.writelines(_parts(ctx))
    return text.getvalue()


def weights_bytes(ctx: Context) -> int:
    """Bytes of all constant arrays."""
    return sum(array.nbytes for array in ctx.constants.values())


def _parts(ctx: Context) -> Iterator[bytes]:
    arrays, line = ctx.constants, packing_of(ctx.profile.kernels).line
    yield f'#include "edgekit.h"\n#include "{ctx.prefix}.h"\n'.encode()
    if any(map(_is_large, arrays.values())):
        yield STRINGS.encode()
    for name, array in arrays.items():
        shape = "".join(f"[{n}]" for n in array.shape)
        aligned = f" __attribute__((aligned({line})))" if 0 < line <= array.nbytes else ""
        yield f"\n/* {shape} */\n".encode()
        if _is_union(array):
            yield f"{_union(name, array)}{_variable(name, array)}{aligned} = {{\n".encode()
            yield from string_lines(array)
            yield b"};\n"
            continue
        yield f"extern {_variable(name, array)}{aligned};\n{_variable(name, array)} = ".encode()
        if _is_large(array):
            yield b"\n"
            yield from string_lines(array)
            yield b";\n"
        else:
            yield f"{{\n{array_text(array)}\n}};\n".encode()


def _declaration(name: str, array: NDArray[np.generic]) -> str:
    declared = f"extern {_variable(name, array)};"
    if not _is_union(array):
        return declared
    return f"{_union(name, array)}{declared}\n#define {name} {name}_.values"


def _union(name: str, array: NDArray[np.generic]) -> str:
    """Return the union type of an array of strings; both files may be part of one translation unit."""
    members = (
        f"unsigned char bytes[{array.nbytes}]; {C_ARRAYS[array.dtype.name]} values[{array.size}];"
    )
    guard = f"{name}_union"
    return f"#ifndef {guard}\n#define {guard} {guard}\nunion {guard} {{ {members} }};\n#endif\n"


def _variable(name: str, array: NDArray[np.generic]) -> str:
    if _is_union(array):
        return f"const union {name}_union {name}_"
    return f"const {C_ARRAYS[array.dtype.name]} {name}[{array.size}]"


def _is_large(array: NDArray[np.generic]) -> bool:
    return array.nbytes >= LARGE_BYTES


def _is_union(array: NDArray[np.generic]) -> bool:
    """Whether strings give the bytes of wider elements."""
    return _is_large(array) and array.itemsize > 1
