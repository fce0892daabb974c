/* Positions are taken as they lie here. */
#include "ek_conv_bands.h"
