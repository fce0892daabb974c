"""`from_torch`: a torch module or a .pt2 becomes a `Model`, compared with the module itself."""

import copy
import hashlib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.installation import install_extra
from edgekit.export.from_onnx import stream_info
from edgekit.export.hop_runner import Arrays
from edgekit.export.onnx_file.messages import of_torch, plain
from edgekit.export.onnx_file.session_constants import declare_constants, declare_controls
from edgekit.export.onnx_file.states import (
    find_states,
    longer_than_hop,
    other_shapes,
    restarting_cells,
)
from edgekit.export.read_onnx import read_graph
from edgekit.export.torch_calls import FORWARD_ERRORS, leaves, silent, with_leaves
from edgekit.export.torch_second_call import (
    are_close,
    call_on_copies,
    hidden_state_problem,
    two_results_problem,
)
from edgekit.export.torch_shapes import (
    one_table_of_operators,
    plain_transformers,
    quick_recurrent_shapes,
)
from edgekit.export.torch_source import (
    INVERSE_TRANSFORM,
    TorchModule,
    TorchSource,
    load_source,
    trace_module,
)
from edgekit.export.verify import verify_import
from edgekit.graph.model import OPSET, Model, Source, StatePair
from edgekit.graph.nodes import static_shape, unused_name, value_names
from edgekit.graph.training_facts import TrainingFacts


def from_torch(
    source: str | TorchModule | TorchSource,
    *,
    name: str,
    states: Iterable[tuple[str, str]] = (),
    shapes: Mapping[str, Sequence[int]] | None = None,
    session: Sequence[str] = (),
    controls: Sequence[str] = (),
    hop: int | None = None,
    sample_rate: int | None = None,
    delay: int | None = None,
    offline: bool = False,
    export: Callable[[TorchSource], bytes] | None = None,
) -> tuple[Model, Arrays]:
    """Import a network through ``torch.export`` and torch's ONNX exporter.

    Inputs have the names of ``forward``'s parameters. In a .pt2 these are the keyword names of its export; others are
    in lower case, as torch.export names them. Outputs are named by the module's attribute ``output_names`` (a tuple of
    str), else as the exporter names them. States are declared, found by names, or follow the convention ``forward(x,
    *states) -> (y, *states)``. Then all inputs but the first are states if number, order and shape match all outputs
    but the first; these are renamed ``<input>_next``.

    Args:
        source: ``package.module:factory`` (returns a module or ``(module, example_inputs)``), or a
            path to a .pt2; or a module that is already loaded, with the example inputs to trace it with, or traced.
        name: recorded as the source's name.
        states: (input, output) pairs.
        shapes: input name -> dimensions; stands in for example inputs.
        session: names of inputs that stay the same for a session.
        controls: names of inputs that hold one value per hop and may change at any hop.
        hop: samples that one call consumes.
        sample_rate: Hz.
        delay: samples; see `StreamInfo.delay_samples`.
        offline: it will be streamed, so operators along time may be those that only a stream has.
        export: writes the traced module as ONNX; torch's exporter where None.

    Returns:
        The model, and the example inputs of one call by input name, states included.

    Raises:
        UsageError: the source cannot be loaded or its factory failed, or torch is not installed.
        ModelError: all problems of the network.
        VerificationError: the imported network differs from the torch module.
    """
    if find_spec("torch") is None:
        raise UsageError(
            Problem("torch", "not installed", "torch 2.8 or later", install_extra("torch"))
        )
    stream = stream_info(hop, sample_rate, delay)
    with quiet():
        loaded = load_source(source, shapes or {}) if isinstance(source, str) else _trace_of(source)
        _refuse_hidden_state(loaded)
        transforms = _inverse_transforms(loaded)
        loaded = _in_real_numbers(loaded)
        data = _to_onnx(loaded, offline) if export is None else export(loaded)
        graph_model, _, assumed = read_graph(data, shapes or {}, {}, offline=offline)
    _name_inputs(graph_model.graph, loaded)
    _name_outputs(graph_model.graph, loaded.output_names)
    pairs, notes = _find_and_name_states(graph_model.graph, list(states), [*session, *controls])
    tensors = leaves((loaded.args, loaded.kwargs))
    names = [str(value.name) for value in graph_model.graph.inputs]
    examples = {key: leaf.detach().numpy() for key, leaf in zip(names, tensors, strict=True)}
    notes += [
        *transforms,
        *assumed,
        *restarting_cells(graph_model.graph),
        *_begun_elsewhere(pairs, examples),
    ]
    notes += [
        *other_shapes(graph_model.graph, pairs),
        *longer_than_hop(graph_model.graph, pairs, hop),
    ]
    model = Model(graph_model).describe(states=list(pairs), stream=stream, notes=notes)
    model = declare_controls(declare_constants(model, session), controls)
    if loaded.trained != TrainingFacts():
        model = model.describe(trained=loaded.trained)
    model = model.describe(source=Source(name, hashlib.sha256(model.to_bytes()).hexdigest()))
    verify_import(
        TorchReference(loaded, model),
        model,
        examples,
        lambda: TorchReference(_in_double(loaded), model),
    )
    return model, examples


