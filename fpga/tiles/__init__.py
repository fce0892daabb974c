"""The data paths of an engine by high-level synthesis: tiles in DSLX, that XLS compiles to pipelines in Verilog.

A tile replaces a hand-written module under its interface and with its registers: control and memories stay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from edgekit.base.errors import ToolError
from edgekit.base.installation import install_extra

DELAYS = "unit"  # XLS has no delays of FPGAs; with those of chips it puts a product, which is a DSP here, alone

README = """
`ek_requantize`, `ek_window`, `ek_taps` and `ek_array` compute; the other modules control, and have the memories. XLS
(xls-python) compiled these four to Verilog. Their sources are the files `.x` here, in DSLX. They have the ports and the
registers of the hand-written modules, which an export without `--datapath hls` has. EdgeKit's tests prove such tiles
equal to these for every operand, with yosys and ABC, and run engines with them under Verilator.
"""


@dataclass(frozen=True)
class Pipeline:
    """A function of a tile's source that becomes a module, ``<tile>_<function>``, with a result in each cycle.

    Attributes:
        function: its name.
        registers: from operands to the result; `LEVELS` of the tree of sums come on top if `tree`.
        ends: whether the last register holds the result; else logic may follow it.
        tree: whether it has a tree of sums.
    """

    function: str
    registers: int
    ends: bool = True
    tree: bool = False


@dataclass(frozen=True)
class Tile:
    """A module: its pipelines, and how they are connected to its ports, which are those of the hand-written one."""

    pipelines: tuple[Pipeline, ...]
    body: str  # XLS's ports have no sign, so a signed one is connected by its name
    parameters: tuple[str, ...]


TILES = {
    "ek_requantize": Tile(
        (Pipeline("value", 5),),
        "  ek_requantize_value value (\n"
        "    .clk, .acc(acc), .mult, .shift, .y_zero(y_zero), .y_min(y_min), .y_max(y_max), .out(y)\n  );\n",
        ("ACC_BITS", "MULT_BITS"),
    ),
    "ek_window": Tile(
        (Pipeline("places", 1, ends=False),),
        "  ek_window_places places (\n"
        "    .clk, .beat, .y, .x, .d, .height, .width, .groups, .out({left, right, top, bottom, in_range})\n  );\n",
        ("AW", "RB"),
    ),
    "ek_taps": Tile(
        (Pipeline("parts", 3), Pipeline("total", 1)),
        "  wire [3*ACC_BITS*LANES-1:0] three;\n"
        "  ek_taps_parts parts (.clk, .banks, .rows, .inside_y, .inside_x, .x_zero(x_zero), .weights, .out(three));\n"
        "  ek_taps_total total (.clk, .parts(three), .bias, .out(sums));\n",
        ("LANES", "WEIGHT_BITS", "ROWS", "RB", "ACC_BITS"),
    ),
    "ek_array": Tile(
        (Pipeline("totals", 2, tree=True),),
        "  ek_array_totals array (.clk, .data, .weights, .out(totals));\n",
        ("LANES", "COLUMNS", "WEIGHT_BITS", "ACC_BITS", "LEVELS"),
    ),
}


def modules(handwritten: Mapping[str, str], values: Mapping[str, int]) -> dict[str, str]:
    """Return the tiles that replace hand-written modules, and their sources in DSLX, by file name.

    Args:
        handwritten: the modules of the engine by file name, their parameters set.
        values: the parameters of the modules.

    Raises:
        ToolError: XLS is missing, or cannot be loaded.
    """
    found = {}
    for name, tile in TILES.items():
        source = dslx(name, values)
        compiled = [verilog(name, source, pipeline, values) for pipeline in tile.pipelines]
        found[f"{name}.x"] = source
        found[f"{name}.sv"] = _module(name, tile, handwritten[f"{name}.sv"], values) + "".join(
            compiled
        )
    return found


def dslx(name: str, values: Mapping[str, int]) -> str:
    """Return a tile's source, its constants set to the parameters of the engine."""
    text = (files("edgekit.fpga.tiles") / f"{name}.x").read_text(encoding="utf-8")

    def value(match: re.Match[str]) -> str:
        return f"{match[1]}{values.get(match[2], match[3])};"

    return re.sub(r"(const (\w+) = u32:)(\d+);", value, text)


def verilog(name: str, source: str, pipeline: Pipeline, values: Mapping[str, int]) -> str:
    """Return the module that XLS makes of a function: a pipeline that takes operands in each cycle.

    Raises `ToolError` where XLS is missing, cannot be loaded, or refuses the source.
    """
    try:
        import xls
    except (ImportError, OSError) as error:  # OSError: its library needs a newer glibc
        raise ToolError(
            f"xls-python cannot be loaded ({error}); {install_extra('hls')}, "
            "on Linux on x86-64 with glibc 2.34 or newer"
        ) from error
    registers = pipeline.registers + values["LEVELS"] * pipeline.tree
    top = xls.mangle_dslx_name(name, pipeline.function)
    try:
        package = xls.parse_ir_package(
            xls.optimize_ir(xls.convert_dslx_to_ir(source, f"{name}.x", name), top)
        )
        made = package.schedule_and_codegen(
            generator="pipeline",
            top=top,
            module_name=f"{name}_{pipeline.function}",
            pipeline_stages=registers + (not pipeline.ends),
            flop_inputs=False,
            flop_outputs=pipeline.ends,
            use_system_verilog=False,
            delay_model=DELAYS,
            with_delay_model=True,
        )
    except RuntimeError as error:
        raise ToolError(f"XLS refuses {name}.x: {error}") from error
    return f"\n{made.get_verilog_text().strip()}\n"


def _module(name: str, tile: Tile, handwritten: str, values: Mapping[str, int]) -> str:
    """Return a module with the header of the hand-written one, around its pipelines."""
    header = handwritten[: handwritten.index("\n);\n") + len("\n);\n")]
    sizes = {parameter: values[parameter] for parameter in tile.parameters}
    other = " || ".join(f"{parameter} != {size}" for parameter, size in sizes.items())
    listed = ", ".join(f"{parameter} {size}" for parameter, size in sizes.items())
    return (
        f"// Compiled from {name}.x by XLS.\n{header}"
        f"  generate\n    if ({other}) begin : g_other_sizes\n"
        f'      $error("{name}: compiled for {listed}");\n    end\n  endgenerate\n'
        f"{tile.body}endmodule\n`default_nettype wire\n"
    )
