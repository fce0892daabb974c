"""Transposed convolutions by phases: the same float network, and one that the engine runs but for the interleaving."""

from pathlib import Path

import numpy as np
import pytest
from fpga_grammar import Grammar, Picture, compared, finished, loaded
from fpga_networks import calibration

from edgekit.export.hop_runner import run_hops
from edgekit.fpga import engine
from edgekit.fpga.lower import lower
from edgekit.fpga.phases import with_phases
from edgekit.fpga.spec import EngineSpec


def larger(g: Grammar, x: Picture, outputs: int, random: np.random.Generator) -> Picture:
    """A transposed convolution of any kernel, stride, dilation, padding and groups that makes whole phases."""
    stride = int(random.integers(1, 5))
    dilation, kernel = random.integers(1, 3, 2), random.integers(1, 6, 2)
    reach = dilation * (kernel - 1) + 1
    kernel = np.where(reach < stride, stride, kernel)  # pads are not negative
    extra = dilation * (kernel - 1) + 1 - stride
    before = [int(random.integers(n + 1)) for n in extra]
    added = [int(random.integers(min(n, stride - 1) + 1)) for n in before]
    after = [int(n) - first + more for n, first, more in zip(extra, before, added, strict=True)]
    groups = int(random.choice([n for n in (1, 2, x.channels) if x.channels % n == 0]))
    size = x.channels, outputs, *map(int, kernel)
    weight = g.normal(*size, scale=(stride / float(np.prod(size)) ** 0.5))
    return g.node(
        "ConvTranspose",
        [x.name, weight, g.normal(groups * outputs, scale=0.3)],
        (groups * outputs, x.height * stride, x.width * stride),
        kernel_shape=size[2:],
        strides=[stride] * 2,
        dilations=[int(n) for n in dilation],
        pads=[*before, *after],
        output_padding=added,
        group=groups,
    )


def limited(g: Grammar, x: Picture, random: np.random.Generator) -> Picture:
    """A number per channel, then a Relu or a Clip."""
    shape = x.channels, x.height, x.width
    scale = g.constant(random.uniform(-2, 2, (x.channels, 1, 1)).astype(np.float32))
    y = g.node("Mul", [x.name, scale], shape)
    ends = [g.constant(np.float32(n)) for n in (-0.5, 1.5)]
    return (
        g.node("Relu", [y.name], shape)
        if random.integers(2)
        else g.node("Clip", [y.name, *ends], shape)
    )


@pytest.mark.parametrize("seed", range(4))
def test_transposed_convolutions_of_any_form(seed: int, tmp_path: Path) -> None:
    """As the last layers without being asked for; in the middle where the CPU may lay pixels."""
    random = np.random.default_rng(seed)
    g = Grammar(random, [Picture("x", 4, 5, 6)])
    first = larger(g, g.values[0], 3, random)
    ends = [first, limited(g, larger(g, g.values[0], 2, random), random)]
    middle = seed % 2
    if middle:
        inner = limited(g, larger(g, g.values[0], 2, random), random)
        weight = g.normal(3, inner.channels, 3, 3, scale=(9 * inner.channels) ** -0.5)
        shape = 3, inner.height, inner.width
        ends.append(g.node("Conv", [inner.name, weight], shape, kernel_shape=[3, 3], pads=[1] * 4))
    model = loaded(finished(g, dict.fromkeys(ends, "Identity")), tmp_path)
    clips = calibration(model, 3)
    x = clips.clips[0]["x"]
    phased = with_phases(model)
    assert "ConvTranspose" not in {node.op_type for node in phased.ir.graph}
    wanted = run_hops(model, {"x": x})
    for name, made in run_hops(phased, {"x": x}).items():
        np.testing.assert_allclose(made, wanted[name], atol=2e-5)
    assert engine.check(model, cpu_fallback=bool(middle)) == []
    network = lower(model, clips, EngineSpec(weight_bits=8), cpu_fallback=bool(middle))
    kept = [name for part in network.cpu for name in part.nodes]
    on_cpu = {node.op_type for node in phased.ir.graph if node.name in kept}
    assert on_cpu <= {"DepthToSpace", "Identity"}
    near = compared(model, network, x)
    assert min(near.values()) > 25, near


def test_what_has_no_phases_or_has_layers_behind_it_is_refused(tmp_path: Path) -> None:
    g = Grammar(np.random.default_rng(0), [Picture("x", 4, 5, 6)])
    odd = g.node(
        "ConvTranspose",
        ["x", g.normal(4, 3, 3, 3)],
        (3, 11, 13),
        strides=[2, 2],
        kernel_shape=[3, 3],
    )
    up = g.node(
        "ConvTranspose",
        ["x", g.normal(4, 3, 2, 2)],
        (3, 10, 12),
        strides=[2, 2],
        kernel_shape=[2, 2],
    )
    after = g.node("Conv", [up.name, g.normal(2, 3, 1, 1)], (2, 10, 12), kernel_shape=[1, 1])
    model = loaded(finished(g, {odd: "Identity", after: "Identity"}), tmp_path)
    found = [(problem.where.split()[0], problem.found) for problem in engine.check(model)]
    assert found == [
        ("ConvTranspose", "the engine has no such operator"),
        (
            "DepthToSpace",
            "pixels of several channels between each other's, with layers after them",
        ),
    ]
