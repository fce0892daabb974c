"""Places that C expressions compute are those of the graph, or the check says what it cannot follow."""

import re

import pytest
from proof_programs import findings

LOOP = "for (int32_t i = 0; i < 4; i++) {{ v_y[{}] = v_x[{}]; }}"
SAME = [["y", 0, "x", 0, 16]]
BACKWARDS = [{"from": "x", "to": "y", "item": 4, "starts": [3, 0], "loops": [[4, -1, 1]]}]


@pytest.mark.parametrize("target", ["i", "i / 2 * 2 + i % 2", "3 - (3 - i)", "(1 + i) - 1"])
def test_a_copy_in_order(target: str) -> None:
    assert not findings(LOOP.format(target, "i"), same=SAME)
    assert "hold 'x'" in findings(LOOP.format(target, "i"), moves=BACKWARDS)


@pytest.mark.parametrize("source", ["3 - i", "net_places[i]", "net_places[net_places[3 - i]]"])
def test_a_copy_from_the_end(source: str) -> None:
    arrays = {"at": "net_places"}
    assert not findings(LOOP.format("i", source), moves=BACKWARDS, arrays=arrays)
    assert "hold 'x'" in findings(LOOP.format("i", source), same=SAME, arrays=arrays)


@pytest.mark.parametrize("value", [0, 1])
def test_constants_byte_by_byte(value: int) -> None:
    fill = {"to": "y", "item": 4, "starts": [0, 0], "loops": [[4, 1, 1]]}
    body = f"memset(v_y, {value}, 16);"
    assert not findings(body, moves=[{**fill, "fill": value * 0x01010101}], inputs=[])
    assert "hold a constant" in findings(body, moves=[{**fill, "fill": 2}], inputs=[])


def test_an_index_beyond_the_end_is_found() -> None:
    assert "bytes 4..20 of in->x, which has 16" in findings(LOOP.format("i", "i + 1"), same=SAME)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("strcpy(v_y, v_x);", "a call of strcpy"),
        ("memcpy(v_y, v_x, v_x[0]);", "a copy whose length data decides"),
        ("v_y[v_x[0]] = 0.0f;", "an index that is no integer"),
        ("if (v_x[0] > 0.0f) { return -1; }", "a return or break that data decides"),
        ("for (int32_t i = 0; i < 4; i++) { if (v_x[i] > 0.0f) break; }", "a return or break"),
        ("return 0;", "a return before the end"),
    ],
)
def test_what_data_decides_is_refused(body: str, found: str) -> None:
    assert re.search(rf"{found}.* is not C that the check understands", findings(body))


def test_the_line_that_is_not_understood_is_quoted() -> None:
    body = "float a = 0.0f;\n    if (v_x[0] > a) {\n        strcpy(v_y, v_x);\n    }"
    assert "a call of strcpy is not C that the check understands, in `strcpy(" in findings(body)


@pytest.mark.parametrize("body", ["v_y[0] = in->other[0];", "int32_t n = 1 / 0;", "float a[n];"])
def test_c_that_nobody_has_thought_of_is_refused(body: str) -> None:
    assert "is not C that the check understands, in `" in findings(body)


INSERT = """for (int32_t k = 0; k < 3; k++) {{ v_y[k] = v_x[k]; }}
    v_y[3] = v_x[3];
    for (int32_t k = 1; k < 4; k++) {{
        const float x = v_x[k];
        int32_t at = k < {most} ? k : {most};
        for (; at > 0 && x > v_y[at - {before}]; at--) {{ if (at < {room}) {{ v_y[at] = v_y[at - 1]; }} }}
        if (at < {room}) {{ v_y[at] = x; }}
    }}"""


def inserted(most: int = 4, before: int = 1, room: int = 4) -> str:
    """What the check finds in a sort whose turns data decides."""
    return findings(INSERT.format(most=most, before=before, room=room), "TopK")


def test_writes_that_data_decides_stay_in_what_was_written() -> None:
    assert not inserted()
    assert not inserted(most=9)  # no turn is larger than k
    assert "bytes -4.." in inserted(before=2)
    body = INSERT.format(most=4, before=1, room=4)
    assert "v_y" not in findings(body, "TopK", inputs=["x"])
    assert "hold nothing" in findings(body.split("\n", 1)[1], "TopK")  # nothing is there before


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("int32_t n = v_x[0] > 0.0f ? 1 : 2; while (n > 0) { n = n - 1; }", "unknown length"),
        ("int32_t n = 3; for (; n > 0 && v_x[n] > 0.0f; n--) { n = 3; }", "unknown length"),
        (
            "float *p = v_y; if (v_x[0] > 0.0f) { p = v_y; }",
            "a pointer that data decides to change",
        ),
        ("int32_t n; if (v_x[0] > 0.0f) { n = 1; }", "a pointer that data decides to change"),
        ("if (v_x[0] > 0.0f) { v_y[0] = 0.0f; }", "hold nothing"),
    ],
)
def test_what_data_decides_leaves_everything_as_it_is(body: str, found: str) -> None:
    assert found in findings(body)


