"""Data in files beside the .onnx: read from its folder, refused from anywhere else."""

import os

import numpy as np
import onnx
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file import external


def proto():
    built = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]> net (float[1,64] x) => (float[1,32] y) {
          m = MatMul (x, w)
          c = Constant <value = float[1] {0}> ()
          y = Mul (m, c)
        }"""
    )
    weights = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    built.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    factors = onnx.numpy_helper.from_array(np.full(32, 2.5, np.float32))
    built.graph.node[1].attribute[0].t.CopyFrom(factors)
    return built


def saved(folder, **options):
    path = folder / "net.onnx"
    options = {"location": "weights.bin", "size_threshold": 0, "convert_attribute": True} | options
    onnx.save(proto(), path, save_as_external_data=True, **options)
    return path


def changed(path, **entries):
    """Write the file again with other references for tensor w."""
    model = onnx.load(path, load_external_data=False)
    found = {entry.key: entry for entry in model.graph.initializer[0].external_data}
    for key, value in entries.items():
        found[key].value = value
    path.write_bytes(model.SerializeToString())
    return path


def refusal(path):
    with pytest.raises(ModelError) as caught:
        from_onnx(path, name="net")
    return str(caught.value)


@pytest.mark.parametrize("options", [{}, {"all_tensors_to_one_file": False}])
def test_data_beside_the_file_gives_the_same_network(tmp_path, options):
    model = from_onnx(saved(tmp_path, **options), name="net")
    inside = from_onnx(proto().SerializeToString(), name="net")
    for value, other in zip(
        model.ir.graph.initializers.values(), inside.ir.graph.initializers.values(), strict=True
    ):
        np.testing.assert_array_equal(value.const_value.numpy(), other.const_value.numpy())


def test_the_digest_covers_the_data(tmp_path):
    path = saved(tmp_path)
    before = from_onnx(path, name="net").source.sha256
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    after = from_onnx(path, name="net").source.sha256
    assert before != after


def test_bytes_without_a_folder_are_refused(tmp_path):
    with pytest.raises(ModelError, match="its data lies in another file"):
        from_onnx(saved(tmp_path).read_bytes(), name="net")


@pytest.mark.parametrize(
    "location",
    [
        "../secret.bin",
        "sub/../../secret.bin",
        "..\\secret.bin",
        "C:\\secret.bin",
        "",
        "/",
        ".",
        "link.bin",
        "linked/secret.bin",
        "pipe",
        "missing.bin",
        "x" * 5000,
        "a\0b",
        "~/secret.bin",
    ],
)
def test_files_outside_the_folder_are_refused(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    path = saved(folder)
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(10**5))
    (folder / "link.bin").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert "tensor 'w': its data lies in" in refusal(changed(path, location=location))


def test_an_absolute_path_is_refused_and_not_shown_to_exist(tmp_path):
    path = saved(tmp_path)
    there = refusal(changed(path, location=str(tmp_path / "weights.bin")))
    nowhere = refusal(changed(path, location="/nowhere/weights.bin"))
    assert there.partition("allowed")[2] == nowhere.partition("allowed")[2]


def test_a_link_inside_the_folder_is_followed(tmp_path):
    path = saved(tmp_path)
    (tmp_path / "other.bin").symlink_to("weights.bin")
    from_onnx(changed(path, location="other.bin"), name="net")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"length": "8191"}, "8191 bytes for a tensor of 8192 bytes"),
        ({"length": str(2**50)}, "for a tensor of 8192 bytes"),
        ({"length": "-1"}, "'length': '-1'"),
        ({"offset": "-4"}, "'offset': '-4'"),
        ({"offset": "1e3"}, "'offset': '1e3'"),
        ({"offset": str(2**62)}, "which has"),
        ({"offset": "9" * 99}, "offset and length"),
    ],
)
def test_places_outside_the_data_are_refused(tmp_path, entries, found):
    assert found in refusal(changed(saved(tmp_path), **entries))


def test_the_limit_counts_all_files_together(tmp_path, monkeypatch):
    path = saved(tmp_path)
    monkeypatch.setattr(external, "MAX_BYTES", path.stat().st_size + 8192 + 127)
    assert "bytes together" in refusal(path)
    monkeypatch.setattr(external, "MAX_BYTES", path.stat().st_size + 8192 + 128)
    from_onnx(path, name="net")


@pytest.mark.parametrize(
    "claim", [{"dims": [2**40, 2**40]}, {"dims": [-1]}, {"data_type": 99}, {"data_type": 8}]
)
def test_claims_are_checked_before_anything_is_read(tmp_path, claim):
    path = saved(tmp_path)
    model = onnx.load(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    if "dims" in claim:
        tensor.dims[:] = claim["dims"]
    else:
        tensor.data_type = claim["data_type"]
    path.write_bytes(model.SerializeToString())
    assert "tensor 'w'" in refusal(path)
