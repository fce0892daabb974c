/* Transposed float convolution over ek_vector.h, of what is not taken by phases: for an input row and four taps, the
 * products of all input positions summed over channels, then added to the output where each tap puts them. Of few
 * positions and many taps the lanes are taps. */
#include "ek_spread_rows.h"
#include "ek_transpose_phases.h"

#define EK_TILE (2 * EK_LANES)
#define EK_INLINE static inline __attribute__((always_inline))

/* sums [taps][EK_TILE] = sum over channels of x [channels][n] times w [channels][taps]. */
EK_INLINE void ek_spread_tile(const float *x, ptrdiff_t x_step, const float *w, ptrdiff_t w_step, int32_t channels,
                              int32_t taps, int32_t n, float *sums)
{
    const int32_t a = ek_min(n, EK_LANES), b = n - a;
    ek_v acc[4][2];
    for (int32_t t = 0; t < taps; t++) {
        acc[t][0] = acc[t][1] = ek_v_zero();
    }
    for (int32_t c = 0; c < channels; c++, x += x_step, w += w_step) {
        const ek_v x0 = ek_v_load_some(x, a), x1 = ek_v_load_some(x + EK_LANES, b);
        for (int32_t t = 0; t < taps; t++) {
            const ek_v tap = ek_v_all(w[t]);
            acc[t][0] = ek_v_fma(tap, x0, acc[t][0]);
            acc[t][1] = ek_v_fma(tap, x1, acc[t][1]);
        }
    }
    for (int32_t t = 0; t < taps; t++) {
        ek_v_store(sums + t * EK_TILE, acc[t][0]);
        ek_v_store(sums + t * EK_TILE + EK_LANES, acc[t][1]);
    }
}

/* y [out_w] += the sums of one tap of input positions first..: position i goes to i * stride + shift. */
static inline void ek_spread_add(const float *restrict sums, const ek_conv_shape *s, int32_t kx, int32_t first,
                                 int32_t n, float *restrict y)
{
    const int32_t shift = first * s->stride_w + kx * s->dil_w - s->pad_left;
    const int32_t lo = ek_first(-shift, s->stride_w), hi = ek_min(ek_first(s->out_w - shift, s->stride_w), n);
    for (int32_t i = lo; i < hi; i++) {
        y[i * s->stride_w + shift] += sums[i];
    }
}

/* Whether lanes that are taps, four vectors of them at once, take less time. */
static inline int ek_has_few_positions(const ek_conv_shape *s)
{
    return s->dil_w == 1 && 2 * s->in_w * ((s->k_w + 4 * EK_LANES - 1) / (4 * EK_LANES)) < s->k_w;
}

/* The same of few positions, the last one first: for every output the order of its taps. */
static void ek_spread_taps(const float *x, const float *w, ptrdiff_t w_step, const ek_conv_shape *s, float *y)
{
    const ptrdiff_t x_step = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t channels = s->in_c / s->groups;
    float sums[4 * EK_LANES] __attribute__((aligned(64)));
    for (int32_t ix = s->in_w - 1; ix >= 0; ix--) {
        for (int32_t kx = 0; kx < s->k_w; kx += 4 * EK_LANES) {
            const int32_t n = ek_min(4 * EK_LANES, s->k_w - kx), to = ix * s->stride_w - s->pad_left + kx;
            const float *wc = w + kx;
            ek_v acc[4] = {ek_v_zero(), ek_v_zero(), ek_v_zero(), ek_v_zero()};
            for (int32_t c = 0; c < channels; c++, wc += w_step) {
                const ek_v tap = ek_v_all(x[c * x_step + ix]);
                for (int32_t v = 0; v < 4; v++) {
                    const int32_t some = ek_max(ek_min(n - v * EK_LANES, EK_LANES), 0);
                    acc[v] = ek_v_fma(tap, ek_v_load_some(wc + v * EK_LANES, some), acc[v]);
                }
            }
            for (int32_t v = 0; v < 4; v++) {
                ek_v_store(sums + v * EK_LANES, acc[v]);
            }
            for (int32_t t = ek_max(-to, 0); t < ek_min(n, s->out_w - to); t++) {
                y[to + t] += sums[t];
            }
        }
    }
}

/* Add what input row x, one of each channel, gives to output row y by kernel row w. */
static void ek_spread_row(const float *x, const float *w, ptrdiff_t w_step, const ek_conv_shape *s, float *y)
{
    const ptrdiff_t x_step = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t channels = s->in_c / s->groups;
    float sums[4 * EK_TILE] __attribute__((aligned(64)));
    if (ek_has_few_positions(s)) {
        ek_spread_taps(x, w, w_step, s, y);
        return;
    }
    for (int32_t ix = 0; ix < s->in_w; ix += EK_TILE) {
        const int32_t n = ek_min(EK_TILE, s->in_w - ix);
        for (int32_t kx = 0; kx < s->k_w; kx += 4) {
            const int32_t taps = ek_min(4, s->k_w - kx);
            switch (taps) {
            case 1: ek_spread_tile(x + ix, x_step, w + kx, w_step, channels, 1, n, sums); break;
            case 2: ek_spread_tile(x + ix, x_step, w + kx, w_step, channels, 2, n, sums); break;
            case 3: ek_spread_tile(x + ix, x_step, w + kx, w_step, channels, 3, n, sums); break;
            default: ek_spread_tile(x + ix, x_step, w + kx, w_step, channels, 4, n, sums); break;
            }
            for (int32_t t = 0; t < taps; t++) {
                ek_spread_add(sums + t * EK_TILE, s, kx + t, ix, n, y);
            }
        }
    }
}

/* Any layer, output by output. */
static __attribute__((noinline)) void ek_spread_outputs(const float *restrict x, const float *restrict w,
                                                        const float *restrict bias, float *restrict y,
                                                        const ek_conv_shape *shape)
{
    const ek_conv_shape s = *shape;
    const int32_t rows = s.out_c / s.groups, kernel = s.k_h * s.k_w, inputs = s.in_c / s.groups;
    const ptrdiff_t plane = (ptrdiff_t)s.out_h * s.out_w, w_step = (ptrdiff_t)rows * kernel;
    for (int32_t o = 0; o < s.out_c; o++, y += plane) {
        const float *const xg = x + (ptrdiff_t)(o / rows) * inputs * s.in_h * s.in_w;
        const float *const wo = w + (ptrdiff_t)(o / rows) * inputs * w_step + (ptrdiff_t)(o % rows) * kernel;
        for (ptrdiff_t i = 0; i < plane; i++) {
            y[i] = bias ? bias[o] : 0.0f;
        }
        for (int32_t iy = 0; iy < s.in_h; iy++) {
            for (int32_t ky = 0; ky < s.k_h; ky++) {
                const int32_t oy = iy * s.stride_h + ky * s.dil_h - s.pad_top;
                if (oy >= 0 && oy < s.out_h) {
                    const float *const row = xg + (ptrdiff_t)iy * s.in_w;
                    ek_spread_row(row, wo + ky * s.k_w, w_step, &s, y + (ptrdiff_t)oy * s.out_w);
                }
            }
        }
    }
}

void ek_conv_transpose_f32(const float *restrict x, const float *restrict w, const float *restrict bias,
                           float *restrict y, const ek_conv_shape *shape)
{
    const int is_few = shape->in_h * shape->in_w <= 16 && ek_has_few_positions(shape);
    if (ek_spread_rows(x, w, bias, y, shape) || (shape->in_h > 1 && !is_few && ek_by_phases(x, w, bias, y, shape))) {
        return;
    }
    ek_spread_outputs(x, w, bias, y, shape);
}
