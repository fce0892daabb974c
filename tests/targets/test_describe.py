"""What every manifest says of a network: ports with their roles and delays, and facts that targets fill in."""

from one_node import network

from edgekit.graph.model import StatePair
from edgekit.targets.describe import MEMORY, describe


def test_tensors_have_the_roles_that_the_network_gives_them() -> None:
    nodes = "s = Add (x, c)\nn = Add (s, h)\ny = Mul (n, k)"
    inputs = "float[1,4] x, float[1,4] h, float[1,4] c, float[1] k"
    model = network(inputs, "float[1,4] y, float[1,4] n", nodes)
    model = model.describe(states=[StatePair("h", "n")], constants=["c"], controls=["k"])
    manifest = describe(model, "c99")
    roles = {tensor.name: tensor.role for tensor in (*manifest.inputs, *manifest.outputs)}
    wanted = {"x": "stream", "h": "state", "c": "constant", "k": "control"}
    assert roles == {**wanted, "y": "stream", "n": "state"}
    assert manifest.memory == dict.fromkeys(MEMORY) and manifest.target == "c99"
