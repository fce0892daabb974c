"""Widen tensors of a mix of types until the level of sound after waits is that of the float network.

The search for types counts noise of sound from fresh states. Drift has another cause: constant errors that slow states
add up over minutes. So types are widened from the states backwards, as far as it takes, first only where they are
stored: products still read int8.
"""

from collections.abc import Mapping, Sequence

from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.judge.waits import MOST_DRIFT_DB, Second, WaitCriterion, WaitReport
from edgekit.quantize.search.space import Group, Space
from edgekit.targets.trials import Trials

Options = Mapping[int, int]  # of an option by the number of its group
MOST_NARROWED = (
    16  # wider groups that are tried in narrower types, each a run over minutes of sound or two
)
AIM_DB = (
    0.8 * MOST_DRIFT_DB
)  # integers drift a little more than the float form in which types are tried


def widen_against_drift(
    space: Space, chosen: Options, prepared: Model, waits: WaitCriterion
) -> dict[int, int] | None:
    """Return the options with the fewest wider groups whose sound does not drift; None where no options do.

    Args:
        space: the groups and their options.
        chosen: the options that drift.
        prepared: the float network that has the groups' tensors.
        waits: the sound after waits.
    """
    measure = _DriftMeter(space, waits)
    order = _groups_from_states(space, prepared)
    measure.select_worst_wait(chosen)
    for read in ("int8", "int16"):
        wider = [(i, at) for i in order if (at := _wider(space.groups[i], chosen[i], read))]
        if wider and measure.is_steady({**chosen, **dict(wider)}):
            return _narrow(measure, space, chosen, _fewest(measure, chosen, wider))
    return None


class _DriftMeter:
    """The selectable network in C on the sound after waits, of which the worst one counts."""

    def __init__(self, space: Space, waits: WaitCriterion) -> None:
        self._space, self._waits = space, waits
        self._trials = Trials(space.model, waits.clips, quick=True)
        self._numbers = tuple(range(len(waits.clips)))

    def select_worst_wait(self, chosen: Options) -> None:
        """Judge by the wait after which these options drift most."""
        rows = self._seconds(chosen)
        _, worst = WaitReport(tuple(second for row in rows for second in row)).worst
        names = [row[0].wait for row in rows]
        self._numbers = tuple(dict.fromkeys((0, names.index(worst))))

    def is_steady(self, chosen: Options) -> bool:
        """Whether the level changes by `AIM_DB` at most."""
        rows = self._seconds(chosen)
        return WaitReport(tuple(second for row in rows for second in row)).worst[0] <= AIM_DB

    def _seconds(self, chosen: Options) -> Sequence[Sequence[Second]]:
        tables = [self._space.table(chosen)]
        (found,) = self._trials.run(self._waits.seconds, tables, self._numbers)
        return found


def _fewest(
    measure: _DriftMeter, chosen: Options, wider: Sequence[tuple[int, int]]
) -> dict[int, int]:
    """Return the shortest prefix of the wider options that stops the drift, which all of them stop."""
    low, high = 1, len(wider)
    while low < high:
        middle = (low + high) // 2
        steady = measure.is_steady({**chosen, **dict(wider[:middle])})
        low, high = (low, middle) if steady else (middle + 1, high)
    return dict(wider[:high])


def _narrow(
    measure: _DriftMeter, space: Space, chosen: Options, wider: dict[int, int]
) -> dict[int, int]:
    """Return the options, each as narrow as the level allows, the dearest narrowed first."""

    def extra_cost(number: int) -> float:
        options = space.groups[number].options
        return options[wider[number]].cost - options[chosen[number]].cost

    needed = {**chosen, **wider}
    for number in sorted(wider, key=extra_cost, reverse=True)[:MOST_NARROWED]:
        for option in range(chosen[number], wider[number]):
            if measure.is_steady({**needed, number: option}):
                needed[number] = option
                break
    return needed


def _groups_from_states(space: Space, model: Model) -> list[int]:
    """Return the numbers of the groups, those whose tensors are nearest to a state's next value first."""
    distances = {str(after.name): 0 for _, after in state_values(model)}
    distances |= {str(before.name): 0 for before, _ in state_values(model)}
    for node in reversed(list(model.ir.graph)):
        known = [distances[str(v.name)] for v in node.outputs if str(v.name) in distances]
        for value in node.inputs if known else ():
            if value is not None:
                nearest = min(known) + 1
                distances[str(value.name)] = min(distances.get(str(value.name), nearest), nearest)
    far = len(distances)

    def distance(number: int) -> int:
        return min(distances.get(name, far) for name in space.groups[number].tensors)

    return sorted(range(len(space.groups)), key=distance)


def _wider(group: Group, chosen: int, read: str) -> int:
    """Return the option that stores a group in int16 and reads it so; 0 where the chosen one is as wide."""
    forms = [(option.stored, option.read) for option in group.options]
    wide = ("int16", read)
    return forms.index(wide) if wide in forms and forms.index(wide) > chosen else 0
