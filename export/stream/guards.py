"""On which lengths of its inputs a torch module depends: the conditions that torch notes while it follows forward."""

import copy
import linecache
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from edgekit.export.onnx_file.messages import is_users
from edgekit.export.torch_source import leaves

if TYPE_CHECKING:
    import torch

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
NEAR = 256  # steps behind a length at which each one is tried
LONGEST = 2**30  # samples


@dataclass(frozen=True)
class LengthGuard:
    """A condition that holds at one length and decides what forward does.

    Attributes:
        holds: whether it holds at a length, in samples.
        place: the user's line that leads to it, as messages name it; "" where a library does.
        direct: that line itself asks, or cuts: no function of torch that has other reasons.
        numbers: whole numbers in the condition: lengths near them are worth a look.
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
    """What was read at one length.

    Attributes:
        conditions: at every length at which all of them hold, forward calls the same operators.
        numbers: what it compares tensors with.
        complete: torch followed forward to its end, and at no place took the length for a plain number.
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
        module: in eval mode; it stays as it is.
        inputs: of one call, with `samples` samples.
        axes: input name -> its time axis.
        samples: the length at which conditions are noted that hold there.
        frames: of an input at a number of samples.
    """
    import torch
    from torch._dispatch.python import enable_python_dispatcher
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    asked: list[_Asked] = []

    class Environment(ShapeEnv):
        def evaluate_expr(self, *arguments: Any, **more: Any) -> Any:
            result = super().evaluate_expr(*arguments, **more)
            if len(self.guards) > len(asked):
                asked.extend([_asked()] * (len(self.guards) - len(asked)))
            return result

    environment = Environment()
    fake = FakeTensorMode(shape_env=environment, allow_non_fake_inputs=True)
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    fakes = {name: _opened(fake, name, one, axes.get(name)) for name, one in inputs.items()}
    sizes = {name: fakes[name].shape[axis] for name, axis in axes.items()}
    symbols = {
        size.node.expr: name for name, size in sizes.items() if isinstance(size, torch.SymInt)
    }
    comparing = _comparing(samples)
    complete = bool(symbols)
    try:
        copied = copy.deepcopy(module, shared)  # forward may keep tensors without content
        with torch.no_grad(), enable_python_dispatcher(), fake, comparing:
            copied(**fakes)
    except Exception:  # code of unknown origin, which such tensors do not suit
        complete = False
    for size in sizes.values():
        complete = complete and isinstance(size, torch.SymInt) and size.node.maybe_as_int() is None
    conditions = _conditions(environment.guards, asked, symbols, frames)
    return Guards(list(conditions), comparing.numbers, complete)


def _opened(fake: Any, name: str, tensor: "torch.Tensor", axis: int | None) -> Any:
    """The tensor without its content, with an open size along an axis."""
    from torch._dynamo.source import LocalSource
    from torch.fx.experimental.symbolic_shapes import DimDynamic, StatelessSymbolicContext

    kinds = [DimDynamic.DYNAMIC if n == axis else DimDynamic.STATIC for n in range(tensor.ndim)]
    context: Any = StatelessSymbolicContext(dynamic_sizes=kinds)
    return fake.from_tensor(tensor, source=LocalSource(name), symbolic_context=context)


def _conditions(
    guards: Sequence[Any],
    asked: "Sequence[_Asked]",
    symbols: Mapping[Any, str],
    frames: Callable[[str, int], int],
) -> Iterator[LengthGuard]:
    """Every condition on the lengths of inputs alone, once."""
    import sympy
    from torch.utils._sympy.printers import PythonPrinter

    seen = set()
    for guard, by in zip(guards, asked, strict=False):
        free = sorted(guard.expr.free_symbols, key=str)
        if by.kernel or guard.expr in seen or not free or not set(free) <= set(symbols):
            continue
        seen.add(guard.expr)
        compiled = sympy.lambdify(
            free, guard.expr, modules=[{"math": math}], printer=PythonPrinter()
        )
        names = [symbols[symbol] for symbol in free]
        numbers = frozenset(abs(int(n)) for n in guard.expr.atoms(sympy.Integer))

        def holds(samples: int, compiled: Any = compiled, names: Sequence[str] = names) -> bool:
            try:
                return bool(compiled(*(frames(name, samples) for name in names)))
            except (ArithmeticError, ValueError):  # sizes that forward does not get to
                return False

        yield LengthGuard(holds, by.place, by.direct, numbers)


class _Asked(NamedTuple):
    """Who asks for a condition: the place is that of `LengthGuard`."""

    place: str
    direct: bool
    kernel: bool  # torch, to choose among kernels that give the same


def _asked() -> _Asked:
    inside, torchs = set[str](), set[str]()
    for frame in _frames():
        path, name = PurePath(frame.f_code.co_filename), frame.f_code.co_name
        if is_users(path):
            text = linecache.getline(str(path), frame.f_lineno).strip(" \n:")
            place = f"{path.name} line {frame.f_lineno}: {text}"
            direct = not inside or bool(CUTTING & torchs)
            return _Asked(place, direct, bool(KERNELS & torchs))
        if not MACHINERY.intersection(path.parts) and not name.startswith("__"):
            inside.add(name)
            torchs |= {name} if "torch" in path.parts else set()
    return _Asked("", False, bool(KERNELS & torchs))


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _comparing(samples: int) -> Any:
    """A mode of torch that notes the numbers with which tensors are compared along an open axis."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Comparing(TorchFunctionMode):
        def __init__(self) -> None:
            super().__init__()
            self.numbers: list[LengthNumber] = []

        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if getattr(function, "__name__", "").strip("_") in COMPARISONS:
                self._note((*args, *(kwargs or {}).values()))
            return function(*args, **(kwargs or {}))

        def _note(self, operands: Sequence[Any]) -> None:
            opened = [
                size.node.hint
                for tensor in leaves(list(operands))
                for size in tensor.shape
                if isinstance(size, torch.SymInt)
            ]
            for number in operands:
                plain = type(number) in (int, float) and math.isfinite(number)
                if opened and plain and SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER:
                    at = math.ceil(abs(number) * samples / max(max(opened), 1))
                    self.numbers.append(LengthNumber(at, _asked().place))

    return Comparing()


def changes(guard: LengthGuard, samples: int, step: int) -> tuple[int | None, int | None]:
    """The nearest lengths below and above `samples`, in steps, at which a guard that holds there does not.

    They are exact for conditions that change once, or return within `NEAR` steps.
    """
    return _change(guard, samples, -step, 0), _change(guard, samples, step, LONGEST)


def _change(guard: LengthGuard, samples: int, step: int, end: int) -> int | None:
    size = abs(step)
    far = {samples // size + math.copysign(2**n, step) for n in range(31)}
    near = {
        n * k // m + d for n in guard.numbers for k in (1, 2) for m in (1, size) for d in (-1, 0, 1)
    }
    steps = {samples // size + int(math.copysign(n, step)) for n in range(1, NEAR)}
    places = sorted(steps | {int(n) for n in far} | near, reverse=step < 0)
    last = samples // size
    for place in places:
        if (place - last) * step <= 0 or (place * size - end) * step > 0 or place < 1:
            continue
        if not guard.holds(place * size):
            return _first(guard, last, place, size) * size
        last = place
    return None


def _first(guard: LengthGuard, holding: int, failing: int, size: int) -> int:
    """The first failing step between one that holds and one that fails."""
    while abs(failing - holding) > 1:
        middle = (holding + failing) // 2
        if guard.holds(middle * size):
            holding = middle
        else:
            failing = middle
    return failing
