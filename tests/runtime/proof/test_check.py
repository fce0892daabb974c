"""The check of a build's proof accepts what an export writes, and finds wrong plans."""

import random
import re
from math import inf
from pathlib import Path

import onnx
import pytest
from operator_cases import CASES
from proof_programs import PINNED, problems_of, texts
from robustness.program_mutants import KINDS, draw_mutant

from edgekit.base.errors import CheckFailed, UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import PROOF_FILE, Program
from edgekit.verbs import inspection
from edgekit.verbs.targets import TARGETS

NETWORKS = sorted(path.stem for path in PINNED.glob("*.onnx"))
QUICK = [name for name in NETWORKS if name.endswith("-w8a8") or name.startswith(("sam", "ses"))]
OTHERS = ("host", "cortex-m4", "cortex-m55", "riscv64-v", "wasm")


@pytest.mark.parametrize("name", QUICK)
def test_portable_builds_are_accepted(name: str) -> None:
    found = verdict_of(Program(texts(name)))
    assert found.findings == ()
    assert found.calls > 0 and any(f.endswith("_process") for f in found.functions)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*NETWORKS} - {*QUICK}))
def test_all_portable_builds_are_accepted(name: str) -> None:
    assert verdict_of(Program(texts(name))).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize("target", OTHERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_builds_of_instruction_sets_are_accepted(name: str, target: str) -> None:
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    if TARGETS[target].check(model):
        pytest.skip("the target does not take this network")
    assert verdict_of(Program(texts(name, target))).findings == ()


WRONG = {
    "a tensor over one that is alive": (
        ("v_x_finite_q = (int8_t *)(void *)(s + 144)", "v_x_finite_q = (int8_t *)(void *)(s + 16)"),
        "ek_quantize_s8: x and y share bytes of scratch",
    ),
    "scratch over an operand": (
        ("12, 12, 1, (int16_t *)(void *)(s + 16))", "12, 12, 1, (int16_t *)(void *)(s + 0))"),
        "ek_gru_s8_s8: scratch and x share bytes of scratch",
    ),
    "a size that leaves an output": (
        ("v_relu_q, 1, 33, 12)", "v_relu_q, 1, 33, 13)"),
        "bytes 0..13 of 'relu_q', which has 12",
    ),
    "a size that leaves a rest": (
        (
            "v_sigmoid_q, 2.398988e-03f, -128, v_sigmoid, 33",
            "v_sigmoid_q, 2.398988e-03f, -128, v_sigmoid, 32",
        ),
        "'sigmoid_q' is not read as a whole",
    ),
    "a state at another place": (
        ("v_h2_next = (int16_t *)(void *)(st + 32)", "v_h2_next = (int16_t *)(void *)(st + 16)"),
        "'h2_next', but hold 'h2'",
    ),
    "another array of the same size": (
        ("gru_mask_node_linear_bias, gru_mask", "gru_mask_node_linear_mult, gru_mask"),
        "ek_fc_s8_s8, bias: another array than",
    ),
    "exchanged numbers": (
        ("v_relu_q, 1, 33, 12)", "v_relu_q, 1, 12, 33)"),
        "'x_finite_q' is not read as a whole",
    ),
    "a misaligned place": (
        ("v_linear_1_q = (int16_t *)(void *)(s + 0)", "v_linear_1_q = (int16_t *)(void *)(s + 1)"),
        "v_linear_1_q, a int16_t, has bytes 1..67 of scratch",
    ),
    "a loop of unknown length": (
        ("    return 0;\n}", "    while (1) {\n    }\n    return 0;\n}"),
        "a loop of unknown length",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_plan_is_found(name: str) -> None:
    change, expected = WRONG[name]
    found = problems_of("gru_mask-w8a8", change)
    assert expected in found, found


def with_first_number(array: str, number: str) -> str:
    """What the check finds after a number of a constant array of gru_mask is another one."""
    files = dict(texts("gru_mask-w8a8"))
    file = "gru_mask_weights.c"
    files[file], count = re.subn(
        rf"(\w+{array}\[\d+\] = {{\s*)-?\d+", rf"\g<1>{number}", files[file]
    )
    assert count == 1
    return "\n".join(verdict_of(Program(files)).findings)


def test_sums_of_the_numbers_in_the_c_fit() -> None:
    assert "w: sums reach 2148" in with_first_number("node_linear_bias", "INT32_MIN")
    assert "a shift outside of 1..62" in with_first_number("node_linear_shift", "63")
    assert "a negative multiplier" in with_first_number("node_linear_mult", "-5")


def test_windows_of_a_transposed_convolution_are_those_of_its_phases() -> None:
    source = texts("dual_path-w8a8")["dual_path.c"]
    node = source[source.index(": ConvTranspose */") :]
    shape = re.search(r"&\(const ek_conv_shape\)\{([^}]*)\}", node)
    assert shape is not None
    sizes = [int(size) for size in shape[1].split(",")]
    sizes[9] += 1  # stride_w
    change = shape[0], shape[0].replace(shape[1], ", ".join(map(str, sizes)))
    assert "windows" in problems_of("dual_path-w8a8", change)


@pytest.mark.parametrize("sizes", ["1, 23, 16", "1, 24, 15"])
def test_calls_of_a_node_take_parts_of_one_size(sizes: str) -> None:
    found = problems_of("conv_recurrent-w8a16", ("1, 24, 16);", f"{sizes});"))
    assert "in a call before" in found, found


def test_sizes_of_each_resize_are_those_of_the_graph() -> None:
    found = problems_of("pictures-float32", ("256, 8, 16, 1, 2);", "1, 8, 16, 256, 2);"))
    assert "ek_interpolate_f32, outer: 1, where the graph has 256" in found, found


def test_a_function_that_is_missing_is_found() -> None:
    renamed = ("int gru_mask_process(", "int gru_mask_other(")
    found = problems_of("gru_mask-w8a8", renamed)
    assert found.startswith("gru_mask_process: the C has no such function")


def test_an_exchange_of_nodes_contradicts_the_proof() -> None:
    files = texts("gru_mask-w8a8")
    first, second = "/* x/finite: Finite */", "/* node_linear: Gemm */"
    source = files["gru_mask.c"].replace(first, "?").replace(second, first).replace("?", second)
    found = verdict_of(Program({**files, "gru_mask.c": source}))
    assert any(
        "the node 'x_finite_quantize' does not follow Gemm" in line for line in found.problems
    )


def test_a_block_that_is_too_small_is_found() -> None:
    small = ("SCRATCH_BYTES 192u", "SCRATCH_BYTES 176u")
    assert "of scratch, which has 176" in problems_of("gru_mask-w8a8", small, file="h")


def test_a_call_that_is_missing_is_found() -> None:
    files = texts("gru_mask-w8a8")
    line = next(t for t in files["gru_mask.c"].splitlines() if "ek_gru_s8_s8(v_uns" in t)
    assert "'h1_next' is not updated as a whole" in problems_of("gru_mask-w8a8", (line, ""))


def test_a_movement_to_another_place_is_found() -> None:
    old, new = (f"+ i1] = v_leakyrelu5_out_q[{at}]" for at in ("i0 + i1 * 4", "i0 * 4 + i1"))
    assert "the layer 'gru7.frames_out_q'" in problems_of("streamed-w8a8", (old, new))


def test_a_ring_that_is_left_is_found() -> None:
    source = texts("tcn-w8a8")["tcn.c"]
    line = next(t for t in source.splitlines() if "if ((uint32_t)*" in t)
    larger = line.replace("u) {", "9u) {")
    assert "bytes 448..1408 of state, which has 672" in problems_of("tcn-w8a8", (line, larger))


@pytest.mark.parametrize("kind", KINDS)
def test_most_mutants_of_each_kind_are_found(kind: str) -> None:
    """Those that are accepted are equivalent, which `bench/robustness/proof_mutants.py` shows by running them."""
    rng, found, names = (
        random.Random(7),
        0,
        ("conv_recurrent-w8a8", "attention-mixed", "streamed-w8a8"),
    )
    for number in range(12):
        files = texts(names[number % len(names)])
        stem = next(n for n in files if n.endswith("_weights.c")).removesuffix("_weights.c")
        mutant = draw_mutant(rng, files[f"{stem}.c"], f"{stem}_process", kind)
        found += bool(verdict_of(Program({**files, f"{stem}.c": mutant.text})).findings)
    assert found >= 7


def test_inspect_says_what_contradicts_a_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").mkdir()
    for name, text in texts("gru_mask-w8a8").items():
        (tmp_path / "build" / name).write_text(text)
    assert inspection.proof_facts(tmp_path / "build")["calls"] == 10
    program = tmp_path / "build" / "gru_mask.c"
    program.write_text(program.read_text().replace("(s + 144)", "(s + 16)"))
    with pytest.raises(CheckFailed, match="x and y share bytes of scratch"):
        inspection.proof_facts(tmp_path / "build")
    program.write_text(
        texts("gru_mask-w8a8")["gru_mask.c"].replace(
            "return 0;", "while (1) {\n    }\n    return 0;"
        )
    )
    with pytest.raises(CheckFailed) as stop:
        inspection.proof_facts(tmp_path / "build")
    assert "could not be checked: gru_mask_process, " in str(stop.value)
    assert "This is a limit of the check" in str(stop.value)
    assert "contradicts" not in str(stop.value)
    (tmp_path / "build" / PROOF_FILE).unlink()
    with pytest.raises(UsageError, match=r"no proof\.json"):
        inspection.proof_facts(tmp_path / "build")


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "pictures-float32",
            "v_softmax17_y, 1, 5)",
            "v_softmax17_y, 5, 1)",
            "n: 1, where the graph",
        ),
        (
            "streamed-float32",
            "2, 1, 8, 8, 0, (float",
            "2, 1, 8, 8, 1, (float",
            "linear_before_reset: 1",
        ),
    ],
)
def test_sizes_that_fit_and_mean_something_else_are_found(
    name: str, old: str, new: str, expected: str
) -> None:
    assert expected in problems_of(name, (old, new))


