/* The convolution with int8 weights; instruction sets have others. */
#include "ek_conv_int.h"
