"""Options of two networks, one behind the other."""

from edgekit.verbs.export.option_split import split_options


def test_inputs_of_the_second_network_lose_their_prefix() -> None:
    own, behind = split_options(
        {
            "constants": {"a": 1, "then/a": 2, "b": 3},
            "controls": ["a", "then/b"],
            "states": [("a", "a_next"), ("then/h", "then/h_next")],
        },
        {"a"},
    )
    assert own == {"constants": {"a": 1}, "controls": ["a"], "states": [("a", "a_next")]}
    assert behind == {
        "constants": {"a": 2, "b": 3},
        "controls": ["b"],
        "states": [("h", "h_next")],
    }
