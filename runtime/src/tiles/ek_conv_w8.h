/* Integer convolution over EK_NAME, EK_PATH and what ek_conv_taps.h takes: int8 inputs by tiles of outputs and positions, whose
 * windows lie in columns or in strips, or plane by plane where each channel is by itself; others as in ek_conv_int.h. */
#include "ek_of_y.h"

#if EK_BITS(EK_X) == 8
#include "ek_conv_planes.h"
#include "ek_conv_tiles.h"

void EK_PATH(planes)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                     const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                     int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    ek_conv_planes(x, w, &scales, y, shape);
}

#ifdef EK_TILE_STRIPS
void EK_PATH(strips)(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
                     const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
                     int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    ek_conv_tiles(x, w, &scales, y, shape, NULL, 1);
}
#endif

void EK_NAME(const EK_X *restrict x, int32_t x_zero, const int8_t *restrict w, const EK_ACC *restrict bias,
             const int32_t *restrict mult, const uint8_t *restrict shift, int32_t y_zero, int32_t y_min,
             int32_t y_max, EK_Y *restrict y, const ek_conv_shape *shape)
{
    const ek_scales scales = {bias, mult, shift, x_zero, y_zero, y_min, y_max};
    ek_conv_tiles(x, w, &scales, y, shape, NULL, 0);
}
#else
#include "ek_conv_int.h"
#endif
