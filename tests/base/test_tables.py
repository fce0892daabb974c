"""Tables of numbers, as spreadsheets and loggers write them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.base.tables import read_table

DATED = st.from_regex(r"(2024-01-0[0-3](T1[0-9])?[,;][0-9x,]{0,3}\n){0,3}", fullmatch=True)


def table(folder: Path, data: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("ax,ay\n1,-2.5\n3e2,4\n", ("ax", "ay")),
        ("1,-2.5\n\n3e2,4", ()),
        ("ax;ay\r\n1;-2,5\r\n3e2;4\r\n", ("ax", "ay")),
        ("1\t-2.5\n3e2\t4\n", ()),
        ('\ufeff"ax, g","ay, g"\n"1","-2.5"\n"3e2","4"\n', ("ax, g", "ay, g")),
    ],
)
def test_forms_of_tables(text: str, titles: tuple[str, ...], tmp_path: Path) -> None:
    found = read_table(table(tmp_path, text))
    np.testing.assert_array_equal(found.values, [[1, -2.5], [300, 4]])
    assert found.titles == titles


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("ax,ay\n1,2\n3,x\n", "line 3, column 2: 'x' is no number"),
        ("1,2\n\n3,\n", "line 3, column 2: an empty cell"),
        ("1,2\n3,nan\n", "line 2, column 2: 'nan'"),
        ("1,2\n3,1e39\n", "line 2, column 2: '1e39'"),
        ("1,2\n3,1_0\n", "line 2, column 2: '1_0'"),
        ("1,2\n3,4,5\n", "line 2 has 3 columns, the first line 2"),
        ("1;2\n3;4.000,5\n", "line 2, column 2: '4.000,5'"),
        ("ax,ay\n", "only the titles ax, ay"),
        ("\n \n", "is empty"),
        ("a\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_by_line_and_column(
    data: str | bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        read_table(table(tmp_path, data))
    assert said in str(refused.value) and "a.csv" in str(refused.value)


def test_missing_and_large_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="has 4 bytes"):
        read_table(table(tmp_path, "1,2\n"), limit=3)


@pytest.mark.parametrize(
    ("title", "is_clock"),
    [
        *(("time", True), ("Time (s)", True), ("t", True), ("timestamp_ms", True), ("hop", True)),
        *(("", True), ("ax", False), ("temperature", False), ("torque", False)),
    ],
)
def test_a_first_column_of_times_is_known_by_its_title(title: str, is_clock: bool) -> None:
    from edgekit.base.tables import Table

    assert Table(np.zeros((1, 2)), (title, "ax")).has_clock == is_clock


@pytest.mark.parametrize(
    ("text", "titles", "dates"),
    [
        (
            "when,a,b\n2024-03-01T12:00:00Z,1,2\n2024-03-01 12:00:01.250+01:00,3,4\n",
            ("a", "b"),
            ("when",),
        ),
        ("2024-03-01,12:00:00,1,2\n2024-03-01,12:00:01.5,3,4\n", (), ("1", "2")),
        ("2024-03-01;12:00:00,5;1,0;2\n2024-03-01;12:00:01;3;4\n", (), ("1", "2")),
        ('"when, UTC",a,b\n"2024-W09-5",1,2\n"20240302T01",3,4\n', ("a", "b"), ("when, UTC",)),
    ],
)
def test_dates_in_the_first_columns_are_left_out(
    text: str, titles: tuple[str, ...], dates: tuple[str, ...], tmp_path: Path
) -> None:
    found = read_table(table(tmp_path, text))
    np.testing.assert_array_equal(found.values, [[1, 2], [3, 4]])
    assert found.titles == titles and found.dates == dates


def test_dates_that_may_be_numbers_are_numbers(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "20240301,1\n20240302,2\n"))
    assert found.values.shape == (2, 2) and found.dates == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t,a\n2024-03-01,1\n3,2\n", "line 3, column 1: '3' is no date"),
        ("t,a\n2024-03-01,1\n,2\n", "line 3, column 1: an empty cell is no date"),
        ("t,a\n2024-03-01,1\n2024-03-02,x\n", "line 3, column 2: 'x' is no number"),
        ("t,a\n2024-03-01,1\n2024-03-02\n", "line 3 has 1 columns, the first line 2"),
        ("t,a\n1,2024-03-01\n", "line 2, column 2: '2024-03-01' is no number"),
        ("t,a\n01/03/2024 12:00,1\n", "line 2, column 1: '01/03/2024 12:00' is no number"),
    ],
)
def test_columns_of_dates_hold_nothing_else(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_table(table(tmp_path, text))
    assert said in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(text=st.text("0123.,;:T\t\n\"'eE-ax \x00", max_size=40) | DATED)
def test_any_text_is_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = table(tmp_path_factory.mktemp("any"), text)
    try:
        found = read_table(path)
    except UsageError as error:
        assert "a.csv" in str(error)
    else:
        assert found.values.ndim == 2 and np.isfinite(found.values).all()
