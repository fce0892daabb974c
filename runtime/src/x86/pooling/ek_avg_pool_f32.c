#include "ek_conv_shape.h"
#include "ek_vector.h"

/* Means of whole planes, whose lanes are summed at last; returns 0 where windows are others, and does nothing then. */
static int ek_means_of_planes(const float *x, float *y, const ek_conv_shape *s)
{
    const int32_t taps = s->k_h * s->k_w;
    if (s->out_h != 1 || s->out_w != 1 || s->k_h != s->in_h || s->k_w != s->in_w || s->pad_top != 0 || s->pad_left != 0
        || s->dil_h != 1 || s->dil_w != 1) {
        return 0;
    }
    for (int32_t c = 0; c < s->out_c; c++, x += taps) {
        ek_v even = ek_v_zero(), odd = even;
        int32_t i = 0;
        for (; i + 2 * EK_LANES <= taps; i += 2 * EK_LANES) {
            even = ek_v_add(even, ek_v_load(x + i));
            odd = ek_v_add(odd, ek_v_load(x + i + EK_LANES));
        }
        for (; i < taps; i += EK_LANES) {
            even = ek_v_add(even, ek_v_load_some(x + i, taps - i));
        }
        y[c] = ek_v_sum(ek_v_add(even, odd)) / (float)taps;
    }
    return 1;
}

#define EK_POOL_WHOLE ek_means_of_planes(x, y, &s)
/* The portable kernel, with vectors: their sums have another order, so that only float recipes take it. */
#define EK_NAME ek_avg_pool_f32
#define EK_T float
#define EK_Y float
#define EK_ACC float
#define EK_BEFORE
#define EK_BEHIND int32_t include_pad, int32_t pad_bottom, int32_t pad_right,
#define EK_START 0.0f
#define EK_ADD(acc, v) ((acc) + (v))
#define EK_ADD_V(acc, v) ek_v_add(acc, v)
#define EK_RESULT(acc) ((acc) / (float)EK_COUNT)
#define EK_POOL_SUM ek_pool_means_f32(acc, down, across, n, to)
#include "ek_pool_count.h"
#include "ek_pool.h"
