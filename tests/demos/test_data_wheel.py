"""What the second wheel holds is asked for by its name where it is missing."""

from pathlib import Path

import pytest

from edgekit import __version__
from edgekit.base.errors import ToolError
from edgekit.demos import data_wheel
from edgekit.demos.data_wheel import has_data, require_data


def test_a_missing_file_of_the_demos_names_the_wheel(tmp_path: Path) -> None:
    wheel = rf"pip install .*edgekit_deploy_demos-{__version__}-py3-none-any\.whl"
    with pytest.raises(ToolError, match=wheel):
        require_data(data_wheel.FOLDER / "nothing.npz")
    require_data(tmp_path / "mine.npz")  # a file of the user: whoever reads it says what is wrong
    require_data(data_wheel.FOLDER / "denoise.npz")


def test_a_checkout_has_all_data() -> None:
    assert has_data("wake/wake.npz") and has_data("denoise.onnx") and not has_data("nothing.npz")
