"""What the check of a proof finds: in programs of one function, written by hand, and in changed builds."""

import json
from functools import cache
from pathlib import Path

from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import PROOF_FILE, Program
from edgekit.verbs.targets import TARGETS

PINNED = Path(__file__).parent / "pinned"
RUNTIME = Path(__file__).parents[1] / "runtime" / "include" / "edgekit.h"
HEADER = """#define NET_STATE_BYTES 16u
#define NET_SCRATCH_BYTES 32u
#define NET_ALIGN 16u
typedef struct {
    const float *x; /* [1][4] */
} net_inputs;
typedef struct {
    float *y; /* [1][4] */
} net_outputs;
int net_process(net *net, void *scratch, const net_inputs *in, net_outputs *out);
"""
GUARD = """if (net == NULL || scratch == NULL || in == NULL || out == NULL || (uintptr_t)scratch % NET_ALIGN != 0
        || in->x == NULL || out->y == NULL) {
        return -1;
    }"""
WEIGHTS = "const int32_t net_places[4] = {\n    3, 2, 1, 0,\n};\n"
FUNCTION = """int net_process(net *net, void *scratch, const net_inputs *in, net_outputs *out)
{{
    {}
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
        "net.c": FUNCTION.format(GUARD, operator, body),
        "net_weights.c": WEIGHTS,
    }
    return "\n".join(verdict_of(Program(files)).findings)


@cache
def texts(name: str, target: str = "c99") -> dict[str, str]:
    """The C, the headers and the facts of a committed network, without kernels."""
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    files = TARGETS[target].lower(model, target).files
    own = {n: c for n, c in files.items() if n.endswith((".c", ".h")) or n == PROOF_FILE}
    return {n: c.decode() for n, c in own.items() if "/" not in n and not n.startswith("ek_")}


def problems_of(name: str, *changes: tuple[str, str], file: str = "c") -> str:
    """What the check finds in a build after texts of a file are replaced."""
    files = dict(texts(name))
    stem = next(n for n in files if n.endswith("_weights.c")).removesuffix("_weights.c")
    for old, new in changes:
        assert files[f"{stem}.{file}"].count(old) >= 1, old
        files[f"{stem}.{file}"] = files[f"{stem}.{file}"].replace(old, new, 1)
    return "\n".join(verdict_of(Program(files)).findings)
