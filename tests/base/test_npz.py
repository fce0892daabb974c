""".npz and .npy files of any origin."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz, write_npz


def test_an_npz_reads_back_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.state": np.zeros(0, np.int8)}
    write_npz(tmp_path / "one.npz", arrays)
    write_npz(tmp_path / "two.npz", arrays)
    back = read_npz(tmp_path / "one.npz")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_an_npz_with_objects_or_false_claims_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(UsageError, match="objects"):
        read_npz(path)
    np.savez(path, a=np.zeros(100, np.float32))
    data = path.read_bytes()
    assert data.count(b"(100,)") == 1
    path.write_bytes(data.replace(b"(100,), ", b"(10**9,)"))
    with pytest.raises(UsageError):
        read_npz(path)
    np.savez(path, a=np.zeros(100, np.float32))
    with pytest.raises(UsageError, match="bytes unpacked"):
        read_npz(path, limit=400)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 500), flip=st.integers(0, 500))
def test_a_damaged_npz_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("npz") / "in.npz"
    np.savez(path, a=np.zeros(40, np.float32))
    data = bytearray(path.read_bytes())
    data[flip % len(data)] ^= 0x55
    path.write_bytes(data[: len(data) - cut])
    try:
        assert read_npz(path).keys() is not None
    except UsageError as error:
        assert "in.npz" in str(error)


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(
        st.integers(0, len(HEADER)).map(lambda end: HEADER[:end]),
        st.tuples(
            st.integers(0, len(HEADER)), st.text("{}()[]'\"#\\\\,:<f4x0\n\t \0é", max_size=4)
        ).map(lambda edit: HEADER[: edit[0]] + edit[1] + HEADER[edit[0] + len(edit[1]) :]),
    ),
    version=st.sampled_from([1, 2]),
)
@example(text="{'descr': '<f4', 'shape': (", version=1)
@example(text="{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", version=2)
@example(text="(" * 3000, version=2)
def test_an_array_with_any_header_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, text: str, version: int
) -> None:
    """The zip around it is whole, so that what is damaged gets as far as numpy's own parsing."""
    path = tmp_path_factory.mktemp("npz") / "in.npz"
    header = text.encode("latin1" if version == 1 else "utf8")
    length = len(header).to_bytes(2 * version, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY" + bytes([version, 0]) + length + header + bytes(8))
    try:
        assert read_npz(path)["a"].nbytes <= 8
    except UsageError as error:
        assert "in.npz" in str(error)
