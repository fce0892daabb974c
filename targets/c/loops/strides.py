"""Loop nests over strided tensors, with the fewest loops: used where no kernel is worth its name."""

from collections.abc import Sequence

Loops = list[tuple[int, tuple[int, ...]]]


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements."""
    strides: list[int] = []
    step = 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


def broadcast(shape: Sequence[int], full: Sequence[int]) -> tuple[int, ...]:
    """Strides that read a contiguous tensor of `shape` at every index of `full`; 0 where repeated."""
    padded = [1] * (len(full) - len(shape)) + list(shape)
    strides = contiguous(padded)
    return tuple(0 if extent == 1 else step for extent, step in zip(padded, strides, strict=True))


def merge(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Loops:
    """Drop unit dimensions and join neighbours that every operand walks as one."""
    loops: Loops = []
    for axis, extent in enumerate(shape):
        steps = tuple(operand[axis] for operand in strides)
        if extent == 1:
            continue
        if loops:
            outer, outer_steps = loops[-1]
            if all(o == s * extent for o, s in zip(outer_steps, steps, strict=True)):
                loops[-1] = (outer * extent, steps)
                continue
        loops.append((extent, steps))
    return loops


def index(loops: Loops, operand: int, start: int = 0, variable: str = "i") -> str:
    """The index expression of one operand inside the nest; its loop variables start with `variable`."""
    terms = [
        f"{variable}{level}" if steps[operand] == 1 else f"{variable}{level} * {steps[operand]}"
        for level, (_, steps) in enumerate(loops)
        if steps[operand]
    ]
    if start or not terms:
        terms.append(str(start))
    return " + ".join(terms).replace("+ -", "- ")


def nest(loops: Loops, body: Sequence[str], variable: str = "i") -> list[str]:
    """The C lines of the nest around a body; loop variables are i0, i1, ... or start with `variable`."""
    lines = []
    for level, (extent, _) in enumerate(loops):
        pad = "    " * level
        i = f"{variable}{level}"
        lines.append(f"{pad}for (int32_t {i} = 0; {i} < {extent}; {i}++) {{")
    if not loops and len(body) > 1:
        return ["{", *(f"    {text}" for text in body), "}"]
    inner = "    " * len(loops)
    lines += [f"{inner}{text}" for text in body]
    return lines + ["    " * level + "}" for level in reversed(range(len(loops)))]
