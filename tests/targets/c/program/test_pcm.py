"""The 16-bit entry: none of a network that takes no sound; one argument for each stream of one that does."""

import re

from builds import float_model
from one_node import build, network

from edgekit.targets.c.lower import lower_c


def test_a_network_without_sound_has_no_16_bit_entry() -> None:
    made = build(network("float[2,3] x", "float[2,3] y", "y = Neg (x)"))
    assert b"_process_s16" not in made.files[f"{made.manifest.c_name}.h"]


def test_sound_is_converted_in_scratch() -> None:
    made = lower_c(float_model("tcn"), "c99")
    name = made.manifest.c_name
    text = made.files[f"{name}.c"].decode()
    if not made.manifest.takes_pcm:
        assert "_process_s16" not in text
        return
    (signature,) = re.findall(rf"int {name}_process_s16\((.*)\)", text)
    assert signature.startswith(f"{name} *net, void *scratch, const int16_t *pcm")
