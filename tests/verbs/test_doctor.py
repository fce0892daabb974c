"""What is missing is named with how to get it."""

import pytest

from edgekit import __version__
from edgekit.base.errors import ToolError
from edgekit.base.installation import install_extra
from edgekit.verbs import doctor
from edgekit.verbs.doctor import missing_tools, require


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without packages, compilers and commands."""
    monkeypatch.setattr(doctor, "_spec", lambda module: None)
    monkeypatch.setattr(doctor, "compilers", tuple)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "sys", type("Sys", (), {"modules": {}}))


@pytest.mark.usefixtures("nothing")
def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(ToolError) as error:
        require(["onnx", "soxr", "onnx", "cc", "verilator"])
    packages, compiler, command = str(error.value).splitlines()
    assert packages == f"onnx, soxr are not installed; {install_extra('export', 'audio')}"
    assert compiler.startswith("no C compiler; ")
    assert command == "verilator is not installed; as root: apt-get install verilator make"
    with pytest.raises(ToolError, match="soxr is not installed"):
        require(["soxr"])


def test_what_is_here_is_not_missing() -> None:
    require([])
    assert missing_tools(["onnx", "no-such-command"]) == ("no-such-command",)
    rows = {row.name: row for row in doctor.targets()}
    assert rows["onnxruntime"].needs == ("onnxruntime",) and rows["onnxruntime"].found


@pytest.mark.parametrize(
    ("namesake", "whose"),
    [(("0.1.1", False), "another project"), (("0.2.0", True), "its former name")],
)
def test_a_distribution_whose_files_mix_with_ours_is_named(
    monkeypatch: pytest.MonkeyPatch, namesake: tuple[str, bool], whose: str
) -> None:
    monkeypatch.setattr(doctor, "find_namesake", lambda: namesake)
    rows = {row.name: row for row in doctor.doctor()}
    assert rows["edgekit-deploy"].version == __version__
    row = rows["edgekit"]
    assert row.version == namesake[0] and whose in row.used_for
    assert row.path == "pip uninstall edgekit edgekit-deploy, then install EdgeKit again"
    monkeypatch.setattr(doctor, "find_namesake", lambda: None)
    assert "edgekit" not in {row.name for row in doctor.doctor()}
