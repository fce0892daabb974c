"""Networks in onnxruntime: one call, and hops with the states carried on."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx.reference import ReferenceEvaluator

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.export.onnx_file.messages import plain
from edgekit.export.own_operators.precise import with_exact_dft, with_exact_sigmoid
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

Arrays = dict[str, Array]


def in_onnxruntime(data: bytes) -> Callable[[Arrays], Arrays]:
    """Return a runner of a network in onnxruntime, on the CPU with one thread; its Sigmoid and DFT are exact.

    It takes the inputs of one call by name and returns all outputs by name.

    Raises:
        ModelError: onnxruntime cannot run the network; the runner raises it if onnxruntime fails on its inputs.
    """
    session = _open_session(with_exact_sigmoid(with_exact_dft(data)))
    names = [value.name for value in session.get_outputs()]

    def run(feed: Arrays) -> Arrays:
        arrays = {key: np.asarray(array) for key, array in feed.items()}
        try:
            made = dict(zip(names, session.run(names, arrays), strict=True))
        except Exception as error:  # a C++ library on a file of unknown origin
            raise ModelError(
                Problem(
                    "the network",
                    f"onnxruntime fails while running it: {plain(error)}",
                    "a network that runs with its input shapes",
                    "check --shape INPUT=DIMS and the file",
                )
            ) from error
        if missing := [name for name, array in made.items() if array is None]:
            found, step = "onnxruntime computes nothing for it", "leave it out of the network"
            raise ModelError(
                Problem(f"output '{name}'", found, "what an operator computes", step)
                for name in missing
            )
        return made

    return run


def _open_session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # a Q/DQ network is run as ONNX defines it, not with the fused integer kernels
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["DoubleQDQPairsRemover"],  # it drops a coarser second scale
        )
    except Exception as error:  # a C++ library on a file of unknown origin
        raise ModelError(
            Problem(
                "the network",
                f"onnxruntime {onnxruntime.__version__} cannot run it: {plain(error)}",
                "a network that onnxruntime runs on the CPU",
                "check the file with the tool that wrote it",
            )
        ) from error


def source_runner(data: bytes) -> Callable[[Arrays], Arrays]:
    """Return a runner of an unchanged file: onnxruntime, or onnx's reference if onnxruntime cannot run it.

    It cannot run recurrent layers with the batch first (``layout`` 1).

    Raises:
        ModelError: it cannot be run; the runner raises it too.
    """
    proto = onnx.load_model_from_string(data)
    layouts = [a.i for n in proto.graph.node for a in n.attribute if a.name == "layout"]
    if not any(layouts):
        return in_onnxruntime(data)
    evaluator = ReferenceEvaluator(proto)

    def reference(feed: Arrays) -> Arrays:
        try:
            outputs = evaluator.run(None, feed)
        except Exception as error:  # a file of unknown origin
            found = f"onnx's reference fails while running it: {error}"
            step = "export the recurrent layers with layout 0"
            raise ModelError(
                Problem("the network", found, "a network that onnx's reference runs", step)
            ) from error
        return dict(zip(evaluator.output_names, outputs, strict=True))

    return reference


def run_hops(model: Model, inputs: Mapping[str, Array], tap: Sequence[str] = ()) -> Arrays:
    """Run a model hop by hop in onnxruntime, with the states carried from zero.

    Args:
        model: the network.
        inputs: one array (hops, *shape) of the input's type for each stream input, and one (*shape)
            for each session constant.
        tap: names of further values to record: node outputs, graph inputs or state outputs.

    Returns:
        One array (hops, *shape) for each stream output and each tapped value.

    Raises:
        UsageError: inputs are missing, unknown or of the wrong shape, or a tap is unknown.
        ModelError: onnxruntime cannot run the network.
    """
    return HopRunner(model, tap)(inputs)


class HopRunner:
    """A model opened in onnxruntime once, for one recording after another, each from zero states."""

    def __init__(self, model: Model, tap: Sequence[str] = ()) -> None:
        """Prepare the runs; arguments and errors are those of `run_hops`, except the inputs."""
        fed = {str(value.name) for value in model.ir.graph.inputs}
        wanted = [str(value.name) for value in model.stream_outputs]
        wanted += [name for name in dict.fromkeys(tap) if name not in wanted]
        self._model, self._fed, self._wanted = model, fed, wanted
        self._running = in_onnxruntime(
            with_outputs(model, [name for name in wanted if name not in fed]).to_bytes()
        )

    def __call__(self, inputs: Mapping[str, Array]) -> Arrays:
        """Run the hops as `run_hops`."""
        hops = check_inputs(self._model, inputs)
        made: Arrays = {}
        for hop, values in enumerate(self._run_hops(inputs, hops)):
            if hop == 0:
                made = {n: np.empty((hops, *a.shape), a.dtype) for n, a in values.items()}
            # the outputs of the next hop then take the memory of these
            for name, array in values.items():
                made[name][hop] = array
        return made

    def _run_hops(self, inputs: Mapping[str, Array], hops: int) -> Iterator[Arrays]:
        """Yield the wanted values of one hop after the other."""
        state, pairs = zero_states(self._model), self._model.states
        constants = {name: inputs[name] for name in self._model.constants}
        streams = {name: array for name, array in inputs.items() if name not in constants}
        for hop in range(hops):
            feed = {name: array[hop] for name, array in streams.items()} | constants | state
            results = self._running(feed)
            state = {pair.input: results[pair.output] for pair in pairs}
            yield {
                name: feed[name] if name in self._fed else results[name] for name in self._wanted
            }


def zero_states(model: Model) -> Arrays:
    """Return zeros for every state input."""
    states = {pair.input for pair in model.states}
    return {
        str(value.name): np.zeros(static_shape(value) or (), _dtype(value))
        for value in model.ir.graph.inputs
        if value.name in states
    }


def snr_db(reference: Array, value: Array) -> float:
    """Return ``10 log10(sum(ref^2) / sum((value - ref)^2))`` in dB; infinity if equal.

    NaN equals NaN and infinity itself; an unmatched one makes the SNR -infinity.
    """
    exact, difference = differences(reference, value)
    with np.errstate(over="ignore"):  # a sum beyond float64 is infinite, which is read below
        noise = float(np.sum(difference**2))
        signal = float(np.sum(exact**2, where=np.isfinite(exact)))
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal > 0 and noise < np.inf else float("-inf")


def check_inputs(model: Model, inputs: Mapping[str, Array]) -> int:
    """Return the number of hops; UsageError if the arrays are not those of the stream inputs."""
    if problems := _input_problems(model, inputs):
        raise UsageError(problems)
    lengths = {len(array) for name, array in inputs.items() if name not in model.constants}
    if len(lengths) != 1 or 0 in lengths:
        found, allowed = f"hops: {sorted(lengths)}", "one number of hops, at least 1"
        raise UsageError(Problem("the inputs", found, allowed, "cut the arrays to one length"))
    return lengths.pop()


def _input_problems(model: Model, inputs: Mapping[str, Array]) -> list[Problem]:
    expected = {str(value.name): value for value in model.given_inputs}
    allowed = ", ".join(
        f"'{name}' {_dtype(value)} ({'' if name in model.constants else 'hops, '}"
        f"{_text(static_shape(value) or ())})"
        for name, value in expected.items()
    )
    return [
        Problem(f"input '{name}'", found, allowed, "pass these arrays")
        for name in dict.fromkeys([*expected, *inputs])
        if (found := _misfit(expected.get(name), inputs.get(name), name in model.constants))
    ]


def _misfit(value: ir.Value | None, array: Array | None, is_constant: bool) -> str | None:
    """Return the fault of an input's array; None if it fits."""
    if value is None:
        return "not a stream input"
    if array is None:
        return "missing"
    shape = array.shape if is_constant else array.shape[1:]
    fits = shape == (static_shape(value) or ()) and array.dtype == _dtype(value)
    return None if fits else f"{array.dtype} {array.shape}"


