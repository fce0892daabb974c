"""The offline network at any length: an .onnx with an open time axis, or torch code."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from math import lcm
from pathlib import Path

import onnx

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.double import double_runner
from edgekit.export.from_onnx import from_onnx, read_file
from edgekit.export.hop_runner import Arrays
from edgekit.export.loops.onnx_loop import LoopFile
from edgekit.export.onnx_file.constants import Constants
from edgekit.export.onnx_file.dims import BATCH, NUMBERED
from edgekit.export.onnx_file.dynamic_integers import in_float
from edgekit.export.onnx_file.file_checks import parse
from edgekit.export.read_onnx import with_turns
from edgekit.export.stream.guards import Guards, LengthNumber
from edgekit.export.stream.module_probe import Calls
from edgekit.export.stream.recording_end import NO_END, RecordingEnd
from edgekit.export.stream.source_runs import file_run, length_numbers
from edgekit.export.stream.time_axes import (
    Rates,
    check_rates,
    dims_of_inputs,
    find_time,
    fixed_sizes,
    open_dimensions,
    told_multiple,
    told_rates,
)
from edgekit.export.stream.torch_network import load_network
from edgekit.graph.model import Model


@dataclass(frozen=True)
class Offline:
    """A network that can be imported at any number of samples.

    Attributes:
        at: imports it, verified, with the time axis of its inputs at this length.
        notes: assumptions that the user should know.
        examples: the factory's example inputs by name; None for a file.
        axes: the time axes of the inputs that have one.
        rates: input name -> frames of it in one sample of the reference stream; 1 for those left out.
        controls: inputs with one value per hop.
        probe: runs torch code at this length; like `at` it raises `TooShort` at a length at which the network does not
            run. None for a file.
        nodes: number of nodes of its export at this length that depend on an input.
        find_loops: finds the loops along time in exports at this length and at twice that, so that `at` rolls them
            back; returns why it left some.
        run: runs the source itself on whole inputs and returns its outputs in order; `TooShort` if it fails.
            None if the network is another one on purpose.
        run_in_double: the same in float64; None if the source has no such form.
        guards: reads the length conditions of torch code; None for a file.
        numbers: numbers with which a file compares positions, or at which it cuts time.
        multiple: number of which every length is a multiple, as stated by an .onnx.
        end: the declared end of recordings.
    """

    at: Callable[[int], Model]
    notes: Sequence[str] = ()
    examples: Mapping[str, Array] | None = None
    axes: Mapping[str, int] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    controls: Sequence[str] = ()
    probe: Callable[[int], Calls] | None = None
    nodes: Callable[[int], int] | None = None
    find_loops: Callable[[int], Sequence[str]] | None = None
    run: Callable[[Arrays], Sequence[Array]] | None = None
    run_in_double: Callable[[Arrays], Sequence[Array]] | None = None
    guards: Callable[[int], Guards] | None = None
    numbers: Sequence[LengthNumber] = ()
    multiple: int = 1
    end: RecordingEnd = NO_END

    @property
    def unit(self) -> int:
        """The fewest samples that are whole frames of every input."""
        return lcm(self.multiple, *(rate.denominator for rate in self.rates.values()))


def onnx_offline(
    path_or_bytes: str | Path | bytes,
    *,
    name: str,
    time_axes: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Constants | None = None,
    session: Sequence[str] = (),
    rates: Rates | None = None,
) -> Offline:
    """Return an .onnx as an offline network; its inputs have one open dimension, time.

    An open first dimension of another name is the batch, 1. Dimensions called ``T`` and ``64*T``, as
    torch.export names derived ones, give the rates of their inputs: the longest is the reference, read only at
    multiples of 64.

    Args:
        path_or_bytes: the file, or its content.
        name: recorded as the source's name.
        time_axes: input name -> its time axis, if the file does not state it; then other inputs have no time.
        shapes: input name -> dimensions; the entry of the time axis is ignored.
        constants: input name -> value: these inputs become constants.
        session: names of inputs that stay the same for a session, so that they have no time.
        rates: see `Offline`.

    Raises:
        ModelError: not a usable file, or a time axis that cannot be found.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else read_file(Path(path_or_bytes))
    data, floats = in_float(data, products=True)
    shapes, time_axes, constants = shapes or {}, time_axes or {}, constants or {}
    graph = parse(data, shapes).graph
    inputs = dims_of_inputs(graph, constants)
    timed = {key: dims for key, dims in inputs.items() if key in time_axes or key not in session}
    own = told_rates(timed, shapes) | dict(rates or {})
    axes = find_time(timed, time_axes, shapes, own)
    check_rates(own, axes)
    fixed, notes = fixed_sizes(inputs, axes, shapes)

    sizes = partial(_sizes, fixed, axes, own)
    content = _content(data, graph, sizes)

    def at(samples: int) -> Model:
        whole, shapes = content(samples), sizes(samples)
        return from_onnx(whole, name=name, shapes=shapes, constants=constants, offline=True)

    return Offline(
        cache(at),
        [*floats, *notes],
        axes=axes,
        rates=own,
        run=file_run(data, shapes, constants),
        run_in_double=file_run(data, shapes, constants, double_runner),
        numbers=length_numbers(graph),
        multiple=told_multiple(timed, shapes),
    )


