"""The storage of a sampler's loop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import onnx_ir as ir

from edgekit.base.sampler_table import StepTable
from edgekit.export.diffusion.description import condition_values
from edgekit.graph.model import Model
from edgekit.targets.build import Build, Placement
from edgekit.targets.c.emit.base import size
from edgekit.targets.c.plan.memory import align_size
from edgekit.targets.c.program.functions import field_names


@dataclass(frozen=True)
class Loop:
    """The sampler of a build.

    Attributes:
        table: its rows.
        model: the network with all its inputs.
        offset: bytes of the scratch block that the network needs; the loop's arrays follow.
        kept_bytes: of the state block, which the decoder alone reads; each call of a row has its own.
        others: builds of the sampler's other networks.
        others_at: the offset of the first one's state, in the state block.
    """

    table: StepTable
    model: Model
    offset: int
    kept_bytes: int = 0
    others: Mapping[str, Build] = field(default_factory=dict)
    others_at: int = 0

    @property
    def arrays(self) -> tuple[str, ...]:
        """The float arrays of one image: outputs of calls, the start, the x0 of the row before."""
        outputs = tuple(f"e{k}" for k in range(self.table.v.shape[1]))
        kept = (("start", "d"), ("before", "h"))
        own = ("y" if "y" in self.others else "", "out" if "last" in self.others else "")
        used = tuple(name for name, column in kept if self.table.uses(column))
        return outputs + used + tuple(name for name in own if name)

    @property
    def item_bytes(self) -> int:
        """Return the bytes of each, with padding to align the next."""
        return align_size(size(self.x) * 4)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the whole scratch block."""
        return self.at(self.arrays[-1]) + self.item_bytes

    def at(self, array: str) -> int:
        """Return the place of an array; x lies after the scratch of `last`, which may overlap data no longer needed."""
        place = self.offset + self.arrays.index(array) * self.item_bytes
        if array != "out":
            return place
        last = self.others["last"].manifest.memory["scratch_bytes"] or 0
        return max(place, align_size(last))

    def placements(self, steps: int) -> Iterator[Placement]:
        """Yield the places of the arrays: during all steps of the network's schedule."""
        for name in self.arrays:
            yield Placement(f"sampler:{name}", "scratch", self.at(name), size(self.x) * 4, 0, steps)

    @cached_property
    def x(self) -> ir.Value:
        """The network's noisy input."""
        return self.value(self.table.roles.x)

    def value(self, name: str) -> ir.Value:
        """An input of the network."""
        return next(v for v in self.model.stream_inputs if v.name == name)

    @cached_property
    def conditions(self) -> tuple[ir.Value, ...]:
        """The caller's values, given once per image: the network's other inputs, and those that the rows read."""
        return tuple(
            ir.Value(name=name, shape=value.shape, type=value.type)
            for name, value in condition_values(self.model).items()
        )

    @property
    def image(self) -> ir.Value:
        """The output image: x, or the output of the network `last`."""
        last = self.model.networks.get("last")
        return self.x if last is None else last.stream_outputs[0]

    @property
    def state_bytes(self) -> int:
        """Bytes of the state block, with those of the other networks."""
        return self.others_at + sum(self._state_of(role) for role in self.others)

    def state_at(self, role: str) -> int:
        """Return the place of a network's state."""
        before = list(self.others)[: list(self.others).index(role)]
        return self.others_at + sum(self._state_of(name) for name in before)

    def _state_of(self, role: str) -> int:
        return align_size(self.others[role].manifest.memory["state_bytes"] or 0)

    @property
    def counts(self) -> tuple[bool, bool]:
        """Whether the start, and whether the rows draw from the seed."""
        table = self.table
        return table.start_noise != 0, table.uses("s") and table.roles.noise is None

    def given(self, name: str | None) -> str:
        """A condition in C, or y where a network makes it."""
        if "y" in self.others and name == self.table.roles.y:
            return "y"
        return f"given->{field_names(self.conditions)[str(name)]}"