def test_work_space_that_sampling_keeps_is_not_the_network_s() -> None:
    source = texts("sampler-w8a8")["tiny_unet.c"]
    kept = re.search(r"e0 = .*scratch \+ (\d+)", source)
    moved = re.search(r"v_add_8_q = .*\(s \+ \d+\)", source)
    assert kept is not None and moved is not None
    there = re.sub(r"s \+ \d+", f"s + {kept[1]}", moved[0])
    assert f"of scratch, which has {kept[1]}" in problems_of("sampler-w8a8", (moved[0], there))


def test_samples_of_16_bits_lie_where_a_hop_still_has_them() -> None:
    """The output is written while the hop still reads another tensor there."""
    place = (
        "y = (float *)(void *)((unsigned char *)scratch + 528)",
        "y = (float *)(void *)((unsigned char *)scratch + 0)",
    )
    found = problems_of("spectral-w8a8", place)
    assert "as spectral_process_s16 calls it" in found and "share bytes of scratch" in found


def test_time_that_data_decides_is_summed_over_calls_and_loops() -> None:
    found = verdict_of(Program(texts("gru_mask-w8a8")))
    rows = {call: most for _, _, call, most in found.times}
    assert rows["ek_fc_s8_s8"] > 0 and "ek_lut_s16_s8" not in rows
    assert found.most_added == sum(most for *_, most in found.times)
    unknown = ("EK_LAYER(0", "v_x_finite[0] = ek_asinf1(v_x_finite[0]);\n    EK_LAYER(0")
    files = dict(texts("gru_mask-w8a8"))
    files["gru_mask.c"] = files["gru_mask.c"].replace(*unknown, 1)
    assert ("ek_asinf1", inf) in [row[2:] for row in verdict_of(Program(files)).times]


