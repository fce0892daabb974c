"""Integer layers that take longer than their float forms: what is found, what is advised, what a report shows."""

import json
from pathlib import Path

import pytest
from builds import float_model, int8_model
from devices import on_devices
from kernel_choices import integers, network

from edgekit import api
from edgekit.cli.bench import show
from edgekit.operators.float_form import float_form
from edgekit.runtime.bench.measure import ByLayer, Measurement, SlowLayer
from edgekit.targets.c.lower import lower_c
from edgekit.targets.describe import describe
from edgekit.targets.devices import profile
from edgekit.verbs.bench import float_layers, page
from edgekit.verbs.bench.float_layers import integer_layers, slow_layers, with_slow_layers

UNIT = "instructions"
PLAIN = {"body": 100.0, "point": 100.0, "whole": 100.0, "fc": 100.0}


def costs(unit: str = UNIT, **layers: float) -> ByLayer:
    return ByLayer(unit, tuple((name, "Conv", cost) for name, cost in {**PLAIN, **layers}.items()))


PLAIN_ROWS = costs().rows


def found(own: ByLayer, float32: ByLayer, in_recipe: ByLayer) -> tuple[SlowLayer, ...]:
    model = integers()
    build = lower_c(model, "cortex-m55")
    return slow_layers(model, build, float_form(model), [own, float32, in_recipe])


def test_layers_that_are_slower_are_found_the_worst_first() -> None:
    own = costs(body=101, fc=180, point=100, whole=60)
    rows = found(own, costs(), costs())
    assert [(row.layer, row.integers, row.float32) for row in rows] == [
        ("fc", 180.0, 100.0),
        ("body", 101.0, 100.0),
    ]


def test_times_need_a_margin_that_counts_do_not() -> None:
    for unit, layers in ((UNIT, ["body", "fc"]), ("us", ["fc"])):
        own = costs(unit, body=102, fc=104)
        assert [row.layer for row in found(own, costs(unit), costs(unit))] == sorted(
            layers, reverse=True
        )
    short = {name: cost / 2500 for name, cost in PLAIN.items()}  # 0.04 us
    own = costs("us", **{name: 2 * cost for name, cost in short.items()})
    assert found(own, costs("us", **short), costs("us", **short)) == ()


def test_what_float_fuses_counts_for_the_layer_before_it() -> None:
    """A build may compute an activation by itself where another has it inside the convolution."""
    activation = next(str(n.name) for n in integers().ir.graph if n.op_type == "Relu")
    own, plain = costs(body=150), costs()
    apart = ByLayer(UNIT, (*plain.rows, (activation, "Relu", 60.0)))
    assert [row.layer for row in found(own, plain, plain)] == ["body"]
    assert found(own, apart, plain) == ()


def test_advice_is_what_was_measured() -> None:
    small = costs(body=40, point=40)
    body, fc = sorted(found(costs(body=150, fc=150), costs(), small), key=lambda row: row.layer)
    assert body.readers == ("point",) and (body.all_integers, body.all_in_recipe) == (250.0, 80.0)
    tune, step = body.steps(UNIT)
    assert tune == "export with --tune, which measures 1 more of its kernels"
    assert step.startswith(f'set "{body.tensor}" = "float32" in the table [tensors] of recipe.toml')
    assert "it and what reads it take 250 now and 80 in float" in step
    assert fc.readers == () and fc.kernels == 1  # 100 of 150 is not enough, as values are converted
    assert fc.steps(UNIT) == ["export with --tune, which measures 1 more of its kernels"]


def test_what_nothing_helps_is_one_line() -> None:
    rows = tuple(
        SlowLayer(f"n{i}", "Add", "t", 1500.0 + i, 1000.0, 0, (), 1500.0, 1400.0) for i in range(5)
    )
    (line,) = ByLayer(UNIT, PLAIN_ROWS, rows).advice
    assert line.startswith("Add n0 takes 1,500 instructions in integers and 1,000 in float32, Add")
    assert "n2" in line and "n3" not in line and "5 layers: 2,510 instructions more" in line