def _content(
    data: bytes, graph: onnx.GraphProto, sizes: Callable[[int], dict[str, Sequence[int]]]
) -> Callable[[int], bytes]:
    """Return what gives the file's content at a number of samples: its loops along time are one node each."""
    if not any(node.op_type == "Loop" for node in graph.node):
        return lambda _: data
    return LoopFile(cache(lambda samples: with_turns(data, sizes(samples)))).content


def torch_offline(
    source: str,
    *,
    name: str,
    time_axes: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]] | None = None,
    rates: Rates | None = None,
) -> Offline:
    """Return a torch module as an offline network; ``source`` and `shapes` as in `from_torch`.

    Args:
        source: ``package.module:factory``.
        name: recorded as the source's name.
        time_axes: input name -> its time axis.
        shapes: input name -> dimensions, if the factory returns no example inputs.
        rates: see `Offline`.
    """
    if Path(source).suffix == ".pt2":
        found, allowed = (
            "its inputs have one length",
            "a network that can be read at several lengths",
        )
        step = "give the factory, or export an .onnx with an open time axis"
        raise ModelError(Problem(f"'{source}'", found, allowed, step))
    network = load_network(source, time_axes, shapes or {}, rates or {})
    return Offline(
        cache(partial(network.model, name=name)),
        examples=network.examples,
        axes=network.axes,
        rates=network.rates,
        probe=network.probe,
        nodes=network.nodes,
        find_loops=network.find_loops,
        run=network.run,
        run_in_double=partial(network.run, in_double=True),
        guards=network.guards,
    )


def has_open_time(
    path: str | Path, shapes: Mapping[str, Sequence[int]], constants: Iterable[str]
) -> bool:
    """Whether an .onnx leaves a dimension open that is neither a batch nor given in `shapes`.

    The inputs in `constants` do not count.

    Raises:
        ModelError: not a usable file.
    """
    inputs = dims_of_inputs(parse(read_file(Path(path)), shapes).graph, constants)
    bound = {dim for name, dims in inputs.items() if name in shapes for dim in dims}
    return any(
        _may_be_time(place, label) and label not in bound
        for name, dims in inputs.items()
        for place, label in open_dimensions(dims, has_shape=name in shapes)
    )


def _may_be_time(place: int, label: str) -> bool:
    """Whether an open dimension is no batch; a number as its name says nothing behind the first one."""
    return not BATCH.fullmatch(label) or (place > 0 and bool(re.fullmatch(NUMBERED, label)))


def _sizes(
    fixed: Mapping[str, Sequence[int]], axes: Mapping[str, int], rates: Rates, samples: int
) -> dict[str, Sequence[int]]:
    """Return the dimensions of all inputs at a number of samples."""
    return {
        name: _with_time(dims, axes.get(name), int(samples * rates.get(name, 1)))
        for name, dims in fixed.items()
    }


def _with_time(dims: Sequence[int], axis: int | None, samples: int) -> list[int]:
    return [samples if place == axis else size for place, size in enumerate(dims)]
