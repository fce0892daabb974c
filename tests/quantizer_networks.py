"""Small networks with quantizers of other tools, imported and in onnxruntime."""

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import OPSET, Model

SAMPLES = 20


MICROSOFT = ', "com.microsoft": 1'


F32 = np.float32


XS = F32(0.0313)  # no simple ratio to the scale of the output: ties are rounded differently


GRIDS = {
    "xs": XS,
    "xz": np.uint8(117),
    "ys": F32(0.04),
    "yz": np.uint8(140),
    "ss": F32(0.05),
    "sz": np.int8(-11),
}


def parse(text: str, domains: str = "", opset: int = OPSET, **weights: object) -> onnx.ModelProto:
    """A network of its text and those constants that it names."""
    header = f'<ir_version: 10, opset_import: ["": {opset}{domains}]> net'
    proto = onnx.parser.parse_model(f"{header} {text}")
    read = {name for node in proto.graph.node for name in node.input}
    for name, array in (GRIDS | weights).items():
        if name in read:
            tensor = onnx.numpy_helper.from_array(np.asarray(array), name)
            proto.graph.initializer.append(tensor)
    return proto


def imported(proto: onnx.ModelProto) -> Model:
    return from_onnx(proto.SerializeToString(), name="net")


def draw(model: Model, seed: int = 3) -> dict[str, NDArray]:
    random, inputs = np.random.default_rng(seed), {}
    for value in model.stream_inputs:
        shape, dtype = (SAMPLES, *(int(d) for d in value.shape)), value.dtype.numpy()
        if dtype == np.float32:
            inputs[str(value.name)] = random.normal(size=shape).astype(dtype)
        else:
            info = np.iinfo(dtype)
            inputs[str(value.name)] = random.integers(
                max(info.min, -999), min(info.max, 999), shape, dtype, True
            )
    return inputs


def onnxruntime_runs(proto: onnx.ModelProto, inputs: dict[str, NDArray]) -> NDArray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.x64quantprecision", "1")  # no VNNI, no saturation
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    hops = [{name: array[i] for name, array in inputs.items()} for i in range(SAMPLES)]
    return np.stack([session.run(None, hop)[0] for hop in hops])


def integers(*shape: int, dtype: type = np.int8, low: int = -127, high: int = 127) -> NDArray:
    return np.random.default_rng(len(shape)).integers(low, high, shape, dtype, True)


def normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


WEIGHTS = {
    "w": integers(5, 4, 3, 3),
    "ws": np.linspace(0.002, 0.004, 5, dtype=F32),
    "wz": np.zeros(5, np.int8),
    "b": integers(5, dtype=np.int32, low=-3000, high=3000),
    "bs": XS * np.linspace(0.002, 0.004, 5, dtype=F32),
    "bz": np.zeros(5, np.int32),
    "c": integers(4, 1, 1, dtype=np.uint8, low=0, high=255),
    "cs": F32(0.02),
    "cz": np.uint8(99),
}
