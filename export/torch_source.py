"""Load ``package.module:factory`` or a ``.pt2``, with example inputs of one call.

Both are the user's own code and run as such.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.user_code import no_exit, user_error, working_directory_importable
from edgekit.export.onnx_file.messages import of_torch, step_for_counts
from edgekit.export.torch_calls import leaves, silent, unchecked_distributions, with_leaves
from edgekit.graph.training_facts import TrainingFacts

if TYPE_CHECKING:
    import torch

UNKNOWN = TrainingFacts()
INVERSE_TRANSFORM = (
    "torch.istft inside the network becomes a convolution, whose cost grows with the square of the frame; "
    "next: let the network end with the spectrum, and give --frontend, as stft:512:128:hann"
)
RUNS = "a module that runs on its example inputs"
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
SEED = 0  # of factories that initialize at random, and of examples that are drawn here


@dataclass(frozen=True)
class TorchSource:
    """A network that torch can call and export.

    Attributes:
        program: the network from ``torch.export``.
        call: the original network, called with `args` and `kwargs`.
        args: example inputs of one call, by position.
        kwargs: example inputs of one call, by name.
        output_names: names of the outputs, if the module has an attribute ``output_names`` or returns a dictionary.
        input_names: names of the program's inputs, if it has lost them.
        trained: training facts of a denoiser: the module's attribute ``trained``, a dictionary of
            ``prediction`` and ``timesteps``.
    """

    program: "torch.export.ExportedProgram"
    call: "torch.nn.Module"
    args: tuple[object, ...]
    kwargs: JsonObject
    output_names: tuple[str, ...] | None = None
    input_names: tuple[str, ...] | None = None
    trained: TrainingFacts = UNKNOWN


def load_source(source: str, shapes: Mapping[str, Sequence[int]]) -> TorchSource:
    """Load a factory's module (put into eval mode) or a .pt2.

    Args:
        source: ``package.module:factory``, also found from the working directory, or a path to a
            .pt2.
        shapes: input name -> dimensions; replaces example inputs of a factory, or is used without any.

    Raises:
        UsageError: the name, the factory or the file cannot be used; chained to the original error.
        ModelError: ``torch.export`` refuses the network.
    """
    if Path(source).suffix == ".pt2":
        return _load_pt2(Path(source))
    return trace_module(load_module(source, shapes))


@dataclass(frozen=True)
class TorchModule:
    """A factory's module in eval mode, and example inputs of one call by name."""

    source: str
    module: "torch.nn.Module"
    kwargs: JsonObject
    args: tuple[object, ...] = ()

    @property
    def call(self) -> "torch.nn.Module":
        """The module, as `TorchSource` names it."""
        return self.module


def trace_module(loaded: TorchModule) -> TorchSource:
    """Return the network that torch.export traces with these example inputs.

    Raises:
        ModelError: ``torch.export`` refuses the network.
    """
    source, module = loaded.source, loaded.module
    # torch.export takes one tensor in two places for one input
    copies = (tensor.clone() for tensor in leaves(loaded.kwargs))
    kwargs = with_leaves(loaded.kwargs, copies)
    program = _export(source, module, kwargs)
    names = getattr(module, "output_names", None) or _keys(program)
    named = tuple(names) if names else None
    return TorchSource(
        program, module, (), kwargs, named, trained=_read_trained_attribute(source, module)
    )


