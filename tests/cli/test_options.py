"""One declaration of each option serves the command line and `edgekit.api`."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import tiny_networks
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.cli import export as export_verb
from edgekit.cli.options import with_options
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import ExportOptions, StreamOptions
from edgekit.verbs.export.request import read_request
from edgekit.verbs.export.texts import collect_frontends, parse_layout_option
from edgekit.verbs.targets import ROWS, TARGETS

GIVEN = {
    "recipe": ("w8a8", "w8a8"),
    "calibration": ("clips", "clips"),
    "min_snr_db": ("20.5", 20.5),
    "max_flash": ("400000", 400000),
    "max_ram": ("64000", 64000),
    "max_instructions": ("5000000", 5000000),
    "hop": ("4", 4),
    "sample_rate": ("16000", 16000),
    "states": ("a:b:c:d", (("a:b", "c:d"),)),
    "shapes": ("x=1x2", {"x": (1, 2)}),
    "constants": ("sr=16000", {"sr": 16000}),
    "session_constants": ("speaker", ("speaker",)),
    "time_axes": ("x:-1", {"x": -1}),
    "rates": ("f0=64", {"f0": "64"}),
    "controls": ("knob", ("knob",)),
    "noise": ("z=uniform", {"z": "uniform"}),
    "layouts": ("x=NCT", dict([parse_layout_option("x=NCT")])),
    "mid_side": ("x", ("x",)),
    "metric": ("package.module:function", "package.module:function"),
    "frontend": ("frame:8:8", "frame:8:8"),
    "decide": ("on=0.5", "on=0.5"),
    "device_rate": ("48000", 48000),
    "wrap": ("lv2", ("lv2",)),
    "knobs": ("gain=-60:0:-20", {"gain": "-60:0:-20"}),
    "settings": ("gain=-60:0", {"gain": "-60:0"}),
    "then": ("b.onnx", "b.onnx"),
    "sampler": ("s.toml", "s.toml"),
    "part": ("XC7Z020", "XC7Z020"),
    "goal": ("small", "small"),
    "datapath": ("hls", "hls"),
    "signature": ("encode", "encode"),
    "picture": ("range=0,1", "range=0,1"),
    "iterate": ("y:0.1:5", "y:0.1:5"),
    "until": ("16000", 16000),
    "weights": ("external", "external"),
    "packages": ("zephyr=1.2.0", {"zephyr": "1.2.0"}),
    "bindings": ("cpp", ("cpp",)),
    "board": ("board.toml", "board.toml"),
    "schedule": ("schedule.toml", "schedule.toml"),
    "workers": ("2", 2),
    "scheduler": ("tcp://host:8786", "tcp://host:8786"),
    "replace": ("mean=window:9", ("mean=window:9",)),
}


def test_every_option_is_a_flag_and_reaches_the_function_as_its_keyword(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: dict[str, Any] = {}

    def taking(*arguments: Any, **given: Any) -> None:
        taken.update(given)
        raise UsageError(())

    monkeypatch.setattr(export_verb.api, "export", taking)
    rows = option_specs(ExportOptions)
    switches = [name for name, row in rows.items() if row.type is bool]
    assert set(GIVEN) | set(switches) == set(rows)
    words = ["export", "net.onnx", "--target", "host", "-o", "out"]
    for name, (text, _) in GIVEN.items():
        words += [rows[name].flag_name, text]
    words += [rows[name].flag_name for name in switches]
    CliRunner().invoke(app, words)
    del taken["progress"]
    assert taken == {name: value for name, (_, value) in GIVEN.items()} | dict.fromkeys(
        switches, True
    )
    taken.clear()
    CliRunner().invoke(app, words[:6])
    assert taken.keys() == {"progress"}
    taken.clear()
    CliRunner().invoke(app, [*words[:6], "--min-snr", "0"])  # is no option left out
    assert taken.keys() == {"progress", "min_snr_db"} and taken["min_snr_db"] == 0


def test_a_front_end_is_one_for_all_streams_or_one_for_each() -> None:
    assert collect_frontends(["mel:64:32:hann:8"]) == "mel:64:32:hann:8"
    named = ["mic=mel:64:32:hann:8+gcc:8", "x=y=stft:64:32:hann"]
    assert collect_frontends(named) == {"mic": named[0][4:], "x=y": "stft:64:32:hann"}
    for texts in (["mel:64:32:hann:8"] * 2, ["a=frame:8:4", "a=frame:8:4"]):
        with pytest.raises(UsageError, match="NAME=SPEC for each"):
            collect_frontends(texts)


def test_stream_takes_what_export_takes_of_an_import() -> None:
    shared = option_specs(StreamOptions)
    assert shared.items() <= option_specs(ExportOptions).items()
    for name in shared:
        assert shared[name].flag_name in CliRunner().invoke(app, ["stream", "--help-all"]).output


def test_a_verb_keeps_the_order_of_its_own_arguments() -> None:
    @with_options(StreamOptions)
    def verb(first: str, second: str, options: StreamOptions, as_json: bool = False) -> None:
        """Do."""

    names = list(inspect.signature(verb).parameters)
    assert names[:2] == ["first", "second"] and names[-1] == "as_json" and "options" not in names


def test_a_misspelt_keyword_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no option recipy; recipe is nearest; there are "):
        api.export("net.onnx", "host", tmp_path / "out", recipy="w8a8")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option recipe"):
        api.stream("net.onnx", tmp_path / "out.onnx", recipe="w8a8")  # type: ignore[call-arg]


@pytest.mark.rows(8)
@pytest.mark.parametrize("target", TARGETS)
def test_an_option_of_another_target_is_refused_by_name(target: str, tmp_path: Path) -> None:
    source = str(tiny_networks.recurrent(tmp_path / "net.onnx"))
    flags = {name: row.flag_name for name, row in option_specs(ExportOptions).items()}
    for row in ROWS:
        for name in row.options:
            kind = option_specs(ExportOptions)[name].type
            given: Any = {
                name: True if kind is bool else {"x": "0:1:0"} if name == "knobs" else "x"
            }
            with pytest.raises(UsageError) as error:
                read_request(source, target, tmp_path / "out", given | {"goal": "y"})
            said = [p for p in error.value.problems if p.where.startswith(flags[name])]
            own = name in TARGETS[target].options
            if name == "goal" or not own:
                (problem,) = said
                assert (f"for target '{target}'" in problem.found) is (not own)
                others = " or ".join(other.name for other in ROWS if name in other.options)
                assert own or problem.allowed == f"--target {others}"


def test_a_request_holds_values(tmp_path: Path) -> None:
    source = str(tiny_networks.spectral_gain(tmp_path / "net.onnx"))
    given = ExportOptions(frontend=tiny_networks.FRONTEND, sample_rate=16000)
    for name, row in TARGETS.items():
        if row.default_recipe == "float32":
            request = read_request(source, name, tmp_path / "out", given)
            assert request.target is row and request.quantization.recipe.name == "float32"
            assert str(request.imports.frontend) == tiny_networks.FRONTEND
