/* Rows of a channel with their padding, over ek_vector.h. */
#ifndef EK_PLANE_ROWS_GUARD
#define EK_PLANE_ROWS_GUARD

#include "ek_conv_shape.h"
#include "ek_vector.h"

/* to [rows][width] = rows of a channel by the strides, the first at (iy, ix); 0 outside. The last vector of a row writes into
 * the next, so it comes before the others. */
static inline void ek_rows_of_plane(const float *x, const ek_conv_shape *s, int32_t iy, int32_t ix, int32_t rows,
                                 int32_t width, float *to)
{
    const int32_t stride = s->stride_w, lo = ek_min(ek_first(-ix, stride), width);
    const int32_t hi = ek_max(ek_min(ek_first(s->in_w - ix, stride), width), lo);
    for (int32_t j = (width - 1) / EK_LANES * EK_LANES; j >= 0; j -= EK_LANES) {
        const int32_t from = ek_max(lo - j, 0), end = ek_max(ek_min(hi - j, EK_LANES), from);
        const ek_range in = stride == 2 ? ek_even_range_of(from, end) : ek_range_of(from, end);
        for (int32_t h = 0, at = iy; h < rows; h++, at += s->stride_h) {
            const float *const row = x + (ptrdiff_t)at * s->in_w + ix;
            ek_v v = ek_v_zero();
            if (at >= 0 && at < s->in_h && stride <= 2) {
                v = stride == 1 ? ek_v_load_in(row + j, in) : ek_v_load_even_in(row + 2 * j, in);
            }
            ek_v_store(to + h * width + j, v);
        }
    }
    for (int32_t h = 0; h < rows && stride > 2; h++, iy += s->stride_h) {
        const float *const row = x + (ptrdiff_t)iy * s->in_w + ix;
        for (int32_t j = lo; j < hi && iy >= 0 && iy < s->in_h; j++) {
            to[h * width + j] = row[j * stride];
        }
    }
}

#endif
