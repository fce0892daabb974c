"""The facts of a build folder, or of a network that is not built yet."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Unpack

from edgekit.base.errors import CheckFailed, Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.output import output_problem, replacement_path
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME
from edgekit.runtime.proof.check import PROOF_FILE, Verdict, check_proof
from edgekit.runtime.proof.contracts import why_varied
from edgekit.verbs.export.option_checks import read_options
from edgekit.verbs.export.options import StreamOptions
from edgekit.verbs.export.request import read_imports
from edgekit.verbs.export.source_checks import find_code
from edgekit.verbs.inspection_result import Inspection
from edgekit.verbs.keywords import suggest_keywords

MAX_REPORT_BYTES = 64_000_000
MOST_PROBLEMS = 20
SUM_KEYS = ("layer", "weights", "largest", "limit")


@suggest_keywords
def inspect(
    source: str | Path,
    html: str | Path | None = None,
    proof: bool = False,
    **options: Unpack[StreamOptions],
) -> Inspection:
    """Return the facts of a build folder, or of a network and its costs on ``host``.

    Args:
        source: a build folder, ``package.module:factory``, a .pt2 or an .onnx.
        html: a file that gets the report.
        proof: follow the C of a build byte by byte, and compare it with its ``proof.json``.
        options: facts that a network's file does not contain, as `edgekit.verbs.export.options.StreamOptions` declares
            them.

    Raises:
        UsageError: neither a build nor a readable network, one without a report or a proof, or a file that cannot be
            written.
        CheckFailed: the C contradicts the proof, where the message names calls, arguments and bytes; or the check
            does not understand the C of a node.
    """
    source, path = str(source), Path(source)
    html = None if html is None else Path(html)
    if html is not None and (problem := output_problem(html, path)):
        raise UsageError(problem)
    found = _build(path, options) if path.is_dir() else _network(source, options)
    if proof:
        found = replace(found, proof=proof_facts(path))
    if html is None:
        return found
    if found.page is None:
        step = "see what `edgekit inspect` lists"
        raise UsageError(Problem(f"'{source}'", "no report", "a build or supported network", step))
    with replacement_path(html, path) as temporary:
        temporary.write_text(found.page, encoding="utf-8")
    return found


def proof_facts(directory: Path) -> JsonObject:
    """Follow the C of a build, see `edgekit.runtime.proof.check`."""
    if not (directory / PROOF_FILE).is_file():
        allowed, step = (
            f"a build of C with {PROOF_FILE}",
            "export the network again, to a target of C",
        )
        raise UsageError(Problem("--proof", f"no {PROOF_FILE} in '{directory}'", allowed, step))
    found = check_proof(directory)
    if found.findings:
        raise CheckFailed("\n".join(_proof_failures(found)))
    sums = [dict(zip(SUM_KEYS, row, strict=True)) for row in found.sums]
    times = [
        {
            "function": f,
            "layer": layer,
            "call": call,
            "why": why_varied(call),
            "most": _finite(most),
        }
        for f, layer, call, most in found.times
    ]
    return {
        "calls": found.calls,
        "functions": list(found.functions),
        "sums": sums,
        "times": times,
        "most_added": _finite(found.most_added),
    }


def _finite(count: float) -> int | None:
    return None if count == inf else int(count)


def _proof_failures(found: Verdict) -> Iterator[str]:
    """What contradicts the proof, and what could not be checked."""
    if found.problems:
        yield "the C of the build contradicts its proof:"
        yield from found.problems[:MOST_PROBLEMS]
        if (more := len(found.problems) - MOST_PROBLEMS) > 0:
            yield f"and {more} more"
    for place in found.unchecked:
        yield f"could not be checked: {place}"
    if found.unchecked and not found.problems:
        yield "This is a limit of the check, not a fault that it found in the build."


def _build(directory: Path, options: StreamOptions) -> Inspection:
    if options:
        what, step = f"a build, with {', '.join(options)}", "leave them out, or give the network"
        raise UsageError(Problem(f"'{directory}'", what, "options of a network alone", step))
    manifest = open_build(directory)
    report = directory / "report.html"
    page = None
    if report.is_file() and report.stat().st_size <= MAX_REPORT_BYTES:
        page = report.read_text(encoding="utf-8", errors="replace")
    rate = manifest.stream["sample_rate_hz"]
    return Inspection("build", manifest, {}, (), manifest.streaming, rate, page)


def _network(source: str, options: StreamOptions) -> Inspection:
    if Path(source).name == MANIFEST_NAME:
        step = "give the folder around it"
        raise UsageError(Problem(f"'{source}'", "a manifest", "a build folder or a network", step))
    if ":" not in source and not Path(source).exists():
        allowed = "a build folder, package.module:factory, a .pt2, an .onnx or a .tflite"
        raise UsageError(Problem(f"'{source}'", "does not exist", allowed, "check the path"))
    read = read_options(options, StreamOptions)
    imports, unusable = read_imports(source, read)
    if unusable or read.problems:
        raise UsageError([*unusable, *read.problems])
    find_code(source)
    from edgekit.verbs.network_inspection import inspect_network

    return inspect_network(source, imports)
