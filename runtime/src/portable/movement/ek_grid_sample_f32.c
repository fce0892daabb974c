#include "ek_image.h"

/* x brought back into [low, high] by mirroring at both ends. */
static inline float ek_mirror(float x, float low, float high)
{
    const float span = high - low;
    const float ahead = x < low ? low - x : x - low;
    const float turns = span > 0.0f ? ahead / span : 0.0f;
    const int32_t whole = turns < 1.0e6f ? (int32_t)turns : 1000000;
    const float rest = ahead - (float)whole * span;
    return whole % 2 == 0 ? low + rest : high - rest;
}

/* A coordinate of -1..1 as a place on an axis of n pixels; padding 0 zeros, 1 border, 2 reflection. */
static inline float ek_grid_place(float x, int32_t n, int32_t padding, int32_t align_corners)
{
    const float last = (float)(n - 1);
    float place = align_corners ? (x + 1.0f) * 0.5f * last : ((x + 1.0f) * (float)n - 1.0f) * 0.5f;
    place = place > -1.0e6f ? place : -1.0e6f;
    place = place < 1.0e6f ? place : 1.0e6f;
    if (padding == 2) {
        place = align_corners ? ek_mirror(place, 0.0f, last) : ek_mirror(place, -0.5f, last + 0.5f);
    }
    if (padding != 0) {
        place = place > 0.0f ? place : 0.0f;
        place = place < last ? place : last;
    }
    return place;
}

void ek_grid_sample_f32(const float *restrict x, const float *restrict grid, float *restrict y, int32_t channels,
                        int32_t in_h, int32_t in_w, int32_t points, int32_t nearest, int32_t padding,
                        int32_t align_corners)
{
    for (int32_t i = 0; i < points; i++) {
        const float column = ek_grid_place(grid[2 * i], in_w, padding, align_corners);
        const float row = ek_grid_place(grid[2 * i + 1], in_h, padding, align_corners);
        const int32_t left = nearest ? (int32_t)ek_roundf1(column) : ek_floor(column);
        const int32_t top = nearest ? (int32_t)ek_roundf1(row) : ek_floor(row);
        const float wx = column - (float)left, wy = row - (float)top;
        for (int32_t c = 0; c < channels; c++) {
            const float *const plane = x + (ptrdiff_t)c * in_h * in_w;
            y[(ptrdiff_t)c * points + i] = nearest ? ek_pixel(plane, top, left, in_h, in_w)
                                                   : ek_bilinear(plane, top, left, wy, wx, in_h, in_w);
        }
    }
}
