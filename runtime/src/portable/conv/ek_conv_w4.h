/* The convolution with int4 weights; instruction sets have others. */
#include "ek_conv_int.h"
