"""Random numbers of a stream: EdgeKit operators whose state is a seed and a position."""

import numpy as np
import onnx_ir as ir

from edgekit.base import random_normals
from edgekit.base.arrays import Array
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.noises import PARTS
from edgekit.operators.operator import Operator, integer


def number(parts: Array) -> int:
    """Return the whole number of parts of 16 bits, the lowest first."""
    return sum(int(part) << 16 * place for place, part in enumerate(parts.ravel()))


def parts(number: int) -> Array:
    """`PARTS` parts of 16 bits of a whole number, float32, the lowest first."""
    return np.array([number >> 16 * place & 0xFFFF for place in range(PARTS)], np.float32)


def ek_noise_f32(state: Array, distribution: str, port: int, count: int) -> list[Array]:
    """Return the next `count` numbers of a noise, and the state after them."""
    seed, first = number(state[:PARTS]), number(state[PARTS:])
    z = random_normals.noise(distribution, seed, first, count, port)
    return [z, np.concatenate([state[:PARTS], parts(first + count & 2**64 - 1)])]


def _form(distribution: str) -> Operator:
    def form(node: ir.Node, x: list[Array]) -> list[Array]:
        port, count = integer(node, "port"), integer(node, "count")
        return ek_noise_f32(x[0], distribution, port, count)

    return form


OPERATORS: dict[tuple[str, str], Operator] = {
    (FRONTEND_DOMAIN, "NormalNoise"): _form("normal"),
    (FRONTEND_DOMAIN, "UniformNoise"): _form("uniform"),
}
