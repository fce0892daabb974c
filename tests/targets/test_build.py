"""A build as a value: its digest, and those of the other networks of its sampler."""

from dataclasses import replace

import tiny_build

from edgekit.targets.build import Build, digest, join_builds


def test_a_digest_is_of_names_and_contents_in_any_order() -> None:
    files = {"a": b"1", "b": b"2"}
    assert digest(files) == digest({"b": b"2", "a": b"1"})
    assert len({digest(files), digest({"a": b"2", "b": b"1"}), digest({"a": b"1b", "b": b""})}) == 3


def test_other_networks_are_in_folders_of_their_own_and_their_weights_count() -> None:
    manifest = tiny_build.manifest()
    memory = {**manifest.memory, "weights_bytes": 7}
    own = Build({"model.onnx": b"x"}, replace(manifest, memory=memory))
    other = Build({"model.onnx": b"y"}, replace(manifest, memory={**memory, "weights_bytes": 5}))
    joined = join_builds(own, {"first": other})
    assert dict(joined.files) == {"model.onnx": b"x", "networks/first/model.onnx": b"y"}
    assert joined.manifest.memory["weights_bytes"] == 12
    assert joined.manifest.digest == digest(joined.files)
    assert join_builds(own, {}) is own
