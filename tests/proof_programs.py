"""Programs of one function, written by hand, and what the check of a proof finds in them."""

import json
from pathlib import Path

from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import PROOF_FILE, Program

RUNTIME = Path(__file__).parents[1] / "runtime" / "include" / "edgekit.h"
HEADER = """#define NET_STATE_BYTES 16u
#define NET_SCRATCH_BYTES 32u
typedef struct {
    const float *x; /* [1][4] */
} net_inputs;
typedef struct {
    float *y; /* [1][4] */
} net_outputs;
"""
WEIGHTS = "const int32_t net_places[4] = {\n    3, 2, 1, 0,\n};\n"
FUNCTION = """int net_process(net *net, void *scratch, const net_inputs *in, net_outputs *out)
{{
    unsigned char *const st = (unsigned char *)net;
    unsigned char *const s = scratch;
    const float *const v_x = in->x;
    float *const v_y = out->y;

    /* node: {} */
    {}
    return 0;
}}
"""


def findings(body: str, operator: str = "Tanh", **facts: object) -> str:
    """What contradicts that a node makes y (16 bytes) of x (16 bytes) with these statements, as lines."""
    node = {"node": "node", "op": operator, "inputs": ["x"], "outputs": ["y"], **facts}
    own = {
        "values": {"x": [16, "v_x"], "y": [16, "v_y"]},
        "starts": [["x", "in->x"]],
        "ends": [["y", "out->y"]],
        "nodes": [node],
    }
    files = {
        PROOF_FILE: json.dumps({"kernels": [], "functions": {"net_process": own}}),
        "edgekit.h": RUNTIME.read_text(),
        "net.h": HEADER,
        "net.c": FUNCTION.format(operator, body),
        "net_weights.c": WEIGHTS,
    }
    return "\n".join(verdict_of(Program(files)).findings)
