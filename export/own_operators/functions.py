"""EdgeKit's operators as ONNX model-local functions: any ONNX runtime executes their bodies.

A transform has two equal bodies: ONNX DFT where the length is a power of two, else a product with the
matrix of cosines and sines. onnxruntime 1.32 computes a DFT of another length with little precision
(89 dB at 480, 69 dB at 4000, where a float32 product gives more than 120 dB).
"""

from importlib import import_module
from types import ModuleType

import onnx
import onnx.parser
import onnx_ir as ir

from edgekit.export.own_operators import filter_bodies, marked_bodies, ssm_body
from edgekit.export.own_operators.micro_body import MICRO_BODY
from edgekit.export.own_operators.noise_bodies import NOISE_BODIES
from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET

_HEADER = f'<domain: "{FRONTEND_DOMAIN}", opset_import: ["": {OPSET}]>'

# NaN compares false and infinity exceeds any limit, so both become 0.
FINITE = """
Finite <limit, floor: float = 0.0> (x) => (y) {
  least = Constant <value_float: float = @floor> ()
  bound = Constant <value_float: float = @limit> ()
  magnitude = Abs (x)
  small = LessOrEqual (magnitude, bound)
  large = GreaterOrEqual (magnitude, least)
  fits = And (small, large)
  zero = Constant <value_float = 0.0> ()
  y = Where (fits, x, zero)
}"""

# pcm (1, hop), history (1, n_fft - hop), window (n_fft)
# -> spectrum (1, n_fft/2 + 1, 2), next history
STFT_POWER_OF_TWO = """
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

# cosines and sines of 2 pi n k / n_fft; the angle is reduced in integers, so that it is exact
_MATRIX = """
  two_pi = Constant <value = double {6.283185307179586}> ()
  from_0 = Constant <value = int64 {0}> ()
  step_1 = Constant <value = int64 {1}> ()
  half = Constant <value = int64 {2}> ()
  rows = Constant <value_ints = [0]> ()
  columns = Constant <value_ints = [1]> ()
  length = Squeeze (n_fft)
  half_length = Div (length, half)
  bins = Add (half_length, step_1)
  n = Range (from_0, length, step_1)
  k = Range (from_0, bins, step_1)
  n_line = Unsqueeze (n, rows)
  k_line = Unsqueeze (k, columns)
  turns = Mul (n_line, k_line)
  turn = Mod (turns, length)
  turn_double = Cast <to = 11> (turn)
  length_double = Cast <to = 11> (length)
  fraction = Div (turn_double, length_double)
  angle = Mul (fraction, two_pi)
  cosine = Cos (angle)
  sine = Sin (angle)"""

STFT_ANY = f"""
STFT (pcm, history, window) => (spectrum, next_history) {{
  time = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [-1]> ()
  frame = Concat <axis = 1> (history, pcm)
  hop = Shape <start = 1> (pcm)
  n_fft = Shape <start = 1> (frame)
  next_history = Slice (frame, hop, n_fft, time)
  windowed = Mul (frame, window)
  {_MATRIX}
  cosine_float = Cast <to = 1> (cosine)
  sine_float = Cast <to = 1> (sine)
  to_real = Transpose <perm = [1, 0]> (cosine_float)
  sine_columns = Transpose <perm = [1, 0]> (sine_float)
  to_imaginary = Neg (sine_columns)
  real = MatMul (windowed, to_real)
  imaginary = MatMul (windowed, to_imaginary)
  real_column = Unsqueeze (real, last)
  imaginary_column = Unsqueeze (imaginary, last)
  spectrum = Concat <axis = 2> (real_column, imaginary_column)
}}"""

_OVERLAP_ADD = """
  frame_shape = Shape (frame)
  overlap_shape = Shape (overlap)
  grow = Sub (frame_shape, overlap_shape)
  zeros = Constant <value_ints = [0, 0]> ()
  pads = Concat <axis = 0> (zeros, grow)
  padded = Pad (overlap, pads)
  sum = Add (frame, padded)
  hop = Slice (grow, one, two)
  samples_end = Slice (frame_shape, one, two)
  pcm = Slice (sum, zero, hop, one)
  next_overlap = Slice (sum, hop, samples_end, one)"""

# spectrum (1, n_fft/2 + 1, 2) -> samples (1, n_fft).
# The imaginary parts of the first and the last bin do not count, as in every inverse real FFT.
_INVERSE_POWER_OF_TWO = """
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
  samples = Squeeze (column, two)"""

_INVERSE_ANY = f"""
  zero = Constant <value_ints = [0]> ()
  one = Constant <value_ints = [1]> ()
  two = Constant <value_ints = [2]> ()
  bins_line = Shape <start = 1, end = 2> (spectrum)
  steps = Sub (bins_line, one)
  n_fft = Mul (steps, two)
  {_MATRIX}
  once = Constant <value = double {{1.0}}> ()
  twice = Constant <value = double {{2.0}}> ()
  is_first = Equal (k, from_0)
  is_last = Equal (k, half_length)
  is_edge = Or (is_first, is_last)
  count = Where (is_edge, once, twice)
  weight = Div (count, length_double)
  weight_line = Unsqueeze (weight, columns)
  weighted_cosine = Mul (cosine, weight_line)
  weighted_sine = Mul (sine, weight_line)
  silent = Sub (once, once)
  edge_line = Unsqueeze (is_edge, columns)
  inner_sine = Where (edge_line, silent, weighted_sine)
  from_real = Cast <to = 1> (weighted_cosine)
  from_imaginary = Cast <to = 1> (inner_sine)
  real_column = Slice (spectrum, zero, one, two)
  imaginary_column = Slice (spectrum, one, two, two)
  real = Squeeze (real_column, two)
  imaginary = Squeeze (imaginary_column, two)
  even = MatMul (real, from_real)
  odd = MatMul (imaginary, from_imaginary)
  samples = Sub (even, odd)"""

# spectrum (1, n_fft/2 + 1, 2), overlap (1, n_fft - hop), window (n_fft)
# -> pcm (1, hop), next overlap
_ISTFT = f"""
ISTFT (spectrum, overlap, window) => (pcm, next_overlap) {{
  %s
  frame = Mul (samples, window)
  {_OVERLAP_ADD}
}}"""

_IRFFT = """
IRFFT (spectrum) => (samples) {
  %s
}"""

TRANSFORMS = ("STFT", "ISTFT", "IRFFT")
LAYERS = {
    row.name: row
    for row in (
        *ssm_body.LAYERS,
        *marked_bodies.LAYERS,
        *filter_bodies.LAYERS,
        *marked_bodies.CUMULATIVE,
    )
}
BODIES = {
    **FUSED_BODIES,
    "Finite": FINITE,
    **{name: row.body for name, row in LAYERS.items()},
    **NOISE_BODIES,
    "MicroFrontend": MICRO_BODY,
}
FUNCTIONS = ("Finite", *TRANSFORMS, *LAYERS, *FUSED_BODIES, *NOISE_BODIES, "MicroFrontend")


def layer_modules() -> list[ModuleType]:
    """Import the files with torch layers that leave EdgeKit's operators."""
    names = (row.module for row in LAYERS.values() if row.module is not None)
    return [import_module(f"edgekit.export.own_operators.{name}") for name in names]


