"""What tests send to workers: a module that is imported there in no time."""

import os
import signal
from typing import Any

import numpy as np

from edgekit.base.errors import Problem, UsageError


def scaled(scale: float, item: int) -> tuple[float, int]:
    rows = np.random.default_rng(item).standard_normal(1000)
    return float(np.sum(rows**3) * scale), os.getpid()


def refused(_shared: Any, item: int) -> None:
    raise UsageError(Problem(f"item {item}", "two", "one", "three"))


def ends(_shared: Any, _item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
