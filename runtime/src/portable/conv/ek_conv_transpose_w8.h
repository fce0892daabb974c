/* The transposed convolution with int8 weights; instruction sets have others. */
#include "ek_bits.h"
#if EK_BITS(EK_X) == 8
#include "ek_conv_transpose_runs.h"
#endif
#include "ek_conv_transpose_int.h"
