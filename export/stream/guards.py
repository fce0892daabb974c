"""Finds the lengths on which a torch module depends: the conditions that torch notes while it follows forward."""

import copy
import linecache
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.base.user_code import is_users
from edgekit.export.torch_calls import leaves

if TYPE_CHECKING:
    import sympy
    import torch
    from torch._guards import ShapeGuard
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv
    from torch.overrides import TorchFunctionMode

# functions that compare a tensor, as of positions, with a number
COMPARISONS = {
    *("lt", "le", "gt", "ge", "eq", "ne", "less", "less_equal", "greater", "greater_equal"),
    *("clamp", "clip", "minimum", "maximum", "remainder", "mod", "fmod", "floordiv", "where"),
}
# functions of torch that ask for a length to choose among kernels with the same result, and that cut by it
KERNELS = frozenset(("conv", "is_contiguous", "are_strides_like_channels_last_or_false"))
CUTTING = frozenset(("_compute_slice_index", "split", "split_with_sizes"))
MACHINERY = frozenset(("experimental", "recording.py", "guards.py"))  # that evaluates conditions
SMALLEST_NUMBER, LARGEST_NUMBER = 8, 2**20
NEAR = 256  # steps after a length at which each one is tried
LONGEST = 2**30  # samples


@dataclass(frozen=True)
class LengthGuard:
    """A condition that holds at one length and decides the course of forward.

    Attributes:
        holds: whether it holds at a length, in samples.
        place: the user's line that leads to it, as messages name it; "" if it is in a library.
        direct: that line itself compares or cuts, not a torch function with other reasons.
        numbers: whole numbers in the condition; lengths near them are tested.
    """

    holds: Callable[[int], bool]
    place: str
    direct: bool
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class LengthNumber:
    """A number that a network compares with positions, or that cuts them: about that length, in samples."""

    samples: int
    place: str


@dataclass(frozen=True)
class Guards:
    """Conditions that were read at one length.

    Attributes:
        conditions: at every length at which all of them hold, forward calls the same operators.
        numbers: numbers that forward compares tensors with.
        complete: torch followed forward to its end, and never took the length for a plain number.
    """

    conditions: Sequence[LengthGuard]
    numbers: Sequence[LengthNumber]
    complete: bool

    def same(self, samples: int) -> bool:
        """Whether forward calls the same operators at another length."""
        return self.complete and all(condition.holds(samples) for condition in self.conditions)


def read_guards(
    module: "torch.nn.Module",
    inputs: Mapping[str, "torch.Tensor"],
    axes: Mapping[str, int],
    samples: int,
    frames: Callable[[str, int], int],
) -> Guards:
    """Let torch follow forward with tensors without content whose time axes are open.

    Args:
        module: in eval mode; it is not changed.
        inputs: of one call, with `samples` samples.
        axes: input name -> its time axis.
        samples: the length at which the conditions hold.
        frames: returns the frames of an input at a number of samples.
    """
    import torch
    from torch._dispatch.python import enable_python_dispatcher
    from torch._subclasses.fake_tensor import FakeTensorMode

    askers: list[_Asker] = []
    environment = _environment(askers)
    fake = FakeTensorMode(shape_env=environment, allow_non_fake_inputs=True)
    fakes = {name: _open_tensor(fake, name, one, axes.get(name)) for name, one in inputs.items()}
    sizes: dict[str, int | torch.SymInt] = {
        name: fakes[name].shape[axis] for name, axis in axes.items()
    }
    symbols = {
        size.node.expr: name for name, size in sizes.items() if isinstance(size, torch.SymInt)
    }
    numbers: list[LengthNumber] = []
    try:
        shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
        copied = copy.deepcopy(module, shared)  # forward may keep tensors without content
        with torch.no_grad(), enable_python_dispatcher(), fake, _comparison_mode(samples, numbers):
            copied(**fakes)
        complete = bool(symbols) and all(map(_is_still_open, sizes.values()))
    except Exception:  # code of unknown origin, which such tensors do not suit
        complete = False
    conditions = _conditions(environment.guards, askers, symbols, frames)
    return Guards(list(conditions), numbers, complete)


def _environment(askers: "list[_Asker]") -> "ShapeEnv":
    """Return torch's evaluator of conditions; code places that ask for a guard are added to `askers`."""
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    class Environment(ShapeEnv):
        def evaluate_expr(self, *arguments: Any, **more: Any) -> Any:
            result = super().evaluate_expr(*arguments, **more)
            if len(self.guards) > len(askers):
                askers.extend([_asker()] * (len(self.guards) - len(askers)))
            return result

    return Environment()


def _is_still_open(size: "int | torch.SymInt") -> bool:
    """Whether nothing took a size along time for a plain number."""
    import torch

    return isinstance(size, torch.SymInt) and size.node.maybe_as_int() is None


def _open_tensor(
    fake: "FakeTensorMode", name: str, tensor: "torch.Tensor", axis: int | None
) -> "torch.Tensor":
    """Return the tensor without its content, with an open size along an axis."""
    from torch._dynamo.source import LocalSource
    from torch.fx.experimental.symbolic_shapes import DimDynamic, StatelessSymbolicContext

    kinds = [DimDynamic.DYNAMIC if n == axis else DimDynamic.STATIC for n in range(tensor.ndim)]
    context: Any = StatelessSymbolicContext(dynamic_sizes=kinds)
    return fake.from_tensor(tensor, source=LocalSource(name), symbolic_context=context)


