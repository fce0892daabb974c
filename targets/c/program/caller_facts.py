"""What the functions around a hop give to its calls, and what they do between: ``callers`` of ``proof.json``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from edgekit.base.json_values import JsonObject
from edgekit.base.random_normals import quantiles
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.c.emit.base import Context, c_type, size
from edgekit.targets.c.plan.storage import nbytes
from edgekit.targets.c.program.functions import field_names
from edgekit.targets.c.program.groups import DECODER
from edgekit.targets.c.program.pcm import PcmCall, pcm_call
from edgekit.targets.c.program.sampler import (
    coefficient_names,
    coefficients,
    null_array,
    row_array,
)
from edgekit.targets.c.program.sampler_storage import Loop

Facts = JsonObject


def until_facts(model: Model, name: str) -> Facts:
    """The facts of ``<name>_iterate``: the same call again and again, and a look at one output."""
    assert model.until is not None
    takes = {f: f"in->{f}" for f in field_names(model.stream_inputs).values()}
    gives = {f: f"out->{f}" for f in field_names(model.stream_outputs).values()}
    values = (*model.stream_inputs, *model.stream_outputs)
    sizes = {
        place: [nbytes(v)]
        for place, v in zip([*takes.values(), *gives.values()], values, strict=True)
    }
    looked = f"out->{field_names(model.stream_outputs)[model.until.output]}"
    return {
        "values": sizes,
        "starts": [[place, place] for place in takes.values()],
        "ends": [[place, place] for place in gives.values()],
        "nodes": [
            _call("the call", f"{name}_process", takes, gives),
            {"node": "the limit", "reads": [[looked, 0, 4]]},
        ],
    }


def pcm_facts(model: Model, manifest: Manifest, name: str) -> Facts:
    """The facts of ``<name>_process_s16``: samples become floats, a call, and its sound becomes samples."""
    call: PcmCall = pcm_call(model, manifest, name)
    outs = {} if call.made else _outputs_of(model)
    gives = dict(call.gives) or {field: f"out->{field}" for field in outs}
    sizes = {**call.given, **call.made, **call.blocks}
    sizes |= {f"out->{field}": bytes_ for field, bytes_ in outs.items()}
    arguments = {**call.given, **call.made}
    ends = [*call.made, *(f"out->{field}" for field in outs)]
    return {
        "parameters": {n: [call.kinds[n], bytes_] for n, bytes_ in arguments.items()},
        "values": {n: [bytes_] for n, bytes_ in sizes.items()},
        "starts": [[place, place] for place in call.given],
        "ends": [[place, place] for place in ends],
        "nodes": list(_pcm_nodes(call, name, gives, sizes)),
    }


def _outputs_of(model: Model) -> dict[str, int]:
    """The bytes of the outputs of a hop, by their fields."""
    fields = field_names(model.stream_outputs).values()
    return dict(zip(fields, map(nbytes, model.stream_outputs), strict=True))


def _pcm_nodes(call: PcmCall, name: str, gives: Facts, sizes: Mapping[str, int]) -> Iterator[Facts]:
    """Samples to floats, the call, and floats to samples."""
    takes = dict(call.takes)
    streams = [block for block in takes.values() if block in call.blocks]
    samples = [argument for argument in call.given if argument not in takes.values()]
    read = {"reads": _whole(sizes, samples), "leaves": {block: block for block in streams}}
    yield {"node": "samples to floats", **read}
    yield _call("the call", f"{name}_process", takes, gives)
    if call.made:
        made = {"reads": _whole(sizes, gives.values()), "leaves": {n: n for n in call.made}}
        yield {"node": "floats to samples", **made}


def _whole(sizes: Mapping[str, int], names: Iterable[str]) -> list[list[str | int]]:
    return [[name, 0, sizes[name]] for name in names]


def _call(label: str, function: str, takes: Facts, gives: Facts, net: int = 0) -> Facts:
    own = {"net": net} if net else {}
    return {"node": label, "calls": function, **own, "takes": takes, "gives": gives}


def sampler_facts(loop: Loop, ctx: Context) -> Facts:
    """The facts of ``<name>_sample``: its start, the calls and the update of each row, and what follows."""
    return Sampling(loop, ctx).facts()


class Sampling:
    """The tensors of a sampler's loop, by row."""

    def __init__(self, loop: Loop, ctx: Context) -> None:
        """Take the loop and the program that has its tables."""
        self.loop, self.ctx, self.table = loop, ctx, loop.table
        self.item = size(loop.x) * 4
        self.values: dict[str, list[int]] = {}
        self.rows = ctx.constant("sampler_rows", coefficients(loop.table))
        self.image = "image" if "last" in loop.others else "out"

    def facts(self) -> Facts:
        """All of them."""
        fields = field_names(self.loop.conditions)
        starts = [f"given->{field}" for field in fields.values()]
        self.values |= {p: [nbytes(v)] for p, v in zip(starts, self.loop.conditions, strict=True)}
        nodes = [*chain(self._before(), *map(self._row, range(self.table.rows)), self._after())]
        kind = c_type(self.loop.image)
        return {
            "parameters": {self.image: [kind, nbytes(self.loop.image)]},
            "values": self.values,
            "starts": [[place, place] for place in starts],
            "ends": [[self.last, self.image]],
            "nodes": nodes,
        }

    def _tensor(self, name: str, bytes_: int | None = None) -> str:
        self.values[name] = [self.item if bytes_ is None else bytes_]
        return name

    def _before(self) -> Iterator[Facts]:
        """The condition that another network makes, and the first x."""
        if "y" in self.loop.others:
            yield self._other("y", "y", self._tensor("y"), None)
        reads, arrays, draws = self._start()
        leaves = {self._tensor("x 0"): "out"}
        leaves |= {self._tensor(n): n for n in ("start",) if n in self.loop.arrays}
        leaves |= {self._tensor("before 0"): "before"} if "before" in self.loop.arrays else {}
        node = {"node": "the start", "reads": [[n, 0, self.item] for n in reads], "arrays": arrays}
        yield {**node, "leaves": leaves, **({"draws": 0} if draws else {})}

    def _other(self, role: str, label: str, made: str, x: str | None) -> Facts:
        """A call of another network."""
        model, build = self.loop.model.networks[role], self.loop.others[role]
        own = {
            str(v.name): f
            for f, v in zip(
                field_names(model.stream_inputs).values(), model.stream_inputs, strict=True
            )
        }
        takes = {
            field: x if x is not None and name == self.table.roles.x else self.loop.given(name)
            for name, field in own.items()
        }
        (output,) = field_names(model.stream_outputs).values()
        function, at = f"{build.manifest.c_name}_process", self.loop.state_at(role)
        return _call(label, function, takes, {output: made}, at)

    def _row(self, row: int) -> Iterator[Facts]:
        """The calls of a row, and its update."""
        outputs = self.table.v.shape[1]
        made = [self._tensor(f"e{k} {row}") for k in range(outputs)]
        is_first = row == 0 and "first" in self.loop.others
        if is_first:
            yield self._other("first", "row 0", made[0], "x 0")
        else:
            yield from self._calls(row, made)
        yield self._update(row, made[:1] if is_first else made)

    def _update(self, row: int, made: Sequence[str]) -> Facts:
        """The update of x: what it reads of the results of calls, of tables and of the seed."""
        names = coefficient_names(self.table)
        used = [e for k, e in enumerate(made) if f"v{k}" in names or f"e{k}" in names]
        parts = [[name, 0, self.item] for name in (f"x {row}", *used, *self._conditions(row))]
        arrays = {self.rows: [row * len(names) * 4, len(names) * 4]}
        draws = {}
        if "s" in names and self.table.roles.noise is not None:
            parts.append([self.loop.given(self.table.roles.noise), row * self.item, self.item])
        elif "s" in names:
            arrays |= self._quantiles()
            draws = {"draws": row + 1}
        leaves = {self._tensor(f"x {row + 1}"): "out"}
        if "before" in self.loop.arrays:
            leaves |= {self._tensor(f"before {row + 1}"): "before"}
        return {
            "node": f"update {row}",
            "reads": parts,
            "arrays": arrays,
            "leaves": leaves,
            **draws,
        }

    def _conditions(self, row: int) -> list[str]:
        """The tensors besides x and results that an update reads."""
        names = {*coefficient_names(self.table)}
        y = [self.loop.given(self.table.roles.y)] if names & {"c", "w"} else []
        return y + ["start"] * ("d" in names) + [f"before {row}"] * ("h" in names)

    def _quantiles(self) -> dict[str, list[int]]:
        table = quantiles()
        return {self.ctx.constant("normal_quantiles", table): [0, table.nbytes]}

    def _start(self) -> tuple[list[str], dict[str, list[int]], bool]:
        """The tensors and arrays of the first x, and whether it has noise of the seed."""
        table, reads, arrays = self.table, [], {}
        reads += [self.loop.given(table.roles.y)] if table.start_y else []
        reads += [self.loop.given(table.roles.start)] if table.start_scale else []
        if table.start_mean is not None and table.start_mean.size > 1:
            mean = table.start_mean.astype(np.float32)
            arrays[self.ctx.constant("sampler_mean", mean)] = [0, mean.nbytes]
        draws = bool(table.start_noise)
        return reads, arrays | (self._quantiles() if draws else {}), draws

    def _of_row(self, row: int, fields: Mapping[str, str]) -> Facts:
        """What all calls of a row take: x, the time and the group."""
        roles = self.table.roles
        own: Facts = {fields[roles.x]: f"x {row}"}
        for role, column in ((roles.time, self.table.time), (roles.group, self.table.group)):
            if role is not None:
                array = row_array(self.loop, self.ctx, role, column)
                own[fields[role]] = [array, row * nbytes(self.loop.value(role))]
        return own

    def _chooses(self) -> Facts:
        """The array that says which function a row calls, if there is one."""
        if not self.loop.kept_bytes:
            return {}
        graph = self.table.graph.astype(np.int8)
        return {"chooses": self.ctx.constant("sampler_graph", graph)}

    def _calls(self, row: int, made: Sequence[str]) -> Iterator[Facts]:
        """The calls of the network, or of its decoder, in a row."""
        loop, roles = self.loop, self.table.roles
        fields = field_names(loop.model.stream_inputs)
        outputs = list(field_names(loop.model.stream_outputs).values())
        own = self._of_row(row, fields)
        function = "process" if not loop.kept_bytes or self.table.graph[row] == 0 else DECODER
        chooses = self._chooses()
        for call in range(self.table.calls):
            takes = dict(own)
            for value in loop.model.stream_inputs:
                key = str(value.name)
                if key in (roles.x, roles.time, roles.group):
                    continue
                is_null = call and key in roles.null
                takes[fields[key]] = (
                    [null_array(self.ctx, value, roles.null[key]), 0]
                    if is_null
                    else loop.given(key)
                )
            first = call * len(outputs)
            gives = {f: made[first + i] for i, f in enumerate(outputs)}
            name = f"{self.ctx.prefix}_{function}"
            node = _call(f"row {row}, call {call}", name, takes, gives, call * loop.kept_bytes)
            yield node | chooses

    def _after(self) -> Iterator[Facts]:
        """The residual, and the network that makes the image."""
        self.last = f"x {self.table.rows}"
        if self.table.roles.residual is not None:
            added = self.loop.given(self.table.roles.residual)
            reads = [[name, 0, self.item] for name in (self.last, added)]
            self.last = self._tensor("the sum")
            yield {"node": "the residual", "reads": reads, "leaves": {self.last: "out"}}
        if "last" in self.loop.others:
            made = self._tensor("image", nbytes(self.loop.image))
            yield self._other("last", "the image", made, self.last)
            self.last = made
