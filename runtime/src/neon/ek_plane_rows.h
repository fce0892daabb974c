/* Rows of a channel with their padding: vectors one below the other, of the columns that are inside. */
#ifndef EK_PLANE_ROWS_GUARD
#define EK_PLANE_ROWS_GUARD

#include "ek_conv_shape.h"
#include "ek_vector.h"

/* Keeps compilers from calls that set some bytes. */
#define EK_HELD(v) __asm__ volatile("" : "+w"(v))

/* A vector of zeros in each of `rows` rows `width` apart. */
static inline void ek_zeros_down(int32_t rows, int32_t width, float *to)
{
    ek_v zero = ek_v_zero();
    EK_HELD(zero);
    for (; rows > 0; rows--, to += width) {
        ek_v_store(to, zero);
    }
}

/* to: a vector of every stride'th float of each of `rows` rows, `step` apart; `last`: nothing behind it is read. */
static inline void ek_vectors_down(const float *x, ptrdiff_t step, int32_t stride, int last, int32_t rows, int32_t width,
                                   float *to)
{
    if (stride == 1) {
        for (; rows > 0; rows--, x += step, to += width) {
            ek_v_store(to, ek_v_load(x));
        }
    } else if (last) {
        for (; rows > 0; rows--, x += step, to += width) {
            ek_v_store(to, ek_v_load_even(x));
        }
    } else {
        for (; rows > 0; rows--, x += step, to += width) {
            ek_v_store(to, ek_v_load_pairs(x));
        }
    }
}

/* to [rows][width] = rows of a channel by the strides, the first at (iy, ix); 0 outside. Up to three floats behind them are
 * written as well. */
static __attribute__((noinline)) void ek_rows_of_plane(const float *x, const ek_conv_shape *s, int32_t iy, int32_t ix,
                                                       int32_t rows, int32_t width, float *to)
{
    const int32_t stride = s->stride_w, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    const int32_t first = ek_min(ek_first(-iy, s->stride_h), rows);
    const int32_t inside = ek_max(ek_min(ek_first(s->in_h - iy, s->stride_h), rows), first) - first;
    const ptrdiff_t step = (ptrdiff_t)s->stride_h * s->in_w;
    for (int32_t j = 0; j < first * width; j += EK_LANES) {
        ek_zeros_down(1, width, to + j);
    }
    for (int32_t j = (first + inside) * width; j < rows * width; j += EK_LANES) {
        ek_zeros_down(1, width, to + j);
    }
    if (inside == 0) {
        return;
    }
    x += (ptrdiff_t)(iy + first * s->stride_h) * s->in_w + ix;
    to += first * width;
    for (int32_t j = 0; j < lo; j += EK_LANES) {
        ek_zeros_down(inside, width, to + j);
    }
    for (int32_t j = hi; j < width; j += EK_LANES) {
        ek_zeros_down(inside, width, to + j);
    }
    if (stride <= 2 && hi - lo >= EK_LANES) {
        for (int32_t j = lo; j + EK_LANES < hi; j += EK_LANES) {
            ek_vectors_down(x + j * stride, step, stride, 0, inside, width, to + j);
        }
        ek_vectors_down(x + (hi - EK_LANES) * stride, step, stride, 1, inside, width, to + hi - EK_LANES);
        return;
    }
    for (int32_t h = 0; h < inside; h++, x += step, to += width) {
        for (int32_t j = lo; j < hi; j++) {
            to[j] = x[j * stride];
        }
    }
}

#endif
