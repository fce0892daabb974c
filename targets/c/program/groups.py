"""Step groups and decoders in C: a body of the network for each; equal constants are stored once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from edgekit.base.sampler_table import StepTable
from edgekit.export.diffusion import split_unet
from edgekit.graph.model import Model
from edgekit.graph.step_groups import group_input
from edgekit.targets.c.emit.base import Context
from edgekit.targets.c.emit.kernels import Selection, choose
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.c.plan.layout import make_layout
from edgekit.targets.c.plan.storage import Layout, Slot, Traits
from edgekit.targets.c.program.functions import (
    argument_names,
    emit_process,
    field_names,
    function_body,
)
from edgekit.targets.c.rewrite.epilogues import fuse_epilogues
from edgekit.targets.c.rewrite.moves import fuse_moves
from edgekit.targets.c.rewrite.narrow import narrow_states
from edgekit.targets.c.rewrite.rings import use_rings
from edgekit.targets.c.rewrite.state_parts import cut_states, split_states
from edgekit.targets.devices import PORTABLE


@dataclass(frozen=True)
class Part:
    """One step group of a network, lowered to integers.

    Attributes:
        whole: the network; with a decoder, that one's inputs are among its outputs.
        decoder: the part that runs at rows of graph 1, with these among its session constants.
        kept: the place of these, in the state block.
    """

    whole: Model
    decoder: Model | None = None
    kept: Mapping[str, Slot] = field(default_factory=dict)


@dataclass(frozen=True)
class Bodies:
    """The bodies of a network besides its process function.

    Attributes:
        groups: the whole network of each step group but the first.
        decoders: the decoder alone of each group, where rows of the step table run it.
        chooser: the input that chooses the group, where there is one.
        field: its C name.
    """

    groups: tuple[Context, ...] = ()
    decoders: tuple[Context, ...] = ()
    chooser: ir.Value | None = None
    field: str = ""

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Their plans."""
        return tuple(own.layout for own in (*self.groups, *self.decoders))

    @property
    def kept_bytes(self) -> int:
        """Bytes of the state block that the decoder reads, for one call of a row."""
        return max((own.layout.state_bytes for own in self.decoders), default=0)

    @property
    def dispatch(self) -> str:
        """Return the start of the process function: leave for the body of another group."""
        return _dispatch(self.field, self.groups, "group")

    @property
    def functions(self) -> str:
        """Their C functions."""
        static = "".join(_static(own, f"group{i}") for i, own in enumerate(self.groups, 1))
        if not self.decoders:
            return static
        first, *others = self.decoders
        static += "".join(_static(own, f"decoder{i}") for i, own in enumerate(others, 1))
        choice = _dispatch(self.field, others, "decoder")
        return static + _static(first, DECODER, choice)


def lower_bodies(model: Model, first: Context, parts: Sequence[Part]) -> Bodies:
    """Plan and emit all bodies but the first group's, whose context gets their constants and kernels."""
    groups = tuple(_body(part.whole, first, part.kept) for part in parts[1:])
    decoders = tuple(_body(p.decoder, first, {}) for p in parts if p.decoder is not None)
    chooser = group_input(model)
    names = field_names(model.stream_inputs)
    field = "" if chooser is None else names[str(chooser.name)]
    return Bodies(groups, decoders, chooser, field)


def _body(model: Model, first: Context, kept: Mapping[str, Slot]) -> Context:
    layout = make_layout(model, traits_of(model, first.selection), kept=kept)
    own = first.sibling(layout, argument_names(model))
    return emit_process(model, own)


def traits_of(model: Model, selection: Selection) -> dict[str, Traits]:
    """Return the facts on each node that the planner needs, by name, with the chosen kernels."""
    found = {}
    for node in model.ir.graph:
        emitter = EMITTERS[node.domain, node.op_type]
        traits = emitter.traits(node)
        if emitter.kernels:
            kernel, _ = choose(emitter.kernels, selection, node)
            traits = replace(traits, scratch=traits.scratch + kernel.room(selection, node))
        found[str(node.name)] = traits
    return found


def _static(own: Context, name: str, dispatch: str = "") -> str:
    body = dispatch + function_body(own, ("in", "out"))
    return FUNCTION.format(name=own.prefix, function=name, body=body)


def _dispatch(field: str, others: Sequence[Context], name: str) -> str:
    if not others:
        return ""
    cases = "".join(
        f"    case {number}:\n        return {own.prefix}_{name}{number}(net, scratch, in, out);\n"
        for number, own in enumerate(others, 1)
    )
    return f"    switch (in->{field}[0]) {{\n{cases}    default:\n        break;\n    }}\n"


def split_decoder(integer: Model, table: StepTable | None) -> Part:
    """Return a network, and apart from it the decoder that rows of its step table run.

    Raises:
        ModelError: such a cut does not exist.
    """
    if table is None or not (table.graph == split_unet.DECODER).any():
        kept = split_states(narrow_states(cut_states(integer)))
        return Part(fuse_epilogues(fuse_moves(use_rings(kept))))
    whole, decoder, names = split_unet.split(integer, table.roles.x, table.cut)
    alone = fuse_epilogues(fuse_moves(decoder.describe(constants=list(names))))
    slots = make_layout(alone, traits_of(alone, Selection(PORTABLE, fixed_order=True))).slots
    return Part(fuse_epilogues(fuse_moves(whole)), alone, {name: slots[name] for name in names})


DECODER = "decoder"
FUNCTION = """
static int {name}_{function}({name} *net, void *scratch, const {name}_inputs *in, {name}_outputs *out)
{{
    (void)net;
    (void)scratch;
{body}
    return 0;
}}
"""
