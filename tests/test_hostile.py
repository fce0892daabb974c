"""Files that nobody should trust are imported and lowered, or refused with a message: nothing else.

Each case has the `SECONDS` and `MEMORY_BYTES` of `hostile_workers`, in a worker where a crash is a
result. `bench/robustness/hostile.py` damages published networks in the same way.
"""

import os
from functools import partial

import numpy as np
import onnx
import pytest
from hostile_cases import MADE
from hostile_files import NETWORKS
from hostile_workers import export, outcomes
from robustness.hostile import cuts, faults, flips

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file import file_checks

TRUNCATIONS = 1000
FLIPS = 1000


def judge(cases, names):
    """Fail with every case that is neither accepted nor refused in time; returns the outcomes."""
    found = outcomes(cases)
    assert [outcome.index for outcome in found] == list(range(len(cases)))
    bad = faults(found, names)
    assert not bad, "\n".join(bad)
    return found


def built(make):
    content = make()
    export(content if isinstance(content, bytes) else content.SerializeToString())


def test_files_that_lie():
    names = list(MADE)
    judge([partial(built, MADE[name]) for name in names], names)


def test_truncated_files_are_refused():
    files = [make() for make in NETWORKS.values()]
    files += [large(width) for width in (64, 128, 192)]
    places = [(data, end) for data in files for end in cuts(data)]
    random = np.random.default_rng(1)
    while len(places) < TRUNCATIONS:
        data = files[len(places) % len(files)]
        places.append((data, int(random.integers(len(data)))))
    cases = [partial(export, data[:end]) for data, end in places]
    found = judge(cases, [f"{len(data)} bytes cut at {end}" for data, end in places])
    assert {outcome.kind for outcome in found} == {"refused"}


def large(width):
    """A network of a real size: two layers of `width` channels."""
    random = np.random.default_rng(width)
    proto = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]> net (float[1,W,9] x) => (float[1,W,9] y) {
          a = Conv <kernel_shape = [3], pads = [1, 1]> (x, w0)
          b = Relu (a)
          y = Conv <kernel_shape = [3], pads = [1, 1]> (b, w1)
        }""".replace("W", str(width))
    )
    for name in ("w0", "w1"):
        weights = random.normal(size=(width, width, 3)).astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    return proto.SerializeToString()


@pytest.mark.slow
def test_flipped_bits_are_refused_or_harmless():
    cases, names = [], []
    for seed, (network, make) in enumerate(NETWORKS.items()):
        for bit, data in flips(make(), FLIPS // len(NETWORKS), seed):
            cases.append(partial(export, data))
            names.append(f"{network} with bit {bit} flipped")
    found = judge(cases, names)
    assert {outcome.kind for outcome in found} == {"accepted", "refused"}


def test_weights_that_drown_all_else_are_refused_where_the_import_differs():
    proto = onnx.load_model_from_string(NETWORKS["convolution"]())
    (bias,) = (tensor for tensor in proto.graph.initializer if tensor.name == "b")
    bias.raw_data = np.array([0, 2.8e38, 0], np.float32).tobytes()
    with pytest.raises(ModelError, match="values beyond 1e30"):
        from_onnx(proto.SerializeToString(), name="net")


def test_data_outside_the_folder_is_not_read(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    for location in ("../secret.bin", str(tmp_path / "secret.bin")):
        proto = MADE["weight without data"]()
        (tensor,) = proto.graph.initializer
        tensor.dims[:] = [4]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        (folder / "net.onnx").write_bytes(proto.SerializeToString())
        with pytest.raises(ModelError, match=r"in the folder of the \.onnx file"):
            from_onnx(folder / "net.onnx", name="net")


def test_a_file_of_terabytes_is_refused_unread(tmp_path):
    path = tmp_path / "net.onnx"
    path.touch()
    os.truncate(path, 2**40)  # holes: it takes no room
    with pytest.raises(ModelError, match=f"at most {file_checks.MAX_BYTES} bytes"):
        from_onnx(path, name="net")


def dies():
    os.kill(os.getpid(), 9)


def hangs():
    while True:
        pass


def eats():
    bytearray(2**32)


@pytest.mark.slow
def test_the_workers_see_what_they_are_for():
    found = outcomes([dies, eats, lambda: None, hangs, lambda: None], workers=1)
    assert [outcome.kind for outcome in found] == [
        "crashed",
        "traceback",
        "accepted",
        "crashed",
        "accepted",
    ]
    assert "signal 9" in found[0].text
    assert "MemoryError" in found[1].text