def _dtype(value: ir.Value) -> np.dtype[np.generic]:
    assert value.dtype is not None
    return value.dtype.numpy()


def _text(dims: tuple[int, ...]) -> str:
    return ", ".join(str(dim) for dim in dims)


def with_outputs(model: Model, names: Sequence[str]) -> Model:
    """Return the network with further outputs; UsageError of a name that no node has."""
    copy = model.ir.clone()
    outputs = {value.name for value in copy.graph.outputs}
    values = {value.name: value for node in copy.graph for value in node.outputs}
    added = [name for name in names if name not in outputs]
    if unknown := [name for name in added if name not in values]:
        found, allowed = "not in the network", "a value of the network"
        step = "use the name of a node's output"
        raise UsageError(
            [Problem(f"tapped value '{name}'", found, allowed, step) for name in unknown]
        )
    copy.graph.outputs.extend(values[name] for name in added)
    return Model(copy)


def differences(reference: Array, value: Array) -> tuple[Array, Array]:
    """Return the reference and how far the value is from it in float64: 0 if both are NaN or the same infinity.

    Infinite where one of them alone is.
    """
    exact, given = np.asarray(reference, np.float64), np.asarray(value, np.float64)
    with np.errstate(invalid="ignore"):
        difference = given - exact
    if not np.isfinite(difference).all():
        same = (given == exact) | (np.isnan(given) & np.isnan(exact))
        difference = np.where(same, 0.0, np.nan_to_num(difference, nan=np.inf, posinf=np.inf))
    return exact, difference
