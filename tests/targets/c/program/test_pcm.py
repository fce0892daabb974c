"""The 16-bit entry: none of a network that takes no sound; one argument for each stream of one that does."""

import re

import numpy as np
from one_node import build, network
from port_networks import Mixer

SIDES = {"near": (1, "NCT"), "far": (2, "NCT")}, {"clean": (1, "NCT")}


def test_a_network_without_sound_has_no_16_bit_entry() -> None:
    made = build(network("float[2,3] x", "float[2,3] y", "y = Neg (x)"))
    assert b"_process_s16" not in made.files[f"{made.manifest.c_name}.h"]


def test_each_stream_is_an_argument_and_is_converted_in_scratch() -> None:
    made = build(Mixer.drawn(np.random.default_rng(0), *SIDES, 8).model())
    name = made.manifest.c_name
    text = made.files[f"{name}.c"].decode()
    (arguments,) = re.findall(rf"int {name}_process_s16\(([^)]*)\)", text)
    assert re.findall(r"int16_t \*(\w+)", arguments) == ["pcm_near", "pcm_far", "out"]
    assert len(re.findall(r"float \*const [xy]\d? = .*scratch \+ \d+", text)) == 3
    assert "Channels are interleaved" in made.files[f"{name}.h"].decode()
