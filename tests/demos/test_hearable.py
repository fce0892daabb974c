"""What demos share: the row of a build, and why instructions are missing."""

from pathlib import Path

import numpy as np
import pytest
import tiny_build

from edgekit.base.errors import ToolError, VerificationError
from edgekit.demos.hearable import instructions, row_of
from edgekit.verbs.bench import other_core


def test_a_row_has_the_median_and_what_99_of_100_hops_keep() -> None:
    hop_us = np.arange(1.0, 102.0)
    row = row_of("w8a8", {"snr": 3.0}, hop_us, tiny_build.manifest(), {"ram": 4}, None)
    assert (row.recipe, row.median_us, row.p99_us) == ("w8a8", 51.0, 100.0)


def test_a_missing_emulator_is_a_note_and_a_wrong_output_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny_build.write(tmp_path / "w8a8")

    def fail(error: Exception) -> None:
        def replay(*_given: object) -> None:
            raise error

        monkeypatch.setattr(other_core, "replay_on_core", replay)

    fail(ToolError("no emulator\nat all"))
    count, note = instructions(build, lambda *_: None)
    assert count is None and note == "no instructions of w8a8 on a cortex-m55: no emulator"
    fail(VerificationError("another output"))
    with pytest.raises(VerificationError):
        instructions(build, lambda *_: None)
