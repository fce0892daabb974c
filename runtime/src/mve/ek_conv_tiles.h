/* Helium: positions laid in columns, or in strips. */
#include "ek_conv_columns.h"
