/* Float convolutions with one position, over ek_vector.h: products of its taps, side by side, with rows of weights. */
#ifndef EK_CONV_ONE_GUARD
#define EK_CONV_ONE_GUARD

#include "ek_conv_bands.h"
#include "ek_sums_f32.h"

#define EK_ONE_ROWS 4 /* at once: a vector of taps serves all of them */

/* y [rows] += x [count] . w [rows][count], rows `step` apart; at most EK_ONE_ROWS of them. */
static inline __attribute__((always_inline)) void ek_one_rows(const float *x, const float *w, ptrdiff_t step,
                                                              int32_t count, int32_t rows, float *y)
{
    ek_v sum[EK_ONE_ROWS];
    int32_t t = 0;
    _Pragma("GCC unroll 4")
    for (int32_t r = 0; r < rows; r++) {
        sum[r] = ek_v_zero();
    }
    for (; t + EK_LANES <= count; t += EK_LANES) {
        const ek_v taps = ek_v_load(x + t);
        _Pragma("GCC unroll 4")
        for (int32_t r = 0; r < rows; r++) {
            sum[r] = ek_v_fma(ek_v_load(w + r * step + t), taps, sum[r]);
        }
    }
    if (t < count) {
        const ek_v taps = ek_v_load_some(x + t, count - t);
        _Pragma("GCC unroll 4")
        for (int32_t r = 0; r < rows; r++) {
            sum[r] = ek_v_fma(ek_v_load_some(w + r * step + t, count - t), taps, sum[r]);
        }
    }
    _Pragma("GCC unroll 4")
    for (int32_t r = 0; r < rows; r++) {
        y[r] += ek_lanes_sum(sum[r]);
    }
}

/* Taps from.. of a group, side by side. */
static inline void ek_one_taps(const float *x, const ek_conv_shape *s, int32_t from, int32_t count, float *to)
{
    int32_t kx = from % s->k_w, ky = from / s->k_w % s->k_h, c = from / s->k_w / s->k_h;
    for (int32_t t = 0; t < count; t++) {
        to[t] = x[(c * s->in_h + ky * s->dil_h) * s->in_w + kx * s->dil_w];
        if (++kx == s->k_w) {
            kx = 0;
            if (++ky == s->k_h) {
                ky = 0;
                c++;
            }
        }
    }
}

/* Says whether the shape has one position and no tap outside; then y has its sums. `band` has room for EK_BANDS. */
static inline int ek_conv_one(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s,
                              float *band)
{
    const int32_t inputs = s->in_c / s->groups, rows = s->out_c / s->groups, taps = inputs * s->k_h * s->k_w;
    const int together = s->k_h * s->k_w == s->in_h * s->in_w;
    const int inside = s->pad_top == 0 && s->pad_left == 0 && (s->k_h - 1) * s->dil_h < s->in_h
                       && (s->k_w - 1) * s->dil_w < s->in_w;
    if (s->out_h != 1 || s->out_w != 1 || !inside) {
        return 0;
    }
    for (int32_t o = 0; o < s->out_c; o++) {
        y[o] = bias ? bias[o] : 0.0f;
    }
    for (int32_t g = 0; g < s->groups; g++, x += inputs * s->in_h * s->in_w, w += (ptrdiff_t)rows * taps, y += rows) {
        for (int32_t from = 0; from < taps; from += EK_BANDS) {
            const int32_t count = together ? taps : ek_min(EK_BANDS, taps - from);
            const float *const own = together ? x : band;
            int32_t o = 0;
            if (!together) {
                ek_one_taps(x, s, from, count, band);
            }
            for (; o + EK_ONE_ROWS <= rows; o += EK_ONE_ROWS) {
                ek_one_rows(own, w + (ptrdiff_t)o * taps + from, taps, count, EK_ONE_ROWS, y + o);
            }
            for (; o < rows; o++) {
                ek_one_rows(own, w + (ptrdiff_t)o * taps + from, taps, count, 1, y + o);
            }
            from = together ? taps : from;
        }
    }
    return 1;
}

#endif