START = "net == NULL || scratch == NULL"
REFUSED = "a return or break that data decides"


@pytest.mark.parametrize(
    "guard",
    [
        "net != NULL || scratch == NULL",
        f"1 || {START}",
        f"0 == 0 || {START}",
        f"{START} || NULL == NULL",
        f"{START} || (uintptr_t)scratch % 1 == 0",
        f"{START} || (uintptr_t)scratch != 0",
    ],
)
def test_a_guard_that_ends_each_hop_is_refused(guard: str) -> None:
    assert REFUSED in problems_of("gru_mask-w8a8", (START, guard))


@pytest.mark.parametrize(
    "statement",
    [
        "if (1) { return 0; }",
        "int32_t ready; memcpy(&ready, st, sizeof ready); if (ready == 0) { return 0; }",
    ],
)
def test_a_return_before_the_first_node_is_refused(statement: str) -> None:
    place = "    unsigned char *const s = scratch;\n"
    assert REFUSED in problems_of("gru_mask-w8a8", (place, f"{place}    {statement}\n"))


def test_a_node_may_have_spaces_around_its_name() -> None:
    network = onnx.load_from_string((PINNED / "gru_mask-w8a8.onnx").read_bytes())
    for node in network.graph.node:
        node.name = f"  {node.name} "
    files = TARGETS["c99"].lower(Model.from_bytes(network.SerializeToString()), "c99").files
    own = {n: c for n, c in files.items() if n.endswith((".c", ".h")) or n == PROOF_FILE}
    kept = {n: c.decode() for n, c in own.items() if "/" not in n and not n.startswith("ek_")}
    assert verdict_of(Program(kept)).findings == ()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_ones_that_data_places_among_zeros_are_accepted(axis: int) -> None:
    model = from_onnx(CASES[f"hardmax_{axis}"].onnx, name="hardmax")
    files = TARGETS["c99"].lower(model, "c99").files
    own = {n: c.decode() for n, c in files.items() if not n.startswith("ek_") and "/" not in n}
    assert verdict_of(Program(own)).findings == ()
    zeros = own["hardmax.c"].index(" = 0.0f;")
    start = own["hardmax.c"].rindex("\n", 0, own["hardmax.c"].rindex("for (", 0, zeros))
    end = own["hardmax.c"].index("}\n", zeros) + 2
    without = own["hardmax.c"][:start] + "\n" + own["hardmax.c"][end:]
    assert verdict_of(Program({**own, "hardmax.c": without})).findings


def test_a_size_far_outside_is_refused_without_a_list_of_its_bytes() -> None:
    call = "v_relu_q, 1, 33, 12)"
    assert "which has" in problems_of("gru_mask-w8a8", (call, "v_relu_q, 771700334, 33, 12)"))
    assert "turns" in problems_of("spectral-w8a8", ("i0 < 34", "i0 < 771700334"))
