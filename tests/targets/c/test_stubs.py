"""The files and prototypes of integer kernels are those that `edgekit.targets.c.stubs` makes."""

import shutil
from pathlib import Path

import pytest

from edgekit.targets.c import stubs
from edgekit.targets.c.stubs import FAMILIES, RUNTIME, Family, form, forms, with_prototypes

HEADER = (RUNTIME / "include" / "edgekit.h").read_text()


def test_the_tree_has_what_the_table_makes() -> None:
    made = stubs.stubs()
    other = [name for name, text in made.items() if (stubs.GENERATED / name).read_text() != text]
    assert not other and with_prototypes(HEADER) == HEADER, f"make kernels: {other}"


def test_every_file_that_only_names_element_types_is_a_row_of_the_table() -> None:
    """What is left by hand has code, or is a float form over a header of several."""
    files = (path for path in stubs.PORTABLE.rglob("ek_*.c") if path.name not in stubs.stubs())
    bare = [path.stem for path in files if "{" not in path.read_text()]
    assert sorted(bare) == ["ek_avg_pool_f32", "ek_max_pool_f32"]


ADD = '#define EK_X {x}\n#define EK_Y {y}\n#include "ek_add_int.h"\n'


def test_a_kernel_that_its_own_file_documents_is_in_the_last_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(stubs.PORTABLE, tmp_path / "portable")
    monkeypatch.setattr(stubs, "PORTABLE", tmp_path / "portable")
    own = tmp_path / "portable" / "elementwise" / "ek_twice_f32.c"
    own.write_text(
        '#include "edgekit.h"\n\n/* y = 2 x. */\n'
        "void ek_twice_f32(const float *restrict x, float *restrict y, int32_t n)\n{\n}\n"
    )
    header = tmp_path / "portable" / "elementwise" / "ek_half_int.h"
    header.write_text(
        "/* y = x / 2. */\nvoid EK_NAME(const EK_X *x,\n             EK_Y *y)\n{\n}\n"
    )
    row = Family("ek_half", ("s8", "s16_s8"), ADD.replace("ek_add", "ek_half"))
    monkeypatch.setattr(stubs, "FAMILIES", (*FAMILIES, row))
    made = with_prototypes(HEADER)
    assert (
        "\n/* y = x / 2. */\nvoid ek_half_s8(const int8_t *x, int8_t *y);\n"
        "void ek_half_s16_s8(const int16_t *x, int8_t *y);\n"
    ) in made.partition(stubs.SECTION)[2]
    assert (
        "\n/* y = 2 x. */\nvoid ek_twice_f32(const float *x, float *y, int32_t n);\n"
    ) in made.partition(stubs.SECTION)[2]
    assert made.endswith(stubs.END)
    assert with_prototypes(made) == made


def test_a_row_that_nothing_documents_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stubs, "FAMILIES", (Family("ek_half", ("s8",), ADD),))
    with pytest.raises(LookupError, match="ek_half: no comment above EK_NAME in its header"):
        with_prototypes(HEADER)


def test_a_form_is_found_by_its_element_types() -> None:
    assert form("ek_add", "s16", "s16") == "ek_add_s16"
    assert form("ek_add", "s16", "s8") == "ek_add_s16_s8"
    assert form("ek_fc", "s8", "s16", tail="w4") == "ek_fc_s8_s16_w4"
    with pytest.raises(LookupError, match="ek_add has no form for s8 and s16"):
        form("ek_add", "s8", "s16")


def test_no_two_rows_make_the_same_kernel() -> None:
    every = forms(*{family.name for family in FAMILIES})
    assert len(every) == len(set(every)) == len(stubs.stubs()) + len(stubs.hosts())


def test_ways_to_compute_a_form_stand_in_its_file() -> None:
    path = Family("ek_half", ("s8", "s16"), ADD, tail="w4").path("fast", "s16")
    assert list(path.kernels) == ["ek_half_fast_s16_w4"]
    assert path.file_of("ek_half_fast_s16_w4") == "ek_half_s16_w4.c"
    assert stubs.hosts()["ek_conv_transpose_runs_s8_s16"] == "ek_conv_transpose_s8_s16.c"
    assert set(stubs.hosts().values()) <= set(stubs.stubs())
