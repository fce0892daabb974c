"""What ``--set`` says: values, values by time, ranges, files; as texts and from a program."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.base.settings import Range, Steps, read_settings, steps_in_hops


def test_texts_are_values_values_by_time_ranges_and_files(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.arange(4.0))
    np.savez(tmp_path / "v.npz", other=np.zeros(2), voice=np.ones(3))
    texts = {
        "a": "0.3",
        "b": "0s:0.3,2.5s:[1, 2]",
        "c": "-60:0,1e-3:20",
        "d": f"{tmp_path}/v.npy",
        "voice": f"0s:{tmp_path}/v.npz",
    }
    found = read_settings(f"{name}={text}" for name, text in texts.items())
    assert found["c"] == Range(((-60.0, 0.0), (1e-3, 20.0))) and str(found["c"]) == "-60:0,0.001:20"
    steps = {name: row.values for name, row in found.items() if isinstance(row, Steps)}
    assert [time for time, _ in steps["b"]] == [0, 2.5]
    assert [value.tolist() for _, value in steps["b"]] == [0.3, [1, 2]]
    assert steps["a"][0][1] == 0.3 and steps["d"][0][1].tolist() == [0, 1, 2, 3]
    assert steps["voice"][0][1].tolist() == [1, 1, 1]


def test_a_program_gives_numbers_arrays_paths_and_tuples(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones(2))
    found = read_settings(
        {"a": (0, 1), "b": ((0, 1), (5, 9)), "c": [1, 2], "d": tmp_path / "v.npy", "e": "0:2"}
    )
    assert found["a"] == Range(((0, 1),)) and found["b"] == Range(((0, 1), (5, 9)))
    assert found["e"] == Range(((0, 2),))
    for name in "cd":
        row = found[name]
        assert isinstance(row, Steps) and row.values[0][1].size == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["knob"], "no value"),
        (["=1"], "no name"),
        (["k=1", "k=2"], "given 2 times"),
        (["k=1:1"], "a range from 1 to 1"),
        (["k=nan:1"], "a range from nan"),
        (["k=a:b"], "a range of other than two numbers"),
        (["k=0:1:2"], "neither a number, a JSON list nor a .npy"),
        (["k=0:1,2"], "neither"),
        (["k=[NaN]"], "neither a number nor numbers"),
        (["k=[]"], "neither a number nor numbers"),
        (["k=1s:2"], "rise from 0 s"),
        (["k=no.npy"], "No such file"),
        ({"k": "words"}, "neither"),
        ({"k": (0, 1, 2)}, "a range of other than two numbers"),
        ({"k": np.array(["a"])}, "neither a number nor numbers"),
    ],
)
def test_what_is_no_setting_is_refused(given: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_settings(given)


@pytest.mark.parametrize("kind", ["text", "object", "cut", "claims"])
def test_files_of_any_origin_are_refused_with_a_message(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    if kind == "text":
        path.write_text("[1, 2]")
    elif kind == "object":
        np.save(path, np.array([{}]), allow_pickle=True)
    else:
        np.save(path, np.zeros(100))
        data = path.read_bytes()
        path.write_bytes(data[:200] if kind == "cut" else data.replace(b"(100,)", b"(999,)"))
    with pytest.raises(UsageError, match=r"a \.npy of numbers"):
        read_settings([f"k={path}"])


def test_values_by_time_need_a_rate_and_the_size_of_the_input() -> None:
    (steps,) = read_settings(["k=0s:1,0.01s:2"]).values()
    assert isinstance(steps, Steps)
    found = steps_in_hops("k", steps, (1, 2), 80, 16000)
    assert found[:, 0, 0].tolist() == [1, 1, 2] and found.shape == (3, 1, 2)
    with pytest.raises(UsageError, match="a build with a sample rate"):
        steps_in_hops("k", steps, (1, 2), 80, None)
    (many,) = read_settings(["k=[1, 2, 3]"]).values()
    assert isinstance(many, Steps)
    with pytest.raises(UsageError, match="3 numbers; allowed: a number or 2 of them"):
        steps_in_hops("k", many, (1, 2), 80, 16000)
