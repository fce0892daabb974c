"""Messages of libraries about a file of unknown origin, in the words of a user."""

import re
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

from edgekit.base.user_code import user_line

NODES = (  # a node as the libraries write it, and as EdgeKit does
    (r"\(op_type:(?P<op>\w+)(?:, node name: (?P<name>[^)]*))?\):?", "{op} '{name}':"),
    (r"Node \((?P<name>[^)]*)\) Op \((?P<op>\w+)\)", "{op} '{name}':"),
    (
        r"Non-zero status code returned while running (?P<op>\w+) node\. "
        r"Name:'(?P<name>[^']*)' Status Message:",
        "{op} '{name}':",
    ),
)
PLUMBING = (
    r"\[\w+\]( : \d+ : \w+ :)? ?",  # [ShapeInferenceError], [ONNXRuntimeError] : 1 : FAIL :
    # a source file's line, its function, and the condition that failed there
    r"\S+\.(cc|h|hpp|cpp):\d+:?( .*(was false\.|failed:)| .*?::[^(]*(\([^()]*\))+( const)?)?",
    r"Inference error\(s\):",
    r"Exception during initialization:",
)
LONGEST = 300
NO_FORM = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)'")
NO_ARGUMENTS = re.compile(r"Cannot find a compatible OpOverload for ([\w.]+)")
BY_VALUES = re.compile(r"data-dependent|GuardOnDataDependent|\.item\(\)")
RAISED_AT = re.compile(
    r'following call raised this error:\s*File "([^"]*)", line (\d+), in \w+\s*(.*)'
)

CAUSED_BY = re.compile(r"Caused by: \((\S+\.py):(\d+) in (\w+)\)")


def plain(error: BaseException) -> str:
    """Return the first sentence of an error, or of its cause, without source files and codes."""
    while error.__cause__ is not None:
        error = error.__cause__
    for line in str(error).splitlines():
        for pattern, form in NODES:
            line = re.sub(pattern, partial(_fill_message, form), line)
        for pattern in PLUMBING:
            line = re.sub(pattern, "", line)
        if words := " ".join(line.split()).strip(" :"):
            return words[:LONGEST]
    return type(error).__name__


def of_torch(error: BaseException) -> tuple[str, str]:
    """Return the message of torch's exporters about a module, and the next step, each in a sentence."""
    whole, inner = _with_causes(error)
    if operators := list(dict.fromkeys(NO_FORM.findall(whole))):
        found = f"torch has no ONNX form of {', '.join(operators)}"
        return found, "write this part of forward with other operators, or leave it to the caller"
    if refused := NO_ARGUMENTS.search(whole):
        found = f"torch has no {refused[1]} for these arguments"
        return found, "give it numbers of one type, as x.clamp(0.1, 1.0) instead of x.clamp(0.1, 1)"
    place = RAISED_AT.search(whole) or CAUSED_BY.search(whole)
    at = (
        f", in {PurePath(place[1]).name} line {place[2]}: {place[3].strip()}"
        if place
        else user_line(inner)
    )
    if _packs(inner):
        step = "give the padded tensor itself to the recurrent layer: a stream has one length"
        return f"a packed sequence{at}", step
    if "being vmapped" in whole:
        step = "write this part of forward for whole batches, without torch.vmap"
        return f"torch cannot decompose an operator inside of torch.vmap{at}", step
    if BY_VALUES.search(whole):
        step = "choose between values with torch.where, and fix sizes and counts"
        return f"the way through forward, or a size, depends on values{at}", step
    return f"{plain(error)}{at}", "change what it names, then export again"


def _with_causes(error: BaseException) -> tuple[str, BaseException]:
    """Return the text of an error and of all its causes, and the innermost of them."""
    texts, inner = [str(error)], error
    while inner.__cause__ is not None:
        inner = inner.__cause__
        texts.append(str(inner))
    return "\n".join(texts), inner


def depends_on_values(error: BaseException) -> bool:
    """Whether torch.export ended because the way through forward, or a size, depends on values of tensors."""
    return BY_VALUES.search(_with_causes(error)[0]) is not None


def step_for_counts(error: BaseException, inputs: Mapping[str, Any]) -> str:
    """Return the advice to fix an input of whole numbers, such as lengths, where values decide; else nothing.

    Args:
        error: of torch.export.
        inputs: example inputs by name.
    """
    counts = (
        name
        for name, value in inputs.items()
        if getattr(value, "ndim", 2) < 2 and not value.dtype.is_floating_point
    )
    name = next(counts, None)
    if name is None or not depends_on_values(error):
        return ""
    fixed = f"{name}=torch.tensor({inputs[name].tolist()})"
    return f"; if '{name}' decides, return a module around it that calls self.net(..., {fixed})"


def _packs(error: BaseException) -> bool:
    """Whether a packed sequence is a value on the way to an error."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(
        type(v).__name__ == "PackedSequence" for frame in frames for v in frame.f_locals.values()
    )


def _fill_message(form: str, match: re.Match[str]) -> str:
    return form.format(op=match["op"], name=match["name"] or "")
