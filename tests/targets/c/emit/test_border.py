"""Between float and integers: kernels with scale and zero point of the types on both sides."""

import re

from builds import int8_model
from one_node import hop


def test_inputs_are_quantized_and_outputs_dequantized() -> None:
    body = hop(int8_model("tcn"))
    assert re.search(r"ek_quantize_s(8|16)\(v_\w+, [\d.e+-]+f, -?\d+, v_\w+, \d+\);", body)
    assert re.search(r"ek_dequantize_s(8|16)\(v_\w+, [\d.e+-]+f, -?\d+, v_\w+, \d+\);", body)
