"""Rendering: a header for C++17 and a crate for Rust, around the C of a build."""

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from edgekit.runtime.build_folder.manifest import Manifest, Tensor, c_identifier
from edgekit.targets.bindings.table import BINDINGS, Binding
from edgekit.targets.c.emit.base import C_ARRAYS, free_name
from edgekit.targets.c.plan.memory import ALIGN
from edgekit.targets.packages.render import Facts, fill_fields, render_template, templates

FOLDER = "bindings"
# Words of either language that a C identifier may be.
RESERVED = frozenset(
    """alignas alignof and as async await box class const crate delete dyn enum explicit export extern
    fn friend impl in let loop match mod move mut mutable namespace net new operator out override
    priv private protected pub public ref scratch self span state status super template this throw
    trait try type typename unsafe use virtual where yield given made raw results""".split()  # noqa: SIM905
)


def binding_files(
    languages: Iterable[str], manifest: Manifest, library: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the files of bindings by path.

    Args:
        languages: names of `BINDINGS`.
        manifest: facts of the build.
        library: its C files and headers by name.
    """
    made = {}
    for language in languages:
        row = BINDINGS[language]
        facts, lists = _facts(manifest), _lists(row, manifest, library)
        for path, text in templates(files(__package__) / "templates" / language):
            made[f"{FOLDER}/{language}/{fill_fields(path, facts)}"] = render_template(
                text, facts, lists
            ).encode()
    return made


def _facts(manifest: Manifest) -> dict[str, str]:
    name, memory = manifest.c_name, manifest.memory
    hop = manifest.stream["hop_samples"]
    return {
        "name": name,
        "NAME": name.upper(),
        "align": str(ALIGN),
        "state_bytes": str(memory["state_bytes"]),
        "scratch_bytes": str(memory["scratch_bytes"]),
        "hop": str(hop or 0),
        "version": "0.1.0",
        "digest": manifest.digest,
    }


def _lists(
    row: Binding, manifest: Manifest, library: Mapping[str, bytes]
) -> dict[str, list[Facts]]:
    ins, outs, constants = manifest.hop_inputs, manifest.stream_outputs, manifest.constants
    named = {"input": ins, "output": outs, "constant": constants}
    lists: dict[str, list[Facts]] = {
        key: _tensors(row, key, tensors) for key, tensors in named.items()
    }
    # parts of the templates that not every build has: a line of such a list is there once, or not at all
    lists["session"] = [{"session_": ""}] if constants else []
    lists["noise"] = [{"noise_": ""}] if manifest.noise is not None else []
    sounds = (*manifest.stream_inputs, *outs)
    is_plain = manifest.is_pcm and len(sounds) == 2 and not manifest.controls
    lists["pcm"] = [_pcm(sounds)] if is_plain else []
    lists["source"] = [{"source": name} for name in sorted(library) if name.endswith(".c")]
    return lists


def _pcm(sounds: Sequence[Tensor]) -> Facts:
    sizes = [math.prod(tensor.shape) for tensor in sounds]
    return {"pcm_": "", "pcm_in": str(sizes[0]), "pcm_out": str(sizes[1])}


def _tensors(row: Binding, key: str, tensors: Sequence[Tensor]) -> list[Facts]:
    """Return facts of tensors: a name in the language, the type of elements, their number, and the shape."""
    rows, taken = list[Facts](), set[str]()
    for tensor in tensors:
        plain = c_identifier(tensor.name)
        own = free_name(f"{plain}_value" if plain in RESERVED else plain, taken)
        taken.add(own)
        rows.append(
            {
                f"{key}_name": own,
                f"{key}_type": row.types[C_ARRAYS[tensor.dtype]],
                f"{key}_count": str(math.prod(tensor.shape)),
                f"{key}_shape": "x".join(map(str, tensor.shape)) or "scalar",
            }
        )
    return rows
