/* Means of floats, over the rows of windows first, of all columns of x side by side, then along what that leaves: a row of x
 * is read once for all columns of taps. */
#include "ek_conv_shape.h"
#include "ek_vector.h"

#define EK_DOWN_WIDEST 2048 /* columns of x with their padding */

/* Columns from the first of the first window to the end of x, or of the last window. */
static inline int32_t ek_down_wide(const ek_conv_shape *s)
{
    const int32_t reach = s->stride_w * (s->out_w - 1) + (s->k_w - 1) * s->dil_w + 1;
    return ek_max(reach, s->pad_left + s->in_w);
}

/* to [in_w] = `count` rows of x, `step` apart, added. */
static inline __attribute__((always_inline)) void ek_pool_rows_of(const float *x, ptrdiff_t step, int32_t count,
                                                                  int32_t in_w, float *to)
{
    int32_t i = 0;
    for (; i + EK_LANES <= in_w; i += EK_LANES) {
        ek_v sum = count > 0 ? ek_v_load(x + i) : ek_v_zero();
        for (int32_t row = 1; row < count; row++) {
            sum = ek_v_add(sum, ek_v_load(x + row * step + i));
        }
        ek_v_store(to + i, sum);
    }
    if (i < in_w) {
        const int32_t n = in_w - i;
        ek_v sum = count > 0 ? ek_v_load_some(x + i, n) : ek_v_zero();
        for (int32_t row = 1; row < count; row++) {
            sum = ek_v_add(sum, ek_v_load_some(x + row * step + i, n));
        }
        ek_v_store_some(to + i, sum, n);
    }
}

static inline void ek_pool_sum_rows(const float *x, ptrdiff_t step, int32_t count, int32_t in_w, float *to)
{
    switch (count) {
    case 2: ek_pool_rows_of(x, step, 2, in_w, to); break;
    case 3: ek_pool_rows_of(x, step, 3, in_w, to); break;
    default: ek_pool_rows_of(x, step, count, in_w, to); break;
    }
}

/* y [out_w] = scale [out_w] times the sums of k_w elements of x, from each by the stride of 1 or 2 on. */
static inline __attribute__((always_inline)) void ek_pool_means_of(const float *x, const ek_conv_shape *s,
                                                                   const float *scale, int32_t k_w, int32_t stride,
                                                                   float *y)
{
    for (int32_t ox = 0; ox < s->out_w; ox += EK_LANES) {
        ek_v sum = ek_v_zero();
        for (int32_t kx = 0; kx < k_w; kx++) {
            const float *const tap = x + stride * ox + kx * s->dil_w;
            const ek_v first = ek_v_load(tap), taken = stride == 1 ? first : ek_v_even(first, ek_v_load(tap + EK_LANES));
            sum = kx == 0 ? taken : ek_v_add(sum, taken);
        }
        ek_v_store_some(y + ox, ek_v_mul(sum, ek_v_load(scale + ox)), s->out_w - ox);
    }
}

static inline void ek_pool_means(const float *x, const ek_conv_shape *s, const float *scale, float *y)
{
    switch (2 * s->k_w + s->stride_w) {
    case 5: ek_pool_means_of(x, s, scale, 2, 1, y); break;
    case 6: ek_pool_means_of(x, s, scale, 2, 2, y); break;
    case 7: ek_pool_means_of(x, s, scale, 3, 1, y); break;
    case 8: ek_pool_means_of(x, s, scale, 3, 2, y); break;
    default: ek_pool_means_of(x, s, scale, s->k_w, s->stride_w, y); break;
    }
}
