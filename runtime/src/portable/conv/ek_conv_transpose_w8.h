/* The transposed convolution with int8 weights; instruction sets have others. */
#include "ek_conv_transpose_runs.h"
#define EK_RUNS ek_conv_transpose_runs
#include "ek_conv_transpose_int.h"
