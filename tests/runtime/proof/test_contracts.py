"""Rows of contracts are found by the name of a kernel, and their expressions have values."""

import pytest

from edgekit.runtime.proof.contracts import contract_of, number, prototypes


@pytest.mark.parametrize(
    ("kernel", "argument", "given", "elements"),
    [
        ("ek_fc_s8_s16", "w", {"n": 3, "k": 5}, 15),
        ("ek_fc_s8_s16_w4", "w", {"n": 3, "k": 5}, 9),
        ("ek_gru_s16_s8", "x", {"steps": 2, "batch": 1, "inputs": 0, "units": 4}, 24),
        ("ek_gru_s8_s8_w4", "r", {"units": 3, "inputs": 7, "whole": 0}, 18),
        ("ek_gru_s8_s8_sparse", "r", {"units": 3, "inputs": 7, "whole": 11}, 11),
        ("ek_add_s8", "b", {"n": 9, "b_step": 0}, 1),
    ],
)
def test_an_argument_has_so_many_elements(
    kernel: str, argument: str, given: dict[str, int], elements: int
) -> None:
    contract = contract_of(kernel)
    assert contract is not None
    count = contract.args[argument]
    assert isinstance(count, str) and number(count, kernel, given) == elements


def test_what_is_no_kernel_has_no_row() -> None:
    assert contract_of("ek_unknown_s8") is None


def test_prototypes_tell_what_is_written() -> None:
    text = "/* y = x. */\nvoid ek_f(const float *x, void *y, int32_t n,\n          const ek_conv_shape *shape);\n"
    rows = [("x", "float*", False), ("y", "void*", True), ("n", "int32_t", False)]
    assert prototypes(text) == {"ek_f": [*rows, ("shape", "ek_conv_shape*", False)]}
