"""Complex tensors as pairs of real ones: results of torch's operators on pairs."""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError, Problem
from edgekit.export.passes.canonical_forms.spectral import dft_matrix


@dataclass(frozen=True)
class Pair:
    """A complex tensor."""

    real: Tensor
    imag: Tensor

    @staticmethod
    def of(value: "Operand") -> "Pair":
        """Return a complex or real tensor or number."""
        if isinstance(value, Pair):
            return value
        if isinstance(value, Tensor) and value.is_complex():
            return Pair(*torch.view_as_real(value.resolve_conj()).unbind(-1))
        if isinstance(value, Tensor):
            return Pair(value, torch.zeros_like(value))
        number = complex(value)
        return Pair(torch.tensor(number.real), torch.tensor(number.imag))

    def joined(self) -> Tensor:
        """Return the complex tensor."""
        return torch.view_as_complex(torch.stack([self.real, self.imag], -1))


Operand: TypeAlias = Pair | Tensor | complex
Real: TypeAlias = Tensor | float
Operator = Callable[..., Any]  # of torch


def map_pairs(tree: Any, of: Callable[[Pair], object]) -> Any:
    """Apply `of` to every pair in nested lists, tuples and dictionaries."""
    if isinstance(tree, Pair):
        return of(tree)
    if isinstance(tree, Mapping):
        return {key: map_pairs(item, of) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(map_pairs(item, of) for item in tree)
    return tree


def has_pair(tree: object) -> bool:
    """Whether there is a pair in nested lists, tuples and dictionaries."""
    if isinstance(tree, Mapping):
        return any(map(has_pair, tree.values()))
    if isinstance(tree, list | tuple):
        return any(map(has_pair, tree))
    return isinstance(tree, Pair)


def by_parts(target: Operator, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Apply a linear operator to both parts; real operands are passed to the first and left out of the second."""
    real = target(*map_pairs(args, lambda p: p.real), **map_pairs(kwargs, lambda p: p.real))
    imag = target(*map_pairs(_alone(args), lambda p: p.imag), **map_pairs(kwargs, lambda p: p.imag))
    if isinstance(real, Tensor):
        return Pair(real, imag)
    return type(real)(Pair(a, b) for a, b in zip(real, imag, strict=True))


def _alone(args: Sequence[object]) -> tuple[object, ...]:
    """Give real tensors in a list with pairs an imaginary part of zero."""
    return tuple(
        [item if isinstance(item, Pair) else Pair.of(item) for item in arg]
        if isinstance(arg, list | tuple) and has_pair(arg)
        else arg
        for arg in args
    )


def product(target: Operator, args: Sequence[Any], kwargs: Mapping[str, object]) -> Pair:
    """Return the pair of an operator that is linear in each of two operands."""
    if isinstance(args[-1], list | tuple) and has_pair(args[-1]):  # einsum
        *first, both = args
        if len(both) != 2:
            return _multilinear(lambda parts: target(*first, parts, **kwargs), both)

        def of(x: Real, y: Real) -> Tensor:
            result: Tensor = target(*first, [x, y], **kwargs)
            return result

        a, b = both
    else:
        a, b, *rest = args

        def of(x: Real, y: Real) -> Tensor:
            result: Tensor = target(x, y, *rest, **kwargs)
            return result

    if not isinstance(a, Pair):
        return Pair(of(a, b.real), of(a, b.imag))
    if not isinstance(b, Pair | complex):
        return Pair(of(a.real, b), of(a.imag, b))
    real, imag = b.real, b.imag
    return Pair(of(a.real, real) - of(a.imag, imag), of(a.real, imag) + of(a.imag, real))


def _multilinear(of: Callable[[list[Tensor]], Tensor], operands: Sequence[Pair]) -> Pair:
    """Return the pair of an operator linear in each of any number of pairs: i to the power of the imaginary parts."""
    sums: list[list[Tensor]] = [[], []]  # real, imaginary
    for parts in itertools.product(*((("real", 0), ("imag", 1)) for _ in operands)):
        count = sum(imaginary for _, imaginary in parts)
        term = of([getattr(x, name) for x, (name, _) in zip(operands, parts, strict=True)])
        sums[count % 2].append(term if count % 4 < 2 else -term)
    return Pair(*(functools.reduce(torch.add, terms) for terms in sums))


def _sum(a: Operand, b: Operand, *, alpha: complex = 1, sign: int = 1) -> Pair:
    one, other = Pair.of(a), Pair.of(b)
    if alpha != 1:
        other = _mul(other, alpha)
    return Pair(one.real + sign * other.real, one.imag + sign * other.imag)


def _difference(a: Operand, b: Operand, *, alpha: complex = 1) -> Pair:
    return _sum(a, b, alpha=alpha, sign=-1)


def _mul(a: Operand, b: Operand) -> Pair:
    if not isinstance(a, Pair) and not isinstance(b, Pair | complex):
        return Pair.of(a * b)
    return product(operator.mul, (a, b) if isinstance(a, Pair) else (b, a), {})


def _reciprocal(x: Pair) -> Pair:
    power = x.real * x.real + x.imag * x.imag
    return Pair(x.real / power, -x.imag / power)


def _div(a: Operand, b: Operand) -> Pair:
    if not isinstance(b, Pair):
        return _mul(a, 1 / b)
    return _mul(_reciprocal(b), a)


def _abs(x: Pair) -> Tensor:
    return torch.sqrt(x.real * x.real + x.imag * x.imag)


def _exp(x: Pair) -> Pair:
    size = torch.exp(x.real)
    return Pair(size * torch.cos(x.imag), size * torch.sin(x.imag))


def _log(x: Operand) -> Pair:
    """Return the principal value; of a real number below 0 it has the imaginary part pi."""
    whole = Pair.of(x)
    return Pair(torch.log(_abs(whole)), torch.atan2(whole.imag, whole.real))


def _pow(x: Operand, exponent: Operand) -> Pair:
    """Whole exponents up to 8 by products, all others by the logarithm; 0 to the power of 0 is 1.

    Base and exponent are numbers, tensors or pairs.
    """
    if isinstance(exponent, int | float) and exponent == int(exponent) and 1 <= exponent <= 8:
        result = Pair.of(x)
        for _ in range(int(exponent) - 1):
            result = _mul(result, x)
        return result
    if isinstance(exponent, Pair | complex):
        return _exp(_mul(Pair.of(exponent), _log(x)))
    base = Pair.of(x)
    angle = torch.atan2(base.imag, base.real) * exponent
    size = torch.pow(_abs(base), exponent)
    return Pair(size * torch.cos(angle), size * torch.sin(angle))


def _pair_copy(x: Pair, dtype: torch.dtype | None = None, **options: object) -> Pair | Tensor:
    """Return x in another type; a complex number as a real one is its real part."""
    if dtype is not None and not dtype.is_complex:
        return x.real.to(dtype)
    return x


def _complex(real: Tensor, imag: Tensor) -> Pair:
    if real.shape == imag.shape:
        return Pair(real.clone(), imag.clone())  # a complex tensor may be written to
    return Pair(real + torch.zeros_like(imag), imag + torch.zeros_like(real))


def _polar(size: Tensor, angle: Tensor) -> Pair:
    return Pair(size * torch.cos(angle), size * torch.sin(angle))


def _view_as_complex(x: Tensor) -> Pair:
    return Pair(x[..., 0], x[..., 1])


@dataclass(frozen=True)
class _InverseTransform:
    """Arguments of `torch.istft`."""

    x: Operand
    n_fft: int
    hop_length: int | None = None
    win_length: int | None = None
    window: Tensor | None = None
    center: bool = True
    normalized: bool = False
    onesided: bool | None = None
    length: int | None = None
    return_complex: bool = False

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.hop_length or self.n_fft // 4

    def taper(self) -> Tensor:
        """Return the window, (n_fft,), with zeros around it."""
        size = self.win_length or self.n_fft
        left = (self.n_fft - size) // 2
        window = torch.ones(size) if self.window is None else self.window
        return F.pad(window, (left, self.n_fft - size - left))

    def basis(self) -> Tensor:
        """Return the inverse DFT as a matrix (bins * 2, n_fft): of real parts, then of imaginary ones."""
        bins = self.n_fft // 2 + 1
        matrix = dft_matrix(bins, self.n_fft, self.n_fft, True, 2)[:, ::2]
        full = torch.as_tensor(matrix.copy())  # (bins * 2, n_fft)
        weight = torch.full((bins, 1), 2.0)
        weight[0] = 1
        if self.n_fft % 2 == 0:
            weight[-1] = 1
        return torch.cat([full[::2] * weight, full[1::2] * weight])

    def sound(self) -> Tensor:
        """Return the result: one transposed convolution, over the windows' envelope."""
        spectrum, taper, size = Pair.of(self.x), self.taper(), self.n_fft
        flat = spectrum.real.dim() == 2
        parts = torch.cat([spectrum.real, spectrum.imag], -2)
        parts = parts.unsqueeze(0) if flat else parts
        frames = parts.shape[-1]
        kernel = self.basis() * taper * (math.sqrt(size) if self.normalized else 1.0)
        sound = F.conv_transpose1d(parts, kernel.unsqueeze(1), stride=self.hop)
        tapers = (taper * taper).reshape(1, size, 1).expand(1, size, frames)
        envelope = F.conv_transpose1d(tapers, torch.eye(size).unsqueeze(1), stride=self.hop)
        start, whole = size // 2 if self.center else 0, size + self.hop * (frames - 1)
        end = whole - start if self.length is None else start + self.length
        kept = slice(
            start, min(end, whole)
        )  # before the division: outside of it the envelope may be 0
        result = (sound[..., kept] / envelope[..., kept]).squeeze(1)
        result = F.pad(result, (0, end - whole)) if end > whole else result
        return result.squeeze(0) if flat else result


def istft(*args: Any, **kwargs: Any) -> Tensor:
    """``torch.istft`` of a onesided spectrum, which may be a `Pair`; arguments are torch's.

    The weights of the convolution are the inverse DFT times the window.

    Raises:
        ModelError: both sides of a spectrum.
    """
    transform = _InverseTransform(*args, **kwargs)
    if transform.onesided is False or transform.return_complex:
        step = "transform half of the spectrum: onesided=True, return_complex=False"
        raise ModelError(Problem("torch.istft", "both sides of a spectrum", "one side", step))
    return transform.sound()


def _in_place(form: Operator) -> Operator:
    """Return an operator that writes its result into its first operand, which other values may be views of."""

    def written(x: Pair, *args: Any, **kwargs: Any) -> Pair:
        result = form(x, *args, **kwargs)
        x.real.copy_(result.real)
        x.imag.copy_(result.imag)
        return x

    return written


PRODUCTS = frozenset(
    ("mul", "multiply", "matmul", "bmm", "mm", "einsum", "linear", "outer", "dot", "mv")
)
# operators that make complex tensors of real ones
MAKERS: dict[str, Operator] = {
    "complex": _complex,
    "polar": _polar,
    "view_as_complex": _view_as_complex,
}
# operators that make a tensor of one real number
FILLED = frozenset(
    f"{prefix}{name}{suffix}"
    for name in ("zeros", "ones", "full", "empty")
    for prefix, suffix in (("", ""), ("new_", ""), ("", "_like"))
)
CASTS = frozenset(("to", "_to_copy"))
FORMS: dict[str, Operator] = {
    "view_as_real": lambda x: torch.stack([x.real, x.imag], -1),
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "abs": _abs,
    "angle": lambda x: torch.atan2(x.imag, x.real),
    "conj": lambda x: Pair(x.real, -x.imag),
    "_conj": lambda x: Pair(x.real, -x.imag),
    "conj_physical": lambda x: Pair(x.real, -x.imag),
    "resolve_conj": lambda x: x,
    "exp": _exp,
    "log": _log,
    "pow": _pow,
    "sqrt": lambda x: _pow(x, 0.5),
    "square": lambda x: _mul(x, x),
    "addcmul": lambda x, a, b, value=1: _sum(x, _mul(a, b), alpha=value),
    "detach_": lambda x: x,
    "reciprocal": _reciprocal,
    "div": _div,
    "divide": _div,
    "true_divide": _div,
    "add": _sum,
    "copy_": _in_place(lambda x, y, non_blocking=False: Pair.of(y)),
    "add_": _in_place(_sum),
    "sub": _difference,
    "sub_": _in_place(_difference),
    "mul_": _in_place(_mul),
    "div_": _in_place(_div),
    "rsub": lambda a, b, alpha=1: _difference(b, a, alpha=alpha),
    "to": _pair_copy,
    "_to_copy": _pair_copy,
}
