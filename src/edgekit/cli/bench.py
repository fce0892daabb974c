"""``edgekit bench``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from edgekit import api
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.cli.completion import DEVICES, PEERS, builds, names
from edgekit.cli.console import AsJson, err, out, print_json, print_notes, print_table, progress
from edgekit.cli.units import number_reader

if TYPE_CHECKING:
    from edgekit.runtime.bench.measure import Measurement
    from edgekit.verbs.bench.fleet import Ran

MOST_FUNCTIONS = 12


def bench(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A build folder.", autocompletion=builds),
    ] = None,
    *,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE",
            help="local, qemu, ssh://user@host:port or adb:serial; by default local or qemu, as the target needs.",
            autocompletion=names(DEVICES),
        ),
    ] = None,
    hops: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=number_reader("--hops"),
            help="Hops in each of five rounds; on qemu, hops that are counted.",
        ),
    ] = None,
    layers: Annotated[
        bool,
        typer.Option(
            "--layers",
            metavar="",
            help="Measure each layer, and compare its result with the oracle.",
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Other engines in the same run: onnxruntime, litert, executorch, tract.",
            autocompletion=names(PEERS),
        ),
    ] = None,
    append: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Add the result as a line of JSON.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Instead of DIR: make a page of the results that --append wrote."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="HTML", help="The page of --compare, or of --fleet."),
    ] = None,
    fleet: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML",
            help="Instead of DIR: measure builds on many devices, into the file of --append.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            metavar="",
            help="With --fleet: start a new run instead of completing the last one.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a build: times on this machine or a device, bound to one core, or instructions under QEMU.

    Other engines run in turn with the build, one thread each, after their outputs were compared. The
    C code of a build is compiled and run: run only builds that you trust.
    """
    single = {
        "DIR": directory,
        "--device": device,
        "--hops": hops,
        "--layers": layers,
        "--against": against,
    }
    if fleet is not None or again:
        others = _given_names({**single, "--compare": compare})
        show_fleet(fleet, append, page, again, others, as_json)
        return
    if compare is not None or page is not None:
        show_comparison(compare, page, _given_names({**single, "--append": append}), as_json)
        return
    if directory is None:
        step = "edgekit bench DIR, or edgekit bench --compare results.jsonl -o compare.html"
        raise UsageError(Problem("DIR", "not given", "a build folder", step))
    peers = [] if against is None else [name.strip() for name in against.split(",")]
    with progress(as_json) as report:
        measured = api.bench(
            directory,
            device=device,
            hops=hops,
            layers=layers,
            against=peers,
            append=append,
            progress=report,
        )
    if as_json:
        print_json(measured.to_dict())
        return
    show(measured)
    out.print(f"report: {directory / 'report.html'}", soft_wrap=True, markup=False)


def _given_names(options: Mapping[str, object]) -> list[str]:
    return [name for name, value in options.items() if value]


def show_comparison(
    results: Path | None, page: Path | None, measuring: list[str], as_json: bool
) -> None:
    """Write the page of ``--compare``; what only a measurement takes is refused."""
    step = "leave it out, or leave out --compare"
    problems = [Problem(name, "given with --compare", "a measurement", step) for name in measuring]
    for name, value in (("--compare", results), ("--out", page)):
        if value is None:
            form = "edgekit bench --compare results.jsonl -o compare.html"
            problems.append(Problem(name, "not given", "both --compare and --out", form))
    if results is None or page is None or problems:
        raise UsageError(problems)
    log = api.compare(results, page)
    notes = [f"left out, {line}" for line in log.damaged]
    if as_json:
        print_json({"path": str(page), "rows": len(log.latest()), "notes": notes})
        return
    print_notes(notes)
    out.print(f"wrote {page}", markup=False, soft_wrap=True)


