/* Reading an image at computed places. */
#include "edgekit.h"

static inline int32_t ek_floor(float x)
{
    const int32_t whole = (int32_t)x;
    return (float)whole > x ? whole - 1 : whole;
}

static inline float ek_pixel(const float *plane, int32_t row, int32_t column, int32_t in_h, int32_t in_w)
{
    const int inside = row >= 0 && row < in_h && column >= 0 && column < in_w;
    return inside ? plane[(ptrdiff_t)row * in_w + column] : 0.0f;
}

/* Between the four pixels around a place whose whole part is (top, left) and whose rest is (wy, wx). */
static inline float ek_bilinear(const float *plane, int32_t top, int32_t left, float wy, float wx, int32_t in_h,
                                int32_t in_w)
{
    const float upper
        = ek_pixel(plane, top, left, in_h, in_w) * (1.0f - wx) + ek_pixel(plane, top, left + 1, in_h, in_w) * wx;
    const float lower = ek_pixel(plane, top + 1, left, in_h, in_w) * (1.0f - wx)
                        + ek_pixel(plane, top + 1, left + 1, in_h, in_w) * wx;
    return upper * (1.0f - wy) + lower * wy;
}
