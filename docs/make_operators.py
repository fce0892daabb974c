"""Write docs/reference/operators.md from the tables of the code.

python docs/make_operators.py > docs/reference/operators.md
"""

from collections.abc import Collection

import onnx
import onnx_ir as ir

from edgekit.export.onnx_file.opsets import EXPANDED
from edgekit.export.passes.canonical_forms.table import RULES
from edgekit.graph.facts import FACTS
from edgekit.graph.facts import names as operators
from edgekit.graph.model import OPSET
from edgekit.operators.roles import MOVES, TABLED
from edgekit.operators.table import INTEGERS
from edgekit.targets.c.emit.base import Emitter
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.describe import DTYPES
from edgekit.targets.litert.table import EMITTERS as LITERT

TEXT = """\
# Operators

Made by `python docs/make_operators.py`; a test compares this page with the code.

## In the generated C

Shapes are static; sizes and axes are constants. So are indices, except for those of Gather, GatherElements and
GatherND. These may be computed, and wrap around, so that none leaves the data. `edgekit inspect MODEL.onnx` lists every
node of a network that cannot run, with what is allowed there.

*Element types* are those of the tensors that a hop computes. At *w8a8* and *w8a16* an operator becomes

- **integer kernel**: integers in, integers out, requantized per output channel;
- **table**: a table of the function's values. For 16-bit inputs the table is interpolated; a function with jumps,
  such as Floor, stays in float there;
- **moved**: its elements are moved as integers;
- **as in float32**: it stays between Dequantize and Quantize, and the export says so.

| operator | element types | in integers |
|---|---|---|
{rows}

Targets `litert` and `ethos-u*` do not have {lacking}.

## Expressed by these

- {renaming} become Reshape where they only rename axes.
- {rules}
  become simpler operators, or plainer forms of themselves, as far as their constants allow.
- What onnx defines as a function of simpler operators is expanded when it first appeared after opset
  {opset}, and where it is one of {expanded}.
- Whatever constants alone decide is computed at import: Shape, Range, ConstantOfShape, OneHot, If, ...
- An If that data decide becomes both of its branches and a Where. It stays an If where a branch could
  fail, or draws random numbers; then C refuses it.
"""


def names(operators: Collection[str]) -> str:
    """Return sorted names for a sentence."""
    *first, last = sorted(operators)
    return f"{', '.join(first)} and {last}" if first else last


def element_types(types: Collection[ir.DataType]) -> str:
    """Return the names of element types, floats first."""
    return ", ".join(
        sorted((DTYPES[t] for t in types if t in DTYPES), key=lambda n: (n[0] != "f", n))
    )


def read_by(operator: str, emitter: Emitter) -> set[ir.DataType]:
    """Return the types that the C of an operator reads, of an elementwise one those that ONNX allows."""
    if not FACTS[operator].elementwise or not onnx.defs.has(operator, OPSET):
        return set(emitter.reads)
    allowed = {kind for each in onnx.defs.get_schema(operator, OPSET).inputs for kind in each.types}
    names = {"float32": "float"}
    return {t for t in emitter.reads if f"tensor({names.get(DTYPES[t], DTYPES[t])})" in allowed}


def in_integers(operator: str) -> str:
    """Return what the integer recipes make of an operator."""
    if operator in TABLED:
        return "table"
    if operator in MOVES:
        return "moved"
    return "integer kernel" if operator in INTEGERS else "as in float32"


def main() -> None:
    """Print the page."""
    emitters = {name: emitter for (domain, name), emitter in EMITTERS.items() if not domain}
    rows = [
        f"| {name} | {element_types(read_by(name, emitter))} | {in_integers(name)} |"
        for name, emitter in sorted(emitters.items())
    ]
    lacking = {name for domain, name in EMITTERS.keys() - LITERT.keys() if not domain}
    expanded = [name for name in EXPANDED if onnx.defs.has(name)]
    print(
        TEXT.format(
            rows="\n".join(rows),
            lacking=names(lacking),
            renaming=names(
                operators(lambda row: row.moves == "renames") - {"Reshape"} | {"Transpose"}
            ),
            rules=names(RULES),
            opset=OPSET,
            expanded=names(expanded),
        ),
        end="",
    )


if __name__ == "__main__":
    main()
