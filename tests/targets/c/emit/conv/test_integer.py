"""Integer transposed convolutions have the oracle's bits whichever kernel computes them."""

from pathlib import Path

import numpy as np
import pytest
from builds import noise
from c_kernels import needs_cc
from kernel_choices import ran
from transposed_networks import LAYERS, integer_network

from edgekit.operators.oracle import Oracle
from edgekit.targets.build import Choice
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import Profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS


def choices_of(isa: str) -> dict[str, Choice]:
    """What each layer is computed with by the kernels of an instruction set, and with what else it could be."""
    device = Profile("host", "", kernels=INSTRUCTION_SETS[isa].folders)
    found = lower_c(integer_network("w8a8"), "host", device).choices
    return {choice.node: choice for choice in found}


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("target", ["host", "c99"])
@pytest.mark.parametrize("recipe", ["w8a8", "w4a8", "w8a16"])
def test_transposed_convolutions_have_the_same_bits_whatever_is_chosen(
    target: str, recipe: str, tmp_path: Path
) -> None:
    model = integer_network(recipe)
    inputs = noise(model, 2, seed=1)
    expected = Oracle(model).run_hops(inputs)
    choices = lower_c(model, target).choices
    kernels = {choice.node: (choice.kernel, *choice.others) for choice in choices}
    assert set(kernels) == set(LAYERS)
    for turn in range(max(map(len, kernels.values()))):
        schedule = {node: names[turn % len(names)] for node, names in kernels.items()}
        found = ran(lower_c(model, target, schedule=schedule), tmp_path / str(turn), inputs)
        for name, y in expected.items():
            np.testing.assert_array_equal(found[name], y, f"{name}: {schedule[name[2:]]}")


@pytest.mark.rows(3)
@pytest.mark.parametrize("isa", ["avx512vnni", "avx2", "mve", "dsp", "wasm"])
def test_a_hop_is_one_matrix(isa: str) -> None:
    found = choices_of(isa)
    hops = [found[name].kernel for name in ("hop", "long_hop")]
    assert hops == ["ek_fc_s8_s8"] * 2


@pytest.mark.parametrize(
    ("isa", "kernel"),
    [
        ("avx2", "ek_conv_bands_s8_s8"),
        ("mve", "ek_conv_strips_s8_s8"),
        ("wasm", "ek_frame_fc_s8_s8"),
    ],
)
def test_a_clip_is_one_convolution_or_a_product_for_each_block(isa: str, kernel: str) -> None:
    found = choices_of(isa)
    assert found["picture"].kernel == found["many"].kernel == kernel


@pytest.mark.parametrize("isa", ["avx2", "dsp", "wasm"])
def test_few_taps_of_large_strides_are_runs(isa: str) -> None:
    found = choices_of(isa)
    assert found["each"].kernel == found["runs"].kernel == "ek_conv_transpose_runs_s8_s8"
