"""Files as arrays of an input: which axis the lines of a table follow."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.arrays import Array
from edgekit.base.errors import UsageError
from edgekit.base.input_arrays import (
    FILL_NOTE,
    InputForm,
    convert_numbers,
    in_hops,
    read_input,
    unheld_value,
)

LINES = np.arange(70, dtype=np.float64).reshape(10, 7)


def write(folder: Path, columns: int, titles: str = "") -> Path:
    path = folder / "a.csv"
    np.savetxt(path, LINES[:, :columns], delimiter=",", header=titles, comments="")
    return path


@pytest.mark.parametrize("axis", [2, None])
def test_lines_are_frames_and_columns_channels(axis: int | None, tmp_path: Path) -> None:
    form = InputForm("imu", (1, 6, 4), "float32", axis)
    array, notes = read_input(write(tmp_path, 6), form)
    assert array.dtype == np.float32 and notes == (FILL_NOTE,)
    np.testing.assert_array_equal(array, LINES[:8, :6].reshape(2, 4, 1, 6).transpose(0, 2, 3, 1))
    whole = LINES[:, :6].T[None].astype(np.float32)
    if axis is not None:
        np.testing.assert_array_equal(in_hops(whole, form), array)
        np.save(tmp_path / "a.npy", whole)
        np.testing.assert_array_equal(read_input(tmp_path / "a.npy", form)[0], array)


def test_time_may_come_before_channels(tmp_path: Path) -> None:
    array, _ = read_input(write(tmp_path, 6), InputForm("imu", (1, 5, 6), "float32", 1))
    np.testing.assert_array_equal(array, LINES[:, :6].reshape(2, 1, 5, 6))


def test_a_line_may_hold_a_whole_hop(tmp_path: Path) -> None:
    array, notes = read_input(write(tmp_path, 6), InputForm("x", (1, 3, 2), "float32", 1))
    np.testing.assert_array_equal(array, LINES[:, :6].reshape(10, 1, 3, 2))
    assert notes == ()


def test_a_column_of_times_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = write(tmp_path, 7, "time_s,a,b,c,d,e,f")
    array, notes = read_input(path, InputForm("imu", (1, 6, 5), "float32", 2))
    assert notes == ("column 'time_s' left out",)
    np.testing.assert_array_equal(array[0, 0, :, 0], LINES[0, 1:])
    kept, notes = read_input(path, InputForm("imu", (1, 7, 5), "float32", 2))
    assert notes == () and kept[0, 0, 0, 0] == 0


def test_columns_of_dates_and_times_are_left_out_with_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("date,t,a,b\n" + "".join(f"2024-03-01,{n},{n},2\n" for n in range(4)))
    array, notes = read_input(path, InputForm("imu", (1, 2), "float32"))
    assert notes == ("column 'date' left out", "column 't' left out")
    np.testing.assert_array_equal(array[:, 0], [[n, 2] for n in range(4)])


def test_a_session_constant_is_a_line_or_a_column(tmp_path: Path) -> None:
    form = InputForm("voice", (1, 10), "float32", is_stream=False)
    array, _ = read_input(write(tmp_path, 1), form)
    np.testing.assert_array_equal(array, LINES[None, :, 0])
    with pytest.raises(UsageError, match="the 10 numbers of 'voice'"):
        read_input(write(tmp_path, 2), form)


@pytest.mark.parametrize(
    ("shape", "axis", "dtype", "said"),
    [
        ((1, 3, 4), 2, "float32", r"10 lines of 6 columns.*a line for each frame .* 3 columns"),
        ((1, 3, 4), None, "float32", "--time-axis imu:AXIS"),
        ((1, 6, 6), None, "float32", "36 columns"),
        ((1, 6, 20), 2, "float32", "20 or more"),
        ((1, 6, 2), 2, "int8", "0.5, which int8 does not hold"),
        ((1, 0, 2), 2, "float32", "10 lines of 6 columns"),
    ],
)
def test_tables_that_do_not_fit(
    shape: tuple[int, ...], axis: int | None, dtype: str, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path, 6)
    path.write_text(path.read_text().replace("1.000000000000000000e+00", "0.5"))
    with pytest.raises(UsageError, match=said):
        read_input(path, InputForm("imu", shape, dtype, axis))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([0.1, -1e-60, np.nan, np.inf]), "float32"),  # digits may go
        (np.array([1.0, -2.0, 2.0**62]), "int64"),
        (np.array([True, False]), "float32"),
        (np.array([0, 1], np.int16), "bool"),
        (np.array([2**24, -5], np.int64), "float32"),
        (np.array([255], np.int64), "uint8"),
    ],
)
def test_numbers_that_a_type_holds_are_converted(values: Array, dtype: str) -> None:
    made = convert_numbers("x", values, dtype)
    assert made.dtype == dtype and unheld_value(values, dtype) is None
    np.testing.assert_array_equal(made, values.astype(dtype))


@pytest.mark.parametrize(
    ("values", "dtype", "shown"),
    [
        (np.array([1.0, 1e300]), "float32", "1e+300"),
        (np.array([1.0, 1.5]), "int64", "1.5"),
        (np.array([np.nan]), "int64", "nan"),
        (np.array([1e19]), "int64", "1e+19"),
        (np.array([2**24 + 1]), "float32", "16777217"),
        (np.array([-1], np.int8), "uint8", "-1"),
        (np.array([3]), "bool", "3"),
        (np.array([300]), "uint8", "300"),
    ],
)
def test_numbers_that_a_type_does_not_hold_are_refused(
    values: Array, dtype: str, shown: str
) -> None:
    with pytest.raises(UsageError) as refused:
        convert_numbers("x", values, dtype)
    assert f"x: {shown}, which {dtype} does not hold" in str(refused.value)


def test_what_is_no_number_stays_as_it_is() -> None:
    words = np.array(["a"])
    assert convert_numbers("x", words, "float32") is words
