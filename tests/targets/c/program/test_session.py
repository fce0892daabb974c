"""The session part: scratch that suits both parts, since they never run at the same time."""

import numpy as np
from one_node import network

from edgekit.targets.c.lower import lower_c


def test_what_follows_from_constants_alone_leaves_the_hop() -> None:
    w = np.ones((4, 4), np.float32)
    nodes = "a = MatMul (c, w)\nb = Tanh (a)\ny = Add (x, b)"
    model = network("float[1,4] x, float[1,4] c", "float[1,4] y", nodes, w=w)
    build = lower_c(model.describe(constants=["c"]), "c99")
    name = build.manifest.c_name
    text = build.files[f"{name}.c"].decode()
    process = text[text.index(f"int {name}_process(") :].split("\n}\n")[0]
    session = text[text.index(f"int {name}_session(") :].split("\n}\n")[0]
    assert "ek_tanh_f32(" in session and "ek_fc_f32(" in session
    assert "ek_tanh_f32(" not in process and "return -2;" in process
