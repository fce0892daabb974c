/* Maxima of floats with strides of 2 along a row: over the rows of windows first, of all columns of x side by side, then along
 * what that leaves, of which every second element is a window's first. Windows of two columns need no room for it. */
#include "ek_conv_shape.h"
#include "ek_vector.h"

#define EK_HALVES 2048 /* columns of x with their padding */

/* to [in_w] = the greatest of `count` rows of x, `step` apart. */
static inline void ek_pool_down(const float *x, ptrdiff_t step, int32_t count, int32_t in_w, float *to)
{
    for (int32_t i = 0; i < in_w; i += EK_LANES) {
        const int32_t n = in_w - i;
        ek_v most = ek_v_load_some(x + i, n);
        for (int32_t row = 1; row < count; row++) {
            most = ek_v_max(most, ek_v_load_some(x + row * step + i, n));
        }
        ek_v_store_some(to + i, most, n);
    }
}

/* y [out_w] = the greatest of k_w elements, of which every second begins a window. */
static inline void ek_pool_halve(const float *x, const ek_conv_shape *s, float *y)
{
    for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
        const float *const from = x + 2 * ox;
        ek_v most = ek_v_even(ek_v_load(from), ek_v_load(from + EK_LANES));
        for (int32_t kx = 1; kx < s->k_w; kx++) {
            const float *const tap = from + kx * s->dil_w;
            most = ek_v_max(most, ek_v_even(ek_v_load(tap), ek_v_load(tap + EK_LANES)));
        }
        ek_v_store_some(y + ox, most, s->out_w - ox);
    }
}

/* y [n], n <= EK_LANES, = the greatest of `count` rows of x, `step` apart, in windows of two columns side by side. */
static inline __attribute__((always_inline)) void ek_pool_pairs(const float *x, ptrdiff_t step, int32_t count, int32_t n,
                                                                float *y)
{
    ek_v first = ek_v_load_some(x, 2 * n), second = ek_v_load_some(x + EK_LANES, ek_max(2 * n - EK_LANES, 0));
    for (int32_t row = 1; row < count; row++) {
        x += step;
        first = ek_v_max(first, ek_v_load_some(x, 2 * n));
        second = ek_v_max(second, ek_v_load_some(x + EK_LANES, ek_max(2 * n - EK_LANES, 0)));
    }
    ek_v_store_some(y, ek_v_max(ek_v_even(first, second), ek_v_odd(first, second)), n);
}

/* Whether windows are two columns side by side and inside of x; then y is done. */
static inline int ek_pool_by_pairs(const float *x, float *y, const ek_conv_shape *s)
{
    const ptrdiff_t step = (ptrdiff_t)s->dil_h * s->in_w, down = (ptrdiff_t)s->stride_h * s->in_w;
    if (s->k_w != 2 || s->stride_w != 2 || s->dil_w != 1 || s->pad_left > 0 || s->pad_top > 0 || 2 * s->out_w > s->in_w
        || s->stride_h * (s->out_h - 1) + (s->k_h - 1) * s->dil_h >= s->in_h) {
        return 0;
    }
    for (int32_t c = 0; c < s->out_c; c++, x += (ptrdiff_t)s->in_h * s->in_w) {
        for (int32_t oy = 0; oy < s->out_h; oy++, y += s->out_w) {
            const float *const top = x + oy * down;
            int32_t ox = 0;
            for (; ox + EK_LANES <= s->out_w; ox += EK_LANES) {
                ek_pool_pairs(top + 2 * ox, step, s->k_h, EK_LANES, y + ox);
            }
            if (ox < s->out_w) {
                ek_pool_pairs(top + 2 * ox, step, s->k_h, s->out_w - ox, y + ox);
            }
        }
    }
    return 1;
}

/* Whether windows are taken so; then y is done. Rows take turns: one is stored while another is read. */
static inline int ek_pool_by_halves(const float *x, float *y, const ek_conv_shape *s)
{
    const int32_t reach = 2 * (s->out_w - 1) + (s->k_w - 1) * s->dil_w + 1, wide = ek_max(reach, s->pad_left + s->in_w);
    float rows[2][EK_HALVES + 2 * EK_LANES];
    if (s->out_w >= EK_LANES / 2 && ek_pool_by_pairs(x, y, s)) {
        return 1;
    }
    if (s->stride_w != 2 || s->out_w < EK_LANES / 2 || wide > EK_HALVES) {
        return 0;
    }
    for (int32_t i = 0; i < wide + 2 * EK_LANES; i++) {
        rows[0][i] = rows[1][i] = -EK_INF;
    }
    for (int32_t row = 0; row <= s->out_c * s->out_h; row++) {
        if (row < s->out_c * s->out_h) {
            const int32_t by = row % s->out_h * s->stride_h - s->pad_top;
            const int32_t first = by < 0 ? (s->dil_h - 1 - by) / s->dil_h : 0;
            const int32_t end = by < s->in_h ? ek_min((s->in_h - by + s->dil_h - 1) / s->dil_h, s->k_h) : 0;
            const float *const top = x + ((ptrdiff_t)(row / s->out_h) * s->in_h + by + first * s->dil_h) * s->in_w;
            if (end > first) {
                ek_pool_down(top, (ptrdiff_t)s->dil_h * s->in_w, end - first, s->in_w, rows[row & 1] + s->pad_left);
            } else {
                for (int32_t i = 0; i < s->in_w; i++) {
                    rows[row & 1][s->pad_left + i] = -EK_INF;
                }
            }
        }
        if (row > 0) {
            ek_pool_halve(rows[~row & 1], s, y);
            y += s->out_w;
        }
    }
    return 1;
}
