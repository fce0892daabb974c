"""The bodies of ``edgekit::NormalNoise`` and ``edgekit::UniformNoise`` in ONNX.

See `edgekit.base.random_normals`. state (8) -> z (count), state (8): the seed, and the number of the next draw, each
as four parts of 16 bits. Whole numbers stay below 2^63 throughout, so that int64 holds every product. (onnxruntime
1.32 sums int64 with less than 64 bits in ReduceSum, so that parts are added one by one.)
"""

from edgekit.base.random_normals import MULTIPLIERS, PART_BITS, ROUNDS, WEYL, quantiles

_CONSTANTS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "eight_bits": 256,
    "sixteen": 65536,
    "thirty_two": 2**32,
    "mask": 2**32 - 1,
    "tail_mask": 2**31 - 1,
    "sign": 2**31,
    "middle": 2**23,
    "parts": 1 << PART_BITS,
}


def _constant(name: str, values: object) -> str:
    numbers = list(values) if isinstance(values, list | tuple) else None
    if numbers is None:
        return f"  {name} = Constant <value = int64 {{{values}}}> ()"
    text = ", ".join(map(str, numbers))
    return f"  {name} = Constant <value = int64[{len(numbers)}] {{{text}}}> ()"


def _product(name: str, word: str, multiplier: int) -> str:
    """Return the halves of a product of 32 bits, from two products of 16."""
    return f"""
  {name}_factor_low = Constant <value = int64 {{{multiplier & 0xFFFF}}}> ()
  {name}_factor_high = Constant <value = int64 {{{multiplier >> 16}}}> ()
  {name}_a = Mul ({word}, {name}_factor_low)
  {name}_b = Mul ({word}, {name}_factor_high)
  {name}_carry = Div ({name}_a, sixteen)
  {name}_sum = Add ({name}_b, {name}_carry)
  {name}_high = Div ({name}_sum, sixteen)
  {name}_middle = Mod ({name}_sum, sixteen)
  {name}_lifted = Mul ({name}_middle, sixteen)
  {name}_bottom = Mod ({name}_a, sixteen)
  {name}_low = Add ({name}_lifted, {name}_bottom)"""


def _round(n: int) -> str:
    """Return one round of Philox as text: words and keys n become n + 1."""
    return f"""{_product(f"p{n}", f"c0_{n}", MULTIPLIERS[0])}{_product(f"q{n}", f"c2_{n}", MULTIPLIERS[1])}
  left_{n} = BitwiseXor (q{n}_high, c1_{n})
  c0_{n + 1} = BitwiseXor (left_{n}, k0_{n})
  c1_{n + 1} = Identity (q{n}_low)
  right_{n} = BitwiseXor (p{n}_high, c3_{n})
  c2_{n + 1} = BitwiseXor (right_{n}, k1_{n})
  c3_{n + 1} = Identity (p{n}_low)
  step0_{n} = Constant <value = int64 {{{WEYL[0]}}}> ()
  step1_{n} = Constant <value = int64 {{{WEYL[1]}}}> ()
  sum0_{n} = Add (k0_{n}, step0_{n})
  sum1_{n} = Add (k1_{n}, step1_{n})
  k0_{n + 1} = BitwiseAnd (sum0_{n}, mask)
  k1_{n + 1} = BitwiseAnd (sum1_{n}, mask)"""


_WORDS = f"""
{chr(10).join(_constant(name, value) for name, value in _CONSTANTS.items())}
{_constant("weights", [2 ** (16 * n) for n in (0, 1, 0, 1, 0, 1, 2, 3)])}
{_constant("first_axis", [0])}
  count = Constant <value_int: int = @count> ()
  port_number = Constant <value_int: int = @port> ()
  whole = Cast <to = 7> (state)
  weighted = Mul (whole, weights)
  s0, s1, s2, s3, p0, p1, p2, p3 = Split <axis = 0, num_outputs = 8> (weighted)
  k0_0 = Add (s0, s1)
  k1_0 = Add (s2, s3)
  place_low = Add (p0, p1)
  place_high = Add (p2, p3)
  place = Add (place_low, place_high)
  behind = Add (place, count)
  range_from_0 = Range (zero, count, one)
  places = Add (range_from_0, place)
  block = Div (places, four)
  lane = Mod (places, four)
  c0_0 = BitwiseAnd (block, mask)
  c1_0 = Div (block, thirty_two)
  none = Sub (lane, lane)
  c2_0 = Add (none, port_number)
  c3_0 = Identity (none)
{"".join(map(_round, range(ROUNDS)))}
  is_0 = Equal (lane, zero)
  is_1 = Equal (lane, one)
  is_2 = Equal (lane, two)
  from_2 = Where (is_2, c2_{ROUNDS}, c3_{ROUNDS})
  from_1 = Where (is_1, c1_{ROUNDS}, from_2)
  word = Where (is_0, c0_{ROUNDS}, from_1)
{_constant("shifts", [2 ** (16 * n) for n in range(4)])}
  shifted = Div (behind, shifts)
  next_parts = Mod (shifted, sixteen)
  next_float = Cast <to = 1> (next_parts)
{_constant("seed_parts", [4])}
  seed = Slice (state, first_axis, seed_parts)
  next_state = Concat <axis = 0> (seed, next_float)"""

UNIFORM_BODY = f"""
UniformNoise <port, count> (state) => (z, next_state) {{
{_WORDS}
  upper = Div (word, eight_bits)
  centred = Sub (upper, middle)
  steps = Cast <to = 1> (centred)
  unit = Constant <value = float {{{2.0**-23!r}}}> ()
  z = Mul (steps, unit)
}}"""

NORMAL_BODY = f"""
NormalNoise <port, count> (state) => (z, next_state) {{
{_WORDS}
{_constant("table", quantiles().tolist())}
{_constant("bounds", [2**n for n in range(1, 31)])}
{_constant("powers", [2**n for n in range(32)])}
{_constant("last", [-1])}
  without_sign = BitwiseAnd (word, tail_mask)
  tail = BitwiseOr (without_sign, one)
  column = Unsqueeze (tail, last)
  reached = GreaterOrEqual (column, bounds)
  reached_number = Cast <to = 7> (reached)
  octave = ReduceSum <keepdims = 0> (reached_number, last)
  above = Sub (octave, five)
  below = Sub (five, octave)
  shift = Max (above, zero)
  lift = Max (below, zero)
  shift_factor = Gather (powers, shift)
  lift_factor = Gather (powers, lift)
  lifted = Mul (tail, lift_factor)
  mantissa = Div (lifted, shift_factor)
  octave_start = Mul (octave, parts)
  octave_place = Add (octave_start, mantissa)
  knot = Sub (octave_place, parts)
  knot_behind = Add (knot, one)
  rest = Mod (tail, shift_factor)
  value_before = Gather (table, knot)
  value_behind = Gather (table, knot_behind)
  fall_of_knot = Sub (value_before, value_behind)
  fall_wide = Mul (fall_of_knot, rest)
  fall = Div (fall_wide, shift_factor)
  steps_whole = Sub (value_before, fall)
  steps = Cast <to = 1> (steps_whole)
  unit = Constant <value = float {{{2.0**-20!r}}}> ()
  size = Mul (steps, unit)
  opposite = Neg (size)
  is_negative = GreaterOrEqual (word, sign)
  z = Where (is_negative, opposite, size)
}}"""

NOISE_BODIES = {"NormalNoise": NORMAL_BODY, "UniformNoise": UNIFORM_BODY}
