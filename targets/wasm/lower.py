"""Check a model against WebAssembly and lower it: C sources, the adapter, JavaScript, types and an npm package."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.sampler import conditions
from edgekit.targets.build import Build, digest
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.c.plugin.knobs import Knob, knobs_of
from edgekit.targets.c.program.adapter import adapter_files, has_adapter
from edgekit.targets.c.program.cmake import build_file
from edgekit.targets.describe import describe
from edgekit.targets.devices import profile
from edgekit.targets.wasm.page import page_files
from edgekit.targets.wasm.templates import filled


def check_wasm(model: Model, knobs: Mapping[str, str] | None = None) -> list[Problem]:
    """Every node that the C targets cannot run, and what is wrong with the ranges of knobs."""
    problems = check_c(model)
    try:
        knobs_of(describe(model, "wasm").controls, knobs or {})
    except UsageError as error:
        problems += error.problems
    return problems


def lower_wasm(model: Model, target: str, knobs: Mapping[str, str] | None = None) -> Build:
    """Emit a checked model's C with the kernels for WebAssembly, and the files around its module.

    `knobs` has their ranges, as `edgekit.targets.c.plugin.knobs.knobs_of` takes them.
    """
    build = lower_c(model, target)
    manifest, name = build.manifest, build.manifest.c_name
    sources = {**build.files, **adapter_files(model, manifest), **_sampler_files(build)}
    ranges = knobs_of(manifest.controls, knobs or {})
    library = sorted(file for file in sources if file.endswith(".c"))
    sources["CMakeLists.txt"] = build_file(name, library, (), profile(target)).encode()
    sources |= {file: text.encode() for file, text in _scripts(build, ranges).items()}
    sources |= page_files(
        name,
        str(manifest.source["name"]),
        has_sound=has_adapter(manifest),
        has_sampler=manifest.steps is not None,
    )
    return replace(build, files=sources, manifest=replace(manifest, digest=digest(sources)))


def _sampler_files(build: Build) -> dict[str, bytes]:
    """Return the files with the module's interface to a sampler: its progress is an import."""
    if build.manifest.steps is None:
        return {}
    name, given = build.manifest.c_name, _conditions(build)
    fields = {
        "name": name,
        "parameter": f"const {name}_conditions *given, " if given else "",
        "argument": "given, " if given else "",
    }
    return {f"{name}_draw.c": filled("draw.c", fields).encode()}


def _conditions(build: Build) -> Sequence[Tensor]:
    table = build.manifest.steps
    return () if table is None else conditions(build.manifest, table, build.others)


def _scripts(build: Build, knobs: Sequence[Knob]) -> dict[str, str]:
    """Return the ES module and its companion files, by file name."""
    manifest, name = build.manifest, build.manifest.c_name
    fields = {
        "name": name,
        "facts": _facts(build, knobs),
        "in": ", ".join(f"{_key(t.name)}: ..." for t in manifest.hop_inputs),
        "out": ", ".join(
            t.name if t.name.isidentifier() else f"{_key(t.name)}: out"
            for t in manifest.stream_outputs
        ),
    }
    made = {f"{name}.js": "module.js", f"{name}.d.ts": "types.d.ts"}
    if has_adapter(manifest):
        made |= {
            f"{name}.worklet.js": "worklet.js",
            f"{name}.node.js": "node.js",
            f"{name}.node.d.ts": "node.d.ts",
        }
    texts = {file: filled(source, fields) for file, source in made.items()}
    return {**texts, "package.json": _package(manifest, sorted(made))}


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _facts(build: Build, knobs: Sequence[Knob]) -> str:
    """Return the facts about the network for the JavaScript, as an object literal."""
    manifest = build.manifest
    stream, memory = manifest.stream, manifest.memory
    sides = {"inputs": manifest.stream_inputs, "outputs": manifest.sounds}
    adapter = {side: [t.pcm_channels for t in tensors] for side, tensors in sides.items()}
    listens = manifest.sounds != manifest.stream_outputs
    facts = {
        "name": manifest.source["name"],
        "hopSamples": stream["hop_samples"],
        "sampleRateHz": stream["sample_rate_hz"],
        "delaySamples": stream["delay_samples"],
        "stateBytes": memory["state_bytes"],
        "scratchBytes": memory["scratch_bytes"],
        "inputs": _ports(manifest.hop_inputs),
        "constants": _ports(manifest.constants),
        "outputs": _ports(manifest.stream_outputs),
        "knobs": [_knob(knob) for knob in knobs],
        "labels": None if manifest.decide is None else manifest.decide["labels"],
        "adapter": {**adapter, "sounds": [t.name for t in manifest.sounds], "listens": listens}
        if has_adapter(manifest)
        else None,
        "sampler": _sampler(build),
    }
    return json.dumps(facts, indent=4)


def _knob(knob: Knob) -> dict[str, object]:
    least, most, value = (None,) * 3
    if knob.range is not None:
        least, most, value = knob.range.least, knob.range.most, knob.range.default
    return {
        "control": knob.control,
        "index": knob.index,
        "label": knob.label,
        "least": least,
        "most": most,
        "value": value,
    }


def _sampler(build: Build) -> dict[str, object] | None:
    """Return the facts about the loop over the steps."""
    table = build.manifest.steps
    if table is None:
        return None
    x = next(t for t in build.manifest.stream_inputs if t.name == table.roles.x)
    last = build.others.get("last")
    return {
        "shape": list((x if last is None else last.stream_outputs[0]).shape[1:]),
        "rows": table.rows,
        "calls": table.calls,
        "conditions": _ports(_conditions(build)),
        "residual": table.roles.residual,
        "isDecoded": last is not None,
    }


def _ports(tensors: Sequence[Tensor]) -> list[dict[str, object]]:
    return [
        {"name": t.name, "shape": list(t.shape), "dtype": t.dtype, "role": t.role} for t in tensors
    ]


def _package(manifest: Manifest, scripts: Sequence[str]) -> str:
    """package.json of an npm package of the build: the module, and the node for audio graphs as ``/node``."""
    name = manifest.c_name
    exports: dict[str, object] = {".": {"types": f"./{name}.d.ts", "default": f"./{name}.js"}}
    if f"{name}.node.js" in scripts:
        exports["./node"] = {"types": f"./{name}.node.d.ts", "default": f"./{name}.node.js"}
    facts = {
        "name": name.replace("_", "-"),
        "version": "0.1.0",
        "private": True,
        "description": f"{manifest.source['name']}, a streaming network as WebAssembly",
        "type": "module",
        "exports": {**exports, f"./{name}.wasm": f"./{name}.wasm"},
        "files": [*scripts, f"{name}.wasm"],
    }
    return json.dumps(facts, indent=2) + "\n"
