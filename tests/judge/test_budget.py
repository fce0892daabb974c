"""What a build may take of its device bounds what ``--recipe auto`` chooses."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builds import float_model, noise
from c_kernels import needs_cc
from devices import missing

from edgekit import api
from edgekit.base.errors import UsageError, VerificationError
from edgekit.judge.budget import device_costs, instructions, nothing_fits
from edgekit.judge.candidates import chosen
from edgekit.judge.limits import Limits
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.c.lower import lower_c
from edgekit.verbs.auto import preparation_screen
from edgekit.verbs.auto import search as auto

CALIBRATION = f"{__name__}:clips"
DEVICE = "cortex-m4"


def clips() -> Iterator[dict[str, np.ndarray]]:
    """Three clips for the network of the zoo."""
    for seed in range(3):
        yield noise(float_model("gru_mask"), 40, seed=seed)


@pytest.mark.slow
@needs_cc
def test_a_search_takes_what_fits_or_names_the_nearest_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")

    def found(**most: int) -> Any:
        bounds = Limits("host", most)
        return auto.find(model, calibration, 20, api.silent, tmp_path, limits=bounds)

    free = found(flash=10**6, ram=10**6)
    assert free.snr_db >= 20
    assert free.taken == device_costs(free.quantized, Limits("host", {"flash": 1, "ram": 1}))
    assert found(**free.taken).recipe == free.recipe
    with pytest.raises(VerificationError) as refused:
        found(ram=free.taken["ram"] - 1)
    assert f"{free.taken['ram']:,} bytes of RAM (--max-ram" in str(refused.value)
    assert "next: raise --max-ram" in str(refused.value)


def test_what_does_not_fit_is_never_chosen() -> None:
    draw, limits = np.random.default_rng(0), Limits("host", {"flash": 10, "ram": 5})
    for _ in range(500):
        pool: list[Any] = [
            SimpleNamespace(
                recipe=SimpleNamespace(name=f"r{i}"),
                cost=int(draw.integers(9)),
                snr_db=float(draw.integers(15, 40)),
                is_faithful=True,
                taken={"flash": int(draw.integers(20)), "ram": int(draw.integers(10))},
            )
            for i in range(draw.integers(1, 5))
        ]
        best = chosen(limits.within(pool), 30, 20)
        good = [auto for auto in pool if auto.snr_db >= 20]
        if best is not None:
            assert best.taken["flash"] <= 10 and best.taken["ram"] <= 5
        elif good:
            assert not any(limits.fits(auto.taken) for auto in good)
            near = min(good, key=lambda a: max(a.taken["flash"] / 10, a.taken["ram"] / 5))
            assert f"like {near.recipe.name}, reaches" in str(nothing_fits(pool, limits, 20))


@pytest.mark.slow
@pytest.mark.skipif(missing(DEVICE) is not None, reason=missing(DEVICE) or "")
def test_a_hop_with_wider_types_takes_more_instructions() -> None:
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")
    narrow, wide = (
        instructions(lower_c(quantize(model, calibration, name), DEVICE), DEVICE)
        for name in ("w8a8", "w8a16")
    )
    assert 1000 < narrow < wide


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("host", {"max_ram": 1, "recipe": "w8a8"}, "--recipe auto"),
        ("host", {"max_ram": 0, "recipe": "auto"}, "1 or more"),
        ("litert", {"max_flash": 1, "recipe": "auto"}, "a target of C sources"),
        ("host", {"max_instructions": 1, "recipe": "auto"}, "cortex-m55"),
        ("host", {"max_ram": 1, "recipe": "auto", "calibration": None}, "--calibration"),
    ],
)
def test_bounds_that_bind_nothing_are_refused(
    tmp_path: Path, target: str, options: dict[str, Any], said: str
) -> None:
    given = {"calibration": CALIBRATION, **options}
    with pytest.raises(UsageError, match=said):
        api.export("zoo:gru_mask", target, tmp_path / "x", **given)