def show_fleet(
    fleet: Path | None,
    append: Path | None,
    page: Path | None,
    again: bool,
    single: list[str],
    as_json: bool,
) -> None:
    """Measure a fleet; exit code 1 where a device has no result. What only one build takes is refused."""
    from edgekit.verbs.bench.compare_results import page_problems

    form = "edgekit bench --fleet fleet.toml --append results.jsonl"
    problems = [
        Problem(name, "given with --fleet", "what fleet.toml says", "leave it out")
        for name in single
    ]
    for name, value in (("--fleet", fleet), ("--append", append)):
        if value is None:
            problems.append(Problem(name, "not given", "both --fleet and --append", form))
    problems += [] if page is None else page_problems(page, append)
    if fleet is None or append is None or problems:
        raise UsageError(problems)
    with progress(as_json) as report:
        ran = api.fleet(fleet, append, again=again, progress=report)
    has_page = page is not None and append.is_file()
    if page is not None and has_page:
        api.compare(append, page)
    if as_json:
        print_json(_run_facts(ran))
    else:
        _print_run(ran)
        if has_page:
            out.print(f"wrote {page}", markup=False, soft_wrap=True)
    if ran.failed:
        raise typer.Exit(1)


def _run_facts(ran: "Ran") -> JsonObject:
    return {
        "run": ran.number,
        "measured": {name: found.to_dict() for name, found in ran.measured.items()},
        "kept": list(ran.kept),
        "failed": {name: str(error) for name, error in ran.failed.items()},
        "worse": ran.worse,
    }


def _print_run(ran: "Ran") -> None:
    rows = []
    for name, found in ran.measured.items():
        facts = found.to_dict()
        numbers = ("median_us", "p99_us", "instructions_per_hop", "ram_bytes")
        cells = ("" if facts[key] is None else f"{facts[key]:,}" for key in numbers)
        rows.append((name, *cells))
    head = ("device: build", "median us", "p99 us", "instructions", "RAM bytes")
    print_table(f"run {ran.number}", head, rows, numbers=True)
    print_notes(f"measured before in this run: {name}" for name in ran.kept)
    print_notes(f"worse than before: {text}" for text in ran.worse)
    for name, error in ran.failed.items():
        err.print(Text.assemble(("failed: ", "bold red"), f"{name}: {error}"), soft_wrap=True)
    if not ran.failed:
        count = len(ran.measured) + len(ran.kept)
        out.print(f"PASS: {count} results, each of a build that gave its golden outputs")


def show(measured: "Measurement") -> None:
    """Print tables of facts, functions, peers and layers."""
    facts = measured.to_dict()
    print_table(f"on {measured.device}", ("fact", "value"), _rows(measured, facts))
    print_notes(measured.warnings)
    if functions := list(facts["instructions_by_function"].items()):
        rows = [(name, f"{count:,}") for name, count in functions[:MOST_FUNCTIONS]]
        print_table(
            f"instructions per {measured.unit}", ("function", "instructions"), rows, numbers=True
        )
    if (costs := measured.by_layer) is not None:
        digits = 2 if costs.unit == "us" else 0
        each = [
            (f"{operator} {name}".strip(), f"{cost:,.{digits}f}", f"{costs.percent(cost):.1f}")
            for name, operator, cost in costs.rows
        ]
        print_table("by layer", ("layer", costs.unit, "%"), each, numbers=True)
        print_notes(costs.warnings)
    if facts["against"]:
        peers = [
            (
                f"{name} {peer['version']}",
                f"{peer['median_us']:,.1f}",
                f"{peer['p99_us']:,.1f}",
                f"{peer['ratio']:g}",
                "equal" if peer["snr_db"] is None else f"{peer['snr_db']:g}",
            )
            for name, peer in facts["against"].items()
        ]
        head = ("engine", "median us", "p99 us", "times ours", "outputs, dB apart")
        print_table("compared with other engines", head, peers, numbers=True)
    if measured.layers:
        print_table("layers against golden", ("layer", "result"), measured.layers)


def _rows(measured: "Measurement", facts: JsonObject) -> list[tuple[str, str]]:
    rows = [
        (measured.label(name), f"{value:,}" if isinstance(value, int | float) else str(value))
        for name, value in facts.items()
        if value is not None and name != "unit" and not isinstance(value, dict)
    ]
    if (model := facts["modelled"]) is not None:
        text = f"{model['us_per_hop']:,} us, the longest {measured.unit} at {model['clock_hz'] / 1e6:,.0f} MHz with "
        rows.append(
            (
                "modelled, not measured",
                f"{text}{model['cycles_per_instruction']:g} cycles per instruction: {model['cycles_from']}",
            )
        )
    if measured.modelled is not None and measured.modelled.energy_text is not None:
        rows.append(("energy, modelled, not measured", measured.modelled.energy_text))
    return rows
