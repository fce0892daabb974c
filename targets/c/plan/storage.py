"""The place of a tensor, and the plan of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_ir as ir

from edgekit.operators.geometry import dims
from edgekit.targets.c.plan.memory import Interval

PCM_IN, PCM_OUT = "pcm:in", "pcm:out"
ITEM_BYTES = {
    ir.DataType.FLOAT: 4,
    ir.DataType.INT8: 1,
    ir.DataType.INT16: 2,
    ir.DataType.BOOL: 1,
    ir.DataType.UINT8: 1,
    ir.DataType.INT32: 4,
    ir.DataType.INT64: 8,
}


@dataclass(frozen=True)
class Traits:
    """The facts about an operator that the planner needs.

    Attributes:
        updates: (input, output) pairs that the kernel updates in place, as a GRU its hidden state.
        same: pairs of outputs that hold the same values (GRU's Y and Y_h at one time step).
        view: (input, offset) where output 0 is a stretch of that input, from element `offset` on.
        parts: (input, offset) of inputs that may live in output 0, from its element `offset` on.
        elementwise: output 0 may take the place of an input of the same size.
        scratch: bytes of work space during the step.
    """

    updates: tuple[tuple[int, int], ...] = ()
    same: tuple[tuple[int, int], ...] = ()
    view: tuple[int, int] | None = None
    parts: tuple[tuple[int, int], ...] = ()
    elementwise: bool = False
    scratch: int = 0


@dataclass(frozen=True)
class Slot:
    """The place of a tensor: `block` is ``input``, ``output``, ``state`` or ``scratch``.

    `offset` counts bytes, in the state or scratch block or in the caller's tensor `name`.
    """

    block: str
    name: str
    offset: int = 0

    def behind(self, offset: int) -> "Slot":
        """The slot that begins `offset` bytes further on."""
        return replace(self, offset=self.offset + offset)


@dataclass(frozen=True)
class Move:
    """Bytes that the end of the hop copies: into a state, or aside where states change places."""

    destination: Slot
    source: Slot
    size: int


@dataclass(frozen=True)
class Layout:
    """The plan: a slot per value name, moves that close the hop, block sizes in bytes.

    The state block holds the states, `reset_bytes` of them, then the values that a session keeps. At `ready` is an
    int32: whether the session constants are set.
    """

    slots: Mapping[str, Slot]
    node_scratch: Mapping[str, int]
    moves: tuple["Move", ...]  # close the hop, in this order
    state_bytes: int
    scratch_bytes: int
    scratch_lower_bound_bytes: int
    reset_bytes: int
    ready: int | None = None
    intervals: tuple[Interval, ...] = field(default=())
    offsets: Mapping[str, int] = field(default_factory=dict)


def nbytes(value: ir.Value | None) -> int:
    """Bytes of a tensor with a static shape."""
    return int(np.prod(dims(value), dtype=np.int64)) * item_bytes(value)


def item_bytes(value: ir.Value | None) -> int:
    """Bytes of one element of a tensor."""
    assert value is not None and value.dtype is not None
    return ITEM_BYTES[value.dtype]


def pcm_blocks(prefix: str, count: int) -> list[str]:
    """The names of the blocks for the streams of the 16-bit entry, see `PCM_IN` and `PCM_OUT`."""
    return [prefix if i == 0 else f"{prefix}:{i}" for i in range(count)]
