/* Integer convolution over EK_NAME and what ek_conv_taps.h takes: int8 inputs by tiles of outputs and positions, or
 * plane by plane where each channel is by itself; others as in ek_conv_int.h. */
#include "ek_of_y.h"

#if EK_BITS(EK_X) == 8
#include "ek_conv_planes.h"
#include "ek_conv_tiles.h"

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    const ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    if (ek_conv_has_planes(&s)) {
        ek_conv_planes(x, w, &scales, y, &s);
    } else {
        ek_conv_tiles(x, w, &scales, y, &s, NULL);
    }
}
#else
#include "ek_conv_int.h"
#endif
