/* Convolution with EK_BESIDE channels side by side, over EK_CONV_BANDS, the head of its definition. */
#include "ek_conv_fours.h"

EK_CONV_BANDS(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
              const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min, int32_t y_max,
              EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_conv_shape s = ek_conv_flatten(shape);
    EK_CONV_BESIDE(x, x_zero, w, bias, mult, shift, y_zero, y_min, y_max, y, &s);
}
