"""A Keras model is exported by Keras, and is the same network behind EdgeKit's import."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.verbs.export.source_names import other_file


def test_keras_writes_an_onnx_that_is_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="needs keras: pip install keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((49, 10, 1)),
            layers.Conv2D(8, (10, 4), strides=(2, 2), padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    picture = np.random.default_rng(0).normal(size=(1, 49, 10, 1)).astype(np.float32)
    model(picture)
    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    network = from_onnx(tmp_path / "model.onnx", name="model")
    (name,) = (str(value.name) for value in network.stream_inputs)
    (found,) = in_onnxruntime(network.to_bytes())({name: picture}).values()
    np.testing.assert_allclose(found, model.predict(picture, verbose=0), atol=1e-6)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_of_keras_is_refused_with_the_command(name: str) -> None:
    assert "model.export('model.onnx', format='onnx')" in other_file(Path(name))[1]
