"""Check a source and the options about it, before any module that imports networks is loaded."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from edgekit.base.errors import Problem
from edgekit.export.frontend.spec import Forms, FrontendSpec
from edgekit.export.torch_source import find_factory
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.source_names import FILES, is_graph_file, is_tflite, other_file

FORMS = "package.module:factory, a .pt2, an .onnx or a .tflite"


def source_problems(source: str, options: ImportOptions) -> list[Problem]:
    """Return problems with a source's name and options before anything is loaded."""
    problems = [*_name_problems(source), *_constant_problems(source, options)]
    if options.frontend is not None:
        problems += frontend_problems(options.frontend, options.sample_rate)
    if options.sampler is not None:
        problems += [*sampler_conflicts(options), *options.sampler.problems()]
    if options.then is not None:
        problems += _then_problems(source, options.then, options.frontend)
    problems += _tflite_problems(source, options)
    return [*problems, *_form_problems(source, options)]


def _tflite_problems(source: str, options: ImportOptions) -> Iterator[Problem]:
    """Options of a .tflite alone, and one that needs open sizes, which it has not."""
    if options.signature is not None and not is_tflite(source):
        step = "leave it out"
        yield Problem(f"--signature {options.signature}", f"with '{source}'", "a .tflite", step)
    if is_tflite(source) and options.rates:
        step = "give the .onnx or the module that it was converted from"
        yield Problem("--rate", "a .tflite, whose sizes are fixed", "an open time axis", step)


def find_code(source: str) -> None:
    """Check that a factory exists, before modules that import networks are loaded.

    Raises:
        UsageError: it does not exist.
    """
    if not is_graph_file(source) and Path(source).suffix != ".pt2":
        find_factory(source)


def _name_problems(source: str) -> Iterator[Problem]:
    path = Path(source)
    if not source:
        yield Problem("model ''", "an empty text", FORMS, "name the network")
        return
    if path.suffix.lower() in FILES:
        if path.is_dir():
            yield Problem(f"model '{source}'", "a folder", "a file", "name the file in it")
        elif not path.is_file():
            allowed = "an .onnx, .tflite or .pt2 file, or package.module:factory"
            yield Problem(f"model '{source}'", "does not exist", allowed, _nearest_file(path))
        return
    module, colon, _ = source.partition(":")
    if colon and not module.endswith(".py") and "/" not in module:
        return
    if path.exists():
        found, step = other_file(path)
    elif colon:
        found = "a path in place of a module"
        step = f"write {source.replace('.py:', ':').replace('/', '.').lstrip('.')}"
    else:
        found, step = "neither a file nor a factory", _step_of_name(source)
    yield Problem(f"model '{source}'", found, FORMS, step)


def _step_of_name(source: str) -> str:
    """The step of a name that is no file and has no colon: of a module, its function, or another file."""
    step, parts = _nearest_file(Path(source)), source.split(".")
    if not all(map(str.isidentifier, parts)):
        return step
    module, dot, function = source.rpartition(".")
    if Path(*parts).with_suffix(".py").is_file() or not dot:
        return f"name a function of the module, as {source}:factory"
    is_module = Path(*parts[:-1]).with_suffix(".py").is_file()
    return step if "'" in step and not is_module else f"name a function as {module}:{function}"


def _nearest_file(path: Path) -> str:
    """The step towards a file whose name is nearest to one that does not exist."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return "check the path"
    near = get_close_matches(path.name, names, n=1)
    return f"check the path; '{path.with_name(near[0])}' is nearest" if near else "check the path"


def _constant_problems(source: str, options: ImportOptions) -> Iterator[Problem]:
    if options.constants and not is_graph_file(source):
        names = ", ".join(options.constants)
        step = "fix the value inside the factory"
        yield Problem(f"--constant {names}", "not an .onnx", "an .onnx", step)


def _form_problems(source: str, options: ImportOptions) -> Iterator[Problem]:
    """Refuse replacement forms for a network that is not offline."""
    if options.replace and not options.time_axes and not is_graph_file(source):
        flag = "--causal" if options.causal else "--replace"
        step = "add --time-axis INPUT:AXIS"
        allowed = "an offline network, whose time axis is named"
        yield Problem(flag, f"with '{source}' in streaming form", allowed, step)


def frontend_problems(forms: Forms, sample_rate: int | None) -> list[Problem]:
    """A missing sample rate, and all that does not fit it."""
    if sample_rate is None:
        step = "add --sample-rate 16000, or what the network was trained on"
        return [Problem("--frontend", "no sample rate", "--sample-rate HZ with it", step)]
    every = [forms] if isinstance(forms, FrontendSpec) else dict.fromkeys(forms.values())
    return [
        Problem(f"--frontend {form}: {where}", found, allowed, "correct it")
        for form in every
        for where, found, allowed in form.feature_problems(sample_rate)
    ]


def sampler_conflicts(options: ImportOptions) -> list[Problem]:
    """Return conflicts between a sampler and options for streams."""
    streaming = {
        "--frontend": options.frontend,
        "--hop": options.hop,
        "--time-axis": options.time_axes,
        "--state": options.states,
        "--constant": options.session_constants,
        "--rate": options.rates,
        "--control": options.controls,
        "--then": options.then,
        "--iterate": options.iterate,
        "--until": options.until,
        "--decide": options.decide,
        "--noise": options.noise,
        "--set": options.settings.settings,
    }
    return [
        Problem(
            f"--sampler with {flag}", "a denoiser is no stream", "one of the two", "leave one out"
        )
        for flag, value in streaming.items()
        if value
    ]


def _then_problems(source: str, then: str, frontend: Forms | None) -> Iterator[Problem]:
    where = f"--then {then}"
    if not is_graph_file(then) or not Path(then).is_file():
        found = "not an .onnx" if Path(then).is_file() else "does not exist"
        yield Problem(where, found, "an .onnx file", "check the path")
    if not is_graph_file(source):
        step = "export both networks to .onnx, or call one from the other inside the factory"
        yield Problem(where, f"after '{source}'", "after an .onnx", step)
    if frontend is not None and not isinstance(frontend, FrontendSpec):
        found, step = "--frontend for each stream by name", "give one SPEC without a name"
        yield Problem(where, found, "one front end around both", step)
    if frontend is None:
        step = "add --frontend, as stft:512:128:rect:mag:plain"
        yield Problem(where, "no --frontend", "--frontend SPEC with it", step)
