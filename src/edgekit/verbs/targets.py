"""The table of targets: the outputs, tools and own options of each, its backend and its runner.

A backend is imported when it is asked for: the table itself needs no package.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from edgekit.base.environment import EXECUTORCH as EXECUTORCH_PLACE
from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.base.progress import Progress
from edgekit.fpga.resources import PARTS
from edgekit.fpga.spec import DATAPATHS, GOALS, RECIPES
from edgekit.peers import executorch
from edgekit.runtime.bench.contenders import (
    Contender,
    NativeContender,
    OnnxruntimeContender,
    StreamContender,
)
from edgekit.runtime.bench.node import NodeContender
from edgekit.runtime.build_folder.manifest import PLUGIN_FOLDERS, Manifest
from edgekit.runtime.stream import NPUS, Stream
from edgekit.targets.board_names import board_note, find_board
from edgekit.targets.build_files import open_portable, read_model
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.export.work import WrittenBuild

if TYPE_CHECKING:
    from edgekit.targets.build import Build


WEIGHTS = ("inside", "external")
SCHEDULED = ("tune", "schedule")  # options for the choice of kernels, which the export itself reads


def c_choices() -> Mapping[str, tuple[str, ...]]:
    """The choices of a target of C sources."""
    return {"weights": WEIGHTS}


def no_choices() -> Mapping[str, tuple[str, ...]]:
    """The choices of a target that takes every recipe and value."""
    return {}


@dataclass(frozen=True)
class Backend:
    """The work of a target, each function as ``module:name``: it is imported when it is asked for.

    Attributes:
        check: all problems of a model against the target; takes the target's own options too.
        lower: the `Build` of a checked model; takes the model, the target's name and the options. Where the target
            `quantizes`, also `calibration` and `recipe`.
        verify: compares a written build with its source, completes its folder, and returns the manifest.
    """

    check: str
    lower: str
    verify: str = "edgekit.verbs.export.finish:finish"


C = Backend("edgekit.verbs.backends.c:check", "edgekit.verbs.backends.c:lower")
WASM = Backend(
    "edgekit.targets.wasm.lower:check_wasm",
    "edgekit.targets.wasm.lower:lower_wasm",
    "edgekit.verbs.export.finish:finish_module",
)
ONNXRUNTIME = Backend(
    "edgekit.targets.onnxruntime:check_onnxruntime", "edgekit.targets.onnxruntime:lower_onnxruntime"
)
LITERT = Backend("edgekit.verbs.backends.litert:check", "edgekit.verbs.backends.litert:lower")
EXECUTORCH = Backend(
    "edgekit.peers.executorch:check_executorch", "edgekit.peers.executorch:lower_executorch"
)
ETHOS_U = Backend("edgekit.targets.ethos_u:check_ethos_u", "edgekit.targets.ethos_u:lower_ethos_u")
FPGA = Backend(
    "edgekit.verbs.backends.fpga:check",
    "edgekit.verbs.backends.fpga:lower",
    "edgekit.verbs.export.engine:finish_engine",
)


@dataclass(frozen=True)
class Target:
    """A target that a model can be lowered to.

    Attributes:
        name: as given to ``--target``.
        emits: the contents of the build, for people.
        needs: tools to compile and run the build on this machine; ``cc`` is any C compiler.
        backend: the code that checks, lowers and verifies.
        run: a build folder as a running `Stream` on this machine.
        verifies_with: the tools that an export takes, where they differ from `needs`.
        default_recipe: the recipe where none is asked for.
        stores_half: whether weights may be float16.
        quantizes: whether `lower` makes the integers, from a float model.
        hop_scales: whether integers may have a scale per hop; else they keep the fixed ones.
        options: names of `ExportOptions` that only this target has.
        needs_of: an option of these, a value of it, and the tools that it takes besides.
        is_c: whether the build is C sources.
        contender: a build folder as a program that `bench` measures on this machine.
        unmeasured: the reason why `bench` measures no such build, and the step to take instead.
        choices: the allowed values of ``recipe`` and options, where some are not allowed.
    """

    name: str
    emits: str
    needs: tuple[str, ...]
    backend: Backend
    run: Callable[[Path], Stream] = Stream.open
    verifies_with: tuple[str, ...] | None = None
    default_recipe: str = "float32"
    stores_half: bool = False
    quantizes: bool = False
    hop_scales: bool = True
    options: tuple[str, ...] = field(default=())
    needs_of: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    is_c: bool = False
    contender: Callable[[Path, Manifest], Contender] = NativeContender
    unmeasured: tuple[str, str] | None = None
    choices: Callable[[], Mapping[str, tuple[str, ...]]] = no_choices

    @property
    def check(self) -> Callable[..., list[Problem]]:
        """See `Backend`."""
        return resolve_name(self.backend.check)  # type: ignore[no-any-return]

    @property
    def lower(self) -> "Callable[..., Build]":
        """See `Backend`."""
        return resolve_name(self.backend.lower)  # type: ignore[no-any-return]

    @property
    def verify(self) -> Callable[[WrittenBuild, Progress], Manifest]:
        """See `Backend`."""
        return resolve_name(self.backend.verify)  # type: ignore[no-any-return]

    @property
    def kernels(self) -> str | None:
        """The target whose C verifies a build on this machine; None where no C does."""
        if not self.is_c:
            return None
        return "host" if self.name == "host" else "c99"


def _onnxruntime_contender(directory: Path, manifest: Manifest) -> Contender:
    return OnnxruntimeContender(read_model(directory).to_bytes(), manifest)


def _engine_choices() -> Mapping[str, tuple[str, ...]]:
    return {
        "recipe": tuple(RECIPES),
        "part": tuple(PARTS),
        "goal": GOALS,
        "datapath": DATAPATHS,
    }


def _for_device(name: str) -> Target:
    device = profile(name)
    row = Target(name, device.emits, ("cc",), C, is_c=True)
    if not device.is_cross:
        options = ("wrap", "knobs", "weights", *SCHEDULED)
        return replace(
            row, options=options, choices=lambda: {"wrap": PLUGIN_FOLDERS, **c_choices()}
        )
    return replace(
        row,
        needs=(str(device.cc), device.qemu[0]),
        run=open_portable,
        verifies_with=("cc",),
        options=("weights", *SCHEDULED),
        choices=c_choices,
    )


ROWS = (
    _for_device("host"),
    _for_device("c99"),
    *(_for_device(name) for name, device in profiles().items() if device.is_cross),
    Target(
        "wasm",
        profile("wasm").emits,
        ("ziglang", "wasmtime"),
        WASM,
        contender=NodeContender,
        options=("knobs",),
    ),
    Target(
        "onnxruntime",
        "model.onnx",
        ("onnxruntime",),
        ONNXRUNTIME,
        contender=_onnxruntime_contender,
    ),
    Target(
        "litert",
        "model.tflite",
        ("ai-edge-litert", "flatbuffers"),
        LITERT,
        stores_half=True,
        hop_scales=False,
        contender=lambda directory, _: StreamContender(Stream.open(directory)),
        options=("stateful", "micro"),
    ),
    Target(
        "executorch",
        "model.pte",
        (EXECUTORCH_PLACE.name,),
        EXECUTORCH,
        hop_scales=False,
        contender=lambda directory, _: StreamContender(Stream.open(directory)),
        choices=lambda: {"recipe": executorch.RECIPES},
    ),
    *(
        Target(
            npu,
            "model_vela.tflite",
            ("ai-edge-litert", "ethos-u-vela"),
            ETHOS_U,
            default_recipe="w8a8",
            hop_scales=False,
            unmeasured=(
                "whose NPU this machine lacks",
                "see `npu` in its manifest.json, or export for --target litert",
            ),
        )
        for npu in NPUS
    ),
    Target(
        "fpga",
        "an engine in SystemVerilog",
        ("g++",),
        FPGA,
        default_recipe="w4a8",
        quantizes=True,
        unmeasured=(
            "which runs in simulation here",
            "see its report.html: frames per second are modelled",
        ),
        options=("part", "goal", "cpu_fallback", "picture", "datapath"),
        needs_of=(("datapath", "hls", ("xls-python",)),),
        choices=_engine_choices,
    ),
)
TARGETS: dict[str, Target] = {target.name: target for target in ROWS}


def named_target(name: str) -> tuple[Target | None, tuple[str, ...]]:
    """Return the target of a name, or the nearest one to a chip or board of this name, with a note that says so.

    None where it is neither, or a board without a target: `board_problem` says why.
    """
    board = None if name in TARGETS else find_board(name)
    if board is None or not board.target:
        return TARGETS.get(name), ()
    return TARGETS[board.target], (board_note(name, board),)


def own_options(options: Mapping[str, object], target: Target) -> tuple[JsonObject, list[str]]:
    """Return the options that its `lower` takes, and the names of those that belong to other targets."""
    given = {name: value for name, value in options.items() if value not in (None, False)}
    known = {name for row in ROWS for name in row.options}
    own = {name: given[name] for name in target.options if name in given.keys() - {*SCHEDULED}}
    return own, [name for name in given if name in known - set(target.options)]
