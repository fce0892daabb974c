"""``edgekit demo``."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit import api
from edgekit.base.errors import Problem, UsageError
from edgekit.cli.completion import DEMOS, names
from edgekit.cli.console import AsJson, out, print_json, print_table, progress
from edgekit.cli.facts import engine_rows

if TYPE_CHECKING:
    from edgekit.demos.browser.show import BrowserDemo
    from edgekit.demos.hearable import HearableDemo
    from edgekit.demos.pictures.show import PicturesDemo
    from edgekit.demos.show_deform import DeformDemo
    from edgekit.demos.show_digits import DigitsDemo

DIGITS_HEAD = (
    "build",
    "PSNR to\nfloat, dB",
    "ms per\nimage",
    "million MACs\nper image",
    "weights\nbytes",
    "RAM\nbytes",
)


Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="The demo; without a name, all are listed.",
        autocompletion=names(DEMOS),
    ),
]


def demo(
    name: Name = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="host, c99 or onnxruntime; deform: fpga, browser: wasm.",
            autocompletion=names(("host", "c99", "onnxruntime", "fpga", "wasm")),
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="The folder to make; demo-NAME."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a bundled network on a bundled clip and write what it makes; or list the demos."""
    if name is None:
        list_demos(target is not None or directory is not None, as_json)
        return
    with progress(as_json) as report:
        shown = api.demo(name, target, directory, progress=report)
    from edgekit.demos.browser.show import BrowserDemo
    from edgekit.demos.pictures.show import PicturesDemo
    from edgekit.demos.show_deform import DeformDemo
    from edgekit.demos.show_digits import DigitsDemo

    if isinstance(shown, DeformDemo):
        show_engine(shown, as_json)
        return
    if isinstance(shown, DigitsDemo):
        show_digits(shown, as_json)
        return
    if isinstance(shown, BrowserDemo):
        show_browser(shown, as_json)
        return
    if isinstance(shown, PicturesDemo):
        show_pictures(shown, as_json)
        return
    show_hearable(shown, as_json)


def list_demos(has_options: bool, as_json: bool) -> None:
    """Print a line for each demo.

    Raises:
        UsageError: options were given, which belong to one demo.
    """
    rows = api.demos()
    if has_options:
        names = ", ".join(row.name for row in rows)
        raise UsageError(Problem("demo", "options without a name", names, "name one of these"))
    if as_json:
        print_json([{**asdict(row), "has_data": row.has_data} for row in rows])
        return
    for row in rows:
        out.print(f"{row.name:<17} {row.shows}", markup=False, soft_wrap=True)
    out.print("play one: edgekit demo NAME", markup=False, soft_wrap=True)
    if lacking := [row.name for row in rows if not row.has_data]:
        from edgekit.demos.data_wheel import how_to_get_data

        out.print(
            f"not here: {', '.join(lacking)}: {how_to_get_data()}", markup=False, soft_wrap=True
        )


def show_browser(demo: "BrowserDemo", as_json: bool) -> None:
    """Print what the page plays through and draws with, and how to open it."""
    if as_json:
        networks = {name: asdict(manifest) for name, manifest in demo.manifests.items()}
        facts = {"networks": networks, "files": list(demo.files)}
        print_json({"directory": str(demo.directory), **facts})
        return
    rows = [
        (
            name,
            manifest.quantization["recipe"],
            "-" if (rate := manifest.stream["sample_rate_hz"]) is None else f"{rate:,}",
            "-" if (late_ms := manifest.stream["latency_ms"]) is None else f"{late_ms:.3g}",
            f"{manifest.memory['weights_bytes'] or 0:,}",
        )
        for name, manifest in demo.manifests.items()
    ]
    head = ("network", "recipe", "rate\nHz", "latency\nms", "weights\nbytes")
    print_table("networks of the page", head, rows, numbers=True)
    _print_files(demo.directory, demo.files)
    out.print(f"open it: edgekit serve {demo.directory}", markup=False, soft_wrap=True)


def show_engine(demo: "DeformDemo", as_json: bool) -> None:
    """Print what the engine finds beside the float network, its figures and its files."""
    rows = [("float32", *demo.float_ap), (demo.manifest.quantization["recipe"], *demo.engine_ap)]
    if as_json:
        scores = [{"build": name, "ap": ap, "ap50": ap50} for name, ap, ap50 in rows]
        facts = {"rows": scores, "engine": demo.manifest.engine, "files": list(demo.files)}
        print_json({"directory": str(demo.directory), "d_shares": demo.d_shares, **facts})
        return
    table = [(name, f"{100 * ap:.1f}", f"{100 * ap50:.1f}") for name, ap, ap50 in rows]
    print_table(
        "shapes found in the engine's C simulation", ("build", "AP", "AP50"), table, numbers=True
    )
    print_table(
        "engine", ("fact", "value"), [(k, v or "") for k, v in engine_rows(demo.manifest.engine)]
    )
    print_table(
        "d of the deformable layers, % of the pictures drawn",
        ("layer", *map(str, range(len(demo.d_shares[0])))),
        [(str(i), *(f"{100 * share:.1f}" for share in row)) for i, row in enumerate(demo.d_shares)],
        numbers=True,
    )
    _print_files(demo.directory, demo.files)


