"""``edgekit invert`` takes conditions and says which arrays it wrote."""

import json
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.cli import app


def test_the_arrays_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}

    def invert(*_: Any, **options: Any) -> dict[str, np.ndarray]:
        taken.update(options)
        return {"start": np.zeros((2, 3)), "noise": np.zeros((2, 5, 3))}

    monkeypatch.setattr(api, "invert", invert)
    words = ["invert", "build", "x.npz", "-o", "out.npz", "--condition", "label=1,2", "--json"]
    facts = json.loads(CliRunner().invoke(app, words).stdout)
    assert facts["arrays"] == {"start": [2, 3], "noise": [2, 5, 3]} and facts["seed"] == 0
    assert taken["conditions"] == {"label": [1, 2]}
