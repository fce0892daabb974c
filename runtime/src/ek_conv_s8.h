/* The convolution of int8 inputs; instruction sets have others. */
#include "ek_conv_int.h"
