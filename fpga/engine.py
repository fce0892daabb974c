"""An engine for a model: its integers, the search, and its files."""

from dataclasses import dataclass, replace

from edgekit.base.arrays import Float32, Int8
from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.fpga import driver, golden, lower, pictures, project, rtl, simulate, stages
from edgekit.fpga.network import CpuPart, Network
from edgekit.fpga.program import Program
from edgekit.fpga.resources import Part
from edgekit.fpga.schedule import dram_tensors
from edgekit.fpga.search import Choice, choose
from edgekit.fpga.spec import RECIPES, Datapath, EngineSpec, Goal
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest
from edgekit.runtime.runners.fpga import STAGES_NAME
from edgekit.targets.build import Build, digest
from edgekit.targets.c.lower import lower_c
from edgekit.targets.describe import describe

DEFAULT_PART = "XCZU3EG"
DEFAULT_GOAL: Goal = "fps"
DEFAULT_DATAPATH: Datapath = "rtl"
MODELLED, SIMULATED = "modelled", "simulated"
XLS_NOTE = "XLS compiles the data paths; LUTs and flip-flops are modelled for the hand-written ones"
S8 = Int8


@dataclass(frozen=True)
class Engine:
    """A network in integers, the engine that runs it, and the part that it is for."""

    network: Network
    choice: Choice
    part: Part

    @property
    def program(self) -> Program:
        """The program for the engine."""
        return self.choice.program

    def golden(
        self, picture: Float32, compute: golden.Compute | None = None
    ) -> tuple[dict[str, S8], dict[str, Float32]]:
        """Return the exact results of a picture ``(1, channels, height, width)``: stored tensors, and float outputs.

        `compute` is the CPU, for a network of which it computes parts.
        """
        (name,) = self.network.inputs
        values, floats = golden.run_with_cpu(self.network, {name: picture}, compute or _no_cpu)
        return values, floats | golden.dequantize(self.network, values)


@dataclass(frozen=True, kw_only=True)
class EngineBuild(Build):
    """A build with the engine that it is of."""

    engine: Engine


def _no_cpu(part: CpuPart, _floats: object) -> dict[str, Float32]:
    raise ValueError(f"the CPU computes {', '.join(part.nodes)}")


def check(model: Model, cpu_fallback: bool = False, picture: str | None = None) -> list[Problem]:
    """Return every node that no engine can run, and why; with `cpu_fallback` those the CPU cannot run either.

    `picture` is the user's declaration of pictures, see `edgekit.base.pictures`.
    """
    problems = lower.check(model, EngineSpec(), cpu_fallback)
    if len(model.ir.graph.inputs) != 1:
        names = ", ".join(str(value.name) for value in model.ir.graph.inputs)
        problems.append(Problem("the network", f"inputs {names}", "one picture", "feed one input"))
    return problems + (pictures.problems_of(model, picture) if picture else [])


def make_engine(
    model: Model,
    calibration: Calibration,
    recipe: str,
    part: Part,
    goal: Goal,
    cpu_fallback: bool = False,
    datapath: Datapath = DEFAULT_DATAPATH,
) -> Engine:
    """Lower a checked model and search its engine."""
    spec = EngineSpec(weight_bits=RECIPES[recipe])
    network = lower.lower(model, calibration, spec, cpu_fallback)
    choice = choose(network, part, goal)
    spec = replace(choice.spec, datapath=datapath)
    return Engine(
        network, replace(choice, spec=spec, program=replace(choice.program, spec=spec)), part
    )


