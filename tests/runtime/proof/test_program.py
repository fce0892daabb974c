"""Sizes of arrays and of caller's tensors come from the text of a build."""

import pytest

from edgekit.runtime.proof.program import Program
from edgekit.runtime.proof.syntax import NotUnderstood

HEADER = """#define NET_STATE_BYTES 16u
typedef struct {
    const float *x; /* [1][3] */
    const int64_t *step; /* [1] */
} net_inputs;
"""
WEIGHTS = """const int16_t net_index[3] = {
    1, -2, 3,
};
union net_w_union { unsigned char bytes[24]; float values[6]; };
"""
BLOCK = "static const union {\n    unsigned char bytes[32];\n    int64_t aligned;\n} factory = {\n"
PLACE = "#define net_{} ((const int32_t *)(const void *)(net_weights + {})) /* [4] */\n"


def program(text: str = "", weights: str = WEIGHTS) -> Program:
    files = {"proof.json": "{}", "edgekit.h": "", "net.h": HEADER, "net.c": text}
    return Program({**files, "net_weights.c": weights})


def test_arrays_and_fields_have_sizes() -> None:
    found = program("int net_process(net *net)\n{\n    return 0;\n}\n")
    assert found.arrays == {"net_index": ("int16_t", 6), "net_w": ("float", 24)}
    assert found.fields["net_inputs", "x"] == ("float", 12) and found.sizes["NET_STATE_BYTES"] == 16
    assert found.integers("net_index").tolist() == [1, -2, 3]
    assert found.statements("net_process")[0] == [("return", ("number", 0))]
    assert found.prefix("net_process") == "net"


def test_a_network_without_inputs_has_a_prefix() -> None:
    header = HEADER.replace("net_inputs", "net_outputs").replace("const float", "float")
    files = {"proof.json": "{}", "edgekit.h": "", "net.h": header, "net.c": ""}
    assert Program({**files, "net_weights.c": WEIGHTS}).prefix("net_process") == "net"


def test_places_in_one_block_of_weights_are_arrays() -> None:
    found = program(PLACE.format("a", 0) + PLACE.format("b", 16), BLOCK)
    assert found.arrays == {"net_a": ("int32_t", 16), "net_b": ("int32_t", 16)}
    with pytest.raises(NotUnderstood, match="net_a"):
        found.integers("net_a")


@pytest.mark.parametrize(("first", "second"), [(0, 12), (0, 18), (0, 20)])
def test_places_that_overlap_or_leave_the_block_are_refused(first: int, second: int) -> None:
    with pytest.raises(NotUnderstood):
        program(PLACE.format("a", first) + PLACE.format("b", second), BLOCK)
