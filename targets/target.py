"""The table of targets: a name, what it emits and needs, `check` and `lower`."""

from collections.abc import Callable
from dataclasses import dataclass

from edgekit.errors import Problem
from edgekit.export.model import Model
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.onnxruntime import check_onnxruntime, lower_onnxruntime


@dataclass(frozen=True)
class Target:
    """Where a model can be lowered to.

    Attributes:
        name: as given to ``--target``.
        emits: what the build holds, for people.
        needs: tools to run the build on this machine; ``cc`` is any C compiler.
        check: all problems of a model against this target.
        lower: the `Build` of a checked model; takes the model and the target's name.
    """

    name: str
    emits: str
    needs: tuple[str, ...]
    check: Callable[[Model], list[Problem]]
    lower: Callable[[Model, str], Build]


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("host", "C99 for this machine", ("cc",), check_c, lower_c),
        Target("c99", "portable C99, for any compiler", ("cc",), check_c, lower_c),
        Target("onnxruntime", "model.onnx", ("onnxruntime",), check_onnxruntime, lower_onnxruntime),
    )
}
LATER_TARGETS = (
    "cortex-m4", "cortex-m7", "cortex-m55", "cortex-a53", "cortex-a76", "riscv64", "litert", "ethos-u55", "fpga",
)  # fmt: skip
