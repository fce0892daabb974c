"""The drawing of a network: its layers, what feeds them, what each costs at least; no two lines share a place."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import tiny_build
import tiny_networks
from builds import int8_model
from hypothesis import given
from hypothesis import strategies as st

from edgekit.export.from_onnx import from_onnx
from edgekit.quantize.compare import TensorRow
from edgekit.targets.devices import profile
from edgekit.targets.network import LANES, MOST_ROWS, Layer, _lanes, draw, layers
from edgekit.targets.report import OTHER_TYPE, TYPE_COLOURS, render

M55, HOST = profile("cortex-m55"), profile("host")


def layer(reads: tuple[int, ...] = (), macs: int = 0, dtype: str = "int8", moved: int = 8) -> Layer:
    return Layer("n", "Conv", "t", dtype, (1,), {"int8": macs} if macs else {}, 4, moved, reads)


def test_layers_of_a_network_are_what_runs_in_a_hop(tmp_path: Path) -> None:
    model = from_onnx(tiny_networks.recurrent(tmp_path / "net.onnx"), name="net")
    found, more = layers(model)
    rows = {row.tensor: row for row in found}
    assert more == 0 and [row.op for row in found] == ["Gemm", "Gemm", "Add", "Tanh", "Sigmoid"]
    assert rows["a"].macs == {"float": 64} and rows["a"].weight_bytes == 256
    assert rows["a"].moved_bytes == 256 + 32 + 32 and rows["a"].reads == ()
    assert rows["s"].reads == (0, 1) and rows["y"].reads == rows["h_next"].reads == (2,)
    assert rows["y"].dtype == "float32" and rows["y"].work == 0


def test_layers_in_integers_have_their_weights() -> None:
    found, _ = layers(int8_model("conv_recurrent"))
    working = [row for row in found if row.macs.get("int8")]
    assert len(working) > 2 and all(0 < row.weight_bytes < row.moved_bytes for row in working)


def test_the_least_cycles_are_those_of_arithmetic_or_of_bytes() -> None:
    assert layer(macs=800, moved=80).least_cycles(M55) == 100  # 8 a cycle
    assert layer(macs=80, moved=800).least_cycles(M55) == 100  # 8 bytes a cycle
    assert layer(macs=80).least_cycles(HOST) is None


@given(st.data())
def test_lines_in_a_lane_do_not_overlap_while_there_are_lanes(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 12))
    net = [
        layer(
            tuple(sorted(data.draw(st.sets(st.integers(0, max(0, i - 1)), max_size=3))))
            if i
            else ()
        )
        for i in range(count)
    ]
    ends = _lanes(net)
    assert sorted((above, below) for above, below, _ in ends) == sorted(
        (above, below) for below, row in enumerate(net) for above in row.reads
    )
    lanes = defaultdict(list)
    for above, below, lane in ends:
        assert (lane == 0) == (below - above == 1)
        lanes[lane].append((above, below))
    for lane in range(1, LANES):
        spans = sorted(lanes[lane])
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_a_large_network_is_drawn_by_its_work() -> None:
    drawing = draw(
        [layer((i - 1,) if i else (), macs=i) for i in range(MOST_ROWS)],
        7,
        (),
        M55,
        TYPE_COLOURS,
        OTHER_TYPE,
    )
    assert drawing is not None and drawing.more == 7 and drawing.rows[-1].work == 1.0
    assert draw([], 0, (), M55, TYPE_COLOURS, OTHER_TYPE) is None


def test_every_link_of_the_page_leads_to_a_layer_and_the_roof_is_the_device_s() -> None:
    net = ([layer(macs=800), layer((0,)), layer((0, 1), macs=10)], 3)
    on_m55 = render(tiny_build.manifest(target="cortex-m55"), (), (), (), network=net)
    for number in range(3):
        assert on_m55.count(f'href="#layer-{number}"') >= 1 and f'id="layer-{number}"' in on_m55
    assert "3 operators are not drawn" in on_m55 and "Roofline" in on_m55
    assert "bound by its arithmetic" in on_m55 and "<script" not in on_m55 and "http" not in on_m55
    assert "Roofline" not in render(tiny_build.manifest(), (), (), (), network=net)


@pytest.mark.parametrize(("verified", "said"), [(25.0, True), (35.0, False)])
def test_the_layer_that_loses_most_is_named_with_what_int16_costs(
    verified: float, said: bool
) -> None:
    net = [
        replace(layer(macs=300), tensor="a"),
        replace(layer((0,), macs=100), tensor="b"),
        replace(layer((1,), macs=600), tensor="c"),
    ]
    ratios = {"a": 40.0, "b": 27.0, "c": 26.5}
    rows = [TensorRow(n, "Conv", "int8", 1.0, 0, 0.0, 1.0, 50.0, db) for n, db in ratios.items()]
    facts = {
        "by": "",
        "hops": 5,
        "snr_db": verified,
        "max_abs_error": 0.1,
        "bit_exact_with_oracle": True,
    }
    page = render(tiny_build.manifest(verification=facts), (), (), rows, network=(net, 0))
    assert ("b (Conv) costs 13.0 dB: 27.0 dB are left after it" in page) == said
    assert ("60.0 % of the multiply-accumulates then read 16 bits" in page) == said
    assert "c (Conv) costs" not in page
