"""Our own operators, as ONNX model-local functions: any ONNX runtime executes their bodies."""

import onnx
import onnx.parser
import onnx_ir as ir

from edgekit.export.model import FRONTEND_DOMAIN, OPSET

_HEADER = f'<domain: "{FRONTEND_DOMAIN}", opset_import: ["": {OPSET}]>'

# NaN compares false and infinity exceeds any limit, so both become 0.
FINITE = """
Finite <limit> (x) => (y) {
  bound = Constant <value_float: float = @limit> ()
  magnitude = Abs (x)
  fits = LessOrEqual (magnitude, bound)
  zero = Constant <value_float = 0.0> ()
  y = Where (fits, x, zero)
}"""

# pcm (1, hop), history (1, n_fft - hop), window (n_fft)
# -> spectrum (1, n_fft/2 + 1, 2), next history
STFT = """
STFT (pcm, history, window) => (spectrum, next_history) {
  time = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [-1]> ()
  axis = Constant <value_int = 1> ()
  frame = Concat <axis = 1> (history, pcm)
  hop = Shape <start = 1> (pcm)
  n_fft = Shape <start = 1> (frame)
  next_history = Slice (frame, hop, n_fft, time)
  windowed = Mul (frame, window)
  column = Unsqueeze (windowed, last)
  spectrum = DFT <onesided = 1> (column, , axis)
}"""

# spectrum (1, n_fft/2 + 1, 2), overlap (1, n_fft - hop), window (n_fft)
# -> pcm (1, hop), next overlap.
# The imaginary parts of the first and the last bin do not count, as in every inverse real FFT.
ISTFT = """
ISTFT (spectrum, overlap, window) => (pcm, next_overlap) {
  zero = Constant <value_ints = [0]> ()
  one = Constant <value_ints = [1]> ()
  two = Constant <value_ints = [2]> ()
  minus_one = Constant <value_ints = [-1]> ()
  before_first = Constant <value_ints = [-9223372036854775807]> ()
  behind_last = Constant <value_ints = [9223372036854775807]> ()
  axis = Constant <value_int = 1> ()
  real_part = Constant <value_floats = [1.0, 0.0]> ()
  conjugate = Constant <value_floats = [1.0, -1.0]> ()
  first_bin = Slice (spectrum, zero, one, one)
  inner = Slice (spectrum, one, minus_one, one)
  last_bin = Slice (spectrum, minus_one, behind_last, one)
  first_real = Mul (first_bin, real_part)
  last_real = Mul (last_bin, real_part)
  backwards = Slice (inner, minus_one, before_first, one, minus_one)
  mirrored = Mul (backwards, conjugate)
  full = Concat <axis = 1> (first_real, inner, last_real, mirrored)
  complex = DFT <inverse = 1> (full, , axis)
  column = Slice (complex, zero, one, two)
  samples = Squeeze (column, two)
  frame = Mul (samples, window)
  frame_shape = Shape (frame)
  overlap_shape = Shape (overlap)
  grow = Sub (frame_shape, overlap_shape)
  zeros = Constant <value_ints = [0, 0]> ()
  pads = Concat <axis = 0> (zeros, grow)
  padded = Pad (overlap, pads)
  sum = Add (frame, padded)
  hop = Slice (grow, one, two)
  n_fft = Slice (frame_shape, one, two)
  pcm = Slice (sum, zero, hop, one)
  next_overlap = Slice (sum, hop, n_fft, one)
}"""

FUNCTIONS: dict[str, str] = {"Finite": FINITE, "STFT": STFT, "ISTFT": ISTFT}


def add_function(model: ir.Model, op_type: str) -> None:
    """Define ``edgekit::op_type`` in the model, in place; an existing definition is replaced.

    Args:
        model: the model that holds (or gets) nodes of that operator.
        op_type: a key of `FUNCTIONS`.
    """
    proto = onnx.parser.parse_function(_HEADER + FUNCTIONS[op_type])
    function = ir.serde.deserialize_function(proto)
    model.functions[function.identifier()] = function
    model.opset_imports[FRONTEND_DOMAIN] = 1
