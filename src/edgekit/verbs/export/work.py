"""Values that the stages of an export pass to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.settings import NO_SETTINGS, InputSettings

if TYPE_CHECKING:
    from edgekit.base.arrays import Float32
    from edgekit.graph.model import Model
    from edgekit.judge.held_out_report import HeldOutReport
    from edgekit.judge.metric import Metric
    from edgekit.judge.waits import WaitCriterion
    from edgekit.quantize.calibrate.clips import Calibration
    from edgekit.quantize.recipe import Recipe
    from edgekit.runtime.devices.board import Board
    from edgekit.targets.build import Build

Examples = Mapping[str, "Float32"]  # a factory's inputs by name, (hops, *shape)


@dataclass(frozen=True)
class QuantizedNetwork:
    """The model to lower, the float form it is compared with, and its calibration.

    `recipe` is None where another tool quantized it. `alone_db`: for a searched recipe, the SNR with one tensor alone
    in its narrowest type, by name. `others`: the other networks of its sampler, by role. `judged`: the quality of the
    recipe on clips left out of its calibration. `measured`: measurements for the
    choices that the recipe leaves open, as in the manifest, see `edgekit.judge.preparation_choice`. `is_uncalibrated`:
    whether only example inputs gave its integers their ranges. `failed`: why the build is written although it is not
    good enough; empty if it is. `waits`: the criterion by which the recipe was chosen, which verifies the build, too.
    """

    model: "Model"
    reference: "Model"
    calibration: "Calibration | None"
    recipe: "Recipe | None"
    notes: tuple[str, ...]
    alone_db: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, "QuantizedNetwork"] = field(default_factory=dict)
    judged: "HeldOutReport | None" = None
    measured: Mapping[str, str] = field(default_factory=dict)
    is_uncalibrated: bool = False
    failed: str = ""
    waits: "WaitCriterion | None" = None


@dataclass(frozen=True)
class Companions:
    """The companions of a build's C.

    Attributes:
        board: the user's own; None for that of QEMU's emulation.
        packages: ecosystems that it is laid out for, and the versions of these packages.
        bindings: languages that it gets bindings for.
    """

    board: "Board | None" = None
    packages: Mapping[str, str] = field(default_factory=dict)
    bindings: tuple[str, ...] = ()


NO_COMPANIONS = Companions()


@dataclass(frozen=True)
class WrittenBuild:
    """A build in a folder that is not verified yet.

    Attributes:
        folder: of its files.
        build: the same as a value.
        quantized: its source.
        examples: of the source; None where it has none.
        min_snr_db: least SNR; None for that of the recipe.
        metric: the user's, which then has the unit of `min_snr_db`.
        companions: its board, packages and bindings.
        settings: values of inputs besides noise, where there is no calibration.
    """

    folder: Path
    build: "Build"
    quantized: QuantizedNetwork
    examples: Examples | None
    min_snr_db: float | None
    metric: "Metric | None" = None
    companions: Companions = NO_COMPANIONS
    settings: InputSettings = NO_SETTINGS
