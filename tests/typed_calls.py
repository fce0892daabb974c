"""Calls of Python's verbs as pyright sees them, in `make lint`: it is an error where it does not find a marked typo."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from pathlib import Path

import edgekit
from edgekit import api


def typed_calls(network: object, recipe: str) -> None:
    """What editors complete, and what they flag; nothing of it runs."""
    build: edgekit.Build = edgekit.deploy(network, target="cortex-m55", recipe="w8a8", hop=16)
    edgekit.deploy(network, recipe=recipe, shapes={"x": [1, 2]}, bindings=["cpp"], wrap="lv2")
    edgekit.deploy(network, recipe=Path("recipe.toml"), calibration=[[1.0]], out="build")
    edgekit.deploy(network, recipy="w8a8")  # pyright: ignore[reportCallIssue]
    edgekit.deploy(network, target="hosst")  # pyright: ignore[reportArgumentType]
    edgekit.deploy(network, hop="16")  # pyright: ignore[reportArgumentType]
    edgekit.deploy(network, bindings=["cobol"])  # pyright: ignore[reportArgumentType]
    edgekit.deploy(network, weights="outside")  # pyright: ignore[reportArgumentType]

    made: edgekit.Build = api.export("net.onnx", "host", "build", calibration="clips")
    api.export("net.onnx", "hosst", "build")  # pyright: ignore[reportArgumentType]
    api.export("net.onnx", "host", "build", calibratoin="c")  # pyright: ignore[reportCallIssue]
    api.stream("net.onnx", "hops.onnx", hop=16, time_axes={"x": 2})
    api.stream("net.onnx", "hops.onnx", recipe="w8a8")  # pyright: ignore[reportCallIssue]
    api.quantize("net.onnx", "w8a8", "clips", "q.onnx", target="moon")  # pyright: ignore[reportArgumentType]
    api.finetune("net.onnx", "w8a8", "clips", "f.onnx", steps=9, hop=4)
    api.finetune("net.onnx", "w8a8", "clips", "f.onnx", step=9)  # pyright: ignore[reportCallIssue]
    api.bench("build", hop=9)  # pyright: ignore[reportCallIssue]
    build.bench(hops=9, layers=True)
    made.bench(hop=9)  # pyright: ignore[reportCallIssue]

    stream: edgekit.Stream = build.stream()
    stream.process({})
    edgekit.deploi  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018
    api.exprot  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018
