"""The table of targets: a name, what it emits and needs, `check` and `lower`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.targets.devices import profile, profiles

if TYPE_CHECKING:
    from edgekit.base.errors import Problem
    from edgekit.graph.model import Model
    from edgekit.targets.build import Build

    Check = Callable[[Model], list[Problem]]
    Lower = Callable[[Model, str], Build]


@dataclass(frozen=True)
class Target:
    """Where a model can be lowered to.

    Attributes:
        name: as given to ``--target``.
        emits: what the build holds, for people.
        needs: tools to compile and run the build on this machine; ``cc`` is any C compiler.
        load: imports what lowers for it, so that the table itself needs no package; returns `check` and `lower`.
    """

    name: str
    emits: str
    needs: tuple[str, ...]
    load: "Callable[[], tuple[Check, Lower]]"

    @property
    def check(self) -> "Check":
        """All problems of a model against this target."""
        return self.load()[0]

    @property
    def lower(self) -> "Lower":
        """The `Build` of a checked model; takes the model and the target's name."""
        return self.load()[1]


def _c() -> "tuple[Check, Lower]":
    from edgekit.targets.c.lower import check_c, lower_c

    return check_c, lower_c


def _onnxruntime() -> "tuple[Check, Lower]":
    from edgekit.targets.onnxruntime import check_onnxruntime, lower_onnxruntime

    return check_onnxruntime, lower_onnxruntime


def _litert() -> "tuple[Check, Lower]":
    from edgekit.targets.litert import check_litert, lower_litert

    return check_litert, lower_litert


def _ethos_u() -> "tuple[Check, Lower]":
    from edgekit.targets.ethos_u import check_ethos_u, lower_ethos_u

    return check_ethos_u, lower_ethos_u


def _for_device(name: str) -> Target:
    device = profile(name)
    needs = ("cc",) if device.cc is None else (device.cc, device.qemu[0])
    return Target(name, device.emits, needs, _c)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _for_device("host"),
        _for_device("c99"),
        *(_for_device(name) for name, device in profiles().items() if device.is_cross),
        Target("onnxruntime", "model.onnx", ("onnxruntime",), _onnxruntime),
        Target("litert", "model.tflite", ("ai-edge-litert", "flatbuffers"), _litert),
        Target("ethos-u55", "model_vela.tflite", ("ai-edge-litert", "ethos-u-vela"), _ethos_u),
    )
}
