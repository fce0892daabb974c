/* How sums of an integer convolution become its outputs; those of channel c take number c. */
#ifndef EK_SCALES_GUARD
#define EK_SCALES_GUARD

#include "edgekit.h"

typedef struct {
    const int32_t *bias, *mult;
    const uint8_t *shift;
    int32_t x_zero, y_zero, y_min, y_max;
} ek_scales;

#endif
