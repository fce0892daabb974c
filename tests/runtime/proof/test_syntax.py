"""C as EdgeKit emits it becomes trees; other C is refused."""

import pytest

from edgekit.runtime.proof.syntax import NotUnderstood, Reader, functions


def test_statements_become_trees() -> None:
    text = "for (int32_t i = 0; i < 4; i++) {\n y[i] = -x[i] + 2;\n}\nreturn 0;"
    loop, end = Reader(text).statements
    assert loop[:5] == ("for", "i", ("number", 0), ("number", 4), 1)
    body = ("op", "+", ("minus", ("index", ("name", "x"), ("name", "i"))), ("number", 2))
    assert loop[5] == ("block", [("do", ("set", ("index", ("name", "y"), ("name", "i")), body))])
    assert end == ("return", ("number", 0))


@pytest.mark.parametrize(
    ("head", "step"), [("i < 96; i += 32", 32), ("i < 4; i++", 1), ("i >= 0; i--", -1)]
)
def test_loops_have_a_step(head: str, step: int) -> None:
    (loop,) = Reader(f"for (int32_t i = 0; {head}) {{ }}").statements
    assert loop[4] == step


def test_products_bind_closer_than_sums_and_comparisons() -> None:
    (statement,) = Reader("a = b + c * 2 < d ? 1 : 0;").statements
    product = ("op", "*", ("name", "c"), ("number", 2))
    compared = ("op", "<", ("op", "+", ("name", "b"), product), ("name", "d"))
    assert statement[1][2] == ("choose", compared, ("number", 1), ("number", 0))


@pytest.mark.parametrize(
    ("text", "kind", "pointer"),
    [
        ("const float *const v = (const float *)(const void *)(s + 4);", "float", True),
        ("int32_t at[3];", "int32_t", False),
        ("net_inputs in = {x};", "net_inputs", False),
        ("unsigned char *p = s;", "char", True),
    ],
)
def test_declarations_have_a_type(text: str, kind: str, pointer: bool) -> None:
    (declared,) = Reader(text, ["net_inputs"]).statements
    assert declared[0] == "declare" and declared[2:4] == (kind, pointer)


def test_comments_of_nodes_are_statements_and_others_are_not() -> None:
    text = "    /* enc/conv.1: Conv */\n    /* [1][2] */ f(x);\n    /* states of the next hop */\n"
    kinds = [statement[:2] for statement in Reader(text).statements]
    assert kinds == [
        ("node", "enc/conv.1"),
        ("do", ("call", "f", [("name", "x")])),
        ("node", "states of the next hop"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "do { } while (1);",
        "a = ;",
        "for (int32_t i = 0; i != 4; i++) { }",
        "for (int32_t i = 0; i < 4; i += n) { }",
        "for (int32_t i = 0; i < 4; i += 0) { }",
        "for (int32_t i = 3; i >= 0; i++) { }",
    ],
)
def test_other_c_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstood):
        Reader(text)


def test_functions_are_found_with_their_parameters() -> None:
    text = "static int f(net *a, void *scratch)\n{\n    return 0;\n}\n\nvoid g(net *b)\n{\n}\n"
    found = functions(text)
    assert {name: own.parameters for name, own in found.items()} == {
        "f": ["a", "scratch"],
        "g": ["b"],
    }


@pytest.mark.parametrize(
    "line", ["#if 0", "  #define v_y v_x", "/* x */ # undef v_y", "#pragma a: B", "f(x); # if 0"]
)
def test_lines_of_the_preprocessor_are_refused(line: str) -> None:
    with pytest.raises(NotUnderstood, match="preprocessor"):
        Reader(f"a = b;\n{line}\nc = d;")


@pytest.mark.parametrize(
    "line",
    [
        "int32_t d __attribute__((unused)) = 4;",
        "++a;",
        '_Pragma("once")',
        "a = 'a';",
        "a = 021;",
        "a = 0x1p3;",
        "for (int i = 0, j = 0; i < 4; i++) { }",
    ],
)
def test_the_line_of_other_c_is_quoted(line: str) -> None:
    with pytest.raises(NotUnderstood) as stop:
        Reader(f"a = b;\n    {line}\nc = d;")
    assert f"`{line}`" in str(stop.value)


def test_a_function_within_a_body_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="ends before its last line"):
        Reader("    return 0;\n    }\nvoid g(void)\n{ f(x);")
