"""The table of targets: what each emits and needs, its own options, and `check`, `lower`, `verify` and `run`.

The functions of a row import what they need when they are called: the table itself needs no package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.base.environment import EXECUTORCH
from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.base.progress import Progress
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
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.export.option_checks import texts_of
from edgekit.verbs.export.work import Written

if TYPE_CHECKING:
    from edgekit.fpga.spec import Goal
    from edgekit.graph.model import Model
    from edgekit.quantize.calibrate.clips import Calibration
    from edgekit.quantize.recipe import Recipe
    from edgekit.targets.build import Build


WEIGHTS = ("inside", "external")
SCHEDULED = ("tune", "schedule")  # options of what chooses kernels, which the export itself reads


def c_choices() -> Mapping[str, tuple[str, ...]]:
    """Of a target of C sources."""
    return {"weights": WEIGHTS}


def no_choices() -> Mapping[str, tuple[str, ...]]:
    """Of a target that takes every recipe and value."""
    return {}


@dataclass(frozen=True)
class Target:
    """Where a model can be lowered to.

    Attributes:
        name: as given to ``--target``.
        emits: what the build holds, for people.
        needs: tools to compile and run the build on this machine; ``cc`` is any C compiler.
        check: all problems of a model against this target; takes the target's own options too.
        lower: the `Build` of a checked model; takes the model, the target's name and the options. Where the target
            `quantizes`, also `calibration` and `recipe`.
        verify: compares a written build with its source, completes its folder, and returns the manifest.
        run: a build folder as a running `Stream` on this machine.
        verifies_with: the tools that an export takes, where they are other ones than `needs`.
        default_recipe: the recipe where none is asked for.
        stores_half: whether weights may be float16.
        quantizes: whether `lower` makes the integers, from a float model.
        hop_scales: whether integers may have a scale per hop; else they keep the fixed ones.
        options: names of `ExportOptions` that are the target's own.
        is_c: whether the build is C sources.
        contender: a build folder as what `bench` measures on this machine.
        unmeasured: why `bench` measures no such build, and what to do instead.
        choices: what ``recipe`` and options may be, where not all is allowed.
    """

    name: str
    emits: str
    needs: tuple[str, ...]
    check: "Callable[..., list[Problem]]"
    lower: "Callable[..., Build]"
    verify: Callable[[Written, Progress], Manifest]
    run: Callable[[Path], Stream] = Stream.open
    verifies_with: tuple[str, ...] | None = None
    default_recipe: str = "float32"
    stores_half: bool = False
    quantizes: bool = False
    hop_scales: bool = True
    options: tuple[str, ...] = field(default=())
    is_c: bool = False
    contender: Callable[[Path, Manifest], Contender] = NativeContender
    unmeasured: tuple[str, str] | None = None
    choices: Callable[[], Mapping[str, tuple[str, ...]]] = no_choices

    @property
    def kernels(self) -> str | None:
        """The target whose C verifies a build on this machine; None where no C does."""
        if not self.is_c:
            return None
        return "host" if self.name == "host" else "c99"


def _check_c(
    model: "Model",
    wrap: str | Sequence[str] = (),
    weights: str = WEIGHTS[0],
    knobs: Mapping[str, str] | None = None,
) -> list[Problem]:
    from edgekit.targets.c.lower import check_c
    from edgekit.targets.c.plugin.table import wrap_problems

    problems = check_c(model) + wrap_problems(model, "c99", texts_of(wrap), knobs)
    if knobs and not wrap:
        found, allowed = "no plug-in", "--wrap with it"
        problems.append(Problem("--knob", found, allowed, "add --wrap lv2, or leave it out"))
    if weights == "external" and model.sampler is not None:
        found, allowed = "a denoiser with its sampler", "a network that runs hop by hop"
        problems.append(Problem("--weights external", found, allowed, "leave it out"))
    return problems


def _lower_c(
    model: "Model",
    target: str,
    wrap: str | Sequence[str] = (),
    weights: str = WEIGHTS[0],
    knobs: Mapping[str, str] | None = None,
    schedule: Mapping[str, str] | None = None,
) -> "Build":
    from edgekit.targets.c.lower import lower_c
    from edgekit.targets.c.plugin.table import wrap_build

    build = lower_c(model, target, external=weights == "external", schedule=schedule)
    return wrap_build(build, model, texts_of(wrap), knobs)


def _check_wasm(model: "Model", knobs: Mapping[str, str] | None = None) -> list[Problem]:
    from edgekit.targets.wasm.lower import check_wasm

    return check_wasm(model, knobs)


def _lower_wasm(model: "Model", target: str, knobs: Mapping[str, str] | None = None) -> "Build":
    from edgekit.targets.wasm.lower import lower_wasm

    return lower_wasm(model, target, knobs)


def _verify_wasm(written: Written, progress: Progress) -> Manifest:
    from edgekit.verbs.export.finish import finish_module

    return finish_module(written, progress)


def _check_onnxruntime(model: "Model") -> list[Problem]:
    from edgekit.targets.onnxruntime import check_onnxruntime

    return check_onnxruntime(model)


def _lower_onnxruntime(model: "Model", target: str) -> "Build":
    from edgekit.targets.onnxruntime import lower_onnxruntime

    return lower_onnxruntime(model, target)


def _onnxruntime_contender(directory: Path, manifest: Manifest) -> Contender:
    from edgekit.targets.build_files import read_model

    return OnnxruntimeContender(read_model(directory).to_bytes(), manifest)


def _check_litert(model: "Model", stateful: bool = False, micro: bool = False) -> list[Problem]:
    from edgekit.targets.litert import check_litert

    return check_litert(model)


def _lower_litert(
    model: "Model", target: str, stateful: bool = False, micro: bool = False
) -> "Build":
    from edgekit.targets.litert import lower_litert, lower_stateful

    return (lower_stateful if stateful else lower_litert)(model, target, micro)


def _check_ethos_u(model: "Model") -> list[Problem]:
    from edgekit.targets.ethos_u import check_ethos_u

    return check_ethos_u(model)


def _lower_ethos_u(model: "Model", target: str) -> "Build":
    from edgekit.targets.ethos_u import lower_ethos_u

    return lower_ethos_u(model, target)


def _verify(written: Written, progress: Progress) -> Manifest:
    from edgekit.verbs.export.finish import finish

    return finish(written, progress)


def _run_portable(directory: Path) -> Stream:
    from edgekit.targets.build_files import open_portable

    return open_portable(directory)


def _check_engine(
    model: "Model", cpu_fallback: bool = False, picture: str | None = None, **_: str
) -> list[Problem]:
    from edgekit.fpga.engine import check

    return check(model, cpu_fallback, picture)


def _lower_engine(
    model: "Model",
    target: str,
    *,
    calibration: "Calibration",
    recipe: "Recipe",
    part: str | None = None,
    goal: "Goal | None" = None,
    cpu_fallback: bool = False,
    picture: str | None = None,
) -> "Build":
    from edgekit.fpga import engine
    from edgekit.fpga.resources import PARTS

    made = engine.make_engine(
        model,
        calibration,
        recipe.name,
        PARTS[part or engine.DEFAULT_PART],
        goal or engine.DEFAULT_GOAL,
        cpu_fallback,
    )
    return engine.make_build(made, model, calibration, recipe.name, picture)


def _verify_engine(written: Written, progress: Progress) -> Manifest:
    from edgekit.verbs.export.engine import finish_engine

    return finish_engine(written, progress)


def _engine_choices() -> Mapping[str, tuple[str, ...]]:
    from edgekit.fpga.resources import PARTS
    from edgekit.fpga.spec import GOALS, RECIPES

    return {"recipe": tuple(RECIPES), "part": tuple(PARTS), "goal": GOALS}


def _for_device(name: str) -> Target:
    device = profile(name)
    row = Target(name, device.emits, ("cc",), _check_c, _lower_c, _verify, is_c=True)
    if not device.is_cross:
        options = ("wrap", "knobs", "weights", *SCHEDULED)
        return replace(
            row, options=options, choices=lambda: {"wrap": PLUGIN_FOLDERS, **c_choices()}
        )
    return replace(
        row,
        needs=(str(device.cc), device.qemu[0]),
        run=_run_portable,
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
        _check_wasm,
        _lower_wasm,
        _verify_wasm,
        contender=NodeContender,
        options=("knobs",),
    ),
    Target(
        "onnxruntime",
        "model.onnx",
        ("onnxruntime",),
        _check_onnxruntime,
        _lower_onnxruntime,
        _verify,
        contender=_onnxruntime_contender,
    ),
    Target(
        "litert",
        "model.tflite",
        ("ai-edge-litert", "flatbuffers"),
        _check_litert,
        _lower_litert,
        _verify,
        stores_half=True,
        hop_scales=False,
        contender=lambda directory, _: StreamContender(Stream.open(directory)),
        options=("stateful", "micro"),
    ),
    Target(
        "executorch",
        "model.pte",
        (EXECUTORCH.name,),
        executorch.check_executorch,
        executorch.lower_executorch,
        _verify,
        hop_scales=False,
        contender=lambda directory, _: StreamContender(Stream.open(directory)),
        choices=lambda: {"recipe": executorch.RECIPES},
    ),
    *(
        Target(
            npu,
            "model_vela.tflite",
            ("ai-edge-litert", "ethos-u-vela"),
            _check_ethos_u,
            _lower_ethos_u,
            _verify,
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
        _check_engine,
        _lower_engine,
        _verify_engine,
        default_recipe="w4a8",
        quantizes=True,
        unmeasured=(
            "which runs in simulation here",
            "see its report.html: frames per second are modelled",
        ),
        options=("part", "goal", "cpu_fallback", "picture"),
        choices=_engine_choices,
    ),
)
TARGETS: dict[str, Target] = {target.name: target for target in ROWS}


def own_options(options: Mapping[str, Any], target: Target) -> tuple[JsonObject, list[str]]:
    """Return those of some options that its `lower` takes, and the names of those that are other targets'."""
    given = {name: value for name, value in options.items() if value not in (None, False)}
    known = {name for row in ROWS for name in row.options}
    own = {name: given[name] for name in target.options if name in given.keys() - {*SCHEDULED}}
    return own, [name for name in given if name in known - set(target.options)]