def test_float_networks_have_nothing_to_compare() -> None:
    assert integer_layers(network()) == set()
    moved = {n.name for n in integers().ir.graph if n.op_type in ("MaxPool", "Reshape")}
    assert integer_layers(integers()) == {"body", "point", "whole", "fc"} | moved
    model, given = network(), costs()
    assert with_slow_layers(given, model, describe(model, "host"), profile("host")) is given


def test_a_float_form_that_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def misfits(*_: object) -> list[str]:
        return ["does not fit a board: weights needs 9 bytes, 1 more than there are"]

    monkeypatch.setattr("edgekit.verbs.bench.float_layers.misfits", misfits)
    model = integers()
    seen = with_slow_layers(costs(), model, describe(model, "host"), profile("host"))
    (warning,) = seen.warnings
    assert "not compared with float32: its float form does not fit a board" in warning
    assert seen.to_dict()["uncompared"] in warning and seen.slow == ()


def test_the_report_lists_them_until_they_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = SlowLayer("a<b", "Conv", "t", 5.0, 3.0, 0, (), 5.0, 4.0)
    report = "<section id=advice hidden>\n<h2>What could be better</h2>\n<ul class=notes></ul>\n</section></body>"
    slow = Measurement("qemu", 1, None, 5, by_layer=ByLayer(UNIT, PLAIN_ROWS, (row,)))
    fast = Measurement("qemu", 1, None, 5, by_layer=ByLayer(UNIT, PLAIN_ROWS))
    shown = page.with_page(page.with_page(report, slow), slow)
    assert shown.startswith("<section id=advice>")
    assert shown.partition("</section>")[0].count("Conv a&lt;b takes 5 instructions") == 1
    assert page.with_page(shown, fast).startswith(report.removesuffix("</body>"))
    show(slow)
    assert "Conv a<b takes 5 instructions in integers and 3 in float32" in capsys.readouterr().out
    assert json.loads(json.dumps(slow.to_dict()))["by_layer"]["slower_than_float"][0]["layer"] == (
        "a<b"
    )


@pytest.mark.slow
@on_devices("cortex-m55")
def test_counts_of_the_float_form_are_those_of_a_float_build(target: str, tmp_path: Path) -> None:
    """What is compared are the build's own layers, and the float layers as the recipe float32 has them."""
    seen: list[list[ByLayer]] = []

    def measured(*given: object) -> list[ByLayer]:
        seen.append(measure(*given))  # type: ignore[arg-type]
        return seen[-1]

    measure = float_layers.measure_builds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(float_layers, "measure_builds", measured)
        path = tmp_path / "net.onnx"
        int8_model("tcn").save(path)
        api.export(str(path), target, tmp_path / "integers")
        facts = api.bench(tmp_path / "integers", hops=1, layers=True).to_dict()["by_layer"]
    own, float32, _ = seen[0]
    int_costs = {row["layer"]: row["cost"] for row in facts["layers"]}
    alike = {name: cost for name, _, cost in own.rows if name in int_costs and name}
    assert alike and all(abs(int_costs[name] - cost) <= 8 for name, cost in alike.items())
    float_model("tcn").save(path)
    api.export(str(path), target, tmp_path / "float")
    rows = api.bench(tmp_path / "float", hops=1, layers=True).to_dict()["by_layer"]
    alone = {row["layer"]: row["cost"] for row in rows["layers"]}
    convolutions = [name for name, operator, _ in float32.rows if operator == "Conv"]
    costs_of = {name: cost for name, _, cost in float32.rows}
    assert len(convolutions) > 2
    assert all(costs_of[n] == pytest.approx(alone[n], rel=0.01, abs=8) for n in convolutions)
    assert rows["slower_than_float"] == [] and rows["uncompared"] is None
