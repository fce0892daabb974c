"""Functions around a hop: the check accepts those of an export, and finds wrong calls, tables and places."""

from functools import cache
from pathlib import Path

import pytest

from edgekit.base.until import Until
from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import PROOF_FILE, Program
from edgekit.targets.c.lower import lower_c

PINNED = Path(__file__).parents[2] / "pinned"
STEP = "gru_mask-w8a8"


@cache
def texts(name: str) -> dict[str, str]:
    """The C, headers and facts of a committed network; that of `STEP` is called until it settles."""
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    if name == STEP:
        output = str(model.stream_outputs[0].name)
        model = model.describe(until=Until(output, 0.5, 30))
    files = lower_c(model, "c99").files
    own = {n: c for n, c in files.items() if n.endswith((".c", ".h")) or n == PROOF_FILE}
    return {n: c.decode() for n, c in own.items() if "/" not in n and not n.startswith("ek_")}


def findings(name: str, old: str, new: str) -> str:
    """What the check finds after a text of the program is replaced once."""
    files = dict(texts(name))
    stem = next(n for n in files if n.endswith("_weights.c")).removesuffix("_weights.c")
    source = files[f"{stem}.c"]
    around = source.index("_sample(") if "_sample(" in source else 0
    assert source.count(old, around) >= 1, old
    files[f"{stem}.c"] = source[:around] + source[around:].replace(old, new, 1)
    return "\n".join(verdict_of(Program(files)).findings)


@pytest.mark.parametrize("name", ["sampler-w8a8", "sampler-propagation", STEP, "spectral-w8a8"])
def test_functions_around_a_hop_are_accepted(name: str) -> None:
    assert verdict_of(Program(texts(name))).findings == ()


SAMPLER = {
    "another network input": ("in.label = given->label", "in.label = tiny_unet_null_label"),
    "a condition instead of none": ("in.label = tiny_unet_null_label", "in.label = given->label"),
    "another row of a table": ("&tiny_unet_sampler_step[row]", "&tiny_unet_sampler_step[row + 1]"),
    "the same row always": ("&tiny_unet_sampler_step[row]", "&tiny_unet_sampler_step[0]"),
    "both results at one place": ("made.conv2d_11 = e1", "made.conv2d_11 = e0"),
    "a result over its operand": ("made.conv2d_11 = e0", "made.conv2d_11 = out"),
    "a result in work space": ("unsigned char *)scratch + 2592", "unsigned char *)scratch + 2560"),
    "a result beyond the end": ("unsigned char *)scratch + 2848", "unsigned char *)scratch + 2864"),
    "a call that is missing": (
        "status = tiny_unet_process(net, scratch, &in, &made);",
        "status = 0;",
    ),
    "noise of another row": ("row + 1, i / 4", "row, i / 4"),
    "noise of another place": ("i / 4, tiny", "i / 8, tiny"),
    "noise that stays": ("            if (i % 4 == 0)", "            if (i % 8 == 0)"),
    "noise in another order": ("* z[i % 4]", "* z[3 - i % 4]"),
    "noise of another seed": ("ek_normal_f32((int64_t)seed", "ek_normal_f32((int64_t)0"),
    "coefficients of another row": ("+ row * 6", "+ row * 5"),
    "a coefficient twice": ("k[1] * e0[i]", "k[2] * e0[i]"),
    "a result that is not used": ("k[2] * e1[i]", "k[2] * e0[i]"),
    "a part of the image": ("i < 64", "i < 60"),
    "beyond the image": ("i < 64", "i < 68"),
    "a row less": ("row < 5", "row < 4"),
    "a row more": ("row < 5", "row < 6"),
    "an update that is lost": ("            out[i] = x;", ""),
}
OTHERS = {
    "the state of another call": (
        "sampler-propagation",
        "(unsigned char *)net + 784",
        "(unsigned char *)net + 0",
    ),
    "a state beyond the end": (
        "sampler-propagation",
        "(unsigned char *)net + 784",
        "(unsigned char *)net + 800",
    ),
    "the decoder where all runs": (
        "sampler-propagation",
        "sampler_graph[row] == 0",
        "sampler_graph[row] != 0",
    ),
    "x_T that is not kept": ("sampler-propagation", "        start[i] = out[i];", ""),
    "samples that are not read": ("spectral-w8a8", "x[i] = (float)pcm[i]", "x[i] = (float)pcm[0]"),
    "samples beyond the end": ("spectral-w8a8", "x[i] = (float)pcm[i]", "x[i] = (float)pcm[i + 1]"),
    "floats that are not written": (
        "spectral-w8a8",
        "            x[i] = (float)",
        "            x[0] = (float)",
    ),
    "sound that is not written": (
        "spectral-w8a8",
        "            out[i] = (int16_t)",
        "            out[0] = (int16_t)",
    ),
    "an output elsewhere": ("spectral-w8a8", "result.pcm_out = y;", "result.pcm_out = x;"),
    "another work space": (STEP, "_process(net, scratch, in, out)", "_process(net, net, in, out)"),
    "a loop without an end": (STEP, "        calls++;\n", ""),
    "a look beyond the end": (STEP, "[0] <= tolerance", "[33] <= tolerance"),
    "positions beyond the state": ("tcn-w8a8", "{656, 8, 1}", "{672, 8, 1}"),
    "a state that is too large": ("tcn-w8a8", "memset(st, 0, 672u)", "memset(st, 0, 673u)"),
}


@pytest.mark.parametrize("change", SAMPLER)
def test_a_wrong_sampler_is_found(change: str) -> None:
    assert findings("sampler-w8a8", *SAMPLER[change])


@pytest.mark.parametrize("change", OTHERS)
def test_a_wrong_function_is_found(change: str) -> None:
    assert findings(*OTHERS[change])


START = "net == NULL || scratch == NULL"
REFUSED = "a return or break that data decides"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (START, f"1 || {START}"),
        (START, "net != NULL"),
        ("if (status != 0)", "if (status != 0 || row != 9)"),
        ("if (status != 0)", "if (k[0] > 0.0f)"),
        ("if (progress != NULL && progress(user, row + 1, 5) != 0)", "if (progress != NULL)"),
    ],
)
def test_a_sampler_that_ends_early_is_refused(old: str, new: str) -> None:
    assert REFUSED in findings("sampler-w8a8", old, new)


def test_a_function_until_a_limit_ends_there() -> None:
    assert not findings(STEP, "<= tolerance", "< tolerance")
