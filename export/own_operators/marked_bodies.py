"""Bodies of EdgeKit's layers in ONNX, except that of ``edgekit::DiagonalSSM``."""

from edgekit.export.own_operators.marked_layers import CUM_MAX, LOG_SUM, MarkedLayer

# See `edgekit.export.own_operators.oscillators`. pitch (batch, 1, time), amplitudes (batch, harmonics, time) -> y as
# pitch. Phases are summed up in double precision (type 11).
OSCILLATORS_BODY = """
Oscillators <rate> (pitch, amplitudes) => (y) {
  zero = Constant <value = float {0.0}> ()
  half = Constant <value = float {0.5}> ()
  samples = Constant <value_int: int = @rate> ()
  whole_rate = Cast <to = 1> (samples)
  limit = Mul (whole_rate, half)
  above = Max (pitch, zero)
  bounded = Min (above, limit)
  wide = Cast <to = 11> (bounded)
  wide_rate = Cast <to = 11> (samples)
  steps = Div (wide, wide_rate)
  time = Constant <value_int = 2> ()
  turns = CumSum (steps, time)
  count_line = Shape <start = 1, end = 2> (amplitudes)
  count = Squeeze (count_line)
  from_1 = Constant <value = int64 {1}> ()
  behind = Add (count, from_1)
  numbers = Range (from_1, behind, from_1)
  column = Constant <value_ints = [1, -1, 1]> ()
  harmonic = Reshape (numbers, column)
  harmonic_double = Cast <to = 11> (harmonic)
  harmonic_float = Cast <to = 1> (harmonic)
  phases = Mul (harmonic_double, turns)
  done = Floor (phases)
  rest = Sub (phases, done)
  two_pi = Constant <value = double {6.283185307179586}> ()
  angle = Mul (rest, two_pi)
  wave_double = Sin (angle)
  wave = Cast <to = 1> (wave_double)
  frequency = Mul (harmonic_float, bounded)
  heard = Less (frequency, limit)
  kept = Where (heard, amplitudes, zero)
  parts = Mul (kept, wave)
  channels = Constant <value_ints = [1]> ()
  y = ReduceSum <keepdims = 1> (parts, channels)
}"""

# See `edgekit.export.own_operators.selective`. u and dt (batch, channels, time), a (channels, states), b and c
# (batch, states, time), skip (channels) -> y as u
SELECTIVE_BODY = """
SelectiveSSM (u, dt, a, b, c, skip) => (y) {
  over_states = Constant <value_ints = [2]> ()
  over_channels = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [-1]> ()
  dt_wide = Unsqueeze (dt, over_states)
  a_wide = Unsqueeze (a, last)
  exponent = Mul (dt_wide, a_wide)
  decay = Exp (exponent)
  driven = Mul (dt, u)
  driven_wide = Unsqueeze (driven, over_states)
  b_wide = Unsqueeze (b, over_channels)
  drive = Mul (driven_wide, b_wide)
  first = Constant <value_ints = [0]> ()
  second = Constant <value_ints = [1]> ()
  time = Constant <value_ints = [3]> ()
  start_frames = Slice (drive, first, second, time)
  start_frame = Squeeze (start_frames, time)
  start = Sub (start_frame, start_frame)
  end, states = Scan <num_scan_inputs = 2, scan_input_axes = [3, 3], scan_output_axes = [3],
    body = step (float[N, D, S] h, float[N, D, S] keep, float[N, D, S] add)
        => (float[N, D, S] next, float[N, D, S] seen) {
      kept = Mul (keep, h)
      next = Add (kept, add)
      seen = Identity (next)
    }> (start, decay, drive)
  c_wide = Unsqueeze (c, over_channels)
  read = Mul (states, c_wide)
  recalled = ReduceSum <keepdims = 0> (read, over_states)
  skip_column = Unsqueeze (skip, last)
  passed = Mul (skip_column, u)
  y = Add (recalled, passed)
}"""

# See `edgekit.export.own_operators.cumulative_extremes`. x (.., time) -> y as x: y[t] joins y[t - 1] and x[t]
_RUNNING = """
%s (x) => (y) {
  shape = Shape (x)
  frames = Shape <start = -1> (x)
  rest = Constant <value_ints = [-1]> ()
  zero = Constant <value_ints = [0]> ()
  one = Constant <value_ints = [1]> ()
  rows = Concat <axis = 0> (rest, frames)
  flat = Reshape (x, rows)
  given = Transpose <perm = [1, 0]> (flat)
  first_row = Slice (given, zero, one, zero)
  first = Squeeze (first_row, zero)
%s
  back = Transpose <perm = [1, 0]> (seen)
  y = Reshape (back, shape)
}"""
CUM_MAX_BODY = _RUNNING % (
    CUM_MAX,
    """  end, seen = Scan <num_scan_inputs = 1,
    body = step (float[R] before, float[R] now) => (float[R] next, float[R] heard) {
      next = Max (before, now)
      heard = Identity (next)
    }> (first, given)""",
)
# the largest exponent so far, and the sum as a multiple of its exponential
LOG_SUM_BODY = _RUNNING % (
    LOG_SUM,
    """  nothing = Sub (first, first)
  end, last, seen = Scan <num_scan_inputs = 1,
    body = step (float[R] before, float[R] sum, float[R] now)
        => (float[R] most, float[R] total, float[R] heard) {
      most = Max (before, now)
      kept = Sub (before, most)
      added = Sub (now, most)
      share = Exp (kept)
      more = Exp (added)
      held = Mul (share, sum)
      total = Add (held, more)
      size = Log (total)
      heard = Add (most, size)
    }> (first, nothing, given)""",
)

LAYERS = (
    MarkedLayer("Oscillators", OSCILLATORS_BODY, "oscillators"),
    MarkedLayer("SelectiveSSM", SELECTIVE_BODY, "selective"),
)
CUMULATIVE = (MarkedLayer(CUM_MAX, CUM_MAX_BODY), MarkedLayer(LOG_SUM, LOG_SUM_BODY))
