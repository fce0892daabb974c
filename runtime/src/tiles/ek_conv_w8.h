/* Integer convolution over EK_NAME and what ek_conv_taps.h takes: int8 inputs by tiles of outputs and positions, or
 * plane by plane where each channel is by itself; others as in ek_conv_int.h. */
#define EK_BITS_OF_int8_t 8
#define EK_BITS_OF_int16_t 16
#define EK_BITS_NAMED(type) EK_BITS_OF_##type
#define EK_BITS(type) EK_BITS_NAMED(type)

#if EK_BITS(EK_X) == 8
#define EK_OF_Y(name, s, c, y, n, ...)                                           \
    (sizeof(EK_Y) == 1 ? name##_s8(__VA_ARGS__, s, c, (int8_t *)(void *)(y), n) \
                       : name##_s16(__VA_ARGS__, s, c, (int16_t *)(void *)(y), n))
#define EK_ROW_OUTPUTS_OF(acc, s, c, y, n) EK_OF_Y(ek_channel_outputs, s, c, y, n, acc)
#define EK_TILE_OUTPUTS_OF(acc, rows, plane, s, c, y, n) EK_OF_Y(ek_tile_outputs, s, c, y, n, acc, rows, plane)
#define EK_PLANE_LANES_OF(band, w, taps, s, c, y, n) EK_OF_Y(ek_plane_lanes, s, c, y, n, band, w, taps)

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
        ek_conv_tiles(x, w, &scales, y, &s);
    }
}
#else
#include "ek_conv_int.h"
#endif