def make_build(
    engine: Engine, model: Model, calibration: Calibration, recipe: str, picture: str | None = None
) -> EngineBuild:
    """Return the files and the manifest, without golden vectors and verification.

    `picture` is the user's declaration of pictures.
    """
    program, spec = engine.program, engine.choice.spec
    simulation = project.sources(program)
    modules = rtl.sources(spec) | rtl.simulation(spec)
    files = {f"hls/{name}": content for name, content in simulation.items()}
    files |= {f"rtl/{name}": text.encode() for name, text in modules.items()}
    files["rtl/README.md"] = simulate.readme(spec).encode()
    files[STAGES_NAME] = stages.description(program)
    on_cpu = [lower_c(cpu.model, "c99") for cpu in engine.network.cpu]
    for i, build in enumerate(on_cpu):
        contents = {**build.files, MANIFEST_NAME: build.manifest.to_json().encode()}
        files |= {f"{stages.FOLDER}/{i}/{name}": content for name, content in contents.items()}
    outputs = [str(value.name) for value in model.ir.graph.outputs]
    host = driver.sources(program, outputs, [build.manifest for build in on_cpu])
    files |= {f"driver/{name}": text.encode() for name, text in host.items()}
    manifest = _manifest(engine, model, calibration, recipe, digest(files))
    macs = sum(build.manifest.macs_float for build in on_cpu)
    form, said = pictures.describe_pictures(model, calibration, picture)
    manifest = replace(
        manifest,
        macs_per_hop=manifest.macs_int8 + macs,
        macs_float=macs,
        picture=None if form is None else {"text": form.text, "labels": list(form.labels)},
    )
    modelled = [XLS_NOTE] if spec.datapath == "hls" else []
    notes = (*engine.network.notes, *said, *modelled)
    return EngineBuild(files, manifest, notes=notes, engine=engine)


def _manifest(
    engine: Engine, model: Model, calibration: Calibration, recipe: str, files_digest: str
) -> Manifest:
    spec, layout, network = engine.choice.spec, engine.program.layout, engine.network
    manifest = describe(model, "fpga")
    memory: dict[str, int | None] = {
        **manifest.memory,
        "weights_bytes": network.weights_bytes,
        "state_bytes": 0,
        "scratch_bytes": (layout.buffer_beats + layout.dram_beats) * spec.lanes,
    }
    quantization = {
        "recipe": recipe,
        "calibrated_on": calibration.label,
        "tensors_int8": len(network.tensors),
        "tensors_int16": 0,
        "tensors_float": 0,
    }
    return replace(
        manifest,
        memory=memory,
        quantization=quantization,
        macs_int8=network.macs,
        engine=engine_facts(engine),
        digest=files_digest,
    )


def engine_facts(engine: Engine) -> JsonObject:
    """Return the manifest's ``engine``: sizes, and figures whose sources are in `kinds`."""
    choice, spec = engine.choice, engine.choice.spec
    cycles = choice.cycles
    dense = [row for row in cycles if row.path == "dense"]
    busy = sum(row.macs for row in dense) / (spec.lanes * spec.columns)
    resources = choice.resources
    kinds = {"cycles": MODELLED, "clock": MODELLED, "resources": MODELLED}
    if spec.datapath == "hls":
        kinds |= {
            "data paths": "compiled by XLS",
            "resources": f"{MODELLED} for hand-written data paths",
        }
    return {
        "part": engine.part.name,
        "lanes": spec.lanes,
        "columns": spec.columns,
        "dmax": spec.dmax,
        "weight_bits": spec.weight_bits,
        "accumulator_bits": spec.accumulator_bits,
        "line_rows": spec.line_rows,
        "line_beats": spec.line_beats,
        "buffer_bytes": spec.buffer_beats * spec.lanes,
        "clock_mhz": spec.clock_mhz,
        "cycles_per_frame": choice.frame_cycles,
        "frames_per_second": round(choice.frames_per_second, 2),
        "latency_ms": round(1000 / choice.frames_per_second, 3),
        "dense_utilisation": round(busy / choice.frame_cycles, 4),
        "dram_bytes_per_frame": sum(row.dram_bytes + row.weight_bytes for row in cycles),
        "dram_tensors": dram_tensors(engine.network, engine.program.layout),
        "luts": resources.luts,
        "ffs": resources.ffs,
        "dsps": resources.dsps,
        "rams": resources.rams,
        "cpu_operators": [name for cpu in engine.network.cpu for name in cpu.nodes],
        "kinds": kinds,
    }
