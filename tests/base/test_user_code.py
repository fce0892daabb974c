"""The user's own code: found in the working directory, and the line where it fails."""

from pathlib import Path, PurePath
from sys import path as module_path

import pytest

from edgekit.base.user_code import (
    EDGEKIT,
    ExitOfUserCode,
    import_attribute,
    is_users,
    user_error,
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_module_of_the_working_directory_is_found_and_the_path_stays(here: Path) -> None:
    (here / "mine_of_user_code.py").write_text("value = 3\n")
    before = list(module_path)
    assert import_attribute("mine_of_user_code", "value") == 3
    assert module_path == before


def test_an_error_names_the_innermost_line_of_the_user(here: Path) -> None:
    (here / "fails_of_user_code.py").write_text(
        "import json\n\ndef make():\n    return json.loads('{')\n"
    )
    with pytest.raises(ValueError) as raised:
        import_attribute("fails_of_user_code", "make")()
    said = user_error(raised.value)
    assert said.startswith("JSONDecodeError: Expecting property name")
    assert said.endswith(", in fails_of_user_code.py line 4: return json.loads('{')")


def test_a_syntax_error_names_its_line(here: Path) -> None:
    (here / "syntax_of_user_code.py").write_text("x = 1\ndef make(:\n")
    with pytest.raises(SyntaxError) as raised:
        import_attribute("syntax_of_user_code", "make")
    assert user_error(raised.value).endswith(", in syntax_of_user_code.py line 2: def make(:")


def test_an_error_without_a_line_of_the_user_has_none() -> None:
    assert user_error(KeyError("a")) == "KeyError: 'a'"


@pytest.mark.parametrize(
    ("path", "users"),
    [
        (PurePath("/home/me/edgekit/net.py"), True),  # a folder of this name, but not this package
        (EDGEKIT / "api.py", False),
        (PurePath("/usr/lib/site-packages/torch/nn.py"), False),
        (PurePath("/home/me/net.so"), False),
    ],
)
def test_whose_a_file_is(path: PurePath, users: bool) -> None:
    assert is_users(path) is users


def test_code_that_ends_the_program_is_an_error_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_the_program.py").write_text("import sys\nsys.exit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExitOfUserCode) as error:
        import_attribute("ends_the_program", "factory")
    assert "sys.exit(3), in ends_the_program.py line 2" in user_error(error.value)
