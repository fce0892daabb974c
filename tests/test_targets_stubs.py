"""The files and prototypes of integer kernels are those that `edgekit.targets.c.stubs` makes."""

import re

import pytest

from edgekit.targets.c import stubs
from edgekit.targets.c.stubs import FAMILIES, RUNTIME, Family, form, forms, with_prototypes

HEADER = (RUNTIME / "include" / "edgekit.h").read_text()


def test_the_tree_has_what_the_table_makes() -> None:
    made = stubs.stubs()
    other = [name for name, text in made.items() if (RUNTIME / "src" / name).read_text() != text]
    assert not other and with_prototypes(HEADER) == HEADER, f"make kernels: {other}"


def test_every_file_that_only_names_element_types_is_a_row_of_the_table() -> None:
    """What is left by hand has code, or is a float form over a header of several."""
    files = (path for path in (RUNTIME / "src").glob("ek_*.c") if path.name not in stubs.stubs())
    bare = [path.stem for path in files if "{" not in path.read_text()]
    assert sorted(bare) == ["ek_avg_pool_f32", "ek_max_pool_f32"]


def test_a_new_row_takes_the_place_of_a_line_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Family(
        "ek_halve",
        ("s8", "s16_s8"),
        "#define EK_X {x}\n#define EK_Y {y}\n" + '#include "ek_add_int.h"\n',
    )
    monkeypatch.setattr(stubs, "FAMILIES", (*FAMILIES, row))
    text = HEADER.replace("/* ---- pooling", "/* Half. */\n/* ek_halve */\n\n/* ---- pooling", 1)
    made = with_prototypes(text)
    assert made.index("/* Half. */\nvoid ek_halve_s8(const int8_t *a, int32_t a_step,") > 0
    assert "void ek_halve_s16_s8(const int16_t *a," in made and "/* ek_halve */" not in made
    assert with_prototypes(made) == made and re.search(r"int8_t \*y,\s+int32_t n\);", made)


def test_a_row_without_a_place_in_the_header_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Family(
        "ek_halve", ("s8",), '#define EK_X {x}\n#define EK_Y {y}\n#include "ek_add_int.h"\n'
    )
    monkeypatch.setattr(stubs, "FAMILIES", (row,))
    with pytest.raises(
        LookupError, match=r"edgekit\.h has 0 places for the prototypes of ek_halve"
    ):
        with_prototypes(HEADER)


def test_a_form_is_found_by_its_element_types() -> None:
    assert form("ek_add", "s16", "s16") == "ek_add_s16"
    assert form("ek_add", "s16", "s8") == "ek_add_s16_s8"
    assert form("ek_fc", "s8", "s16", int4=True) == "ek_fc_s8_s16_w4"
    with pytest.raises(LookupError, match="ek_add has no form for s8 and s16"):
        form("ek_add", "s8", "s16")


def test_no_two_rows_make_the_same_kernel() -> None:
    every = forms(*{family.name for family in FAMILIES})
    assert len(every) == len(set(every)) == len(stubs.stubs())
