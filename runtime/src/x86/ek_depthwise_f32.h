/* Depthwise float convolution over ek_vector.h: masked loads leave out the padding, so that rows are read where they
 * lie. */
#include "ek_conv_shape.h"
#include "ek_vector.h"

#define EK_INLINE static inline __attribute__((always_inline))

/* x [0], x [stride], ...; 0 but for lanes lo..hi-1. */
EK_INLINE ek_v ek_depthwise_load(const float *x, int32_t stride, int32_t lo, int32_t hi)
{
    float lanes[EK_LANES];
    if (stride == 1) {
        return ek_v_load_range(x, lo, hi);
    }
    if (stride == 2) {
        return ek_v_load_even_range(x, lo, hi);
    }
    for (int32_t j = 0; j < EK_LANES; j++) {
        lanes[j] = j >= lo && j < hi ? x[j * stride] : 0.0f;
    }
    return ek_v_load(lanes);
}

/* Columns ox.. of one channel's plane y. */
EK_INLINE void ek_depthwise_tile(const float *x, const float *w, float bias, float *y, const ek_conv_shape *s,
                                 int32_t ox, int32_t k_h, int32_t k_w, int32_t stride)
{
    const int32_t n = ek_min(EK_LANES, s->out_w - ox), left = ox * stride - s->pad_left;
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        ek_v acc = ek_v_all(bias);
        for (int32_t ky = 0; ky < k_h; ky++) {
            const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
            if (iy < 0 || iy >= s->in_h) {
                continue;
            }
            for (int32_t kx = 0; kx < k_w; kx++) {
                const int32_t base = left + kx * s->dil_w;
                const int32_t lo = ek_min(ek_first(-base, stride), n);
                const int32_t hi = ek_max(ek_min(ek_first(s->in_w - base, stride), n), lo);
                const ek_v taken = ek_depthwise_load(x + (ptrdiff_t)iy * s->in_w + base, stride, lo, hi);
                acc = ek_v_fma(ek_v_all(w[ky * k_w + kx]), taken, acc);
            }
        }
        ek_v_store_some(y + (ptrdiff_t)oy * s->out_w + ox, acc, n);
    }
}

/* The same of a dense 3x3 with vertical stride 1: each row of x is loaded once, for the three rows of y that take it. */
EK_INLINE void ek_depthwise_square(const float *x, const float *w, float bias, float *y, const ek_conv_shape *s,
                                   int32_t ox, int32_t stride)
{
    const int32_t n = ek_min(EK_LANES, s->out_w - ox), left = ox * stride - s->pad_left;
    const ek_v start = ek_v_all(bias);
    ek_v second = start, third = start; /* sums of two rows of y: with their first tap, with their first two */
    for (int32_t iy = -s->pad_top; iy < s->out_h - s->pad_top + 2; iy++) {
        const int32_t oy = iy + s->pad_top - 2;
        ek_v sums[3] = {start, second, third};
        for (int32_t kx = 0; kx < 3 && iy >= 0 && iy < s->in_h; kx++) {
            const int32_t base = left + kx * s->dil_w;
            const int32_t lo = ek_min(ek_first(-base, stride), n);
            const int32_t hi = ek_max(ek_min(ek_first(s->in_w - base, stride), n), lo);
            const ek_v taken = ek_depthwise_load(x + (ptrdiff_t)iy * s->in_w + base, stride, lo, hi);
            for (int32_t ky = 0; ky < 3; ky++) {
                sums[ky] = ek_v_fma(ek_v_all(w[3 * ky + kx]), taken, sums[ky]);
            }
        }
        if (oy >= 0) {
            ek_v_store_some(y + (ptrdiff_t)oy * s->out_w + ox, sums[2], n);
        }
        second = sums[0];
        third = sums[1];
    }
}

/* Returns 1: there is no shape that it does not take. */
static int ek_depthwise_f32(const float *x, const float *w, const float *bias, float *y, const ek_conv_shape *s)
{
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w;
    const int32_t per_group = s->out_c / s->groups, square = s->k_h == 3 && s->k_w == 3;
    for (int32_t o = 0; o < s->out_c; o++, y += plane, w += s->k_h * s->k_w) {
        const float *const xo = x + (ptrdiff_t)(o / per_group) * s->in_h * s->in_w;
        const float start = bias ? bias[o] : 0.0f;
        for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
            if (square && s->stride_w == 1 && s->stride_h == 1 && s->dil_h == 1) {
                ek_depthwise_square(xo, w, start, y, s, ox, 1);
            } else if (square && s->stride_w == 1) {
                ek_depthwise_tile(xo, w, start, y, s, ox, 3, 3, 1);
            } else if (square && s->stride_w == 2) {
                ek_depthwise_tile(xo, w, start, y, s, ox, 3, 3, 2);
            } else {
                ek_depthwise_tile(xo, w, start, y, s, ox, s->k_h, s->k_w, s->stride_w);
            }
        }
    }
    return 1;
}
