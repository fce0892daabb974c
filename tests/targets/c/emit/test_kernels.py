"""Which kernels compute a layer; a schedule takes another one than the cost model's."""

from pathlib import Path

import numpy as np
import pytest
from builds import noise
from c_kernels import needs_cc
from kernel_choices import integers, network, ran, schedules

from edgekit.base.errors import UsageError
from edgekit.operators.oracle import Oracle
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import Profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

FC, ROWS, CHANNELS, TILES = (
    f"ek_{name}_f32" for name in ("fc", "conv", "conv_channels", "conv_winograd")
)


def of(isa: str) -> Profile:
    """A device with an instruction set's kernels."""
    return Profile("host", "", kernels=INSTRUCTION_SETS[isa].folders)


def test_the_kernels_of_float_layers() -> None:
    found = {c.node: {c.kernel, *c.others} for c in lower_c(network(), "host", of("avx2")).choices}
    every = {"body": {ROWS, CHANNELS, TILES}, "point": {ROWS, CHANNELS}}
    assert found == every | {"whole": {FC, ROWS, CHANNELS}}
    found = {c.node: (c.kernel, *c.others) for c in lower_c(network(), "host", of("neon")).choices}
    assert found == {"body": (ROWS,), "point": (ROWS,), "whole": (FC, ROWS)}


def test_the_kernels_of_integer_layers() -> None:
    found = {c.node: (c.kernel, *c.others) for c in lower_c(integers(), "host", of("dsp")).choices}
    fc, conv = "ek_fc_s8_s8", "ek_conv_s8_s8"
    assert found["body"] == (conv,)
    assert found["whole"] == (fc, conv)
    assert found["point"] == (conv,)  # several positions: dense is faster
    assert found["fc"] == (f"{fc}_sparse", fc)


@pytest.mark.parametrize(
    ("isa", "words"),
    [
        ("avx512vnni", ("winograd", "bands", "positions", "")),
        ("avx2", ("bands", "positions", "")),
        ("mve", ("strips", "")),
        ("neon", ("",)),
    ],
)
def test_ways_to_compute_a_convolution_are_kernels_of_its_layer(
    isa: str, words: tuple[str, ...]
) -> None:
    choices = lower_c(integers(), "host", of(isa)).choices
    (body,) = (choice for choice in choices if choice.node == "body")
    names = {f"ek_conv_{word}_s8_s8".replace("__", "_") for word in words}
    assert {body.kernel, *body.others} == names
    for name in names:
        build = lower_c(integers(), "host", of(isa), schedule={"body": name})
        assert f" {name}(" in build.files["choices.c"].decode()


def test_sums_of_a_fixed_order_have_one_kernel() -> None:
    model = network().describe(quantization={"recipe": "w8a8"})
    choices = lower_c(model, "host", of("avx2")).choices
    assert {c.node: (c.kernel, *c.others) for c in choices} == {
        "body": (ROWS,),
        "point": (ROWS,),
        "whole": (FC,),
    }


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("target", ["host", "c99"])
def test_integers_have_the_same_bits_whatever_is_chosen(target: str, tmp_path: Path) -> None:
    model = integers()
    inputs = noise(model, 3, seed=1)
    expected, others = Oracle(model).run_hops(inputs)["y"], schedules(model, target)
    assert len(others) >= 2
    for number, schedule in enumerate(others):
        build = lower_c(model, target, schedule=schedule)
        ((node, kernel),) = schedule.items()
        assert {c.node: c.kernel for c in build.choices}[node] == kernel
        found = ran(build, tmp_path / str(number), inputs)
        np.testing.assert_array_equal(found["y"], expected, str(schedule))


@pytest.mark.slow
@needs_cc
def test_float_sums_differ_in_their_order_alone(tmp_path: Path) -> None:
    model = network()
    inputs = noise(model, 3, seed=1)
    expected = Oracle(model).run_hops(inputs)["y"]
    for number, schedule in enumerate(schedules(model, "host")):
        found = ran(lower_c(model, "host", schedule=schedule), tmp_path / str(number), inputs)
        np.testing.assert_allclose(found["y"], expected, atol=1e-5, err_msg=str(schedule))


def test_a_schedule_of_the_cost_models_kernels_changes_nothing() -> None:
    for model in (network(), integers()):
        build = lower_c(model, "host", of("avx2"))
        same = {choice.node: choice.kernel for choice in build.choices}
        again = lower_c(model, "host", of("avx2"), schedule=same)
        assert again.manifest.digest == build.manifest.digest


def test_a_schedule_that_does_not_fit_is_refused_with_every_entry() -> None:
    schedule = {"bodi": ROWS, "point": TILES, "whole": FC}
    with pytest.raises(UsageError) as refused:
        lower_c(network(), "host", of("avx2"), schedule=schedule)
    layer, kernel = refused.value.problems
    assert layer.where == "schedule, layer 'bodi'" and "as body" in layer.allowed
    assert kernel.found == f"kernel {TILES}" and kernel.allowed == f"{CHANNELS}, {ROWS}"
