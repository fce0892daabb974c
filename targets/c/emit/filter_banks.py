"""Products with banks of filters: a loop over the weights of each column."""

from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.packing.filter_banks import Bands


def emit_bands(
    ctx: Context, name: str, bands: Bands, x: str, y: str, bias: str | None, rows: int, k: int
) -> None:
    """Append the loops: sums in ascending k, as those of the whole matrix without its zeros."""
    n = len(bands.first)
    first = ctx.constant(f"{name}_first", bands.first)
    count = ctx.constant(f"{name}_count", bands.count)
    weights = ctx.constant(f"{name}_bands", bands.weights)
    start = "0.0f" if bias is None else f"{bias}[j]"
    for line in (
        f"for (int32_t r = 0; r < {rows}; r++) {{",
        f"    const float *w = {weights};",
        f"    for (int32_t j = 0; j < {n}; j++) {{",
        f"        const float *const x = {x} + r * {k} + {first}[j];",
        f"        float sum = {start};",
        f"        for (int32_t i = 0; i < {count}[j]; i++) {{",
        "            sum += x[i] * w[i];",
        "        }",
        f"        w += {count}[j];",
        f"        {y}[r * {n} + j] = sum;",
        "    }",
        "}",
    ):
        ctx.line(line)
