"""An engine in SystemVerilog."""

from edgekit.base.errors import Problem
from edgekit.fpga import engine
from edgekit.fpga.resources import PARTS
from edgekit.fpga.spec import Datapath, Goal
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe
from edgekit.targets.build import Build


def check(
    model: Model, cpu_fallback: bool = False, picture: str | None = None, **_: str
) -> list[Problem]:
    """Return all problems of a model against the engine."""
    return engine.check(model, cpu_fallback, picture)


def lower(
    model: Model,
    target: str,
    *,
    calibration: Calibration,
    recipe: Recipe,
    part: str | None = None,
    goal: Goal | None = None,
    datapath: Datapath | None = None,
    cpu_fallback: bool = False,
    picture: str | None = None,
) -> Build:
    """Make integers and search for an engine; return its build."""
    made = engine.make_engine(
        model,
        calibration,
        recipe.name,
        PARTS[part or engine.DEFAULT_PART],
        goal or engine.DEFAULT_GOAL,
        cpu_fallback,
        datapath or engine.DEFAULT_DATAPATH,
    )
    return engine.make_build(made, model, calibration, recipe.name, picture)