def define_functions(model: ir.Model) -> None:
    """Define, in place, every EdgeKit function that the graph calls; existing definitions are replaced.

    Loops stay as they are: each has a body of its own.
    """
    called = [node for node in model.graph if node.domain == FRONTEND_DOMAIN]
    lengths = {_length(node) for node in called if node.op_type in TRANSFORMS}
    is_fast = all(length is not None and length.bit_count() == 1 for length in lengths)
    bodies = BODIES | _transform_bodies(is_fast)
    for op_type in sorted({node.op_type for node in called} & bodies.keys()):
        function = ir.serde.deserialize_function(
            onnx.parser.parse_function(_HEADER + bodies[op_type])
        )
        model.functions[function.identifier()] = function
        model.opset_imports[FRONTEND_DOMAIN] = 1


def _transform_bodies(is_fast: bool) -> dict[str, str]:
    """Return the bodies of `TRANSFORMS`, of lengths that are powers of two or of any."""
    inverse = _INVERSE_POWER_OF_TWO if is_fast else _INVERSE_ANY
    return {
        "STFT": STFT_POWER_OF_TWO if is_fast else STFT_ANY,
        "ISTFT": _ISTFT % inverse,
        "IRFFT": _IRFFT % inverse,
    }


def with_bodies(data: bytes) -> bytes:
    """Return an ONNX file with the bodies of our layers that it calls and does not define."""
    proto = onnx.load_model_from_string(data)
    called = {node.op_type for node in proto.graph.node if node.domain == FRONTEND_DOMAIN}
    defined = {function.name for function in proto.functions if function.domain == FRONTEND_DOMAIN}
    missing = [name for name in LAYERS if name in called - defined]
    if not missing:
        return data
    for name in missing:
        proto.functions.append(onnx.parser.parse_function(_HEADER + LAYERS[name].body))
    return bytes(proto.SerializeToString())


def _length(transform: ir.Node) -> int | None:
    """Return N_FFT: the window's length, or the last dimension of an input without a window."""
    value = transform.outputs[0] if transform.op_type == "IRFFT" else transform.inputs[-1]
    dims = list(value.shape or ()) if value is not None else []
    return dims[-1] if dims and isinstance(dims[-1], int) else None