def to_stream_onnx(module: TorchModule | TorchSource) -> bytes:
    """Return a module as torch's ONNX exporter writes it for a stream, before any change.

    Raises:
        ModelError: torch cannot export it.
    """
    with quiet():
        return _to_onnx(_in_real_numbers(_trace_of(module)), offline=True)


def _trace_of(module: TorchModule | TorchSource) -> TorchSource:
    return trace_module(module) if isinstance(module, TorchModule) else module


def _inverse_transforms(loaded: TorchSource) -> list[str]:
    """Return a note where the network itself makes sound of a spectrum."""
    targets = [str(node.target) for node in loaded.program.graph.nodes]
    if not any(target.startswith("aten.istft") for target in targets):
        return []
    return [INVERSE_TRANSFORM]


def _in_double(loaded: TorchSource) -> TorchSource:
    """Return the module and its example inputs in float64."""
    tensors = iter(
        [
            leaf.double() if leaf.is_floating_point() else leaf
            for leaf in leaves((loaded.args, loaded.kwargs))
        ]
    )
    args, kwargs = with_leaves((loaded.args, loaded.kwargs), tensors)
    return replace(loaded, call=copy.deepcopy(loaded.call).double(), args=args, kwargs=kwargs)


class TorchReference:
    """Calls the original module with arrays by the model's input names."""

    def __init__(self, loaded: TorchSource | TorchModule, model: Model) -> None:
        """Store a network and the model that it was imported as."""
        self.loaded = loaded
        self.examples = leaves((loaded.args, loaded.kwargs))
        self.inputs = [str(value.name) for value in model.ir.graph.inputs]
        self.outputs = [str(value.name) for value in model.ir.graph.outputs]

    def __call__(self, feed: Arrays) -> Arrays:
        """Return the outputs of one call; ModelError if forward fails."""
        import torch

        tensors = iter(
            [
                torch.from_numpy(feed[name].copy()).to(example.dtype)
                for name, example in zip(self.inputs, self.examples, strict=True)
            ]
        )
        args, kwargs = with_leaves((self.loaded.args, self.loaded.kwargs), tensors)
        try:
            with torch.no_grad():
                results = leaves(self.loaded.call(*args, **kwargs))
        except FORWARD_ERRORS as error:
            found = f"forward fails on random inputs: {plain(error)}"
            allowed, step = "a forward that takes any values", "check the ranges that it needs"
            raise ModelError(Problem("the module", found, allowed, step)) from error
        arrays = [result.detach().numpy().copy() for result in results]
        return dict(zip(self.outputs, arrays, strict=True))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of torch's exporter and speed it up; the result is checked afterwards."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with quick_recurrent_shapes(), plain_transformers(), one_table_of_operators():
                yield
    finally:
        logging.disable(before)


def _refuse_hidden_state(loaded: TorchSource) -> None:
    import torch

    before = {name: buffer.clone() for name, buffer in loaded.call.named_buffers()}
    try:
        with torch.no_grad():
            results, again = (call_on_copies(loaded) for _ in range(2))
    except FORWARD_ERRORS as error:
        found = f"forward fails on the example inputs: {plain(error)}"
        step = "correct them: their number, shapes and types (module.float() and tensor.float() make all float32)"
        raise ModelError(Problem("the module", found, "inputs that it takes", step)) from error
    _refuse_other_results(results)
    changed = [
        name
        for name, buffer in loaded.call.named_buffers()
        if not torch.equal(buffer.nan_to_num(), before[name].nan_to_num())
    ]
    if changed:
        raise ModelError(map(hidden_state_problem, changed))
    if not are_close(results, again):
        raise ModelError(two_results_problem(loaded))


def _refuse_other_results(results: object) -> None:
    """Refuse outputs that are no tensors: ``torch.export`` accepts texts and numbers, ONNX has no place for them."""
    items = results.items() if isinstance(results, Mapping) else [("forward", results)]
    for name, item in items:
        others = _non_tensor_leaves(item)
        if others or not leaves(item):
            kinds = {type(other).__name__ for other in others if other is not item}
            found = "returns nothing" if item is None else f"returns a {type(item).__name__}"
            found += f" that holds {', '.join(sorted(kinds))}" if kinds else ""
            step = "return tensors: one, several in a tuple, or a dictionary of them"
            raise ModelError(Problem(f"the module's {name!r}", found, "tensors", step))


def _non_tensor_leaves(tree: object) -> list[object]:
    """Return the items of nested tuples, lists and dictionaries that are not tensors."""
    if isinstance(tree, Mapping):
        return [other for item in tree.values() for other in _non_tensor_leaves(item)]
    if isinstance(tree, list | tuple):
        return [other for item in tree for other in _non_tensor_leaves(item)]
    return [] if hasattr(tree, "detach") else [tree]


