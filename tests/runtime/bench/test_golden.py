"""Is what a device gave what the verified run gave?"""

import numpy as np
import pytest
import tiny_build

from edgekit.base.errors import CheckFailed
from edgekit.runtime.bench.golden import (
    Row,
    apart_db,
    check_outputs,
    check_verdict,
    first_wrong,
    least_db,
    rows,
)

GOLDEN = {"y": np.linspace(-1, 1, 12).reshape(3, 4)}
PRINTED = """output y: FAIL, 12 dB, hop 2
layer a: equal
layer c: FAIL, different, hop 1
layer b: FAIL, -3 dB, hop 0
something else"""


def test_lines_of_a_replay_are_read_and_the_first_wrong_layer_is_named() -> None:
    found = rows(PRINTED)
    assert found[0] == Row("output", "y", "FAIL, 12 dB, hop 2", 2) and len(found) == 4
    first = first_wrong(found)
    assert first is not None and first.name == "b"
    with pytest.raises(CheckFailed, match="first layer that differs: b, in hop 0"):
        check_verdict("device", PRINTED, layers=True)
    check_verdict("device", "anything\nPASS")


def test_a_ratio_is_that_of_signal_and_error() -> None:
    noisy = {"y": GOLDEN["y"] * 1.01, "same": np.ones(2)}
    found = apart_db(noisy, {**GOLDEN, "same": np.ones(2)})
    assert found["y"] == pytest.approx(40) and found["same"] == np.inf


def test_outputs_near_enough_pass_and_others_are_listed() -> None:
    manifest = tiny_build.manifest()
    check_outputs("device", manifest, {"y": GOLDEN["y"][:2] * (1 + 1e-6)}, GOLDEN)
    with pytest.raises(CheckFailed, match=r"'y': 40.0 dB from golden, at least 90 needed"):
        check_outputs("device", manifest, {"y": GOLDEN["y"] * 1.01}, GOLDEN)
    with pytest.raises(CheckFailed, match=r"'z': shape \(2,\), golden has none"):
        check_outputs("device", manifest, {"z": np.ones(2)}, GOLDEN)
    with pytest.raises(CheckFailed, match=r"'y': shape \(3, 5\), golden has \(3, 4\)"):
        check_outputs("device", manifest, {"y": np.ones((3, 5))}, GOLDEN)


def test_integers_must_be_equal() -> None:
    whole = {"y": np.arange(100).reshape(1, 100)}
    check_outputs("device", tiny_build.manifest(), whole, whole)
    with pytest.raises(CheckFailed, match="at least inf needed"):
        check_outputs("device", tiny_build.manifest(), {"y": whole["y"] + (whole["y"] == 5)}, whole)


def test_other_arithmetic_may_be_as_far_as_two_roundings() -> None:
    facts = {"snr_db": 40.0}
    quantization = {"recipe": "w8a8"}
    near = tiny_build.manifest(target="onnxruntime", verification=facts, quantization=quantization)
    assert least_db(near) == 34.0
    assert least_db(tiny_build.manifest(verification=facts)) == 40.0
    assert least_db(tiny_build.manifest(verification=facts, quantization=quantization)) == 90.0