def load_module(source: str, shapes: Mapping[str, Sequence[int]]) -> TorchModule:
    """Call a factory; arguments and errors as those of `load_source`."""
    import torch

    from edgekit.export.torch_buffers import with_buffer_states
    from edgekit.export.torch_training import set_eval_mode

    factory = find_factory(source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        try:
            with no_exit():
                made = factory()
        except Exception as error:
            step = "install what it imports" if isinstance(error, ImportError) else "correct it"
            raise _unusable(source, f"the factory raised {user_error(error)}", step) from error
        module, examples = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        module = unwrap_module(module)
        if isinstance(module, torch.jit.ScriptModule):
            step = "return the module that torch.jit.script or torch.jit.trace was given"
            raise _unusable(source, f"the factory returned a {type(module).__name__}", step)
        if not isinstance(module, torch.nn.Module):
            raise _unusable(
                source,
                f"the factory returned {_kind(made)}",
                "return a torch.nn.Module or (module, example_inputs)",
            )
        if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
            found = "its weights are on the device meta: they have shapes and no values"
            raise _unusable(source, found, "load the weights inside the factory")
        module.cpu()
        set_eval_mode(module)
        module, kwargs = with_buffer_states(module, _examples(source, module, examples, shapes))
    return TorchModule(source, module, kwargs)


def unwrap_module(module: object) -> object:
    """Return the module inside torch's wrappers for training or compilation."""
    from torch.nn.parallel import DataParallel, DistributedDataParallel

    if isinstance(module, DataParallel | DistributedDataParallel):
        return unwrap_module(module.module)
    inner = getattr(module, "_orig_mod", module)
    return module if inner is module else unwrap_module(inner)


def _read_trained_attribute(source: str, module: object) -> TrainingFacts:
    """Return the facts in a module's attribute ``trained``."""
    facts = getattr(module, "trained", None)
    if facts is None:
        return TrainingFacts()
    try:
        return TrainingFacts.of(facts)
    except (ValueError, AttributeError, TypeError) as error:
        step = 'say trained = {"prediction": "v", "timesteps": 1000}, or leave it out'
        found = f"the module's attribute trained: {error}"
        raise UsageError(Problem(f"model '{source}'", found, "a dictionary", step)) from error


def _keys(program: "torch.export.ExportedProgram") -> tuple[str, ...] | None:
    """Return the keys of the dictionary that forward returns, in order; None if it returns anything else."""
    spec = program.call_spec.out_spec
    if spec is None or spec.type is not dict:
        return None
    # older torch has a list
    children = spec.children() if hasattr(spec, "children") else spec.children_specs
    if any(child.num_leaves != 1 for child in children):
        return None
    return tuple(str(key) for key in spec.context)


def find_factory(source: str) -> Callable[[], object]:
    """Import the module of ``package.module:factory``, also from the working directory, and return the factory.

    Raises:
        UsageError: no such name, no function, or an error of the module; chained to the original error.
    """
    module_name, colon, path = source.partition(":")
    if not (colon and path and all(part.isidentifier() for part in module_name.split("."))):
        raise _unusable(
            source, "not of the form package.module:factory", "write package.module:factory"
        )
    found: object = None
    try:
        with working_directory_importable():
            found = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        step = _step_of_import(error, module_name) if found is None else _nearest(found, path)
        place = getattr(found, "__file__", None)
        what = f"{user_error(error)}, in {place}" if place else user_error(error)
        raise _unusable(source, what, step) from error
    return _checked_factory(source, found)


def _checked_factory(source: str, found: object) -> Callable[[], object]:
    """Return what can be called without arguments; a module can be called, and is no factory."""
    if not callable(found) or (hasattr(found, "state_dict") and not isinstance(found, type)):
        step = "name a function that returns it, with example inputs"
        raise _unusable(source, f"a {type(found).__name__}, not a function", step)
    if needed := _required_parameters(found):
        step = "give each a default: EdgeKit calls it without arguments"
        raise _unusable(source, f"needs {', '.join(needed)}", step)
    return found


def _required_parameters(factory: Callable[..., object]) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters
    except (ValueError, TypeError):  # of a callable without a signature
        return []
    return [name for name, parameter in parameters.items() if _is_required(parameter)]


def _step_of_import(error: Exception, module_name: str) -> str:
    """Return the next step if a module cannot be imported: it is missing, or its code is wrong."""
    if not isinstance(error, ImportError):
        return f"correct the module {module_name}"
    if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
        return "check the name and the working directory"
    return f"install what the module {module_name} imports, or correct its import"


def _nearest(found: object, path: str) -> str:
    close = difflib.get_close_matches(path.rpartition(".")[2], dir(found), n=1)
    return f"check the name; '{close[0]}' is nearest" if close else "check the name"


def _examples(
    source: str, module: "torch.nn.Module", examples: object, shapes: Mapping[str, Sequence[int]]
) -> dict[str, object]:
    """Return example inputs by parameter name: given ones, or random ones of given shapes."""
    import torch

    parameters = inspect.signature(module.forward).parameters
    given = _named_examples(source, list(parameters), examples)
    given |= {name: torch.randn(*size) for name, size in shapes.items() if name in parameters}
    if problems := _example_problems(parameters, [*given, *shapes]):
        raise ModelError(problems)
    return {name: _as_tensors(given[name]) for name in parameters if name in given}


def _named_examples(source: str, parameters: list[str], examples: object) -> dict[str, object]:
    """Return the examples that a factory returned, by parameter name."""
    if examples is None:
        return {}
    if isinstance(examples, Mapping):
        return dict(examples)
    items = (examples,) if hasattr(examples, "dtype") else tuple(cast(Iterable[object], examples))
    if len(items) > len(parameters):
        raise _unusable(
            source,
            f"{len(items)} example inputs for forward({', '.join(parameters)})",
            "return one example for each parameter",
        )
    return dict(zip(parameters, items, strict=False))


def _example_problems(
    parameters: Mapping[str, inspect.Parameter], names: Sequence[str]
) -> list[Problem]:
    """Parameters without an example of their name, and names that no parameter has."""
    missing = [n for n, p in parameters.items() if n not in names and _is_required(p)]
    unknown = [name for name in dict.fromkeys(names) if name not in parameters]
    problems = [*map(_missing_input_problem, missing)]
    problems += [_nameless(p) for p in parameters.values() if _is_nameless(p, names)]
    return [*problems, *(_unknown(name, list(parameters)) for name in unknown)]


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.kind in NAMED and parameter.default is inspect.Parameter.empty


def _as_tensors(example: object) -> object:
    """Return an example whose arrays of NumPy are tensors."""
    import torch

    converted: object = torch.utils._pytree.tree_map_only(np.ndarray, torch.from_numpy, example)
    return converted


def _kind(made: object) -> str:
    """Return the kind of a factory's result in words: of a tuple its items, too."""
    if not isinstance(made, tuple):
        name = type(made).__name__
        return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    return f"a tuple of {', '.join(type(item).__name__ for item in made) or 'nothing'}"


def _missing_input_problem(name: str) -> Problem:
    return Problem(
        f"input '{name}'",
        "neither an example input nor a shape",
        "fixed sizes",
        f"return (module, example_inputs) from the factory or give --shape {name}=DIMS",
    )


def _is_nameless(parameter: inspect.Parameter, given: Sequence[str]) -> bool:
    return parameter.name in given and parameter.kind not in NAMED


def _nameless(parameter: inspect.Parameter) -> Problem:
    where, found = f"forward's parameter '{parameter}'", "its inputs have no names"
    step = "return a module around it: def forward(self, x): return self.net(x)"
    return Problem(where, found, "a parameter with a name for each input", step)


def _unknown(name: str, parameters: list[str]) -> Problem:
    return Problem(
        f"input '{name}'",
        "not a parameter of the module's forward",
        ", ".join(parameters),
        "use the parameters' names",
    )


def _export(
    source: str, module: "torch.nn.Module", kwargs: JsonObject
) -> "torch.export.ExportedProgram":
    import torch

    from edgekit.export.torch_branches import with_selections
    from edgekit.export.torch_values import export_with_constant_reads

    def trace() -> "torch.export.ExportedProgram":
        try:
            with torch.no_grad(), silent(), unchecked_distributions():
                return torch.export.export(module, (), kwargs, strict=False)
        except Exception as error:
            if (program := export_with_constant_reads(module, kwargs, error)) is not None:
                return program
            raise

    try:
        return trace()
    except Exception as error:
        if (program := with_selections(trace, error)) is not None:
            return program
        if (own := _forward_error(module, kwargs)) is not None:
            found, allowed = f"forward fails on the example inputs: {of_torch(own)[0]}", RUNS
            step = "correct the module, or the example inputs of the factory"
            raise ModelError(Problem(f"'{source}'", found, allowed, step)) from own
        found, step = of_torch(error)
        step += step_for_counts(error, kwargs)
        found, allowed = f"torch.export refuses it: {found}", "a module that torch.export can trace"
        raise ModelError(Problem(f"'{source}'", found, allowed, step)) from error


def _forward_error(module: "torch.nn.Module", kwargs: JsonObject) -> Exception | None:
    """Return what a module raises when it is called without torch.export; None where it runs."""
    import torch

    try:
        with torch.no_grad(), silent():
            module(**kwargs)
    except Exception as error:
        return error
    return None


def _load_pt2(path: Path) -> TorchSource:
    import torch

    from edgekit.export.own_operators.functions import layer_modules

    layer_modules()  # they define the operators that their layers leave
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise _unusable(
            path.name, f"torch.export.load: {error}", "save it with torch.export.save"
        ) from error
    if program.example_inputs is None:
        raise _unusable(
            path.name,
            "holds no example inputs",
            "export it with torch.export.export and save it again",
        )
    args, kwargs = program.example_inputs
    return TorchSource(program, program.module(), tuple(args), dict(kwargs))


def _unusable(source: str, found: str, next_step: str) -> UsageError:
    return UsageError(
        Problem(
            f"'{source}'", found, "package.module:factory, a .pt2, an .onnx or a .tflite", next_step
        )
    )
