"""`DiagonalSSM`: a diagonal state-space layer that is a convolution offline and a recurrence in a stream.

Per channel S complex states follow ``x[t] = A x[t-1] + B u[t]``, and ``y[t] = 2 Re(C x[t]) + D u[t]``. Written as
a convolution with ``K[t] = 2 Re(C A^t B)`` it is trained in parallel (S4D: Gu et al. 2022, arXiv 2206.11893). With
`mixing` one set of states reads and feeds all channels (S5: Smith et al. 2022, arXiv 2208.04933).
"""

import math
from collections.abc import Callable

import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgekit.export.own_operators.marked_layers import TracedTensor, Translations, node_of
from edgekit.graph.model import SSM

STEPS = (
    1e-3,
    1e-1,
)  # range of the initial step sizes, in frames; drawn evenly on a logarithmic scale
BLOCK = 64  # frames, of `_kernel`

Numbers = Tensor | npt.ArrayLike  # as torch.as_tensor takes them


class DiagonalSSM(nn.Module):
    """(batch, channels, time) -> the same; torch's ONNX exporter writes one node ``edgekit::DiagonalSSM``.

    To export it yourself, pass ``custom_translation_table=translations()`` to ``torch.onnx.export``. A layer may run
    over chunks of fixed length, which are its batch. It starts each of them from zero. In a stream of chunks it is a
    constant matrix without state.

    Args:
        channels: of input and output.
        states: complex states of a channel; with `mixing`, of the layer.
        mixing: whether the states are shared by all channels, as in S5.
        per_state_step: whether each state has a step size, as in S5; else each channel has one.
        method: discretization of continuous time: ``zoh``, zero-order hold, or ``bilinear``.
        init: of the rates in continuous time: ``lin``, ``-1/2 + i pi n`` (S4D-Lin), ``legs``, the
            eigenvalues of HiPPO's normal matrix (S4D-LegS, arXiv 2206.11893, section 4), or ``ptd``, those of the
            whole matrix after a small random perturbation (S5-PTD, Yu et al. 2024).
    """

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        mixing: bool = False,
        per_state_step: bool = False,
        method: str = "zoh",
        init: str = "lin",
    ) -> None:
        """Draw new parameters.

        Raises:
            ValueError: an unknown `method` or `init`.
        """
        super().__init__()
        if method not in ("zoh", "bilinear") or init not in RATES:
            raise ValueError(f"{method!r}, {init!r}: zoh or bilinear, {', '.join(RATES)}")
        groups, width = (1, channels) if mixing else (channels, 1)
        low, high = map(math.log, STEPS)
        self.groups, self.method = groups, method
        steps = states if per_state_step else 1
        self.log_step = nn.Parameter(torch.empty(groups, steps).uniform_(low, high))
        rates = RATES[init](states)
        self.log_decay = nn.Parameter((-rates.real).log().float().repeat(groups, 1))
        self.frequency = nn.Parameter(rates.imag.float().repeat(groups, 1))
        self.drive = nn.Parameter(torch.ones(groups, states, width, 2))
        self.readout = nn.Parameter(torch.randn(groups, width, states, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.ones(channels))
        with torch.no_grad():
            self.drive[..., 1] = 0
            if mixing:
                self.drive.normal_(std=math.sqrt(0.5 / channels))

    @classmethod
    def from_discrete(cls, a: Numbers, b: Numbers, c: Numbers, d: Numbers) -> "DiagonalSSM":
        """Return a layer of given numbers: ``x[t] = a x[t-1] + b u[t]``, ``y[t] = 2 Re(c x[t]) + d u[t]``.

        Args:
            a: (groups, states) complex; one group whose states all channels share, or one for each channel.
            b: (groups, states, width) complex, `width` being channels of a group.
            c: (groups, width, states) complex; half of it where the other half is not left out as conjugate.
            d: (groups * width,) real.

        Raises:
            ValueError: shapes that do not fit each other.
        """
        complex_ = [torch.as_tensor(part).to(torch.complex64) for part in (a, b, c)]
        skip = torch.as_tensor(d).float()
        groups, states = complex_[0].shape
        width = skip.numel() // groups
        shapes = [tuple(part.shape) for part in (*complex_, skip)]
        wanted = [
            (groups, states),
            (groups, states, width),
            (groups, width, states),
            (groups * width,),
        ]
        if shapes != wanted:
            raise ValueError(f"a, b, c and d of shapes {shapes}; wanted: {wanted}")
        layer = cls(groups * width, states, mixing=width > 1)
        layer.groups, layer.method = groups, "discrete"
        real = [torch.view_as_real(part.resolve_conj()).clone() for part in complex_]
        layer.register_parameter("transition", nn.Parameter(real[0]))
        layer.drive, layer.readout = nn.Parameter(real[1]), nn.Parameter(real[2])
        layer.skip = nn.Parameter(skip.clone())
        del layer.log_step, layer.log_decay, layer.frequency
        return layer

    def discretized(self) -> tuple[Tensor, Tensor]:
        """Return the transition (2, groups, states) and the drive (2, groups, states, width): real, imaginary.

        Found in float64 and rounded to float32 once: through many layers a recording shows a last place of either.
        """
        if self.method == "discrete":
            return self.get_parameter("transition").movedim(-1, 0), self.drive.movedim(-1, 0)
        step = self.log_step.double().exp()
        real, imaginary = -self.log_decay.double().exp(), self.frequency.double()
        one = step.new_tensor([1.0, 0.0])[:, None, None]
        if self.method == "zoh":
            shrink, turn = (real * step).exp(), imaginary * step
            transition = torch.stack([shrink * turn.cos(), shrink * turn.sin()])
            # (A - 1) / a, by which zero-order hold scales the drive
            scale = _quotient(transition - one, real, imaginary)
        else:  # (1 + a step / 2) / (1 - a step / 2), and step / (1 - a step / 2)
            half_real, half_imaginary = real * step / 2, imaginary * step / 2
            below = 1 - half_real, -half_imaginary
            transition = _quotient(torch.stack([1 + half_real, half_imaginary]), *below)
            scale = _quotient(one * step, *below)
        scale_real, scale_imaginary = scale[..., None]
        b_real, b_imaginary = self.drive.double().unbind(-1)
        drive = torch.stack(
            [
                scale_real * b_real - scale_imaginary * b_imaginary,
                scale_real * b_imaginary + scale_imaginary * b_real,
            ]
        )
        kind = self.skip.dtype
        return transition.float().to(kind), drive.float().to(kind)

    def forward(self, u: Tensor) -> Tensor:
        """Run the layer over whole recordings, (batch, channels, time), from states of zero."""
        transition, drive = self.discretized()
        readout = self.readout.movedim(-1, 0)
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.diagonal_ssm(u, transition, drive, readout, self.skip)
            return marked  # type: ignore[no-any-return]
        return _convolve_by_kernel(u, transition, drive, readout, self.skip)


def legs(states: int) -> Tensor:
    """Return the imaginary parts of the eigenvalues of HiPPO-LegS's normal matrix above 0, float32, rising."""
    root = torch.sqrt(2 * torch.arange(2 * states, dtype=torch.float64) + 1)
    lower = torch.tril(root[:, None] * root, -1)
    # minus the matrix, plus half of p p^T and of the identity, is skew-symmetric
    skew = (root[:, None] * root) / 2 - lower - torch.diag(root * root) / 2
    turns = torch.linalg.eigvals(skew).imag
    rising: Tensor = turns[turns > 0].sort().values.float()
    return rising


def ptd(states: int) -> Tensor:
    """Return the eigenvalues of HiPPO-LegS's matrix after a perturbation, complex128 (states,), which is drawn.

    The matrix itself has eigenvectors that no float32 can hold: of 16 states their condition number is 8e10. With a
    random complex matrix of 1e-3 of its norm it is about 1e3 (perturb, then diagonalize). Real parts end at -1e-4.
    """
    root = torch.sqrt(2 * torch.arange(states, dtype=torch.float64) + 1)
    matrix = -torch.tril(root[:, None] * root, -1) - torch.diag(torch.arange(1.0, states + 1))
    drawn = torch.randn(states, states, dtype=torch.complex128)
    size = PERTURBED * torch.linalg.matrix_norm(matrix, 2) / torch.linalg.matrix_norm(drawn, 2)
    rates = torch.linalg.eigvals(matrix + size * drawn)
    return torch.complex(rates.real.clamp(max=LEAST_DECAY), rates.imag)


def _half_decay(turns: Tensor) -> Tensor:
    return torch.complex(torch.full_like(turns, -0.5), turns)


PERTURBED, LEAST_DECAY = 1e-3, -1e-4
RATES: dict[str, Callable[[int], Tensor]] = {  # by `init`: complex (states,)
    "lin": lambda states: _half_decay(math.pi * torch.arange(states)),
    "legs": lambda states: _half_decay(legs(states)),
    "ptd": ptd,
}


def _quotient(above: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """Return a complex quotient, (real, imaginary) along the first axis."""
    square = real * real + imaginary * imaginary
    more, beside = above
    return torch.stack(
        [
            (more * real + beside * imaginary) / square,
            (beside * real - more * imaginary) / square,
        ]
    )


def _convolve_by_kernel(
    u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor
) -> Tensor:
    groups, frames = transition.shape[1], u.shape[-1]
    a, b, c = (torch.complex(*part.double()) for part in (transition, drive, readout))
    kernel = _kernel(a, b, c, frames)
    split = u.double().reshape(u.shape[0], groups, -1, frames)
    parts = torch.fft.rfft(split, 2 * frames)
    spectrum = torch.einsum("ngif,goif->ngof", parts, torch.fft.rfft(kernel, 2 * frames))
    y = torch.fft.irfft(spectrum, 2 * frames)[..., :frames].reshape(u.shape)
    total: Tensor = y.to(u.dtype) + skip[:, None] * u
    return total


def _kernel(a: Tensor, b: Tensor, c: Tensor, frames: int) -> Tensor:
    """Return the response (groups, outputs, inputs, frames): ``2 Re(c a^t b)``, with t as whole blocks and a rest.

    So no power of a state is held for every frame.
    """
    rest = _powers(a, min(BLOCK, frames))
    blocks = _powers(rest[..., -1] * a, -(-frames // rest.shape[-1]))
    parts = torch.einsum("gos,gsi,gsn->goins", c, b, blocks)
    return 2 * torch.matmul(parts, rest[:, None, None]).real.flatten(-2)[..., :frames]


def _powers(a: Tensor, count: int) -> Tensor:
    """``a`` to the powers 0 to count - 1 along a new last axis, by doubling: torch's complex powers are slow."""
    powers, factor = torch.ones_like(a)[..., None], a[..., None]
    while powers.shape[-1] < count:
        powers = torch.cat([powers, powers * factor], -1)
        factor = factor * factor
    return powers[..., :count]


@torch.library.custom_op("edgekit::diagonal_ssm", mutates_args=())
def _diagonal_ssm_operator(
    u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor
) -> Tensor:
    return _convolve_by_kernel(u, transition, drive, readout, skip)


@_diagonal_ssm_operator.register_fake
def _(u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor) -> Tensor:
    return torch.empty_like(u)


def translations() -> Translations:
    """Return the layer's ``custom_translation_table`` for ``torch.onnx.export``.

    The file then has nodes of the domain ``edgekit``; EdgeKit knows their body, other runtimes do not.
    (torch's exporter inlines functions where it changes the opset, so that it is given a plain node.)
    """
    layer = node_of(SSM, ("u", "transition", "drive", "readout", "skip"), "groups")

    def translate(
        u: object, transition: TracedTensor, drive: object, readout: object, skip: object
    ) -> object:
        return layer(u, transition, drive, readout, skip, groups=int(transition.shape[1]))

    return {torch.ops.edgekit.diagonal_ssm.default: translate}