def show_digits(demo: "DigitsDemo", as_json: bool) -> None:
    """Print what an image takes and needs in each build."""
    if as_json:
        rows = [asdict(row) for row in demo.rows]
        print_json({"directory": str(demo.directory), "rows": rows, "files": list(demo.files)})
        return
    table = [
        (
            row.recipe,
            "-" if row.psnr_db is None else f"{row.psnr_db:.1f}",
            f"{row.image_ms:.0f}",
            f"{row.calls * row.manifest.macs_per_hop / 1e6:,.0f}",
            *("-" if size is None else f"{size:,}" for size in _sizes(row.manifest.memory)),
        )
        for row in demo.rows
    ]
    title = f"digits on {demo.rows[0].manifest.target}: {demo.rows[0].calls} network calls an image"
    print_table(title, DIGITS_HEAD, table, numbers=True)
    _print_files(demo.directory, demo.files)


def show_pictures(demo: "PicturesDemo", as_json: bool) -> None:
    """Print how well each build does, and what a picture takes."""
    if as_json:
        rows = [asdict(row) for row in demo.rows]
        print_json({"directory": str(demo.directory), "rows": rows, "files": list(demo.files)})
        return
    sizes = [_sizes(row.manifest.memory) for row in demo.rows]
    facts = [
        *(
            (name, *(_hundredths(row.quality[name]) for row in demo.rows))
            for name in demo.rows[0].quality
        ),
        ("ms per picture", *(f"{row.picture_ms:.2f}" for row in demo.rows)),
        ("weights, bytes", *(_count(weights) for weights, _ in sizes)),
        ("RAM, bytes", *(_count(ram) for _, ram in sizes)),
    ]
    head = ("", *(row.recipe for row in demo.rows))
    print_table(f"{demo.name} on {demo.rows[0].manifest.target}", head, facts, numbers=True)
    _print_files(demo.directory, demo.files)


def _print_files(directory: Path, files: Iterable[str]) -> None:
    for file in files:
        out.print(f"wrote {directory / file}", markup=False, soft_wrap=True)


def _sizes(memory: Mapping[str, int | None]) -> tuple[int | None, int | None]:
    """Bytes of weights, and of RAM: states and scratch."""
    state, scratch = memory["state_bytes"], memory["scratch_bytes"]
    ram = None if state is None or scratch is None else state + scratch
    return memory["weights_bytes"], ram


def show_hearable(demo: "HearableDemo", as_json: bool) -> None:
    """Print how well each build does, and what it takes."""
    if as_json:
        facts = {"notes": list(demo.notes), "files": list(demo.files)}
        rows = [asdict(row) for row in demo.rows]
        print_json({"directory": str(demo.directory), "rows": rows, **facts})
        return
    judged = list(demo.rows[0].quality)
    quality = [(name, *(_short(row.quality[name]) for row in demo.rows)) for name in judged]
    stream = demo.rows[0].manifest.stream
    hops_s = stream["sample_rate_hz"] / stream["hop_samples"]
    facts_of = {
        "latency, ms": lambda row: f"{row.manifest.stream['latency_ms']:.3g}",
        "median us per hop": lambda row: f"{row.median_us:.1f}",
        "p99 us per hop": lambda row: f"{row.p99_us:.1f}",
        "weights of the portable C, bytes": lambda row: _count(_sizes(row.portable_memory)[0]),
        "RAM of the portable C, bytes": lambda row: _count(_sizes(row.portable_memory)[1]),
        "million MACs per second": lambda row: f"{row.manifest.macs_per_hop * hops_s / 1e6:.2f}",
        "million instructions per second, Cortex-M55": lambda row: (
            "-" if (n := row.m55_instructions_per_s) is None else f"{n / 1e6:.2f}"
        ),
    }
    rest = [(name, *map(told, demo.rows)) for name, told in facts_of.items()]
    manifest = demo.rows[0].manifest
    hop_ms = 1000 / hops_s
    print_table(
        f"{demo.name} on {manifest.target}: hop {hop_ms:.3g} ms",
        ("", *(row.recipe for row in demo.rows)),
        [*quality, *rest],
        numbers=True,
    )
    for note in demo.notes:
        out.print(note, markup=False, soft_wrap=True)
    _print_files(demo.directory, demo.files)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _hundredths(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _count(size: int | None) -> str:
    return "-" if size is None else f"{size:,}"
