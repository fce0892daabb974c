/* Depthwise float convolution over ek_vector.h. Of dense 3x3 kernels masked loads leave out the padding, so that rows are
 * read where they lie; the masks of a tile of columns serve all rows and channels. Others: ek_depthwise_window.h. */
#include "ek_depthwise_planes.h"
#include "ek_depthwise_window.h"
#include "ek_tap_lanes.h"

#define EK_DEPTHWISE_NEAR 65536 /* floats of channels, which then stay in the second cache */
#define EK_LINE_MOST 5    /* columns of a kernel of one row */
#define EK_LINE_VECTORS 4 /* of a short row */

/* to [3] = the columns of row iy of x, 0 outside. */
EK_INLINE void ek_three_columns(const float *x, const ek_conv_shape *s, const ek_tap_lanes *taps, int32_t iy,
                                int32_t stride, ek_v *to)
{
    for (int32_t kx = 0; kx < 3; kx++) {
        const int inside = iy >= 0 && iy < s->in_h;
        to[kx] = inside ? ek_load_tap(x + (ptrdiff_t)iy * s->in_w, taps + kx, stride) : ek_v_zero();
    }
}

/* Columns of one channel, n of every row of y, with strides 2: the last row of x that a row of y takes is the first one of the next. */
EK_INLINE void ek_depthwise_halves(const float *x, const float *w, float bias, const ek_bounds *bounds, float *y,
                                   const ek_conv_shape *s, const ek_tap_lanes *taps, int32_t n)
{
    ek_v rows[3][3];
    ek_three_columns(x, s, taps, -s->pad_top, 2, rows[2]);
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        ek_v acc = ek_v_all(bias);
        for (int32_t kx = 0; kx < 3; kx++) {
            rows[0][kx] = rows[2][kx];
        }
        ek_three_columns(x, s, taps, 2 * oy - s->pad_top + 1, 2, rows[1]);
        ek_three_columns(x, s, taps, 2 * oy - s->pad_top + 2, 2, rows[2]);
        for (int32_t t = 0; t < 9; t++) {
            acc = ek_v_fma(ek_v_all(w[t]), rows[t / 3][t % 3], acc);
        }
        ek_v_store_some(y + (ptrdiff_t)oy * s->out_w, ek_bounded(acc, bounds), n);
    }
}

/* The same with strides 1: each row of x is loaded once, for the three rows of y that take it. */
EK_INLINE void ek_depthwise_square(const float *x, const float *w, float bias, const ek_bounds *bounds, float *y,
                                   const ek_conv_shape *s, const ek_tap_lanes *taps, int32_t n)
{
    const ek_v start = ek_v_all(bias);
    ek_v own[9], second = start, third = start; /* sums of two rows of y: with their first tap, with their first two */
    for (int32_t t = 0; t < 9; t++) {
        own[t] = ek_v_all(w[t]);
    }
    for (int32_t iy = -s->pad_top; iy < s->out_h - s->pad_top + 2; iy++) {
        const int32_t oy = iy + s->pad_top - 2;
        ek_v sums[3] = {start, second, third};
        for (int32_t kx = 0; kx < 3 && iy >= 0 && iy < s->in_h; kx++) {
            const ek_v taken = ek_load_tap(x + (ptrdiff_t)iy * s->in_w, taps + kx, 1);
            for (int32_t ky = 0; ky < 3; ky++) {
                sums[ky] = ek_v_fma(own[3 * ky + kx], taken, sums[ky]);
            }
        }
        if (oy >= 0) {
            ek_v_store_some(y + (ptrdiff_t)oy * s->out_w, ek_bounded(sums[2], bounds), n);
        }
        second = sums[0];
        third = sums[1];
    }
}

