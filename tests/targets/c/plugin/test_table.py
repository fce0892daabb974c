"""The kinds of plug-ins: nothing where none is asked for; every problem where one is."""

from one_node import build, network

from edgekit.targets.c.plugin.table import PLUGINS, wrap_build, wrap_problems


def test_without_a_kind_a_build_stays_as_it_is() -> None:
    model = network("float[2,3] x", "float[2,3] y", "y = Neg (x)")
    made = build(model)
    assert wrap_problems(model, "host", (), None) == []
    assert wrap_build(made, model, (), None) is made


def test_the_option_that_asks_is_named_with_all_its_kinds() -> None:
    model = network("float[2,3] x", "float[2,3] y", "y = Neg (x)")
    problems = wrap_problems(model, "host", tuple(PLUGINS), {"gain": "0:1:0"})
    assert {problem.where for problem in problems} == {"--wrap lv2 --wrap clap", "--knob 'gain'"}