CHANGED = "int32_t n = {}; if (v_x[0] > 0.0f) {{ n = 3; }} v_y[0] = v_x[n];"


def test_a_number_that_data_decides_to_change_has_both_values() -> None:
    assert "bytes 12..20 of in->x, which has 16" in findings(CHANGED.format(4), "TopK")
    assert "bytes -4..16 of in->x" in findings(CHANGED.format(-1), "TopK")
    assert "in->x, which" not in findings(CHANGED.format(0), "TopK")


EXTREME = """float beside[2];
    for (int32_t k = 0; k < 2; k++) {{ beside[k] = v_x[k]; }}
    for (int32_t j = {first}; j < 4; j += {step}) {{
        for (int32_t k = 0; k < 2; k++) {{ beside[k] = ek_maxf1(beside[k], v_x[j + k]); }}
    }}
    float acc = beside[0];
    if (!(acc < 0.0f || acc > 0.0f)) {{
        acc = -EK_INF;
        for (int32_t j = 0; j < {last}; j++) {{ acc = ek_maxf1(acc, v_x[j]); }}
    }}
    for (int32_t i = 0; i < 4; i++) {{ v_y[i] = acc; }}"""


def extreme(first: int = 2, step: int = 2, last: int = 4) -> str:
    """What the check finds in an extreme that takes two numbers at once, and all again by their order."""
    return findings(EXTREME.format(first=first, step=step, last=last), "TopK")


def test_loops_in_steps_and_a_loop_that_data_decides_on() -> None:
    assert not extreme()
    assert "bytes 12..20 of in->x, which has 16" in extreme(first=3, step=3)
    assert "bytes 0..20 of in->x, which has 16" in extreme(last=5)


INDEX = """const {kind} k = (({kind} const *)(const void *)v_x)[0];
    for (int32_t i = 0; i < 4; i++) {{
        v_y[i] = v_x[i] + v_x[{index}];
    }}"""


@pytest.mark.parametrize("kind", ["int8_t", "uint16_t", "int32_t", "int64_t"])
@pytest.mark.parametrize("index", ["k", "2 * k", "4 * k", "k + k + k + k", "k * k * k * k", "-k"])
def test_an_index_of_data_reaches_all_of_its_type(kind: str, index: str) -> None:
    assert "of in->x, which has 16" in findings(INDEX.format(kind=kind, index=index))


@pytest.mark.parametrize("index", ["(int8_t)258", "(int16_t)(65536 + 1)", "(uint8_t)(0 - 255)"])
def test_a_number_that_does_not_fit_its_type_may_be_any(index: str) -> None:
    assert "of in->x, which has 16" in findings(INDEX.format(kind="int32_t", index=index))


LARGEST = """int32_t at = 0;
    for (int32_t i = 1; i < 4; i++) {{
        at = v_x[i] > v_x[at] ? {} : at;
    }}
    for (int32_t i = 0; i < 4; i++) {{
        v_y[i] = v_x[at];
    }}"""


def test_a_variable_is_followed_through_all_turns() -> None:
    assert not findings(LARGEST.format("i"))
    assert "of in->x, which has 16" in findings(LARGEST.format("i + 1"))
    assert "of in->x, which has 16" in findings(LARGEST.format("at + 1"))


@pytest.mark.parametrize(
    "body",
    [
        "(void)(v_x[0] > 0.0f && memcpy(v_y, v_x, 16));",
        "(void)(v_x[0] > 0.0f || memcpy(v_y, v_x, 16));",
        "(void)(v_x[0] > 0.0f ? memcpy(v_y, v_x, 16) : v_y);",
        "int32_t n = 0; (void)(v_x[0] > 0.0f && (n = 1));",
    ],
)
def test_what_a_condition_may_leave_out_is_refused(body: str) -> None:
    assert "a call or a change that a condition decides" in findings(body)


@pytest.mark.parametrize("known", ["0 &&", "1 ||"])
def test_what_a_known_condition_leaves_out_does_not_happen(known: str) -> None:
    assert "hold nothing" in findings(f"(void)({known} memcpy(v_y, v_x, 16));", same=SAME)


@pytest.mark.parametrize(
    "body",
    [
        "int32_t n = 5; { int32_t n = 4; } ek_tanh_f32(v_x, v_y, n);",
        "int32_t n = 5; for (int32_t n = 0; n < 5; n++) { } ek_tanh_f32(v_x, v_y, n);",
        "for (int32_t i = 0; i < 2; i++) { for (int32_t i = 0; i < 4; i++) { v_y[i] = v_x[i]; } }",
    ],
)
def test_a_variable_that_hides_another_one_is_refused(body: str) -> None:
    assert "in a block is not C that the check understands" in findings(body)


def test_blocks_one_after_the_other_have_variables_of_their_own() -> None:
    call = "{{ int32_t n = 2; ek_tanh_f32(v_x + {0}, v_y + {0}, n); }}"
    assert not findings(call.format(0) + call.format(2))