def _conditions(
    guards: "Sequence[ShapeGuard]",
    askers: "Sequence[_Asker]",
    symbols: "Mapping[sympy.Basic, str]",
    frames: Callable[[str, int], int],
) -> Iterator[LengthGuard]:
    """Return every condition on the lengths of inputs alone, once."""
    import sympy
    import torch
    from torch.utils._sympy.printers import PythonPrinter

    names_in_text = {"math": math, "torch": torch}
    seen = set()
    for guard, by in zip(guards, askers, strict=False):
        free = sorted(guard.expr.free_symbols, key=str)
        if by.kernel or guard.expr in seen or not free or not set(free) <= set(symbols):
            continue
        seen.add(guard.expr)
        compiled = sympy.lambdify(
            free, guard.expr, modules=[names_in_text], printer=PythonPrinter()
        )
        names = [symbols[symbol] for symbol in free]
        numbers = frozenset(abs(int(n)) for n in guard.expr.atoms(sympy.Integer))

        def holds(samples: int, compiled: Any = compiled, names: Sequence[str] = names) -> bool:
            try:
                return bool(compiled(*(frames(name, samples) for name in names)))
            except (ArithmeticError, ValueError):  # sizes that forward does not get to
                return False

        yield LengthGuard(holds, by.place, by.direct, numbers)


class _Asker(NamedTuple):
    """Source of a condition: the place is that of `LengthGuard`."""

    place: str
    direct: bool
    kernel: bool  # torch, to choose among kernels that give the same


def _asker() -> _Asker:
    inside, torchs = set[str](), set[str]()
    for frame in _frames():
        path, name = PurePath(frame.f_code.co_filename), frame.f_code.co_name
        if is_users(path):
            text = linecache.getline(str(path), frame.f_lineno).strip(" \n:")
            place = f"{path.name} line {frame.f_lineno}: {text}"
            direct = not inside or bool(CUTTING & torchs)
            return _Asker(place, direct, bool(KERNELS & torchs))
        if not MACHINERY.intersection(path.parts) and not name.startswith("__"):
            inside.add(name)
            torchs |= {name} if "torch" in path.parts else set()
    return _Asker("", False, bool(KERNELS & torchs))


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _comparison_mode(samples: int, numbers: list[LengthNumber]) -> "TorchFunctionMode":
    """Return a mode of torch that adds numbers compared with tensors along an open axis to `numbers`."""
    from torch.overrides import TorchFunctionMode

    class ComparisonMode(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., object],
            types: object,
            args: tuple[object, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            if getattr(function, "__name__", "").strip("_") in COMPARISONS:
                operands = (*args, *(kwargs or {}).values())
                numbers.extend(_compared_lengths(operands, samples))
            return function(*args, **(kwargs or {}))

    return ComparisonMode()


def _compared_lengths(operands: Sequence[object], samples: int) -> Iterator[LengthNumber]:
    """Return the numbers among operands, as lengths, if one of the tensors has an open axis."""
    import torch

    opened = [
        size.node.hint
        for tensor in leaves(list(operands))
        for size in tensor.shape
        if isinstance(size, torch.SymInt)
    ]
    for number in operands if opened else ():
        if not (type(number) is int or type(number) is float) or not math.isfinite(number):
            continue
        if SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER:
            at = math.ceil(abs(number) * samples / max(max(opened), 1))
            yield LengthNumber(at, _asker().place)


def changes(guard: LengthGuard, samples: int, step: int) -> tuple[int | None, int | None]:
    """Return the nearest lengths below and above `samples`, in steps, at which a guard that holds there does not.

    They are exact for conditions that change once, or return within `NEAR` steps.
    """
    return _change(guard, samples, -step, 0), _change(guard, samples, step, LONGEST)


def _change(guard: LengthGuard, samples: int, step: int, end: int) -> int | None:
    size = abs(step)
    last = samples // size
    for place in _steps_to_try(guard, samples, step):
        if (place - last) * step <= 0 or (place * size - end) * step > 0 or place < 1:
            continue
        if not guard.holds(place * size):
            return _first_failing_step(guard, last, place, size) * size
        last = place
    return None


def _steps_to_try(guard: LengthGuard, samples: int, step: int) -> list[int]:
    """Multiples of a step from `samples` on: each near one, far ones by powers of 2, and those at numbers."""
    size, side = abs(step), 1 if step > 0 else -1
    start = samples // size
    near = {start + side * n for n in range(1, NEAR)}
    far = {start + side * 2**n for n in range(31)}
    at_numbers = {
        n * k // m + d for n in guard.numbers for k in (1, 2) for m in (1, size) for d in (-1, 0, 1)
    }
    return sorted(near | far | at_numbers, reverse=step < 0)


def _first_failing_step(guard: LengthGuard, holding: int, failing: int, size: int) -> int:
    """Return the first failing step between one that holds and one that fails."""
    while abs(failing - holding) > 1:
        middle = (holding + failing) // 2
        if guard.holds(middle * size):
            holding = middle
        else:
            failing = middle
    return failing
