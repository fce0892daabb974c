/* Sums of convolution taps over EK_X, EK_W, EK_ACC, EK_TERM(x, zero, w), which is one product as EK_ACC, and
 * EK_DOTS, which is as ek_dots_s8; EK_AT(w, i) is weight i and EK_SPAN(n) what a row of n weights takes, where weights
 * are not one to an element. Per output element the order is channel, row, column, whatever path is
 * taken. Private to runtime/src. */
#include "ek_conv_shape.h"

#ifndef EK_AT
#define EK_AT(w, i) ((w)[i])
#define EK_SPAN(n) ((ptrdiff_t)(n))
#endif
#define EK_BLOCK 64
#define EK_GATHER 128

/* acc [count] += one tap w of row x [in_w] for output columns first.. ; column c reads x[c * stride + base]. */
static inline void ek_conv_tap(const EK_X *restrict x, int32_t zero, EK_W w, int32_t in_w, int32_t base,
                               int32_t stride, int32_t first, int32_t count, EK_ACC *restrict acc)
{
    const int32_t lo = ek_max(ek_first(-base, stride), first);
    const int32_t hi = ek_min(ek_first(in_w - base, stride), first + count);
    (void)zero;
    if (lo >= hi) {
        return;
    }
    x += lo * stride + base;
    acc += lo - first;
    if (stride == 1) {
        for (int32_t j = 0; j < hi - lo; j++) {
            acc[j] += EK_TERM(x[j], zero, w);
        }
    } else {
        for (int32_t j = 0; j < hi - lo; j++) {
            acc[j] += EK_TERM(x[j * stride], zero, w);
        }
    }
}

/* acc [count] += all taps of output row oy, columns first..; x and w are those of the group and output. */
static inline void ek_conv_row(const EK_X *x, int32_t zero, const EK_W *w, const ek_conv_shape *s, int32_t oy,
                               int32_t first, int32_t count, EK_ACC *acc)
{
    int32_t at = 0;
    for (int32_t c = 0; c < s->in_c / s->groups; c++) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
            if (iy >= 0 && iy < s->in_h) {
                for (int32_t kx = 0; kx < s->k_w; kx++) {
                    ek_conv_tap(x + (ptrdiff_t)iy * s->in_w, zero, EK_AT(w, at + ky * s->k_w + kx), s->in_w,
                                kx * s->dil_w - s->pad_left, s->stride_w, first, count, acc);
                }
            }
        }
        x += (ptrdiff_t)s->in_h * s->in_w;
        at += s->k_h * s->k_w;
    }
}

/* acc plus all taps of one output element: for kernels wider than the output row. */
static inline EK_ACC ek_conv_pixel(const EK_X *x, int32_t zero, const EK_W *w, const ek_conv_shape *s, int32_t oy,
                                   int32_t ox, EK_ACC acc)
{
    const int32_t left = ox * s->stride_w - s->pad_left;
    const int32_t lo = ek_first(-left, s->dil_w);
    const int32_t hi = ek_min(ek_first(s->in_w - left, s->dil_w), s->k_w);
    int32_t at = 0;
    (void)zero;
    for (int32_t c = 0; c < s->in_c / s->groups; c++) {
        for (int32_t ky = 0; ky < s->k_h; ky++) {
            const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dil_h;
            if (iy >= 0 && iy < s->in_h) {
                const EK_X *row = x + (ptrdiff_t)iy * s->in_w;
                for (int32_t kx = lo; kx < hi; kx++) {
                    acc += EK_TERM(row[left + kx * s->dil_w], zero, EK_AT(w, at + ky * s->k_w + kx));
                }
            }
        }
        x += (ptrdiff_t)s->in_h * s->in_w;
        at += s->k_h * s->k_w;
    }
    return acc;
}

/* out [count] = taps number.. of output (oy, ox) in memory order of the weights; fill where they are outside. */
static inline void ek_conv_gather(const EK_X *restrict x, EK_X fill, const ek_conv_shape *s, int32_t oy, int32_t ox,
                                  int32_t number, int32_t count, EK_X *restrict out)
{
    const int32_t top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    int32_t kx = number % s->k_w, ky = number / s->k_w % s->k_h;
    x += (ptrdiff_t)(number / (s->k_w * s->k_h)) * s->in_h * s->in_w;
    for (int32_t i = 0; i < count; i++) {
        const int32_t iy = top + ky * s->dil_h, ix = left + kx * s->dil_w;
        const int inside = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
        out[i] = inside ? x[(ptrdiff_t)iy * s->in_w + ix] : fill;
        if (++kx == s->k_w) {
            kx = 0;
            if (++ky == s->k_h) {
                ky = 0;
                x += (ptrdiff_t)s->in_h * s->in_w;
            }
        }
    }
}

/* acc [rows] += all taps of output (oy, ox) for the `rows` outputs whose weights start at w. */
static inline void ek_conv_column(const EK_X *x, int32_t zero, const EK_W *w, const ek_conv_shape *s, int32_t oy,
                                  int32_t ox, int32_t rows, EK_ACC *acc)
{
    const int32_t taps = s->in_c / s->groups * s->k_h * s->k_w;
    EK_X piece[EK_GATHER];
    for (int32_t at = 0; at < taps; at += EK_GATHER) {
        const int32_t n = ek_min(EK_GATHER, taps - at);
        ek_conv_gather(x, (EK_X)zero, s, oy, ox, at, n, piece);
        EK_DOTS(piece, zero, w + EK_SPAN(at), taps, n, rows, acc);
    }
}

/* Whether outputs are computed several channels at a time: a kernel at least as wide as the output row. */
static inline int ek_conv_by_column(const ek_conv_shape *s)
{
    return s->k_w >= s->out_w && s->out_c / s->groups >= 4;
}

/* Whether no tap falls outside the input. */
static inline int ek_conv_is_inside(const ek_conv_shape *s)
{
    return s->pad_top == 0 && s->pad_left == 0
           && (s->out_h - 1) * s->stride_h + (s->k_h - 1) * s->dil_h < s->in_h
           && (s->out_w - 1) * s->stride_w + (s->k_w - 1) * s->dil_w < s->in_w;
}

/* Whether the one output element reads its whole group in memory order: a dot product, if not too short. */
static inline int ek_conv_is_dot(const ek_conv_shape *s)
{
    return s->in_c / s->groups * s->k_h * s->k_w >= 16 && s->out_h == 1 && s->out_w == 1 && s->k_h == s->in_h
           && s->k_w == s->in_w && s->pad_top == 0 && s->pad_left == 0 && (s->dil_h == 1 || s->k_h == 1) && (s->dil_w == 1 || s->k_w == 1);
}

/* acc [count] += all taps of output row oy, columns first.. */
static inline void ek_conv_taps(const EK_X *x, int32_t zero, const EK_W *w, const ek_conv_shape *s, int32_t oy,
                                int32_t first, int32_t count, EK_ACC *acc)
{
    if (s->k_w < s->out_w) {
        ek_conv_row(x, zero, w, s, oy, first, count, acc);
    } else {
        for (int32_t j = 0; j < count; j++) {
            acc[j] = ek_conv_pixel(x, zero, w, s, oy, first + j, acc[j]);
        }
    }
}
