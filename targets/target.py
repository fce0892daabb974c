"""The table of targets: a name, what it emits and needs, `check` and `lower`."""

from collections.abc import Callable
from dataclasses import dataclass

from edgekit.errors import Problem
from edgekit.export.model import Model
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.devices import profile, profiles
from edgekit.targets.ethos_u import check_ethos_u, lower_ethos_u
from edgekit.targets.litert import check_litert, lower_litert
from edgekit.targets.onnxruntime import check_onnxruntime, lower_onnxruntime


@dataclass(frozen=True)
class Target:
    """Where a model can be lowered to.

    Attributes:
        name: as given to ``--target``.
        emits: what the build holds, for people.
        needs: tools to compile and run the build on this machine; ``cc`` is any C compiler.
        check: all problems of a model against this target.
        lower: the `Build` of a checked model; takes the model and the target's name.
    """

    name: str
    emits: str
    needs: tuple[str, ...]
    check: Callable[[Model], list[Problem]]
    lower: Callable[[Model, str], Build]


def _for_device(name: str) -> Target:
    device = profile(name)
    needs = ("cc",) if device.cc is None else (device.cc, device.qemu[0])
    return Target(name, device.emits, needs, check_c, lower_c)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _for_device("host"),
        _for_device("c99"),
        *(_for_device(name) for name, device in profiles().items() if device.is_cross),
        Target("onnxruntime", "model.onnx", ("onnxruntime",), check_onnxruntime, lower_onnxruntime),
        Target(
            "litert", "model.tflite", ("ai-edge-litert", "flatbuffers"), check_litert, lower_litert
        ),
        Target(
            "ethos-u55",
            "model_vela.tflite",
            ("ai-edge-litert", "ethos-u-vela"),
            check_ethos_u,
            lower_ethos_u,
        ),
    )
}
