"""Reads the facts of the rewrite in a saved file of any origin, if they are well-formed."""

from edgekit.base.json_values import Json, JsonObject
from edgekit.base.layout import parse_layout
from edgekit.graph.model import (
    Distance,
    OutputDelay,
    ReplacedNode,
    Replacements,
    StreamingFacts,
    TensorTime,
    Timing,
)
from edgekit.graph.noises import OPERATORS, Noise

MOST = 2**31


def timing_fact(content: Json) -> dict[str, Timing] | None:
    """Return the time axes by tensor name.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: not written by `Model.describe`.
    """
    if content is None:
        return None
    return {str(name): Timing(**_whole(dict(facts))) for name, facts in content.items()}


def layouts_fact(content: Json) -> dict[str, str]:
    """Return the layouts by tensor name."""
    return {str(name): str(parse_layout(_text(text))) for name, text in (content or {}).items()}


def noises_fact(content: Json) -> list[Noise]:
    """Return the inputs that are drawn."""
    rows = [Noise(**{**row, "shape": tuple(row["shape"])}) for row in content or ()]
    for row in rows:
        _text(row.name), _text(row.state), _whole({str(n): d for n, d in enumerate(row.shape)})
        if row.distribution not in OPERATORS or (row.layout and not parse_layout(row.layout)):
            raise ValueError("not a noise")
    return rows


def end_state_fact(content: Json) -> str | None:
    """Return the name of the state that the end of a stream sets."""
    return None if content is None else _text(content)


def streaming_fact(content: Json) -> StreamingFacts | None:
    """Return the results of the rewrite."""
    if content is None:
        return None
    outputs = tuple(OutputDelay(**row) for row in content["outputs"])
    tensors = tuple(
        TensorTime(**{**row, "states": tuple(map(_text, row["states"]))})
        for row in content["tensors"]
    )
    for output in outputs:
        _text(output.name), _whole({"delay": output.delay_samples, "crop": output.crop_samples})
        _text(output.caused_by or "")
    for tensor in tensors:
        _text(tensor.name), _text(tensor.node or ""), _text(tensor.rate)
        _whole({key: getattr(tensor, key) for key in ("axis", "delay_frames", "state_bytes")})
    return StreamingFacts(outputs, tensors)


def replaced_fact(content: Json) -> Replacements | None:
    """Return the nodes that were replaced before the rewrite."""
    if content is None:
        return None
    nodes = tuple(ReplacedNode(**row) for row in content["nodes"])
    distances = tuple(Distance(**row) for row in content["distances"])
    for node in nodes:
        _texts(node.kind, node.form, node.operator, node.node, node.module or "")
    for row in distances:
        _texts(row.output, row.of)
        if not {*map(type, (row.snr_db, row.max_error, row.peak))} <= {int, float, type(None)}:
            raise TypeError("not a number")
    return Replacements(nodes, distances)


def _whole(numbers: JsonObject) -> dict[str, int]:
    if any(type(n) is not int or abs(n) > MOST for n in numbers.values()):
        raise TypeError("not whole numbers")
    return numbers


def _texts(*values: object) -> None:
    for value in values:
        _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
