"""Controls: inputs that hold one value for a hop and change while the stream runs, as a knob."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.settings import Setting, Settings, Steps, steps_in_hops
from edgekit.runtime.build_folder.manifest import Manifest, Tensor


class Controls:
    """The values of a build's controls, hop after hop."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        """Start without values."""
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._values: dict[str, Array] = {}  # (hops, *shape); the last one holds
        self._hop = dict.fromkeys(self._tensors, 0)

    def names(self) -> frozenset[str]:
        """The names of all controls."""
        return frozenset(self._tensors)

    def turn(self, values: Mapping[str, ArrayLike]) -> None:
        """Set values that hold from the next hop on, or (hops, *shape) of which each hop takes the next.

        Raises:
            UsageError: unknown names, or values of another shape.
        """
        problems, turned = [], {}
        listed = ", ".join(f"{t.name} {list(t.shape)}" for t in self._tensors.values()) or "none"
        for name, value in values.items():
            if name not in self._tensors:
                step = _step_of_unknown(self._tensors)
                problems.append(Problem(f"control '{name}'", "unknown", listed, step))
                continue
            found = _values_of(self._tensors[name], value)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                turned[name] = found
        if problems:
            raise UsageError(problems)
        self._values |= turned
        self._hop |= dict.fromkeys(turned, 0)

    def restart(self) -> None:
        """Begin anew with the first value of each."""
        self._hop = dict.fromkeys(self._tensors, 0)

    def next(self) -> dict[str, Array]:
        """Return the values of the next hop.

        Raises:
            UsageError: a control was never set.
        """
        if missing := [t for name, t in self._tensors.items() if name not in self._values]:
            raise UsageError(map(unset_control, missing))
        found = {}
        for name, values in self._values.items():
            found[name] = values[min(self._hop[name], len(values) - 1)]
            self._hop[name] += 1
        return found


def _step_of_unknown(tensors: Mapping[str, Tensor]) -> str:
    return "name one of these" if tensors else "leave it out, or export with --control"


def _values_of(tensor: Tensor, value: ArrayLike) -> Array | Problem:
    """Return values of a control, (hops, *shape), from one number, one value or a value for each hop."""
    array = np.asarray(value)
    if array.ndim == 0:
        array = np.full(tensor.shape, array)
    if array.shape == tensor.shape:
        array = array[None]
    if array.shape[1:] == tensor.shape and len(array) and array.dtype.kind in "fiub":
        return np.ascontiguousarray(array, tensor.dtype)
    found = f"{array.dtype} {list(np.shape(value))}"
    allowed = f"a number, {list(tensor.shape)} or {['hops', *tensor.shape]}".replace("'", "")
    step = "give one value, or one for each hop"
    return Problem(f"control '{tensor.name}'", found, allowed, step)


def unset_control(tensor: Tensor) -> Problem:
    """Return the problem of a control without a value."""
    allowed = f"a value of {list(tensor.shape)}"
    step = f"give --set {tensor.name}=VALUE, call turn, or give it with the inputs"
    return Problem(f"control '{tensor.name}'", "not set", allowed, step)


def check_settings(settings: Settings, manifest: Manifest) -> None:
    """Refuse settings that a build does not take, before it is compiled: see `in_hops`.

    Raises:
        UsageError: all problems with the settings.
    """
    tensors = {tensor.name: tensor for tensor in (*manifest.controls, *manifest.constants)}
    listed = ", ".join(f"{t.name} {list(t.shape)}" for t in tensors.values()) or "none"
    problems = list[Problem]()
    for name, setting in settings.items():
        if name in tensors:
            problems += _setting_problems(setting, tensors[name], manifest)
        else:
            step = _step_of_unknown(tensors)
            problems.append(Problem(f"control '{name}'", "unknown", listed, step))
    if problems:
        raise UsageError(problems)


def _setting_problems(setting: Setting, tensor: Tensor, manifest: Manifest) -> Iterable[Problem]:
    """Return the reasons why an input does not take its setting."""
    where = f"--set {tensor.name}"
    if not isinstance(setting, Steps):
        allowed = "a value, or values by time: a range is for calibration"
        step = f"write {where}={setting.bounds[0][0]:g}"
        return [Problem(where, f"range {setting}", allowed, step)]
    if tensor.role == "constant" and len(setting.values) > 1:
        allowed = "one value: it stays the same for a session"
        return [Problem(where, "times", allowed, "leave out the times")]
    try:
        _steps(setting, tensor, manifest)
    except UsageError as error:
        return error.problems
    return ()


def in_hops(settings: Settings, manifest: Manifest) -> dict[str, Array]:
    """Return values for `Controls.turn`: a value holds from the hop in which its time lies.

    Raises:
        UsageError: all problems with the settings, see `check_settings`.
    """
    check_settings(settings, manifest)
    return {
        tensor.name: _steps(setting, tensor, manifest)
        for tensor in manifest.controls
        if isinstance(setting := settings.get(tensor.name), Steps)
    }


def session_values(settings: Settings, manifest: Manifest) -> dict[str, Array]:
    """Return the session constants that are set, (*shape) in their types."""
    return {
        tensor.name: np.ascontiguousarray(_steps(setting, tensor, manifest)[0], tensor.dtype)
        for tensor in manifest.constants
        if isinstance(setting := settings.get(tensor.name), Steps)
    }


def _steps(setting: Steps, tensor: Tensor, manifest: Manifest) -> Array:
    stream = manifest.stream
    hop, rate = stream["hop_samples"], stream["sample_rate_hz"]
    return steps_in_hops(tensor.name, setting, tensor.shape, hop, rate)