def _in_real_numbers(loaded: TorchSource) -> TorchSource:
    """Return the program without complex values, if it has some that torch cannot export."""
    from edgekit.export.torch_complex import in_pairs, needs_pairs

    if not needs_pairs(loaded.program):
        return loaded
    try:
        with silent():
            program = in_pairs(loaded.program, leaves((loaded.args, loaded.kwargs)))
    except RuntimeError as error:
        found, step = of_torch(error)
        allowed = "complex numbers that can be taken apart into real ones"
        raise ModelError(
            Problem("the torch module", f"its complex numbers: {found}", allowed, step)
        ) from error
    names = tuple(loaded.program.graph_signature.user_inputs)
    return replace(loaded, program=program, input_names=tuple(map(str, names)))


def _to_onnx(loaded: TorchSource, offline: bool = False) -> bytes:
    import torch

    from edgekit.export.torch_operators import translations

    try:
        with silent():
            program = torch.onnx.export(
                loaded.program,
                dynamo=True,
                opset_version=OPSET,
                optimize=False,
                verbose=False,
                custom_translation_table=translations(offline),
            )
        assert program is not None
        return bytes(program.model_proto.SerializeToString())
    except Exception as error:
        found, step = of_torch(error)
        allowed = "operators that torch can export to ONNX"
        raise ModelError(
            Problem("the torch module", f"torch's ONNX exporter refuses it: {found}", allowed, step)
        ) from error


def _name_inputs(graph: ir.Graph, loaded: TorchSource) -> None:
    """Rename inputs to their parameters' names, which torch.export writes in lower case."""
    import torch

    names: list[str | None] = [None] * len(leaves(loaded.args))
    for key, tree in loaded.kwargs.items():
        plain = isinstance(tree, torch.Tensor)
        names += [key] if plain else [None] * len(leaves(tree))
    given = loaded.input_names or names
    names = [name or other for name, other in zip(names, given, strict=True)]
    pairs = zip(graph.inputs, names, strict=True)
    _rename(graph, {value: name for value, name in pairs if name not in (None, value.name)})


def _name_outputs(graph: ir.Graph, names: tuple[str, ...] | None) -> None:
    """Rename outputs; one whose name an input has too, as an unchanged state, becomes ``<name>_next``."""
    if names is None:
        return
    fed = {value.name for value in graph.inputs}
    names = tuple(f"{name}_next" if name in fed else name for name in names)
    if len(names) != len(graph.outputs) or len(set(names)) != len(names):
        raise UsageError(
            Problem(
                "the module's output_names",
                f"{list(names)} for {len(graph.outputs)} outputs",
                "one name for each output, all different",
                "correct the attribute",
            )
        )
    _rename(graph, dict(zip(graph.outputs, names, strict=True)))


def _find_and_name_states(
    graph: ir.Graph, declared: list[tuple[str, str]], constants: Sequence[str]
) -> tuple[tuple[StatePair, ...], list[str]]:
    """Return the state pairs, and notes on those that were found by their order alone."""
    by_name = {pair.output for pair in find_states(graph, declared, constants=constants)}
    pairs = find_states(graph, declared, in_order=True, constants=constants)
    outputs = {value.name: value for value in graph.outputs}
    by_order = [pair for pair in pairs if pair.output not in by_name]
    notes = _note_on_order(graph, by_order)
    _rename(graph, {outputs[pair.output]: f"{pair.input}_next" for pair in by_order})
    return tuple(StatePair(p.input, str(outputs[p.output].name)) for p in pairs), notes


def _note_on_order(graph: ir.Graph, pairs: Sequence[StatePair]) -> list[str]:
    """Return a note on states that were paired by order, if another order would fit too."""
    inputs = {value.name: value for value in graph.inputs}
    if len({static_shape(inputs[pair.input]) for pair in pairs}) == len(pairs):
        return []
    position = {value.name: index for index, value in enumerate(graph.outputs, start=1)}
    told = [f"{pair.input} is output {position[pair.output]}" for pair in pairs]
    return [
        f"states of equal shape are paired by their order: {', '.join(told)}; where that is wrong, "
        "return a dictionary, or give the module output_names, as h and h_next"
    ]


def _begun_elsewhere(pairs: Sequence[StatePair], examples: Mapping[str, Array]) -> Iterator[str]:
    """Return a note on each state whose example looks like a start value other than zero: one number throughout."""
    for name in (pair.input for pair in pairs):
        first = examples[name].flat[0] if examples[name].size else 0
        if first and (examples[name] == first).all():
            yield (
                f"state '{name}' begins at 0 in a build, and its example input is {first:g} throughout; where it must "
                f"begin there, let the state be the difference to {first:g}"
            )


def _rename(graph: ir.Graph, names: Mapping[ir.Value, str]) -> None:
    """Rename values; other values with one of these names get a number as suffix."""
    wanted = set(names.values())
    inside = [value for node in graph for value in node.outputs if not value.is_graph_output()]
    for value in (*inside, *graph.initializers.values()):
        if value.name in wanted and value not in names:
            value.name = unused_name(value_names(graph) | wanted, str(value.name))
    taken = value_names(graph) - {value.name for value in names}
    if clash := sorted(taken & wanted):
        found, allowed = ", ".join(clash), "names that no other value has"
        raise UsageError(Problem("output names", found, allowed, "rename them"))
    for value in names:
        value.name = None
    for value, name in names.items():
        value.name = name
