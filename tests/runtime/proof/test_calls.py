"""Arguments of kernels against their contracts and against the graph."""

import pytest
from proof_programs import findings


def test_a_call_as_its_contract_asks_has_no_findings() -> None:
    assert not findings("ek_tanh_f32(v_x, v_y, 4);")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("v_x, v_y, 5", "ek_tanh_f32, x: bytes 0..20 of in->x, which has 16"),
        ("NULL, v_y, 4", "ek_tanh_f32, x: NULL"),
        ("v_x, v_y", "a call of ek_tanh_f32 with 2 arguments"),
        ("v_x, v_y, v_y", "the argument n of ek_tanh_f32"),
        ("v_x, (float *)(void *)net_places, 4", "ek_tanh_f32, y: net_places is written"),
        ("v_x, net_places, 4", "the argument y of ek_tanh_f32"),
        ("v_x, v_y, -1", "the size of ek_tanh_f32, x"),
    ],
)
def test_an_argument_that_breaks_the_contract_is_found(arguments: str, found: str) -> None:
    assert found in findings(f"ek_tanh_f32({arguments});")


def test_numbers_are_those_of_the_graph() -> None:
    body = "ek_quantize_s8(v_x, 0.1f, {}, (int8_t *)(void *)s, 4);"
    wanted = {"scale": 0.1, "zero": 3}
    assert "ek_quantize_s8" not in findings(body.format(3), numbers=wanted)
    text = "ek_quantize_s8, zero: 4, where the graph has 3"
    assert text in findings(body.format(4), numbers=wanted)


def test_a_result_that_shares_bytes_with_an_operand_is_found() -> None:
    body = "memcpy(s, v_x, 16); ek_quantize_s8((const float *)(void *)s, 0.1f, 0, (int8_t *)(void *)(s + {}), 4);"
    assert "share bytes" not in findings(body.format(16))
    assert "ek_quantize_s8: x and y share bytes of scratch" in findings(body.format(4))


IN_LOOP = "for (int32_t i = 0; i < {}; i++) {{ ek_tanh_f32(v_x + {}, v_y + {}, {}); }}"


@pytest.mark.parametrize(
    ("turns", "source", "target", "size", "found"),
    [
        (2, "2 * i", "2 * i", 2, ""),
        (2, "2 * i", "2 - 2 * i", 2, ""),
        (4, "i", "i / 2 * 2", 2, "ek_tanh_f32, x: bytes 0..20 of in->x, which has 16"),
        (2, "2 * i", "2 * i", 1, "'x' is not read as a whole"),
        (2, "2 * i", "2 * i", "2 + i", "ek_tanh_f32, x: bytes 8..20 of in->x, which has 16"),
        (2, "2 * i", "i", 2, "bytes 12..16 of out->y are read, but hold nothing"),
    ],
)
def test_calls_in_a_loop(turns: int, source: str, target: str, size: object, found: str) -> None:
    told = findings(IN_LOOP.format(turns, source, target, size))
    assert found in told and bool(found) == bool(told), told


def test_a_turn_that_reads_what_another_one_wrote() -> None:
    body = (
        "memcpy(s, v_x, 16); for (int32_t i = 0; i < 3; i++) {{ ek_tanh_f32((const float *)(void *)(s + {}), \
(float *)(void *)(s + {}), 2); }} memcpy(v_y, s, 16);"
    )
    assert "share bytes" in findings(body.format("4 * i", "4 * i + 4"))
    assert "share bytes" not in findings(body.format("8 * i", "8 * i"))  # one array for both
