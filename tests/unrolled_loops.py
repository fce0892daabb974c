"""An export whose loop along time is unrolled: each turn adds a frame to what the turn before has left."""

import onnx
import onnx_ir as ir


def unrolled(turns: int, last: str = "Add") -> ir.Model:
    """``h = h + frame`` (the last turn: another operator), all h joined: (1, turns, 2) -> (1, turns, 2)."""
    lines, names = [], []
    for n in range(turns):
        before = f"h{n - 1}" if n else "start"
        operator = last if n == turns - 1 else "Add"
        lines += [f"f{n} = Slice (x, i{n}, i{n + 1}, i1)", f"h{n} = {operator} ({before}, f{n})"]
        names.append(f"h{n}")
    places = ", ".join(f"int64[1] i{n} = {{{n}}}" for n in range(turns + 1))
    text = f"""<ir_version: 10, opset_import: ["": 21]>
    net (float[1, {turns}, 2] x) => (float[1, {turns}, 2] y) <float[1, 1, 2] start = {{0, 0}}, {places}> {{
      {" ".join(lines)} y = Concat <axis = 1> ({", ".join(names)})
    }}"""
    return ir.from_proto(onnx.parser.parse_model(text))
