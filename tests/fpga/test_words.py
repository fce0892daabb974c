"""program.bin: what is written is read, by the golden model too; what it cannot be is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from fpga_networks import one_layer, random_layer, random_x
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.base.errors import ModelError
from edgekit.fpga import golden, interpret
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.words import (
    ADDRESS,
    DIGEST_FROM,
    HEADER,
    HEADER_WORDS,
    LAYER,
    LAYER_WORDS,
    VERSION,
    Field,
    decode,
)
from edgekit.runtime.runners.engine import ERRORS, REGISTERS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fpga-program.md"


def program(seed: int, lanes: int = 3, columns: int = 6, bits: int = 4) -> Program:
    """A layer of any kind and size."""
    random = np.random.default_rng(seed)
    shape = (int(random.integers(1, 12)), int(random.integers(1, 9)), int(random.integers(1, 9)))
    path = str(random.choice(["dense", "depthwise"]))
    outputs = int(random.integers(1, 20)) if path == "dense" else shape[0]
    layer = random_layer(random, path, shape, outputs, bits, 3, int(random.choice([1, 2])))
    spec = EngineSpec(
        lanes=lanes, columns=columns, weight_bits=bits, line_beats=16, accumulator_bits=26
    )
    return assemble(one_layer(layer, bits), spec)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 1), (1, 4), (2, 1), (3, 1), (2, 6), (8, 8), (3, 9)]),
    st.sampled_from([4, 8]),
)
def test_what_is_written_is_read(seed: int, array: tuple[int, int], bits: int) -> None:
    made = program(seed, *array, bits)
    header, layers = (found := decode(made.words)).header, found.layers
    assert (header["lanes"], header["columns"], header["weight_bits"]) == (*array, bits)
    for layer, own in zip(layers, made.layers, strict=True):
        assert layer.fields == own.fields
        for name in ("planes", "scaling", "rows"):
            np.testing.assert_array_equal(getattr(layer, name), getattr(own, name))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 2), (4, 2), (2, 6)]))
def test_the_golden_model_runs_the_words(seed: int, array: tuple[int, int]) -> None:
    made = program(seed, *array)
    image = random_x(np.random.default_rng(seed), made.network.tensors["x"].shape)
    dram = interpret.run(decode(made.words), made.pack_image(image))
    expected = golden.run(made.network, {"x": image})["y"]
    np.testing.assert_array_equal(made.unpack(made.network.outputs["y"], dram), expected)


def with_digest(words: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """The words with the digest that they have."""
    words[3] = crc32(words[DIGEST_FROM:].tobytes())
    return words.tobytes()


def changed(name: str, by: int, fields: tuple[Field, ...] = HEADER, at: int = 0) -> bytes:
    """A program with another number in a field."""
    words = np.frombuffer(program(5).words, "<u4").copy()
    field = next(field for field in fields if field.name == name)
    words[at + field.word] += np.uint32(by << field.low)
    return with_digest(words)


def at_plane(by: int) -> bytes:
    """A program whose first plane lies elsewhere."""
    words = np.frombuffer(program(5).words, "<u4").copy()
    words[words[HEADER_WORDS + 6]] += np.uint32(by)
    return with_digest(words)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: b"", "no program of an engine"),
        (lambda: b"x" * 200, "no program of an engine"),
        (lambda: program(5).words[:-4], "as its header says"),
        (lambda: program(5).words[:-1] + b"\x7f", "digest"),
        (lambda: changed("version", 1), "version 3: version 2"),
        (lambda: changed("layers", 10_000), "10001 layers"),
        (lambda: changed("y", 1, LAYER, HEADER_WORDS), "layer 0 reaches dram 1 to"),
        (lambda: changed("y", 2 << 30, LAYER, HEADER_WORDS), "layer 0 reaches no memory"),
        (lambda: changed("first_plane", 10**6, LAYER, HEADER_WORDS), "layer 0 reaches words"),
        (lambda: changed("first_block", 10**6, LAYER, HEADER_WORDS), "layer 0 reaches words"),
        (lambda: changed("height", 1, LAYER, HEADER_WORDS), "layer 0 reaches image"),
        (lambda: at_plane(10_000), "layer 0 reaches image 10000 to"),
    ],
)
def test_what_is_no_program_is_refused(make: Callable[[], bytes], found: str) -> None:
    with pytest.raises(ModelError) as caught:
        decode(make())
    assert any(found in f"{p.found}: {p.allowed}" for p in caught.value.problems)


def test_a_number_without_room_is_not_written() -> None:
    made = program(5)
    first = replace(made.layers[0], fields={**made.layers[0].fields, "height": 1 << 16})
    with pytest.raises(ValueError, match="height 65536 has no room in 16 bits"):
        _ = replace(made, layers=(first,)).words


def test_the_page_tells_every_field() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for fields, words in ((HEADER, HEADER_WORDS), (LAYER, LAYER_WORDS), (ADDRESS, 1)):
        assert max(field.word for field in fields) == words - 1
        for field in fields:
            bits = f"{field.low + field.bits - 1}:{field.low}"
            assert f"| {field.word} | {bits} | `{field.name}` |" in text
    for number, name in enumerate(REGISTERS):
        assert f"| 0x{4 * number:02x} | `{name}` |" in text
    assert f"This is version {VERSION};" in text
    assert all(f"| {number} | " in text for number in range(1, len(ERRORS)))
