"""Weights as one block: where each array begins, and what a bundle must fit."""

import hashlib
import re

import numpy as np

from edgekit.targets.c.plan.memory import ALIGN
from edgekit.targets.c.program.external import (
    _round_constants,
    external_declarations,
    factory_weights,
    network_digest,
    payload,
)

ARRAYS = {"net_w": np.arange(5, dtype=np.int8), "net_b": np.array([1.5, -2], np.float32)}


def test_each_array_is_where_its_declaration_says() -> None:
    block = payload(ARRAYS)
    places = re.findall(
        r"#define (\w+) .*net_weights \+ (\d+)\)\)", external_declarations("net", ARRAYS)
    )
    assert [name for name, _ in places] == list(ARRAYS)
    for name, place in places:
        array = ARRAYS[name]
        assert int(place) % ALIGN == 0
        found = np.frombuffer(block, array.dtype, array.size, int(place))
        np.testing.assert_array_equal(found, array)
    assert f"unsigned char bytes[{len(block)}];".encode() in factory_weights("net", ARRAYS)


def test_a_digest_is_of_all_c_but_the_weights() -> None:
    sources = {"net.c": b"a", "net.h": b"b", "net_weights.c": b"c", "CMakeLists.txt": b"d"}
    same = {**sources, "net_weights.c": b"x", "CMakeLists.txt": b"y"}
    assert network_digest(sources, "net") == network_digest(same, "net")
    assert network_digest(sources, "net") != network_digest({**sources, "net.h": b"z"}, "net")


def test_the_constants_are_those_of_sha_256() -> None:
    found = _round_constants()
    assert len(found) == 64 and (found[0], found[-1]) == (0x428A2F98, 0xC67178F2)
    assert hashlib.sha256().digest_size == 32
