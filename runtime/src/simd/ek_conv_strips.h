/* Narrow pictures are taken as others here. */
#include "ek_conv_bands.h"