/* A short row, and kernels of few columns: taps are read where they lie. */
EK_INLINE void ek_depthwise_line(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                                 const ek_conv_shape *s, int32_t size, int32_t stride)
{
    const int32_t per_group = s->out_c / s->groups;
    ek_tap_lanes taps[EK_LINE_MOST];
    for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
        const int32_t n = ek_min(EK_LANES, s->out_w - ox);
        for (int32_t kx = 0; kx < size; kx++) {
            taps[kx] = ek_tap_lanes_of(s, kx, ox, n);
        }
        for (int32_t o = 0; o < s->out_c; o++) {
            const float *const xo = x + (ptrdiff_t)(per_group == 1 ? o : o / per_group) * s->in_w;
            const float *const wo = w + (ptrdiff_t)o * size;
            ek_v acc = ek_v_all(bias ? bias[o] : 0.0f);
            for (int32_t kx = 0; kx < size; kx++) {
                acc = ek_v_fma(ek_v_all(wo[kx]), ek_load_tap(xo, taps + kx, stride), acc);
            }
            ek_v_store_some(y + (ptrdiff_t)o * s->out_w + ox, ek_bounded(acc, bounds), n);
        }
    }
}

/* The same; says whether it takes the shape. */
static int ek_depthwise_lines(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                              const ek_conv_shape *s)
{
    const int32_t alone = s->k_h == 1 && s->in_h == 1 && s->out_h == 1 && s->pad_top == 0;
    if (!alone || s->out_w > EK_LINE_VECTORS * EK_LANES || s->stride_w > 2 || (s->k_w != 3 && s->k_w != 5)) {
        return 0;
    }
    switch (2 * s->k_w + s->stride_w) {
    case 7: ek_depthwise_line(x, w, bias, bounds, y, s, 3, 1); break;
    case 8: ek_depthwise_line(x, w, bias, bounds, y, s, 3, 2); break;
    case 11: ek_depthwise_line(x, w, bias, bounds, y, s, 5, 1); break;
    default: ek_depthwise_line(x, w, bias, bounds, y, s, 5, 2); break;
    }
    return 1;
}

/* Returns 0 where none of these takes the shape, and does nothing then. */
static int ek_depthwise_f32(const float *x, const float *w, const float *bias, const ek_bounds *bounds, float *y,
                            const ek_conv_shape *s)
{
    const ptrdiff_t plane = (ptrdiff_t)s->out_h * s->out_w, x_plane = (ptrdiff_t)s->in_h * s->in_w;
    const int32_t per_group = s->out_c / s->groups, stride = s->stride_w;
    ek_tap_lanes taps[3];
    if (ek_depthwise_lines(x, w, bias, bounds, y, s) || EK_PLANES(x, w, bias, bounds, y, s)) {
        return 1;
    }
    if (s->k_h != 3 || s->k_w != 3 || s->stride_h != stride || stride > 2 || s->dil_h != 1 || s->dil_w != 1) {
        return ek_depthwise_windows(x, w, bias, bounds, y, s);
    }
    for (int32_t from = 0, end; from < s->out_c; from = end) { /* channels that stay near from one tile of columns to the next */
        end = ek_min(s->out_c, from + ek_max(1, EK_DEPTHWISE_NEAR / (int32_t)(x_plane + plane)));
        for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
            const int32_t n = ek_min(EK_LANES, s->out_w - ox);
            for (int32_t kx = 0; kx < 3; kx++) {
                taps[kx] = ek_tap_lanes_of(s, kx, ox, n);
            }
            for (int32_t o = from; o < end; o++) {
                const float *const xo = x + (per_group == 1 ? o : o / per_group) * x_plane;
                const float *const wo = w + (ptrdiff_t)o * 9;
                const float start = bias ? bias[o] : 0.0f;
                float *const yo = y + o * plane + ox;
                if (stride == 1) {
                    ek_depthwise_square(xo, wo, start, bounds, yo, s, taps, n);
                } else {
                    ek_depthwise_halves(xo, wo, start, bounds, yo, s, taps, n);
                }
            }
        }
    }
    return 1;
}
