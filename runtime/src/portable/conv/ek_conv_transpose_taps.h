/* Sums of transposed-convolution taps over EK_X, EK_W, EK_ACC and EK_TERM(x, zero, w): see ek_conv_taps.h. */
#include "edgekit.h"

#ifndef EK_AT
#define EK_AT(w, i) ((w)[i])
#endif
#define EK_BLOCK 64

static inline int32_t ek_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Smallest i >= 0 with i * step >= v. */
static inline int32_t ek_first(int32_t v, int32_t step)
{
    return v <= 0 ? 0 : (v + step - 1) / step;
}

#ifdef EK_INPUT_BY_INPUT
/* acc [count] += a row of taps of input row x, for columns first..: input by input, the last before, which is for every
 * output the order of its taps. */
static inline void ek_conv_transpose_inputs(const EK_X *restrict x, int32_t zero, const EK_W *restrict w, ptrdiff_t from,
                                            const ek_conv_shape *s, int32_t first, int32_t count, EK_ACC *restrict acc)
{
    (void)zero;
    for (int32_t ix = s->in_w - 1; ix >= 0; ix--) {
        const int32_t to = ix * s->stride_w - s->pad_left - first; /* of the first tap */
        const int32_t end = ek_min(s->k_w, count - to);
        for (int32_t kx = to < 0 ? -to : 0; kx < end; kx++) {
            acc[to + kx] += EK_TERM(x[ix], zero, EK_AT(w, from + kx));
        }
    }
}
#endif

/* acc [count] += all taps of output row oy, columns first..; x is that of the group, the weights of the output start
 * at number `from`. */
static inline void ek_conv_transpose_taps(const EK_X *restrict x, int32_t zero, const EK_W *restrict w,
                                          ptrdiff_t from, const ek_conv_shape *s, int32_t oy, int32_t first,
                                          int32_t count, EK_ACC *restrict acc)
{
    const ptrdiff_t w_step = (ptrdiff_t)(s->out_c / s->groups) * s->k_h * s->k_w;
    (void)zero;
    for (int32_t c = 0; c < s->in_c / s->groups; c++) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t up = oy + s->pad_top - ky * s->dil_h;
            const int32_t iy = up / s->stride_h;
            if (up < 0 || up % s->stride_h != 0 || iy >= s->in_h) {
                continue;
            }
#ifdef EK_INPUT_BY_INPUT
            if (s->in_w < s->k_w && s->dil_w == 1) {
                ek_conv_transpose_inputs(x + (ptrdiff_t)iy * s->in_w, zero, w, from + ky * s->k_w, s, first, count, acc);
                continue;
            }
#endif
            for (int32_t kx = 0; kx < s->k_w; kx++) {
                const int32_t base = first + s->pad_left - kx * s->dil_w;
                const int32_t end = ek_min(ek_first(base + count, s->stride_w), s->in_w);
                const EK_W tap = EK_AT(w, from + ky * s->k_w + kx);
                for (int32_t ix = ek_first(base, s->stride_w); ix < end; ix++) {
                    acc[ix * s->stride_w - base] += EK_TERM(x[(ptrdiff_t)iy * s->in_w + ix], zero, tap);
                }
            }
        }
        x += (ptrdiff_t)s->in_h * s->in_w;
        from += w_step;
    }
}

/* Number of the first weight of output channel o: [in_c / groups] kernels, out_c / groups apart. */
static inline ptrdiff_t ek_conv_transpose_from(const ek_conv_shape *s, int32_t o)
{
    const ptrdiff_t per_group = s->out_c / s->groups;
    const ptrdiff_t group = o / per_group;
    return (group * (s->in_c / s->groups) * per_group + o % per_group) * s->k_h * s->k_w;
}
