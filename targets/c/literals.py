"""Arrays of numbers as C initializers."""

import numpy as np
from numpy.typing import NDArray

from edgekit.targets.c.emit.base import float_literal

COLUMNS = 100
# Infinity and NaN as constant expressions: what edgekit.h has is no initializer.
STATIC = {"EK_INF": "1.0f / 0.0f", "-EK_INF": "-1.0f / 0.0f", "EK_NAN": "0.0f / 0.0f"}


def array_text(array: NDArray[np.generic]) -> str:
    """The elements in order, separated by commas, several to a line."""
    flat = array.ravel()
    if array.dtype == np.float32:
        words = [STATIC.get(word, word) for word in map(float_literal, flat.tolist())]
    elif array.dtype == np.int64:
        words = [f"INT64_C({v})" if v != -(2**63) else "INT64_MIN" for v in flat.tolist()]
    else:
        words = [str(int(v)) if v != -(2**31) else "INT32_MIN" for v in flat.tolist()]
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) + 2 > COLUMNS:
            lines.append(line)
            line = ""
        line += f"{word}, " if line else f"    {word}, "
    return "\n".join([*(text.rstrip() for text in lines), line.rstrip()])
