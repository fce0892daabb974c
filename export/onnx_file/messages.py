"""What a library says about a file of unknown origin, in the words of a user."""

import re
from functools import partial

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


def plain(error: BaseException) -> str:
    """Return the first sentence of an error, or of what caused it, without source files and codes."""
    while error.__cause__ is not None:
        error = error.__cause__
    for line in str(error).splitlines():
        for pattern, form in NODES:
            line = re.sub(pattern, partial(_named, form), line)
        for pattern in PLUMBING:
            line = re.sub(pattern, "", line)
        if words := " ".join(line.split()).strip(" :"):
            return words[:LONGEST]
    return type(error).__name__


def _named(form: str, match: re.Match[str]) -> str:
    return form.format(op=match["op"], name=match["name"] or "")
