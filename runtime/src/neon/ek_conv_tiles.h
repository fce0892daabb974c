/* Advanced SIMD: positions laid in columns. */
#include "ek_conv_columns.h"
