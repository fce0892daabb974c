"""The body of ``edgekit::MicroFrontend`` in ONNX, in whole numbers of 64 bits.

See `edgekit.base.micro_tables`. pcm (1, step), history (1, window - step) int16, noise (bands) int32, window (window),
matrix (257, bands) -> features (1, bands) int32, next history, next noise. A shift to the right divides what an offset
made positive, since division truncates.
"""

from collections.abc import Iterable

import numpy as np

from edgekit.base.micro_tables import (
    HALF,
    LEAST_SIGNAL,
    LN_2,
    NOISE_BITS,
    POINTS,
    RATE_BITS,
    RATES,
    gain_table,
    log_table,
    twiddles,
)

INT16, INT32, INT64, DOUBLE = 5, 6, 7, 11  # types of elements, as Cast names them
LIMIT = float(2**20)  # of |pcm|: what lies beyond is no sound
OFFSET_BITS = 56  # of the offset that makes numbers positive
STAGES = (1, 4, 16, 64)  # how far apart the four operands of a butterfly lie

Complex = tuple[str, str]


class _Body:
    """Collects the lines of an ONNX function; names of values are what its methods return."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[str, str] = {}

    def node(self, op: str, *inputs: str, count: int = 1, **attributes: int) -> list[str]:
        """Append a node and return the names of its results."""
        names = [f"v{len(self.lines)}_{place}" for place in range(count)]
        text = ", ".join(f"{name} = {value}" for name, value in attributes.items())
        given = f" <{text}>" if text else ""
        self.lines.append(f"  {', '.join(names)} = {op}{given} ({', '.join(inputs)})")
        return names

    def call(self, op: str, *inputs: str | int, **attributes: int) -> str:
        """Append a node with one result; whole numbers become constants."""
        texts = [text if isinstance(text, str) else self.constant(text) for text in inputs]
        return self.node(op, *texts, **attributes)[0]

    def constant(self, values: int | Iterable[int]) -> str:
        """Return a constant of int64, a number or a list."""
        if isinstance(values, int):
            text = f"int64 {{{values}}}"
        else:
            numbers = [int(number) for number in values]
            text = f"int64[{len(numbers)}] {{{', '.join(map(str, numbers))}}}"
        if text not in self.known:
            (self.known[text],) = self.node(f"Constant <value = {text}>")
        return self.known[text]

    def cast(self, x: str, to: int) -> str:
        return self.call("Cast", x, to=to)

    def reshape(self, x: str, *dims: int) -> str:
        return self.call("Reshape", x, self.constant(dims))

    def table(self, values: Iterable[int], indices: str) -> str:
        return self.call("Gather", self.constant(values), indices)

    def part(self, x: str, start: int, end: int, axis: int) -> str:
        return self.call("Slice", x, *(self.constant([n]) for n in (start, end, axis)))

    def shift_right(self, x: str, bits: int, add: int = 0) -> str:
        """``x + add >> bits`` of numbers of either sign."""
        raised = self.call("Add", x, (1 << OFFSET_BITS) + add)
        divided = self.call("Div", raised, 1 << bits)
        return self.call("Sub", divided, 1 << (OFFSET_BITS - bits))

    def round_shift(self, x: str) -> str:
        return self.shift_right(x, 15, 1 << 14)

    def wrap(self, x: str) -> str:
        """Numbers of 16 bits, as an overflow leaves them."""
        return self.call("Sub", self.call("Mod", self.call("Add", x, 32768), 65536), 32768)

    def bits(self, x: str, axis: int) -> str:
        """Return the bits of numbers from 0 to below 2^33; `axis` is a new last one."""
        bounds = self.constant([1 << n for n in range(33)])
        column = self.call("Unsqueeze", x, self.constant([axis]))
        reached = self.cast(self.node("GreaterOrEqual", column, bounds)[0], INT32)
        total = self.node("ReduceSum", reached, self.constant([axis]), keepdims=0)[0]
        return self.cast(total, INT64)

    def power(self, exponents: str) -> str:
        return self.table((1 << n for n in range(40)), exponents)


def _product(b: _Body, x: Complex, y: Complex) -> Complex:
    straight = [b.call("Mul", x[n], y[n]) for n in (0, 1)]
    crossed = [b.call("Mul", x[n], y[1 - n]) for n in (0, 1)]
    return b.round_shift(b.call("Sub", *straight)), b.round_shift(b.call("Add", *crossed))


def _stage(b: _Body, z: Complex, apart: int) -> Complex:
    groups = HALF // (4 * apart)
    turns = np.arange(4)[:, None] * np.arange(apart) * groups
    scaled = tuple(b.round_shift(b.call("Mul", b.reshape(x, groups, 4, apart), 8191)) for x in z)
    table = [b.reshape(b.constant(twiddles()[turns, n].ravel()), 4, apart) for n in (0, 1)]
    turned = _product(b, (scaled[0], scaled[1]), (table[0], table[1]))
    ar, ai = (b.part(x, 0, 1, 1) for x in scaled)
    br, cr, dr = (b.part(turned[0], n, n + 1, 1) for n in (1, 2, 3))
    bi, ci, di = (b.part(turned[1], n, n + 1, 1) for n in (1, 2, 3))
    less, more = ((b.call(op, ar, cr), b.call(op, ai, ci)) for op in ("Sub", "Add"))
    off, total = ((b.call(op, br, dr), b.call(op, bi, di)) for op in ("Sub", "Add"))
    signs_re, signs_im = ("Add", "Add", "Sub", "Sub"), ("Add", "Sub", "Sub", "Add")
    re_rows = zip(signs_re, (more[0], less[0]) * 2, (total[0], off[1]) * 2, strict=True)
    im_rows = zip(signs_im, (more[1], less[1]) * 2, (total[1], off[0]) * 2, strict=True)
    re, im = (
        b.wrap(b.call("Concat", *(b.call(*row) for row in rows), axis=1))
        for rows in (re_rows, im_rows)
    )
    return re, im


def _spectrum(b: _Body, frame: str) -> Complex:
    """Return the real transform (257) of a frame (512)."""
    pairs = b.reshape(frame, 4, 4, 4, 4, 2)
    (order,) = b.node("Transpose <perm = [4, 3, 2, 1, 0]>", pairs)
    re, im = (b.part(order, n, n + 1, 0) for n in (0, 1))
    for apart in STAGES:
        re, im = _stage(b, (re, im), apart)
    re, im = (b.round_shift(b.call("Mul", b.reshape(x, HALF), 16383)) for x in (re, im))
    return _join_halves(b, re, im)


def _join_halves(b: _Body, re: str, im: str) -> Complex:
    """Return the transform of a real sequence from that of its even and odd elements."""
    middle = HALF // 2
    ahead = b.constant(range(1, middle + 1))
    back = b.constant(range(HALF - 1, middle - 1, -1))
    (ar, br), (ai, bi) = ([b.call("Gather", x, at) for at in (ahead, back)] for x in (re, im))
    even = b.wrap(b.call("Add", ar, br)), b.wrap(b.call("Sub", ai, bi))
    odd = b.wrap(b.call("Sub", ar, br)), b.wrap(b.call("Add", ai, bi))
    joins = tuple(b.constant(twiddles()[HALF:, n]) for n in (0, 1))
    turned = _product(b, odd, (joins[0], joins[1]))
    first, last = (b.call(op, b.part(re, 0, 1, 0), b.part(im, 0, 1, 0)) for op in ("Add", "Sub"))
    low = [b.shift_right(b.call("Add", even[n], turned[n]), 1) for n in (0, 1)]
    high = (
        b.shift_right(b.call("Sub", even[0], turned[0]), 1),
        b.shift_right(b.call("Sub", turned[1], even[1]), 1),
    )
    upwards = b.constant(range(middle - 1, -1, -1))  # bins 128 to 255
    below = [b.part(x, 0, middle - 1, 0) for x in low]
    above = [b.call("Gather", x, upwards) for x in high]
    zero = b.constant([0])
    made_re = b.wrap(b.call("Concat", first, below[0], above[0], last, axis=0))
    made_im = b.wrap(b.call("Concat", zero, below[1], above[1], zero, axis=0))
    return made_re, made_im


def _samples(b: _Body) -> str:
    """Return the PCM (step) in 16 bits; NaN compares false and becomes 0."""
    limit = b.node(f"Constant <value = float {{{LIMIT}}}>")[0]
    zero, unit = (b.node(f"Constant <value = float {{{x}}}>")[0] for x in (0.0, 32768.0))
    row = b.reshape("pcm", -1)
    fits = b.call("Less", b.call("Abs", row), limit)
    sound = b.call("Where", fits, row, zero)
    whole = b.cast(b.call("Round", b.call("Mul", sound, unit)), INT64)
    return b.call("Min", b.call("Max", whole, -32768), 32767)


def _signals(b: _Body, samples: str) -> str:
    """Return the square roots of the energies (bands) of a frame (window)."""
    weighed = b.shift_right(b.call("Mul", samples, b.cast("window", INT64)), 12)
    size = b.call("Mod", b.call("Abs", weighed), 32768)  # that of -32768 is 0
    largest = b.call("ReduceMax", size, b.constant([0]), keepdims=1)
    shift = b.call("Sub", 15, b.bits(largest, 1))
    factor = b.power(shift)
    loud = b.wrap(b.call("Mul", weighed, factor))
    length = b.call("Shape", loud)
    pads = b.call("Concat", b.constant([0]), b.call("Sub", POINTS, length), axis=0)
    re, im = _spectrum(b, b.call("Pad", loud, pads))
    energy = b.call("Add", b.call("Mul", re, re), b.call("Mul", im, im))
    sums = b.call("MatMul", energy, b.cast("matrix", INT64))
    root = b.cast(b.call("Floor", b.call("Sqrt", b.cast(sums, DOUBLE))), INT64)
    rest = b.call("Sub", sums, b.call("Mul", root, root))
    nearest = b.call("Add", root, b.cast(b.call("Greater", rest, root), INT64))
    is_small = b.call("Less", sums, 1 << 32)
    capped = b.call("Where", is_small, b.call("Min", nearest, 65535), nearest)
    return b.call("Div", capped, factor)


def _gains(b: _Body, noise: str) -> str:
    bits = b.bits(noise, 1)
    y0, a1, a2 = (b.table(gain_table()[:, n], bits) for n in range(3))
    top = b.power(b.call("Max", b.call("Sub", bits, 1), 0))
    below = b.call("Sub", noise, top)
    lifted = b.call("Mul", below, 1024)
    part = b.call("Where", b.call("Greater", bits, 1), b.call("Div", lifted, top), 0)
    square = b.shift_right(b.call("Mul", a2, part), 5)
    slope = b.call("Add", square, b.call("Mul", a1, 32))
    return b.call("Add", y0, b.shift_right(b.call("Mul", slope, part), 15, 1 << 14))


def _logarithm(b: _Body, value: str) -> str:
    is_above = b.call("Greater", value, 1)
    safe = b.call("Max", value, 1)
    whole = b.call("Sub", b.bits(safe, 1), 1)
    top = b.power(whole)
    part = b.call("Div", b.call("Mul", b.call("Sub", safe, top), 65536), top)
    segment = b.call("Div", part, 512)
    low, high = (b.table(log_table()[n : n + 128], segment) for n in (0, 1))
    rest = b.call("Mod", part, 512)
    between = b.shift_right(b.call("Mul", b.call("Sub", high, low), rest), 16)
    fraction = b.call("Add", part, b.call("Add", low, between))
    log2 = b.call("Add", b.call("Mul", whole, 65536), fraction)
    ln = b.shift_right(b.call("Mul", log2, LN_2), 16, 32768)
    return b.call("Where", is_above, b.shift_right(b.call("Mul", ln, 64), 16, 32768), 0)


def _features(b: _Body, signal: str, noise: str) -> tuple[str, str]:
    """Return the features (bands) of signals, and the noise estimates after them."""
    raised = b.call("Mod", b.call("Mul", signal, 1 << NOISE_BITS), 1 << 32)
    numbers = b.call("Range", 0, b.call("Squeeze", b.call("Shape", signal)), 1)
    rate = b.table(RATES, b.call("Mod", numbers, 2))
    kept = b.call("Mul", noise, b.call("Sub", 1 << RATE_BITS, rate))
    total = b.call("Add", b.call("Mul", raised, rate), kept)
    estimate = b.call("Div", total, 1 << RATE_BITS)
    off = b.call("Sub", raised, b.call("Min", estimate, raised))
    clean = b.call("Div", off, 1 << NOISE_BITS)
    least = b.call("Div", b.call("Mul", signal, LEAST_SIGNAL), 1 << RATE_BITS)
    heard = b.call("Mul", b.call("Max", clean, least), _gains(b, estimate))
    snr = b.call("Div", heard, 64)
    is_small = b.call("Less", snr, 8192)
    square = b.call("Mul", b.call("Min", snr, 8192), b.call("Min", snr, 8192))
    small, large = b.call("Div", square, 1 << 20), b.call("Sub", b.call("Div", snr, 64), 64)
    value = b.call("Where", is_small, small, large)
    return _logarithm(b, b.call("Mul", value, 8)), estimate


def _body() -> str:
    b = _Body()
    step = b.call("Shape", "pcm", start=1)
    earlier = b.cast(b.reshape("history", -1), INT64)
    samples = b.call("Concat", earlier, _samples(b), axis=0)
    length = b.call("Shape", samples)
    features, estimate = _features(b, _signals(b, samples), b.cast("noise", INT64))
    later = b.call("Slice", samples, step, length, b.constant([0]))
    first = b.constant([0])
    row = b.call("Unsqueeze", b.cast(features, INT32), first)
    history = b.call("Unsqueeze", b.cast(later, INT16), first)
    ends = (("features", row), ("next_history", history), ("next_noise", b.cast(estimate, INT32)))
    b.lines += [f"  {name} = Identity ({value})" for name, value in ends]
    given, made = "pcm, history, noise, window, matrix", "features, next_history, next_noise"
    return "\n".join([f"MicroFrontend ({given}) => ({made}) {{", *b.lines, "}"])


MICRO_BODY = _body()
