"""Keywords of Python's verbs: unknown ones are refused with the nearest, before anything is done."""

import inspect
from typing import Any

import pytest

import edgekit
from edgekit import api
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import DeployOptions, ExportOptions
from edgekit.verbs.keywords import known_keywords


@pytest.mark.parametrize(
    ("keyword", "nearest"),
    [
        ("recipy", "recipe"),
        ("targt", "target"),
        ("calibratoin", "calibration"),
        ("time_axis", "time_axes"),
        ("min_snr", "min_snr_db"),
        ("set", "settings"),
        ("constant", "constants, session_constants"),
    ],
)
def test_a_misspelt_keyword_of_deploy_gets_the_nearest(keyword: str, nearest: str) -> None:
    with pytest.raises(TypeError, match=f"no option {keyword}; {nearest} is nearest; there are"):
        edgekit.deploy(None, **{keyword: 1})  # type: ignore[arg-type]


VERBS = "export stream quantize finetune prune run live sample invert bench fleet compare inspect"


@pytest.mark.parametrize("name", VERBS.split())
def test_every_verb_knows_its_keywords(name: str) -> None:
    verb = getattr(api, name)
    known = known_keywords(inspect.unwrap(verb))
    last = list(known)[-1]
    with pytest.raises(TypeError, match=f"no option {last}z; {last} is nearest"):
        verb(**{f"{last}z": 1})
    with pytest.raises(TypeError, match="no option qqqq; there are "):
        verb(qqqq=1)


def test_deploy_takes_the_options_of_an_export_and_a_bench_those_of_the_verb() -> None:
    rows, export = option_specs(DeployOptions), option_specs(ExportOptions)
    assert {**rows, "calibration": export["calibration"]} == export
    own = set(inspect.signature(edgekit.deploy).parameters) - {"options"}
    assert own & rows.keys() == set() and "calibration" in own

    def keywords(function: Any) -> dict[str, Any]:
        every = inspect.signature(function).parameters.values()
        return {p.name: (p.default, p.annotation) for p in every if p.kind is p.KEYWORD_ONLY}

    assert keywords(edgekit.Build.bench) == keywords(api.bench)
