"""Networks of a few nodes in ONNX's text form, and what the C targets make of them."""

import onnx

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c


def network(inputs: str, outputs: str, body: str, **constants: object) -> Model:
    """The network of some nodes; `inputs` and `outputs` as ``float[2,6] x``, `constants` are its weights."""
    text = f'<ir_version: 10, opset_import: ["": 21]> net ({inputs}) => ({outputs}) {{ {body} }}'
    proto = onnx.parser.parse_model(text)
    for name, array in constants.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))  # type: ignore[arg-type]
    return from_onnx(proto.SerializeToString(), name="net")


def build(model: Model, target: str = "c99") -> Build:
    """Its C, which must be taken."""
    assert check_c(model) == []
    return lower_c(model, target)


def hop(model: Model, target: str = "c99") -> str:
    """The body of the function that computes a hop."""
    made = build(model, target)
    name = made.manifest.c_name
    text = made.files[f"{name}.c"].decode()
    start = text.index(f"int {name}_process(")
    return text[start : text.index("\n}\n", start)]


def refused(model: Model) -> list[tuple[str, str]]:
    """What is found and what is allowed, of everything that the C targets refuse."""
    return [(problem.found, problem.allowed) for problem in check_c(model)]
