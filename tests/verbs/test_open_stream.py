"""A build folder as a stream."""

from pathlib import Path

import numpy as np
import pytest
import tiny_build
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.verbs.open_stream import open_stream


@needs_cc
def test_a_build_for_this_machine_has_no_note(tmp_path: Path) -> None:
    stream, notes = open_stream(tiny_build.write(tmp_path / "build"))
    x = np.arange(8, dtype=np.float32)
    found = stream.run({"pcm": x.reshape(2, 1, 4)})["pcm_out"]
    assert notes == () and np.array_equal(found.ravel(), tiny_build.expected(x))


def test_a_folder_that_is_no_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_stream(tmp_path)
