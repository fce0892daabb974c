"""Seeds of noise: nothing where a network draws none."""

from one_node import build, network

from edgekit.targets.c.plan.layout import make_layout
from edgekit.targets.c.plan.storage import Traits
from edgekit.targets.c.program.noise import clear_lines, noise_prototype, noise_source, reset_lines


def test_a_network_that_draws_nothing_has_no_seed() -> None:
    model = network("float[2] x", "float[2] y", "y = Neg (x)")
    layout = make_layout(model, {str(node.name): Traits() for node in model.ir.graph})
    assert noise_prototype(model, "net") == noise_source(model, layout, "net") == ""
    assert clear_lines(model, layout) == "" and reset_lines(model, layout, ["a"]) == ["a"]
    assert b"_seed(" not in build(model).files[f"{build(model).manifest.c_name}.h"]
