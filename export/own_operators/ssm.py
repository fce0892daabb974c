"""`DiagonalSSM`: a diagonal state-space layer that is a convolution offline and a recurrence in a stream.

Per channel S complex states follow ``x[t] = A x[t-1] + B u[t]``, and ``y[t] = 2 Re(C x[t]) + D u[t]``. Written as
a convolution with ``K[t] = 2 Re(C A^t B)`` it is trained in parallel (S4D: Gu et al. 2022, arXiv 2206.11893). With
`mixing` one set of states reads and feeds all channels (S5: Smith et al. 2022, arXiv 2208.04933).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.graph.model import FRONTEND_DOMAIN, SSM

STEPS = (
    1e-3,
    1e-1,
)  # range of the initial step sizes, in frames; drawn evenly on a logarithmic scale


class DiagonalSSM(nn.Module):
    """(batch, channels, time) -> the same; torch's ONNX exporter writes one node ``edgekit::DiagonalSSM``.

    Initialized as S4D-Lin: ``A = -1/2 + i pi n`` in continuous time, discretized by zero-order hold. To export
    it yourself, pass ``custom_translation_table=translations()`` to ``torch.onnx.export``.

    Args:
        channels: of input and output.
        states: complex states of a channel; with `mixing`, of the layer.
        mixing: whether the states are shared by all channels, as in S5.
    """

    def __init__(self, channels: int, states: int = 16, *, mixing: bool = False) -> None:
        """Draw new parameters."""
        super().__init__()
        groups, width = (1, channels) if mixing else (channels, 1)
        low, high = map(math.log, STEPS)
        self.groups = groups
        self.log_step = nn.Parameter(torch.empty(groups, 1).uniform_(low, high))
        self.log_decay = nn.Parameter(torch.full((groups, states), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(states).repeat(groups, 1))
        self.drive = nn.Parameter(torch.ones(groups, states, width, 2))
        self.readout = nn.Parameter(torch.randn(groups, width, states, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.ones(channels))
        with torch.no_grad():
            self.drive[..., 1] = 0
            if mixing:
                self.drive.normal_(std=math.sqrt(0.5 / channels))

    def discretized(self) -> tuple[Tensor, Tensor]:
        """The transition (2, groups, states) and the drive (2, groups, states, width): real, imaginary."""
        step = self.log_step.exp()
        real, imaginary = -self.log_decay.exp(), self.frequency
        shrink, turn = (real * step).exp(), imaginary * step
        transition = torch.stack([shrink * turn.cos(), shrink * turn.sin()])
        # (A - 1) / a, by which zero-order hold scales the drive
        square = real * real + imaginary * imaginary
        more, beside = transition[0] - 1, transition[1]
        scale_real = ((more * real + beside * imaginary) / square)[..., None]
        scale_imaginary = ((beside * real - more * imaginary) / square)[..., None]
        b_real, b_imaginary = self.drive.unbind(-1)
        drive = torch.stack(
            [
                scale_real * b_real - scale_imaginary * b_imaginary,
                scale_real * b_imaginary + scale_imaginary * b_real,
            ]
        )
        return transition, drive

    def forward(self, u: Tensor) -> Tensor:
        """Run the layer over whole recordings, (batch, channels, time), from states of zero."""
        transition, drive = self.discretized()
        readout = self.readout.movedim(-1, 0)
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.diagonal_ssm(u, transition, drive, readout, self.skip)
            return marked  # type: ignore[no-any-return]
        return _convolved(u, transition, drive, readout, self.skip)


def _convolved(
    u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor
) -> Tensor:
    groups, frames = transition.shape[1], u.shape[-1]
    a, b, c = (torch.complex(*part.double()) for part in (transition, drive, readout))
    powers = a[..., None] ** torch.arange(frames, device=u.device)
    kernel = 2 * torch.einsum("gos,gsi,gst->goit", c, b, powers).real
    split = u.double().reshape(u.shape[0], groups, -1, frames)
    parts = torch.fft.rfft(split, 2 * frames)
    spectrum = torch.einsum("ngif,goif->ngof", parts, torch.fft.rfft(kernel, 2 * frames))
    y = torch.fft.irfft(spectrum, 2 * frames)[..., :frames].reshape(u.shape)
    total: Tensor = y.to(u.dtype) + skip[:, None] * u
    return total


@torch.library.custom_op("edgekit::diagonal_ssm", mutates_args=())
def _marked(u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor) -> Tensor:
    return _convolved(u, transition, drive, readout, skip)


@_marked.register_fake
def _(u: Tensor, transition: Tensor, drive: Tensor, readout: Tensor, skip: Tensor) -> Tensor:
    return torch.empty_like(u)


def translations() -> dict[Any, Any]:
    """What ``torch.onnx.export`` needs to know the layer: its ``custom_translation_table``.

    The file then has nodes of the domain ``edgekit``; EdgeKit knows their body, other runtimes do not.
    (torch's exporter inlines functions where it changes the opset, so that it is given a plain node.)
    """
    import onnx
    import onnxscript

    schema, parameters = onnx.defs.OpSchema, ("u", "transition", "drive", "readout", "skip")
    described = schema(
        SSM,
        FRONTEND_DOMAIN,
        1,
        inputs=[schema.FormalParameter(name, "T") for name in parameters],
        outputs=[schema.FormalParameter("y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")],
        attributes=[schema.Attribute("groups", schema.AttrType.INT)],
    )
    layer = onnxscript.values.Op(onnxscript.values.Opset(FRONTEND_DOMAIN, 1), SSM, described)

    def translate(u: Any, transition: Any, drive: Any, readout: Any, skip: Any) -> Any:
        return layer(u, transition, drive, readout, skip, groups=int(transition.shape[1]))

    return {torch.ops.edgekit.diagonal_ssm.default: translate}
