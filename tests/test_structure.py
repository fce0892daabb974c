"""The measures of `tests/structure.py`: none may get worse than it is, and goals that are met stay met."""

import structure
from structure import MANY_DECISIONS, MOST_ARGUMENTS

# Every goal is met. Where the code is better than its goal, it stays so: these numbers only fall.
BARE_NAMES = 30  # goal: 3 % of the names, which are 170
COMPLEX_FUNCTIONS = 148  # goal: 3 % of the functions, which are 188
VERY_COMPLEX_FUNCTIONS = 0
LONG_FUNCTIONS = 13  # goal: 1 % of the functions, which are 62
MANY_ARGUMENTS = 0
INNER_IMPORTS = 11  # goal: 20, of verbs and judge
ANY_PER_1000_LINES = 2.6  # goal: 6
MIRRORED_PERCENT = 87.0  # goal: 75; this one only rises
MUTUAL_FOLDERS = set[tuple[str, str]]()


def test_names_say_what_they_name() -> None:
    bare = [f"{path}: {name}" for path, name in structure.names() if structure.is_bare(name)]
    assert len(bare) <= BARE_NAMES, "\n".join(bare)


def test_functions_stay_small() -> None:
    every = [function for _, function in structure.functions()]
    found = [structure.decisions(function) for function in every]
    assert sum(count > MANY_DECISIONS for count in found) <= COMPLEX_FUNCTIONS
    assert sum(count > 15 for count in found) <= VERY_COMPLEX_FUNCTIONS
    assert sum(structure.lines(f) > structure.LONG_FUNCTION for f in every) <= LONG_FUNCTIONS
    assert sum(structure.arguments(f) > MOST_ARGUMENTS for f in every) <= MANY_ARGUMENTS


def test_imports_stand_at_the_top_and_folders_do_not_import_each_other() -> None:
    assert structure.inner_imports("verbs") + structure.inner_imports("judge") <= INNER_IMPORTS
    assert set(structure.mutual_folders()) <= MUTUAL_FOLDERS


def test_types_are_named_and_modules_have_tests() -> None:
    assert structure.any_per_1000_lines() <= ANY_PER_1000_LINES
    assert structure.mirrored_share() >= MIRRORED_PERCENT


def test_bare_names_are_told_from_names_of_things() -> None:
    assert all(map(structure.is_bare, ("kept", "_moved", "beside", "Given", "score_at", "Judging")))
    assert not any(map(structure.is_bare, ("kept_scales", "fold_bias", "Recipe", "ring", "hop")))
