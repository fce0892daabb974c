"""Transposed convolutions in integers and in float32, on this machine, on emulated cores and in WebAssembly.

    python bench transposed [--on cortex-m4 cortex-m55 wasm avx512vnni avx2 portable] [--recipe w8a8] [--seeds 2]
                               [--only WORD]

Prints what float32 takes over what integers take, per layer: below 1 integers are slower. Strides are 1 to 240,
outputs 1 to 4, in hops of a stream and in whole clips and pictures. On emulated cores it is executed instructions
under QEMU, in WebAssembly instructions as wasmtime counts them, on this machine the least time, both recipes in turn.
Instruction sets that this machine lacks are left out. Pin it to one core: taskset -c 1 python bench transposed
Ends with 1 where integers are slower.
"""

import argparse
import sys
from collections.abc import Sequence

from layers.layer_instructions import measure
from layers.layer_marks import fuelled, timed
from layers.layer_shapes import Layer
from layers.layer_shapes_transposed import TRANSPOSED, odd_transposed
from tables import Table

from edgekit.targets.devices import cpu_flags, profiles
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

WHERE = ("cortex-m4", "cortex-m55", "wasm", "avx512vnni", "avx2", "portable")
WASM = "wasm"


def runs_here(name: str) -> bool:
    """Whether this machine has an instruction set; emulated cores and WebAssembly are everywhere."""
    row = INSTRUCTION_SETS.get(name)
    return name in profiles() or row is None or set(row.cpu) <= cpu_flags()


def ratios(name: str, layers: Sequence[Layer], recipe: str) -> list[float]:
    """What float32 takes over what the recipe takes, of each layer."""
    if name == WASM:
        found = fuelled(layers, ("float32", recipe))
    elif name in profiles():
        counts = [measure(name, layers, r) for r in ("float32", recipe)]
        found = [[float(r.instructions) for r in rows] for rows in zip(*counts, strict=True)]
    else:
        found = timed(name, layers, ("float32", recipe))
    return [floats / max(integers, 1.0) for floats, integers in found]


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="Integer transposed convolutions over float ones.")
    parser.add_argument("--on", nargs="*", default=WHERE)
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--seeds", type=int, default=2, help="of odd sizes")
    parser.add_argument("--only", default="", help="layers whose name has this word")
    chosen = parser.parse_args()
    layers = [*TRANSPOSED, *(layer for s in range(chosen.seeds) for layer in odd_transposed(s))]
    layers = [layer for layer in layers if chosen.only in layer.name]
    where = [name for name in chosen.on if runs_here(name)]
    found = {name: ratios(name, layers, chosen.recipe) for name in where}
    table = Table("layer", *where, title=f"time or instructions of float32 over {chosen.recipe}")
    for layer, row in zip(layers, zip(*found.values(), strict=True), strict=True):
        table.add_row(layer.name, *(f"{ratio:.2f}" for ratio in row))
    table.add_row("least", *(f"{min(rows):.2f}" for rows in found.values()))
    table.show()
    return int(any(min(rows) < 1.0 for rows in found.values()))


if __name__ == "__main__":
    sys.exit(main())
